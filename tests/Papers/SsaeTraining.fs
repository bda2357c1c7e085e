/// `ssae`: the schedule of a training, its crops and poses, and the measures of distortions that the sheet gives.
module Reproduction.Tests.SsaeTraining

open System
open Expecto
open Microsoft.ML.OnnxRuntime
open TorchSharp
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Papers.Ssae
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

let private smoke variant = SsaeMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings

let private withDetector variant (test: SsaeDetector -> unit) =
    use _scope = torch.NewDisposeScope()
    use resources = new RandomResources([])
    use detector = new SsaeDetector(smoke variant, resources.Resources)
    test detector

/// Two colours that say where a pixel is: column and row.
let private places (count: int64) (side: int64) =
    let line = torch.arange (side, torch.float32)
    let x = line.reshape(1L, 1L, 1L, side).expand(count, 1L, side, side)
    let y = line.reshape(1L, 1L, side, 1L).expand(count, 1L, side, side)
    torch.cat ([| x; y; torch.zeros_like x |], 1L)

[<Tests>]
let tests =
    testSequenced
    <| testList "ssae training" [
        testCase "sides of images are multiples of 8, from 8 on; others are refused"
        <| fun () ->
            use resources = new RandomResources([])

            let create side =
                let settings = (SsaeMethod() :> IMethod).Configure($"objective1+image_size={side}", Profile.Smoke, "bottle", "mvtec")
                use detector = settings.Create resources.Resources
                detector.OperatingPoints |> ignore

            for side in [ 64; 72 ] do
                create side

            for side in [ 0; 4; 60; 65 ] do
                Expect.throwsT<Reproduction.UserError> (fun () -> create side) $"{side}"

        testCase "the learning rate falls along half a cosine to the final one"
        <| fun () ->
            withDetector "objective1+steps=8+learning_rate=0.01+final_learning_rate=0.002"
            <| fun detector ->
                for step, share in [ 0L, 1.0; 2L, (1.0 + sqrt 0.5) / 2.0; 4L, 0.5; 6L, (1.0 - sqrt 0.5) / 2.0; 8L, 0.0 ] do
                    Expect.floatClose Accuracy.high (detector.LearningRate step) (0.002 + 0.008 * share) $"step {step} of 8"

        testCase "crops grow in equal parts of the steps, sides divisible by 8"
        <| fun () ->
            for side, expected in [ 64, [ 16; 32; 64 ]; 72, [ 16; 32; 72 ] ] do
                withDetector $"objective1+growing=[0.25,0.5,1]+steps=6+image_size={side}"
                <| fun detector ->
                    let sides = [ for step in 0L .. 5L -> detector.CropSide step ]

                    Expect.equal
                        sides
                        [
                            for crop in expected do
                                yield! [ crop; crop ]
                        ]
                        $"image of {side} pixels"

        testCase "crops are taken from all places of the image, upright unless poses are asked for"
        <| fun () ->
            withDetector "objective1+augment=false"
            <| fun detector ->
                use generator = new torch.Generator(1UL, torch.CPU)
                let crops = detector.Augmented(places 400L 24L, 16, generator)
                Expect.sequenceEqual crops.shape [| 400L; 3L; 16L; 16L |] "crops"
                let corner = crops.narrow(2, 0L, 1L).narrow(3, 0L, 1L)
                Expect.equal (largest (crops - corner) (places 400L 16L)) 0f "upright and of one piece"

                for colour, axis in [ 0L, "column"; 1L, "row" ] do
                    let first = corner.select (1, colour) |> numbers |> Array.distinct |> Array.sort
                    Expect.equal first [| 0.0 .. 8.0 |] $"every {axis}"

        testCase "with poses all eight of a square occur, about equally often"
        <| fun () ->
            withDetector "objective1+augment=true"
            <| fun detector ->
                use generator = new torch.Generator(2UL, torch.CPU)
                let turned = detector.Augmented(places 800L 16L, 16, generator)
                let corner row column = turned.narrow(1, 0L, 2L).narrow(2, row, 1L).narrow(3, column, 1L) |> numbers |> Array.chunkBySize 2
                let poses = Array.zip (corner 0L 0L) (corner 0L 15L) |> Array.countBy id
                Expect.hasLength poses 8 "poses"

                for (first, second), count in poses do
                    for value in Array.append first second do
                        Expect.isTrue (value = 0.0 || value = 15.0) "a corner stays a corner"

                    Expect.isTrue (count > 65 && count < 140) $"{count} of 800"

        testCase "objective (4) stops early, objective (1) does not"
        <| fun () ->
            // Nothing is learned: only the batch norms' statistics move the validation loss.
            let change = "+learning_rate=0+final_learning_rate=0+steps=24+validate_every=1+patience=1+growing=[0.25]"

            let steps objective =
                use resources = new RandomResources([])
                torch.manual_seed 1L |> ignore
                let settings = smoke $"objective{objective}{change}"
                use detector = new SsaeDetector(settings, resources.Resources)
                let facts = detector.Fit(RandomImages(8, 64), FitContext(Seed = 3))
                facts[$"objective{objective}_steps"]

            Expect.equal (steps 1) 24.0 "all of them"
            Expect.isLessThan (steps 4) 24.0 "early"

        testCase "(14) with t = 1, that of SSIM, takes weight from the map"
        <| fun () ->
            withDetector "objective1+correction=1"
            <| fun detector ->
                let set = RandomImages(6, 64)
                detector.Fit(set, FitContext(Seed = 3)) |> ignore
                use scores = detector.Score(ImageBatch.All set)
                let share = nonNull scores.Map / scores.Parts["t0"]
                Expect.isTrue (share.max().ToSingle() < 1f && share.min().ToSingle() > 0f) "less everywhere, where normal images differ too"
                let average = detector.Save().Tensors |> Seq.find (fun entry -> entry.Key.Contains "average")
                let weight = (1.0 - average.Value).expand share.shape
                Expect.isLessThan (largest share weight) 1e-4f "by the average map"

        for difference in [ "squared"; "ssim" ] do
            testCase $"exported, the map with {difference} differences is the map here"
            <| fun () ->
                withDetector $"objective1+correction=1+difference={difference}"
                <| fun detector ->
                    let set = RandomImages(6, 64)
                    detector.Fit(set, FitContext(Seed = 3)) |> ignore
                    use scores = detector.Score(ImageBatch.All set)
                    let builder = OnnxModelBuilder()
                    let graph = (detector :> IExportable).Export(builder.Input("input", torch.ScalarType.Float32, "batch", 3, 64, 64))
                    builder.Output("map", graph.Map.Value, "batch", 1, 64, 64)
                    use options = new SessionOptions(IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
                    use session = new InferenceSession(builder.ToArray(struct ("tests", "1")), options)
                    let pixels = randomPixels 6 64
                    use value = OrtValue.CreateTensorValueFromMemory(pixels.contiguous().data<float32>().ToArray(), pixels.shape)
                    use settings = new RunOptions()
                    use values = session.Run(settings, [ "input" ], [ value ], [ "map" ])
                    let outside = values[0].GetTensorDataAsSpan<float32>().ToArray() |> Array.map float
                    close 1e-4 outside (numbers (nonNull scores.Map)) "map"

        testCase "smoothing over 5 x 5 keeps the size; a single bright pixel spreads over 25"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let map = torch.zeros [| 1L; 1L; 9L; 11L |]
            map[0L, 0L, 4L, 5L] <- torch.tensor 25f
            let smoothed = SsaeEquations.Smoothed(map, 1, 5)
            Expect.sequenceEqual smoothed.shape map.shape "size"

            for y in 0L .. 8L do
                for x in 0L .. 10L do
                    let expected = if abs (y - 4L) <= 2L && abs (x - 5L) <= 2L then 1.0 else 0.0
                    Expect.floatClose Accuracy.medium (float (smoothed[0L, 0L, y, x].ToSingle())) expected $"{y}, {x}"

        testCase "the changed part's brightness is multiplied by 0.7 to 1.3, one factor an image"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = torch.full ([| 200L; 3L; 32L; 32L |], 0.5.ToScalar())
            use generator = new torch.Generator(1UL, torch.CPU)
            let struct (distorted, mask) = SsaeDistortions.Apply(input, Distortion.Elastic, true, false, generator)

            let factors = [
                for i in 0L .. 199L do
                    let inside = (distorted[i] * 2.0).masked_select(mask[i].eq(torch.tensor 1f).expand(3L, 32L, 32L)) |> numbers

                    if inside.Length > 0 then
                        Expect.isLessThan (Array.max inside - Array.min inside) 1e-5 "one factor"
                        inside[0]
            ]

            Expect.isTrue (List.min factors > 0.7 - 1e-5 && List.max factors < 1.3 + 1e-5) $"{List.min factors} to {List.max factors}"
            Expect.isTrue (List.min factors < 0.75 && List.max factors > 1.25) "reaches both"

        testCase
            "displacements have a deviation of about 0.3 of the patch's half side before they are smoothed; half a blob is wholly changed"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = places 300L 64L
            use generator = new torch.Generator(4UL, torch.CPU)
            let struct (distorted, mask) = SsaeDistortions.Apply(input / 64.0, Distortion.Elastic, false, false, generator)
            let moved = (distorted * 64.0 - input).narrow(1, 0L, 1L)
            let whole = mask.eq (torch.tensor 1f)

            let displacements = [
                for i in 0L .. 299L do
                    // The blob is as wide as the patch but for its outline.
                    let columns = mask[i, 0L].gt(torch.tensor 0f).any(0L).sum().ToInt64()

                    if columns > 10L then for value in numbers (moved[i].masked_select whole[i]) -> value / (float columns / 2.0)
            ]

            let deviation = sqrt (List.averageBy (fun value -> value * value) displacements)
            Expect.isTrue (deviation > 0.2 && deviation < 0.38) $"{deviation} of the half side"
            let share = whole.sum().ToDouble() / mask.gt(torch.tensor 0f).sum().ToDouble()
            Expect.isTrue (share > 0.4 && share < 0.52) $"{share} of a blob is wholly changed"
    ]
