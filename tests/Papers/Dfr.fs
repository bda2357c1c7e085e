/// `dfr`: regional features against the literal order of operations, the autoencoder's two forms, receptive fields, thresholds.
module Reproduction.Tests.Dfr

open System
open System.IO
open System.Text.Json
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Dfr
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

/// (1) and (2) as the paper words them: a map of the image's size, then the mean filter.
let private literal (alignment: Alignment) (image: int) (size: int) (stride: int) (map: torch.Tensor) =
    let resized =
        match alignment with
        | Alignment.Nearest -> torch.nn.functional.interpolate (map, [| int64 image; int64 image |], mode = torch.InterpolationMode.Nearest)
        | _ ->
            torch.nn.functional.interpolate (
                map,
                [| int64 image; int64 image |],
                mode = torch.InterpolationMode.Bilinear,
                align_corners = Nullable true
            )

    torch.nn.functional.avg_pool2d (resized, [| int64 size; int64 size |], [| int64 stride; int64 stride |])


type private Case = { Alignment: Alignment; Image: int; Size: int; Stride: int; Sides: int list; Seed: int }

let private cases =
    Gen.map5
        (fun alignment image (size, stride) sides seed -> {
            Alignment = alignment
            Image = image
            Size = size
            Stride = stride
            Sides = sides
            Seed = seed
        })
        (Gen.elements [ Alignment.Nearest; Alignment.BilinearAlignCorners ])
        (Gen.elements [ 16; 24; 32 ])
        (Gen.elements [ 4, 4; 2, 2; 3, 2; 1, 1; 5, 3 ])
        (Gen.nonEmptyListOf (Gen.elements [ 2; 3; 4; 8; 16; 32 ]) |> Gen.map (List.truncate 4))
        (Gen.choose (0, 10000))
    |> Arb.fromGen

let private randomMaps case =
    torch.manual_seed (int64 case.Seed) |> ignore
    [ for side in case.Sides -> torch.randn [| 2L; 3L; int64 (min side case.Image); int64 (min side case.Image) |] ]

let private tiny (norm: ReconstructionNorm) =
    let name = if norm = ReconstructionNorm.L2 then "l2" else "mean_square"
    let layers = "[\"relu1_2\",\"relu2_2\",\"relu3_3\",\"relu4_3\"]"

    let variant =
        $"resnet18+network=vgg19_16x+layers={layers}+image_size=32+latent=2+epochs=1+positions_per_image=16+threshold_images=0+norm={name}"

    DfrMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings

