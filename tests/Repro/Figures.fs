/// What a gallery keeps of a cell, and the papers' figures that are drawn from it.
module Reproduction.Tests.Figures

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open FsCheck.FSharp
open TorchSharp
open Reproduction
open Repro.Pictures
open Repro.Records
open Repro.Sweeps
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Tests.InMemory

let private side = 32
let private panel = 192
let private gap = 4

/// A folder that goes with the test.
type private Folder() =
    let path = Directory.CreateTempSubdirectory("reproduction-figures-").FullName
    member _.Path = path

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)

/// Grey images; the defective ones with a mask over columns 8 to 23 of rows 8 to 15.
let private category (root: string) =
    let write (parts: string list) (image: Image) =
        let path = Path.Combine(Array.ofList (root :: "widget" :: parts))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
        ImageFile.Write(path, image)

    let grey = Image(side, side, 3, Array.create (side * side * 3) 128uy)
    let mask = Image(side, side, 1)

    for y in 8..15 do
        for x in 8..23 do
            mask[x, y, 0] <- 255uy

    write [ "train"; "good"; "000.png" ] grey

    for i in 0..7 do
        write [ "test"; "good"; $"{i:d3}.png" ] grey

    for defect in [ "crack"; "spot" ] do
        for i in 0..7 do
            write [ "test"; defect; $"{i:d3}.png" ] grey
            write [ "ground_truth"; defect; $"{i:d3}_mask.png" ] mask

    (Datasets.Open root).Category "widget"

/// Maps of ones over columns 0 to 15 of rows 8 to 15, zero elsewhere: half right, half wrong.
let private madeScores (parts: string list) (category: Category) =
    use map = torch.zeros ([| int64 category.Test.Count; 1L; int64 side; int64 side |])
    map.narrow(2, 8L, 8L).narrow(3, 0L, 16L).fill_(1.0) |> ignore
    let scores = TestScores category.Test.Count
    let named = Dictionary<string, torch.Tensor>()

    for part in parts do
        named[part] <- map.clone ()

    use all = new Scores(map.clone (), torch.arange (int64 category.Test.Count), Parts = named)
    scores.Take all
    scores

/// A finished cell with a gallery of eight images.
let private writeCell run paper variant (category: Category) parts (thresholds: (string * float) list) chosen =
    let cell = $"{paper}.{variant}.data.widget.seed0.quick"
    let runs = Path.Combine(run, "runs")
    Directory.CreateDirectory runs |> ignore

    File.WriteAllText(
        Path.Combine(runs, cell + ".json"),
        $$$"""{"schema":1,"cell":"{{{cell}}}","paper":"{{{paper}}}","variant":"{{{variant}}}","dataset":"data",
"category":"widget","seed":0,"profile":"quick",
"settings":{},"weights":[],"environment":{"libtorch":"1","device":"cpu","threads":2,"processor":"test","commit":"0"},
"seconds":{"features":1,"fit":2,"score":3,"metrics":4},"metrics":{},"undefined":{},"fit":{},
"counts":{"train":1,"test_good":8,"test_anomalous":16},"finished":"2026-01-01T00:00:00Z"}"""
    )

    Gallery.Write(run, cell, category.Test, chosen, madeScores parts category, [], dict thresholds |> Dictionary)

let private draw run paper (name: string | null) variants = DrawnFigure.From(PaperFigures.Find(paper, name), run, "widget", variants, 2)

/// The colour in the middle of the panel's pixel (x, y) of the 32 x 32 that it shows.
let private at (drawn: DrawnFigure) column x y =
    let scale = panel / side
    let left, top = column * (panel + gap) + x * scale + scale / 2, y * scale + scale / 2
    drawn.Image[left, top, 0], drawn.Image[left, top, 1], drawn.Image[left, top, 2]

let private columns (drawn: DrawnFigure) = (drawn.Image.Width + gap) / (panel + gap)

let private message (work: unit -> unit) =
    try
        work ()
        ""
    with :? UserError as error ->
        error.Message

