/// Regions, PRO curves and AUPRO: against their definitions over all thresholds, and against scikit-image.
module Reproduction.Tests.MetricsPro

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Tests.LiteralMetrics

let private config = { FsCheckConfig.defaultConfig with maxTest = 200; arbitrary = [ typeof<MetricArbitraries> ] }

let private property name (body: Maps -> unit) = testPropertyWithConfig config name body

let private close actual expected message = Expect.floatClose { absolute = 1e-12; relative = 1e-12 } actual expected message

let private value (metric: MetricValue) =
    Expect.equal metric.Undefined null "defined"
    metric.Value.Value

let private aupro connectivity limit (m: Maps) = value (Pro.Aupro(m.Values, m.Masks, m.Count, m.Height, m.Width, limit, connectivity))

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "metrics")
let private goldenFile name = Path.Combine(golden, name)
let private goldenJson () = JsonDocument.Parse(File.ReadAllText(goldenFile "golden.json"))

let private goldenMaps () =
    let maps = Npy.Read<float32>(goldenFile "maps.npy")

    {
        Values = maps.Values
        Masks = Npy.ReadMask(goldenFile "masks.npy").Values
        Count = maps.Shape[0]
        Height = maps.Shape[1]
        Width = maps.Shape[2]
    }

let private image (m: Maps) (values: 'a[]) i = values[i * m.Height * m.Width .. (i + 1) * m.Height * m.Width - 1]

let private label (m: Maps) connectivity i =
    let mask = image m m.Masks i
    ConnectedComponents.Label(mask, m.Height, m.Width, connectivity)

/// The image order reversed.
let private shuffled (m: Maps) =
    let reorder (values: 'a[]) = Array.concat [ for i in m.Count - 1 .. -1 .. 0 -> image m values i ]

    { m with Values = reorder m.Values; Masks = reorder m.Masks }

/// The DFR code's loop: 5,000 thresholds, every one against every pixel.
let private auproDfrLiteral limit (m: Maps) =
    let high, low = Array.max m.Values, Array.min m.Values
    let delta = float (high - low) / 5000.0
    let normal = Array.zip m.Values m.Masks |> Array.filter (fun (_, mask) -> mask = 0uy) |> Array.map fst

    let filled = [
        for i in 0 .. m.Count - 1 do
            for region in regions 8 m.Height m.Width (image m m.Masks i) do
                // Everything that background outside the region's bounding box cannot reach, corners included.
                let rows, columns = region |> List.map (fun p -> p / m.Width), region |> List.map (fun p -> p % m.Width)
                let top, left = List.min rows - 1, List.min columns - 1
                let h, w = List.max rows - top + 2, List.max columns - left + 2
                let place p = (p / m.Width - top) * w + p % m.Width - left
                let inside = region |> List.map place |> Set.ofList
                let background = Array.init (h * w) (fun p -> if inside.Contains p then 0uy else 1uy)
                let outside = regions 8 h w background |> List.find (List.contains 0) |> Set.ofList

                float region.Length,
                [
                    for p in 0 .. h * w - 1 do
                        if not (outside.Contains p) then (image m m.Values i)[(p / w + top) * m.Width + p % w + left]
                ]
    ]

    let points =
        [
            for step in 0..4999 do
                let t = float32 (float high - float step * delta)
                let above = List.filter (fun s -> s > t) >> List.length >> float
                let fpr = normal |> Array.filter (fun s -> s > t) |> Array.length |> float
                fpr / float normal.Length, filled |> List.averageBy (fun (area, scores) -> above scores / area)
        ]
        |> List.filter (fun (fpr, _) -> fpr <= limit)

    let lowest, highest = fst points.Head, fst (List.last points)

    if lowest = highest then
        None
    else
        points
        |> List.pairwise
        |> List.sumBy (fun ((x0, y0), (x1, y1)) -> (x1 - x0) / (highest - lowest) * (y0 + y1) / 2.0)
        |> Some

[<Tests>]
let tests =
    testList "metrics.pro" [
        property "AUPRO is the area under the curve of all thresholds" (fun m ->
            for connectivity in [ 4; 8 ] do
                for limit in [ 0.05; 0.3; 1.0 ] do
                    let expected = LiteralMetrics.aupro connectivity limit m
                    close (aupro connectivity limit m) expected $"{connectivity}-connectivity, limit {limit}")

        property "AUPRO lies in [0, 1]" (fun m ->
            let area = aupro 8 0.3 m
            Expect.isTrue (area >= 0.0 && area <= 1.0) "bounds")

        property "a perfect map has AUPRO 1, its negative 0" (fun m ->
            let perfect sign = m.Masks |> Array.map (fun mask -> if mask <> 0uy then sign else 0f)
            close (aupro 8 0.3 { m with Values = perfect 1f }) 1.0 "perfect"
            close (aupro 8 0.3 { m with Values = perfect -1f }) 0.0 "negative")

        property "the order of the images does not matter" (fun m -> close (aupro 8 0.3 (shuffled m)) (aupro 8 0.3 m) "reversed")

        property "a strictly increasing transform changes nothing" (fun m ->
            Expect.equal (aupro 8 0.3 { m with Values = m.Values |> Array.map (fun x -> exp (x / 100f)) }) (aupro 8 0.3 m) "exponential")

        testPropertyWithConfig { config with maxTest = 15 } "the DFR code's variant is its loop" (fun (m: Maps) ->
            let actual = Pro.AuproDfrCode(m.Values, m.Masks, m.Count, m.Height, m.Width)

            match auproDfrLiteral 0.3 m with
            | Some expected -> close (value actual) expected "area"
            | None -> Expect.isFalse actual.Value.HasValue "undefined")

        property "all metrics at once are the metrics one by one" (fun m ->
            let measured =
                Evaluation.Evaluate(EvaluationInput(Maps = m.Values, Masks = m.Masks, Count = m.Count, Height = m.Height, Width = m.Width))

            let images = {
                Scores = Array.init m.Count (fun i -> Array.max (image m m.Values i))
                Labels = Array.init m.Count (fun i -> Array.max (image m m.Masks i))
            }

            Expect.equal (List.ofSeq measured.Keys) (List.ofSeq Evaluation.Names) "names"
            Expect.equal measured["pixel_auroc"] (Roc.Auroc(m.Values, m.Masks)) "pixel AUROC"
            Expect.equal measured["pixel_ap"] (Roc.AveragePrecision(m.Values, m.Masks)) "pixel AP"
            Expect.equal measured["pixel_f1_max"] (Roc.F1Max(m.Values, m.Masks).Metric) "pixel F1"
            close (value measured["aupro"]) (aupro 8 0.3 m) "AUPRO"
            Expect.equal measured["image_auroc"].Value (Roc.Auroc(images.Scores, images.Labels).Value) "image AUROC"
            Expect.equal measured["image_ap"].Value (Roc.AveragePrecision(images.Scores, images.Labels).Value) "image AP"
            Expect.equal measured["image_f1_max"].Value (Roc.F1Max(images.Scores, images.Labels).Metric.Value) "image F1"
            let regionCount = List.sum [ for i in 0 .. m.Count - 1 -> (regions 8 m.Height m.Width (image m m.Masks i)).Length ]
            Expect.equal measured["regions"].Value.Value (float regionCount) "regions")

        property "regions are those of a flood fill" (fun m ->
            for connectivity in [ 4; 8 ] do
                use map = label m connectivity 0
                let labels = map.Labels.ToArray()
                let expected = regions connectivity m.Height m.Width (image m m.Masks 0)

                let actual = [
                    for region in map.Regions ->
                        [
                            for p in 0 .. labels.Length - 1 do
                                if labels[p] = region.Label then p
                        ]
                ]

                Expect.equal actual (expected |> List.map List.sort) $"{connectivity}-connectivity, in scan order"

                for region, pixels in Seq.zip map.Regions actual do
                    let rows, columns = pixels |> List.map (fun p -> p / m.Width), pixels |> List.map (fun p -> p % m.Width)
                    let box = List.min rows, List.min columns, List.max rows - List.min rows + 1, List.max columns - List.min columns + 1
                    Expect.equal region.Area pixels.Length "area"
                    Expect.equal (region.Top, region.Left, region.Height, region.Width) box "bounding box")

        testList "scikit-image" [
            for connectivity in [ 4; 8 ] do
                testCase $"labels by {connectivity}-connectivity"
                <| fun () ->
                    let m = goldenMaps ()
                    let expected = Npy.Read<int>(goldenFile $"regions{connectivity}.npy").Values

                    for i in 0 .. m.Count - 1 do
                        use map = label m connectivity i
                        Expect.equal (map.Labels.ToArray()) (image m expected i) $"mask {i}"

            testCase "areas and bounding boxes"
            <| fun () ->
                let m = goldenMaps ()
                use document = goldenJson ()

                for i in 0 .. m.Count - 1 do
                    use map = label m 8 i

                    let actual = [ for r in map.Regions -> [ r.Label; r.Area; r.Top; r.Left; r.Top + r.Height; r.Left + r.Width ] ]

                    let expected = [
                        for region in document.RootElement.GetProperty("region_statistics").[i].EnumerateArray() ->
                            [ for number in region.EnumerateArray() -> number.GetInt32() ]
                    ]

                    Expect.equal actual expected $"mask {i}"

            testCase "AUPRO over scikit-image's regions"
            <| fun () ->
                let m = goldenMaps ()
                use document = goldenJson ()

                for entry in document.RootElement.GetProperty("aupro_at_limit").EnumerateObject() do
                    let expected = entry.Value.GetDouble()
                    Expect.floatClose { absolute = 1e-9; relative = 0.0 } (aupro 8 (float entry.Name) m) expected $"limit {entry.Name}"

            testCase "AUPRO of the DFR code over scikit-image's filled regions"
            <| fun () ->
                let m = goldenMaps ()
                use document = goldenJson ()

                for entry in document.RootElement.GetProperty("aupro_dfr_code").EnumerateObject() do
                    let actual = value (Pro.AuproDfrCode(m.Values, m.Masks, m.Count, m.Height, m.Width, float entry.Name))
                    Expect.floatClose { absolute = 1e-9; relative = 0.0 } actual (entry.Value.GetDouble()) $"limit {entry.Name}"
        ]

        testCase "a region that winds through 4 million pixels needs no recursion"
        <| fun () ->
            let side = 2001
            // Every second row, joined at alternating ends: one region, and the worst case for a recursive fill.
            let mask =
                Array.init (side * side) (fun p ->
                    let y, x = p / side, p % side
                    if y % 2 = 0 || x = (if y % 4 = 1 then side - 1 else 0) then 1uy else 0uy)

            use map = ConnectedComponents.Label(mask, side, side, 4)
            Expect.equal map.Regions.Count 1 "one region"
            Expect.equal map.Regions[0].Area (1001 * side + 1000) "its area"

        testCase "holes are filled, and corners leak by 8-connected background only"
        <| fun () ->
            let ring = [| 0uy; 1uy; 0uy; 1uy; 0uy; 1uy; 0uy; 1uy; 0uy |]
            let filled = [| 0uy; 1uy; 0uy; 1uy; 1uy; 1uy; 0uy; 1uy; 0uy |]
            Expect.equal (ConnectedComponents.FillHoles(ring, 3, 3)) filled "4-connected background"
            Expect.equal (ConnectedComponents.FillHoles(ring, 3, 3, 8)) ring "8-connected background"

        testCase "what has no value says why"
        <| fun () ->
            let undefined reason (maps: float32[]) (masks: byte[]) n h w =
                for metric in [ Pro.Aupro(maps, masks, n, h, w); Pro.AuproDfrCode(maps, masks, n, h, w) ] do
                    Expect.isFalse metric.Value.HasValue "no number"
                    Expect.stringContains (string metric.Undefined) reason "the reason"

            undefined "no pixels" [||] [||] 0 4 4
            undefined "no anomalous region" [| 1f; 2f |] [| 0uy; 0uy |] 1 1 2
            undefined "no normal pixel" [| 1f; 2f |] [| 1uy; 1uy |] 1 1 2
            let broken = Array.init 8 (fun p -> if p = 6 then nanf else 0f)
            undefined "map 1 holds NaN at row 1, column 0" broken (Array.init 8 (fun p -> if p = 0 then 1uy else 0uy)) 2 2 2
            let constant, mask = Array.zeroCreate<float32> 4, [| 1uy; 0uy; 0uy; 0uy |]
            let metric = Pro.AuproDfrCode(constant, mask, 1, 2, 2)
            Expect.stringContains (string metric.Undefined) "thresholds" "a constant map has one threshold"

        testCase "broken input is an error"
        <| fun () ->
            let error message body = Expect.throwsT<UserError> (fun () -> body () |> ignore) message
            let maps, masks = [| 1f; 2f |], [| 1uy; 0uy |]
            error "size mismatch" (fun () -> Pro.Aupro(maps, masks, 1, 2, 2) |> ignore)
            error "no limit" (fun () -> Pro.Aupro(maps, masks, 1, 1, 2, 0.0) |> ignore)
            error "limit above 1" (fun () -> Pro.AuproDfrCode(maps, masks, 1, 1, 2, 1.5) |> ignore)
            error "connectivity 6" (fun () -> Pro.Aupro(maps, masks, 1, 1, 2, 0.3, 6) |> ignore)

            error "two scores for one image" (fun () ->
                Evaluation.Evaluate(EvaluationInput(ImageScores = maps, ImageLabels = [| 1uy |], Count = 1)) |> ignore)

        testCase "a method without maps has image metrics, and reasons for the rest"
        <| fun () ->
            let measured =
                Evaluation.Evaluate(EvaluationInput(ImageScores = [| 1f; 3f; 2f |], ImageLabels = [| 0uy; 1uy; 0uy |], Count = 3))

            close (value measured["image_auroc"]) 1.0 "image AUROC"

            for name in [ "pixel_auroc"; "pixel_ap"; "pixel_f1_max"; "aupro"; "regions" ] do
                Expect.equal (string measured[name].Undefined) "there are no maps" name

            let nothing = Evaluation.Evaluate(EvaluationInput(Count = 3))

            for name in Evaluation.Names do
                Expect.isFalse nothing[name].Value.HasValue $"{name} of nothing"
    ]