[<Tests>]
let tests =
    testSequenced
    <| testList "dfr" [
        testCase "receptive fields are those of Table I"
        <| fun () ->
            Expect.sequenceEqual
                (DfrMethod.ReceptiveFields())
                [ 3; 5; 10; 14; 24; 32; 40; 48; 68; 84; 100; 116; 156; 188; 220; 252 ]
                "16 scales of VGG-19"

        testProperty "aligning is resizing to the image and a mean filter"
        <| Prop.forAll cases (fun case ->
            use _scope = torch.NewDisposeScope()
            use regions = new RegionalFeatures(case.Alignment, struct (case.Image, case.Image), struct (case.Size, case.Stride))

            for map in randomMaps case do
                let expected = literal case.Alignment case.Image case.Size case.Stride map
                let actual = regions.Align map
                Expect.sequenceEqual actual.shape expected.shape "shape"
                Expect.isLessThan (largest actual expected) 1e-5f "largest difference")

        testProperty "a convolution before aligning is the convolution after it"
        <| Prop.forAll cases (fun case ->
            use _scope = torch.NewDisposeScope()
            use regions = new RegionalFeatures(case.Alignment, struct (case.Image, case.Image), struct (case.Size, case.Stride))
            let maps = randomMaps case |> List.toArray
            let weight = torch.randn [| 5L; int64 (3 * maps.Length); 1L; 1L |]
            let bias = torch.randn [| 5L |]
            let expected = torch.nn.functional.conv2d (regions.Concatenate maps, weight, bias)
            let actual = regions.Convolve(maps, weight, bias)
            Expect.isLessThan (largest actual expected) 1e-4f "largest difference")

        testCase "as many components hold a share of the variance as in scikit-learn"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "dfr", "golden.json")

            for case in (JsonDocument.Parse(File.ReadAllText path)).RootElement.EnumerateArray() do
                let number (name: string) = case.GetProperty(name).GetInt32()
                let n, d = number "n", number "d"
                let mutable state = uint32 (number "seed")

                let values =
                    Array.init (n * d) (fun index ->
                        state <- 1664525u * state + 1013904223u
                        float32 (float state / 4294967296.0 / float (1 + index % d)))

                let kept =
                    DfrDetector.PrincipalComponents(
                        torch.tensor(values).reshape(int64 n, int64 d),
                        case.GetProperty("variance").GetDouble()
                    )

                Expect.equal kept (int64 (number "components")) $"{case}"

        testCase "the quick profile trains wide autoencoders for fewer epochs"
        <| fun () ->
            let epochs variant = DfrMethod().Settings(Request(variant, Profile.Quick, "bottle", "mvtec")).Epochs

            for variant, expected in
                [
                    "paper-f1-8-zero", 20
                    "code-f9-12", 20
                    "paper-f1-12-vgg19_16x", 20
                    "paper-f1-12-reflect", 5
                    "paper-f1-16-zero", 2
                ] do
                Expect.equal (epochs variant) expected variant

        testCase "the two forms of the autoencoder have the widths of Table VIII and of the code"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for batchNorm, hidden in [ false, (1408L + 60L) / 2L; true, (1408L + 120L) / 2L ] do
                use autoencoder = new RegionalAutoencoder(1408L, 60L, hidden, batchNorm)

                let shapes = [
                    for struct (_, p) in autoencoder.named_parameters () do
                        if p.dim () = 4L then p.shape[1], p.shape[0]
                ]

                Expect.equal shapes [ 1408L, hidden; hidden, 120L; 120L, 60L; 60L, 120L; 120L, hidden; hidden, 1408L ] "widths"

                let norms = [
                    for struct (name, _) in autoencoder.named_buffers () do
                        if name.EndsWith "running_mean" then name
                ]

                Expect.equal norms.Length (if batchNorm then 4 else 0) "batch norms"

        for norm in [ ReconstructionNorm.L2; ReconstructionNorm.MeanSquare ] do
            testCase $"the map with {norm} is the distance of the features to their reconstruction, whole"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                let settings = tiny norm
                let images = RandomImages(6, 32)
                use resources = new RandomResources([ "vgg19_16x" ])
                use detector = new DfrDetector(settings, resources.Resources)
                detector.Fit(images, FitContext(Seed = 1)) |> ignore
                use scores = detector.Score(ImageBatch.All images)
                let map = nonNull scores.Map
                use restored = new DfrDetector(settings, resources.Resources)
                restored.Load(detector.Save())
                use again = restored.Score(ImageBatch.All images)
                Expect.isLessThan (largest map (nonNull again.Map)) 1e-6f "saved and loaded"
                Expect.sequenceEqual map.shape [| 6L; 1L; 32L; 32L |] "shape of the map"

                use regions = new RegionalFeatures(settings.Alignment, struct (32, 32), struct (4, 4))

                let maps =
                    resources.Resources.Backbones
                        .Get("vgg19_16x")
                        .Forward(ImageBatch.All(images).Pixels(ImageSize.Square 32, torch.CPU), settings.Layers)

                let features = regions.Concatenate maps
                let difference = detector.Reconstruct features - features
                let squares = difference.square().sum([| 1L |], keepdim = true)
                let small = if norm = ReconstructionNorm.L2 then squares.sqrt () else squares / float32 features.shape[1]

                let expected =
                    torch.nn.functional.interpolate (
                        small,
                        [| 32L; 32L |],
                        mode = torch.InterpolationMode.Bilinear,
                        align_corners = Nullable settings.UpsampleAlignCorners
                    )

                Expect.isLessThan (largest map expected / expected.max().ToSingle()) 1e-4f "relative difference"
                let points = detector.OperatingPoints |> Seq.map (fun point -> point.Target, point.Threshold) |> dict

                Expect.floatClose
                    Accuracy.medium
                    points[0.0]
                    (float (map.max().ToSingle()))
                    "no training pixel is above the threshold of FPR 0"

                let above = map.ge(torch.tensor (float32 points[0.005])).sum().ToInt64()
                Expect.isLessThanOrEqual (float above / float (map.numel ())) 0.0051 "at most the accepted share is above"
    ]