let private galleries =
    testList "gallery" [
        testCase "half of the images are the same whatever the scores, the others the worst"
        <| fun () ->
            use folder = new Folder()
            let test = (category folder.Path).Test

            let choose (seed: uint64) =
                let random = SplitMix64 seed
                let scores = [| for _ in test -> float32 (random.NextDouble()) |]
                scores, List.ofSeq (Gallery.Choose(test, scores, 8))

            let scores, first = choose 1UL
            let _, second = choose 2UL
            Expect.equal (List.truncate 4 first) (List.truncate 4 second) "the same for every method"
            Expect.equal [ for i in List.truncate 4 first -> test[i].Defect ] [ "crack"; "spot"; "crack"; "spot" ] "each kind in turn"
            let good, defective = [ 0 .. test.Count - 1 ] |> List.partition (fun i -> test[i].Label = 0)
            let worst = [ List.maxBy (fun i -> scores[i]) good; List.minBy (fun i -> scores[i]) defective ]
            Expect.containsAll first worst "false positive and false negative"
            Expect.equal (List.distinct first).Length 8 "different images"

        testCase "maps are kept as they are up to 256 pixels, larger ones averaged down"
        <| fun () ->
            use folder = new Folder()
            let data = category (Path.Combine(folder.Path, "data"))
            use large = torch.rand ([| int64 data.Test.Count; 1L; 512L; 512L |], generator = new torch.Generator(3UL))
            use small = torch.rand ([| int64 data.Test.Count; 1L; 32L; 32L |], generator = new torch.Generator(4UL))
            let named = Dictionary<string, torch.Tensor>()
            named["part"] <- small
            let scores = TestScores data.Test.Count
            scores.Take(new Scores(large, torch.arange (int64 data.Test.Count), Parts = named))
            Gallery.Write(folder.Path, "cell", data.Test, [| 5 |], scores, [], Dictionary())
            let read name = Npy.Read<float32>(Path.Combine(Gallery.FolderOf(folder.Path, "cell"), $"0005-{name}.npy"))
            Expect.equal (read "part").Values (small[5L].data<float32>().ToArray()) "as it is"
            Expect.equal (List.ofArray (read "map").Shape) [ 256; 256 ] "size"
            use mean = torch.nn.functional.avg_pool2d (large[5L], [| 2L; 2L |])

            let difference =
                Array.map2 (fun (a: float32) b -> abs (a - b)) (read "map").Values (mean.data<float32>().ToArray()) |> Array.max

            Expect.isLessThan difference 1e-6f "averaged"

        testProperty "a value's rank is the share of the values below it"
        <| Prop.forAll (Gen.choose (-50, 50) |> Gen.map (fun i -> float32 i / 8f) |> Gen.arrayOfLength 2000 |> Arb.fromGen) (fun values ->
            let distribution = MapDistribution.Of(ReadOnlySpan values)
            let share test = float (values |> Array.filter test |> Array.length) / float values.Length

            values
            |> Seq.truncate 50
            |> Seq.forall (fun value ->
                let rank = float (distribution.Rank value)
                // Ties share a rank at the upper end of their run.
                rank > share (fun other -> other < value) - 0.01 && rank < share (fun other -> other <= value) + 0.01)
            && distribution.Rank -100f = 0f
            && distribution.Rank 100f = 1f
            && distribution.Low < distribution.High)
    ]

