/// `gaussian`: how often and how far random augmentations go (Table of the appendix and the public code), and the autoencoder baseline's
/// layers and schedule.
module Reproduction.Tests.GaussianTraining

open System
open Expecto
open Microsoft.ML.OnnxRuntime
open TorchSharp
open Reproduction
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers.Gaussian
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

let private rules flip rotate background noise = AugmentationRules(flip, rotate, false, background, noise)

/// What becomes of a picture under many seeds, those aside that leave it as it is.
let private augmented count rules (picture: Image) = [
    for seed in 1UL .. uint64 count do
        let result = Augmentation.Apply(picture, rules, SplitMix64 seed)
        if not (obj.ReferenceEquals(result, picture)) then result
]

let private picture width height (value: int -> int -> byte) =
    Image(width, height, 3, Array.init (width * height * 3) (fun i -> value (i / 3 % width) (i / 3 / width)))

let private share predicate (items: 'a list) = float (List.filter predicate items).Length / float items.Length

let private brightest (image: Image) x y = max image[x, y, 0] (max image[x, y, 1] image[x, y, 2])

/// A bright disc on a dark ground: its area and its centre, by the pixels above the middle of both.
let private disc (image: Image) =
    let values = Array2D.init image.Width image.Height (brightest image)
    let all = Seq.cast<byte> values
    let middle = (float (Seq.min all) + float (Seq.max all)) / 2.0

    let inside = [
        for x in 0 .. image.Width - 1 do
            for y in 0 .. image.Height - 1 do
                if float values[x, y] > middle then float x, float y
    ]

    float inside.Length, List.averageBy fst inside, List.averageBy snd inside

let private bright = picture 64 64 (fun x y -> if (x - 31) * (x - 31) + (y - 31) * (y - 31) < 144 then 200uy else 50uy)

/// What ONNX Runtime makes of the graph of a level's model.
let private outside (model: ILevelModel) (features: torch.Tensor) =
    let builder = OnnxModelBuilder()
    let input = builder.Input("input", torch.ScalarType.Float64, "batch", features.shape[1])
    builder.Output("output", model.Export input, "batch")
    use options = new SessionOptions(IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
    use session = new InferenceSession(builder.ToArray(struct ("tests", "1")), options)
    use value = OrtValue.CreateTensorValueFromMemory(features.contiguous().data<float>().ToArray(), features.shape)
    use settings = new RunOptions()
    use values = session.Run(settings, [ "input" ], [ value ], [ "output" ])
    values[0].GetTensorDataAsSpan<float>().ToArray()

let private autoencoder steps changes =
    let method = GaussianMethod() :> IMethod
    let settings = method.Configure($"ae-mse+steps={steps}" + changes, Profile.Smoke, "bottle", "mvtec")
    use resources = new RandomResources([])
    settings.Create resources.Resources

[<Tests>]
let tests =
    testSequenced
    <| testList "gaussian training" [
        testCase "half of the images are augmented: of these half are mirrored, half turned by one of four quarter turns"
        <| fun () ->
            // Corners that are told apart by their brightness.
            let corners = picture 16 16 (fun x y -> byte (60 + (if x < 8 then 0 else 50) + (if y < 8 then 0 else 90)))

            let order (image: Image) =
                [ 3, 3; 12, 3; 12, 12; 3, 12 ]
                |> List.map (fun (x, y) -> brightest image x y)
                |> List.indexed
                |> List.sortBy snd
                |> List.map fst

            let found = augmented 4000 (rules true true false false) corners |> List.map order
            // Upright: upper left, upper right, lower left, lower right.
            let turns = [ for k in 0..3 -> [ 0; 1; 3; 2 ] |> List.map (fun corner -> (corner + k) % 4) ]
            let mirrored = [ for k in 0..3 -> [ 1; 0; 2; 3 ] |> List.map (fun corner -> (corner + k) % 4) ]
            let ofAll kinds = float (found |> List.filter (fun pose -> List.contains pose kinds) |> List.length) / 4000.0
            Expect.isGreaterThan (share (fun pose -> List.contains pose (turns @ mirrored)) found) 0.97 "poses of a square"
            Expect.floatClose { absolute = 0.02; relative = 0.0 } (ofAll mirrored) 0.25 "mirrored"

            for k in 1..3 do
                Expect.floatClose { absolute = 0.01; relative = 0.0 } (ofAll [ turns[k]; mirrored[k] ]) 0.0625 $"{k} quarter turns"

        testCase "shifts go to 5 % of the side, scales from 95 to 110 %; the grid is neither shifted nor enlarged"
        <| fun () ->
            let area, x, y = disc bright
            let found background = augmented 3000 (rules false false background false) bright |> List.map disc
            let moved = found true
            let areas = [ for a, _, _ in moved -> a / area ]
            let shift (_, u, v) = max (abs (u - x)) (abs (v - y)) / 64.0
            Expect.isTrue (List.min areas > 0.86 && List.min areas < 0.93) $"smallest {List.min areas}, 0.95 squared is 0.90"
            Expect.isTrue (List.max areas < 1.25 && List.max areas > 1.16) $"largest {List.max areas}, 1.1 squared is 1.21"
            // A motion blur's line may lie beside the middle: a few go farther with it.
            Expect.isLessThan (share (fun each -> shift each > 0.058) moved) 0.01 "beyond 5 %"
            Expect.isGreaterThan (share (fun each -> shift each > 0.04) moved) 0.03 "up to 5 %"
            let grid = found false
            Expect.isLessThan (share (fun (a, _, _) -> a / area > 1.03 || a / area < 0.86) grid) 0.005 "the grid is only made smaller"
            Expect.isLessThan (share (fun each -> shift each > 0.05) grid) 0.005 "the grid stays where it is"

        testCase "noise has a deviation of 1 to 3 % of the range"
        <| fun () ->
            let grey = picture 32 32 (fun _ _ -> 128uy)

            let deviations =
                augmented 4000 (rules false false false true) grey
                |> List.map (fun image ->
                    let values = Array.map float image.Pixels |> Array.chunkBySize 3
                    // Each colour for itself: a shift of the hue gives them different means.
                    let colour c =
                        let own = values |> Array.map (fun pixel -> pixel[c])
                        let mean = Array.average own
                        own |> Array.averageBy (fun value -> (value - mean) ** 2.0)

                    sqrt ((colour 0 + colour 1 + colour 2) / 3.0) / 255.0)
                |> List.filter (fun deviation -> deviation > 0.002)

            Expect.isTrue (deviations.Length > 320 && deviations.Length < 480) $"{deviations.Length} of 4,000: a fifth of half"
            Expect.isTrue (List.max deviations > 0.028 && List.max deviations < 0.032) $"largest {List.max deviations}"
            // 0.4 by the range; scaling afterwards smooths a few.
            Expect.isTrue (share (fun d -> d < 0.018) deviations > 0.33) "as many small ones as large ones"

        testCase "hue shifts by up to 10, saturation by up to 30, value by -10 to 20"
        <| fun () ->
            let colour = Image(16, 16, 3, Array.concat (Array.replicate 256 [| 200uy; 120uy; 80uy |]))
            let one = Image(1, 1, 3, [| 200uy; 120uy; 80uy |])
            let found = augmented 12000 (rules false false false false) colour |> List.countBy (fun image -> image.Pixels[..2]) |> dict
            let shifted (hue, saturation, value) = (ColorSpaces.ShiftHsv(one, hue, saturation, value)).Pixels

            let times shifts =
                shifts
                |> List.map shifted
                |> List.distinct
                |> List.sumBy (fun pixel -> if found.ContainsKey pixel then found[pixel] else 0)

            let hues h = [
                for s in -30 .. 30 do
                    for v in -10 .. 20 -> h, s, v
            ]

            let saturations s = [
                for h in -10 .. 10 do
                    for v in -10 .. 20 -> h, s, v
            ]

            let values v = [
                for h in -10 .. 10 do
                    for s in -30 .. 30 -> h, s, v
            ]

            // Other changes of the contrast come to the same colours now and then.
            for kind, at, last, beyond in
                [
                    "hue", hues, 10, 12
                    "hue", hues, -10, -12
                    "saturation", saturations, 30, 31
                    "saturation", saturations, -30, -31
                    "value", values, 20, 21
                    "value", values, -10, -11
                ] do
                let inside, outside = times (at last), times (at beyond)
                Expect.isGreaterThan inside 10 $"{kind} shifted by {last}"
                Expect.isLessThan (2 * outside) inside $"{kind} shifted by {beyond}"

        testCase "brightness and contrast are what albumentations does with the value of each byte"
        <| fun () ->
            let ramp = Image(256, 1, 3, Array.init 768 (fun i -> byte (i / 3)))
            let result = Augmentation.BrightnessContrast(ramp, 0.1, -0.2)

            for value in 0..255 do
                let expected = min 255.0 (floor (float32 (float value * 0.8 + 25.5) |> float))
                Expect.equal (float result[value, 0, 0]) expected $"{value}"

            Expect.equal (Augmentation.BrightnessContrast(ramp, -0.1, 0.2)).[255, 0, 0] 255uy "cut off above"
            Expect.equal (Augmentation.BrightnessContrast(ramp, -0.1, 0.0)).[20, 0, 0] 0uy "cut off below"

        testCase "motion blurs are lines across 3, 5 or 7 pixels"
        <| fun () ->
            let sides = [ for seed in 1UL .. 60UL -> (Augmentation.MotionKernel(SplitMix64 seed)).GetLength 0 ]
            Expect.equal (sides |> List.distinct |> List.sort) [ 3; 5; 7 ] "sides"

        testCase "of augmented images those that stay as they are are the images, byte for byte, in every epoch"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            let bytes = {
                new IImages with
                    member _.Count = 4
                    member _.ContentId index = $"{index:x16}"

                    member _.Pixels(indices, size, device) =
                        let one index =
                            use generator = new torch.Generator(uint64 (index + 1), torch.CPU)

                            torch.randint (256L, [| 3L; int64 size.Height; int64 size.Width |], generator = generator)
                            |> _.to_type(torch.float32)

                        torch.stack [| for index in indices -> one index / 255.0 |]
            }

            let size = ImageSize.Square 12
            let images = AugmentedImages(bytes, rules true true true true, 10)
            Expect.equal (images :> IImages).Count 40 "ten of each"
            let found = (images :> IImages).Pixels([| 0..39 |], size, torch.CPU)
            let plain = bytes.Pixels([| for i in 0..39 -> i % 4 |], size, torch.CPU)
            let same = found.isclose(plain, 0.0, 1e-6).flatten(1).all(1L).sum().ToInt32()
            Expect.isTrue (same >= 12 && same <= 28) $"{same} of 40 are as they were"

        testCase "exported, every model of a level gives the scores that it gives here, near the normal images and far from them"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            let normal seed rows =
                use generator = new torch.Generator(uint64 (seed: int), torch.CPU)
                torch.randn ([| rows; 20L |], dtype = torch.float64, generator = generator)

            let queries = torch.cat ([| normal 1 4L; normal 2 4L * 8.0 |], 0L)
            // Wide features: what lies beside the axes has a precision below 1.
            for scale in [ 0.1; 1.0; 10.0 ] do
                let few, many = normal 3 8L * scale + 1.0, normal 4 60L * scale + 1.0

                let models: (string * ILevelModel) list = [
                    "fewer samples than features", LevelGaussian.Multivariate few
                    "more samples than features", LevelGaussian.Multivariate many
                    "PCA", LevelGaussian.Multivariate(many, Compression.Pca, 0.9)
                    "SED", LevelGaussian.IndependentVariances many
                    "L2", LevelGaussian.FixedVariance many
                    "one-class SVM", OneClassSvm.Fit(many, 0.3)
                ]

                Expect.equal (LevelGaussian.IndependentVariances many).Dimensions 20 "features that vary, however little"

                for name, model in models do
                    use here = model.Score(queries * scale)
                    close 1e-6 (outside model (queries * scale)) (numbers here) $"{name}, features of {scale}"

        testCase "two training images are enough"
        <| fun () ->
            use resources = new RandomResources([ "resnet18" ])
            let settings = (GaussianMethod() :> IMethod).Configure("resnet18-l2+image_size=32", Profile.Smoke, "bottle", "mvtec")
            use detector = settings.Create resources.Resources
            let facts = detector.Fit(RandomImages(2, 32), FitContext(Seed = 0))
            Expect.equal facts["samples"] 2.0 "samples"

        testCase "PCA keeps all components where the share asks for all"
        <| fun () ->
            for share, expected in [ 0.995, 4; 1.0, 4; 0.98, 3; 0.8, 2 ] do
                let struct (first, count) = GaussianEquations.Retained([| 6.0; 3.0; 0.9; 0.1 |], Compression.Pca, share)
                Expect.equal (first, count) (0, expected) $"{share}"

        testCase "the autoencoder is a ResNet-18, a bottleneck of 32 and its inverse"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use detector = autoencoder 1 ""
            let down from into = [ from, into, 3L; into, into, 3L; if from <> into then from, into, 1L ]
            // The pixels of a shuffle are channels before it.
            let up from into = [ from, from, 3L; from, 4L * into, 3L; from, 4L * into, 1L ]
            let keep width = [ width, width, 3L; width, width, 3L ]

            let expected =
                [ 3L, 64L, 7L ]
                @ down 64L 64L
                @ down 64L 64L
                @ down 64L 128L
                @ down 128L 128L
                @ down 128L 256L
                @ down 256L 256L
                @ down 256L 512L
                @ down 512L 512L
                @ [ 512L, 32L, 7L ]
                // Transposed: input and output channels change places.
                @ [ 512L, 32L, 7L ]
                @ keep 512L
                @ up 512L 256L
                @ keep 256L
                @ up 256L 128L
                @ keep 128L
                @ up 128L 64L
                @ keep 64L
                @ keep 64L
                @ [ 64L, 12L, 7L ]

            let found = [
                for KeyValue(_, value) in detector.Save().Tensors do
                    if value.dim () = 4L then value.shape[1], value.shape[0], value.shape[2]
            ]

            Expect.equal
                (List.countBy id found |> List.sort)
                (List.countBy id expected |> List.sort)
                "input channels, output channels, kernel"

        testCase "the autoencoder stops when the held-out loss was not the best for as many epochs as asked for"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            // Three images to train on, two a step: an epoch has two steps. Nothing is learned, only the batch norms' statistics move.
            torch.manual_seed 1L |> ignore
            use detector = autoencoder 12 "+learning_rate=0+patience=1+validation=0.25+batch_size=2"
            let facts = detector.Fit(RandomImages(4, 224), FitContext(Seed = 0))
            Expect.equal facts["validation_images"] 1.0 "held out"
            let steps = facts["steps"]
            Expect.isTrue (steps < 12.0 && steps % 2.0 = 0.0) $"{steps} steps: whole epochs"
    ]