let private figures =
    testSequenced
    <| testList "figures" [
        testCase "dfr, figure 4: segmentations at the accepted rates"
        <| fun () ->
            use folder = new Folder()
            let data = category (Path.Combine(folder.Path, "data"))
            writeCell folder.Path "dfr" "paper-f1-8-zero" data [] [ "fpr0", 2.0; "fpr0.005", 0.5 ] [| 7; 16 |]
            let drawn = draw folder.Path "dfr" "4" []
            Expect.equal (columns drawn, drawn.Image.Height) (5, 2 * panel + gap) "five columns, two rows"
            Expect.isEmpty drawn.Missing "whole"

            Expect.equal
                [ at drawn 3 4 10; at drawn 4 4 10; at drawn 4 20 10 ]
                [ 0uy, 0uy, 0uy; 255uy, 255uy, 255uy; 0uy, 0uy, 0uy ]
                "thresholds"

            let red, green, _ = at drawn 1 20 12
            Expect.isTrue (red > 150uy && green < 100uy) "ground truth in red"
            Expect.stringContains drawn.Caption "5. segmentation at an accepted FPR of 0.005" "caption"
            Expect.stringContains drawn.Caption "`test/crack/007.png` (crack), image score 7" "rows"

        testCase "ssae, figure 10: green for hits, blue for false alarms, red for misses"
        <| fun () ->
            use folder = new Folder()
            let data = category (Path.Combine(folder.Path, "data"))
            writeCell folder.Path "ssae" "objective1" data [] [ "f1_max", 1.0 ] [| 0; 8 |]
            let drawn = draw folder.Path "ssae" null []

            Expect.equal
                [ at drawn 2 12 12; at drawn 2 4 12; at drawn 2 20 12; at drawn 2 20 20 ]
                [ 0uy, 255uy, 0uy; 0uy, 0uy, 255uy; 255uy, 0uy, 0uy; 128uy, 128uy, 128uy ]
                "colours"

        testCase "hfae, figure 3: the residual maps of the levels and their sum"
        <| fun () ->
            use folder = new Folder()
            let data = category (Path.Combine(folder.Path, "data"))
            writeCell folder.Path "hfae" "resnet18" data [ "sigma2"; "phi2"; "phi1"; "phi3" ] [] [| 8; 16 |]
            let drawn = draw folder.Path "hfae" null []
            Expect.equal (columns drawn) 7 "input, truth, three levels, sum, overlay"
            let hot, _, cold = at drawn 4 4 12
            Expect.isTrue (hot > cold) "red where the map is high"
            Expect.stringContains drawn.Caption "5. residual map phi3" "caption"

        testCase "a cell that is not there is left out and named"
        <| fun () ->
            use folder = new Folder()
            let data = category (Path.Combine(folder.Path, "data"))
            writeCell folder.Path "dfr" "paper-f1-4-zero" data [] [] [| 8; 16 |]
            let drawn = draw folder.Path "dfr" "9" []
            Expect.equal (columns drawn) 3 "input, truth, one map"
            Expect.equal (List.ofSeq drawn.Missing) [ "variant paper-f1-4-reflect: no cell with a gallery" ] "missing"
            Expect.stringContains drawn.Caption "- variant paper-f1-4-reflect" "caption"
            Expect.stringContains (message (fun () -> draw folder.Path "hfae" null [] |> ignore)) "--gallery N" "no cell at all"
            writeCell folder.Path "dfr" "paper-f1-4-reflect" data [] [] [| 9; 17 |]
            Expect.stringContains (message (fun () -> draw folder.Path "dfr" "9" [] |> ignore)) "no image in common" "nothing to compare"

        testCase "a cell of favae gives figure 3a with its reconstruction"
        <| fun () ->
            use folder = new Folder()
            use resources = new RandomResources([])
            let data = Path.Combine(folder.Path, "data")
            category data |> ignore
            let cache = FeatureCache(Path.Combine(folder.Path, "cache"), 1L <<< 30)

            let runner =
                CellRunner(
                    folder.Path,
                    Resources(Backbones = resources.Resources.Backbones, Features = cache, Device = torch.CPU),
                    cache,
                    6
                )

            let variant = "encoder-stop+width=0.0625+images_per_epoch=16+batch_size=8"
            let cells = Cell.Span(Registry.Find "favae", [ variant ], "data", [ "widget" ], [ 0 ], Profile.Smoke)

            let silent = {
                new ISweepObserver with
                    member _.Begin(_, _, _) = ()
                    member _.Advance(_, _, _, _) = ()
                    member _.Warn _ = ()
                    member _.End(_, _) = ()
            }

            Sweep(folder.Path, Datasets.Open data, runner, cache).Run(cells, false, silent, CancellationToken.None) |> ignore
            let drawn = draw folder.Path "favae" "3a" [ variant ]
            Expect.equal (columns drawn) 9 "nine columns"
            Expect.isEmpty drawn.Missing "whole"
            Expect.stringContains drawn.Caption "6. negative log probability, features 3, equalised over the test set" "the layers in order"

        testCase "a figure sets variants of its paper beside one another"
        <| fun () ->
            for figure in PaperFigures.All do
                let known = [ for variant in (Registry.Find figure.Paper).Variants -> variant.Name ]
                Expect.isNonEmpty figure.Choices $"{figure.Paper} {figure.Name}"

                for choice in figure.Choices do
                    Expect.containsAll known choice $"{figure.Paper} {figure.Name}"

        testCase "a figure that no paper has is refused with those that there are"
        <| fun () ->
            Expect.stringContains (message (fun () -> PaperFigures.Find("dfr", "5") |> ignore)) "4, 1, 9" "figures of dfr"
            Expect.stringContains (message (fun () -> PaperFigures.Find("gaussian", null) |> ignore)) "hfae, dfr, favae, ssae" "papers"
    ]

[<Tests>]
let tests = testList "figures" [ galleries; figures ]
