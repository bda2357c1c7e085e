/// The detectors of `gaussian` from images to scores, on a small network with random weights.
module Reproduction.Tests.Gaussian

open System
open System.IO
open Expecto
open FsCheck
open TorchSharp
open Reproduction
open Repro.Sweeps
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Papers.Gaussian

let private scalar (value: float) = Scalar.op_Implicit value: Scalar

/// Soft stripes whose phase and contrast vary a little from image to image; every image from `firstDefect` on has a red square.
type private Stripes(count: int, firstDefect: int) =
    interface IImages with
        member _.Count = count
        member _.ContentId index = $"00stripes{index}of{firstDefect}"

        member _.Pixels(indices, size, device) =
            let one index =
                if index < 0 || index >= count then invalidArg (nameof indices) $"there is no image {index} of {count}"
                use scope = torch.NewDisposeScope()
                let random = SplitMix64(uint64 index)
                use generator = new torch.Generator(uint64 (index + 1), torch.CPU)
                let x = torch.arange (int64 size.Width, dtype = torch.ScalarType.Float32)
                let stripes = (x / 9.0 + random.NextDouble()).sin() * (0.15 + 0.02 * random.NextDouble()) + 0.5
                let noise = torch.randn (3L, int64 size.Height, int64 size.Width, generator = generator) * 0.02
                let image = stripes + noise
                if index >= firstDefect then image.select(0L, 0L).narrow(0L, 20L, 16L).narrow(1L, 24L, 16L).add_(scalar 0.4) |> ignore
                image.clamp_(scalar 0.0, scalar 1.0).MoveToOuterDisposeScope()

            use scope = torch.NewDisposeScope()
            (torch.stack (Seq.map one indices)).``to``(device).MoveToOuterDisposeScope()

let private normal = Stripes(24, 24) :> IImages
let private mixed = Stripes(16, 8) :> IImages

/// Runs a test with a folder of weights that holds only a random network, and a feature cache of its own.
let private withResources (test: Resources -> unit) =
    let folder = Directory.CreateTempSubdirectory "gaussian"

    try
        let weights = folder.CreateSubdirectory "weights"

        do
            use random = Backbone.Random("resnet18", 0)
            SafeTensors.Write(Path.Combine(weights.FullName, "resnet18.safetensors"), random.StateDict true)

        use backbones = new BackboneProvider(weights.FullName, torch.CPU)
        let features = FeatureCache(Path.Combine(folder.FullName, "features"), 1_000_000_000L)
        test (Resources(Backbones = backbones, Features = features, Device = torch.CPU))
    finally
        folder.Delete true

let private method = GaussianMethod() :> IMethod
let private settings variant = method.Configure(variant, Profile.Smoke, "bottle", "mvtec")
let private context = FitContext(Seed = 0)

let private floats (tensor: torch.Tensor) = tensor.cpu().data<float32>().ToArray()

let private score (detector: IAnomalyDetector) (images: IImages) indices =
    use result = detector.Score(ImageBatch(images, indices))
    floats result.Image, Map [ for part in result.Parts -> part.Key, floats part.Value ]

/// The highest value at which the pixels on or above it have an 8-connected component of `area` pixels: by flood fill at every value.
let private thresholdByFloodFill (map: float32[,]) area =
    let height, width = Array2D.length1 map, Array2D.length2 map

    let largest threshold =
        let seen = Array2D.create height width false

        let rec fill y x =
            if y < 0 || x < 0 || y >= height || x >= width || seen[y, x] || map[y, x] < threshold then
                0
            else
                seen[y, x] <- true

                1
                + Seq.sum (
                    seq {
                        for dy in -1 .. 1 do
                            for dx in -1 .. 1 -> fill (y + dy) (x + dx)
                    }
                )

        Seq.max (
            seq {
                for y in 0 .. height - 1 do
                    for x in 0 .. width - 1 -> fill y x
            }
        )

    map |> Seq.cast<float32> |> Seq.filter (fun value -> largest value >= area) |> Seq.max

// A random network without its batch norms, which are folded, does not train: this one starts from the packaged weights.
let private supervised = "resnet18_cntk-supervised"

let private variants = [
    for variant in method.Variants do
        if variant.Name.StartsWith "resnet18-" && variant.Name <> "resnet18-supervised" then variant.Name
]

/// Trains the supervised baseline on 24 labelled images, the last 8 of which are for validation; stops it after a step if asked to.
let private trainSupervised (resources: Resources) (checkpoints: ICheckpoints | null) stopAt =
    let images = Stripes(24, 12) :> IImages
    // Good and anomalous in turn, so that both kinds are in the validation part.
    let order = [|
        for i in 0..11 do
            i
            i + 12
    |]

    let shuffled = {
        new IImages with
            member _.Count = 24
            member _.ContentId index = images.ContentId order[index]
            member _.Pixels(indices, size, device) = images.Pixels([| for i in indices -> order[i] |], size, device)
    }

    torch.manual_seed 1L |> ignore
    let detector = (settings $"{supervised}+image_size=64+epochs=4+batch_size=4+learning_rate=0.001").Create resources
    let stop = new Threading.CancellationTokenSource()

    let context =
        FitContext(
            Seed = 1,
            Checkpoints = checkpoints,
            Cancellation = stop.Token,
            Progress = fun steps _ _ -> if steps = stopAt then stop.Cancel()
        )

    let labels = [| for i in order -> i >= 12 |]
    detector, shuffled, labels, (fun () -> (detector :?> ISupervisedDetector).Fit(shuffled, labels, 8, context))

[<Tests>]
let tests =
    testSequenced
    <| testList "gaussian" [
        testCase "every model gives the mean of its levels, an image alone the score that it has in a batch, and the same after saving"
        <| fun () ->
            withResources
            <| fun resources ->
                for variant in variants do
                    let settings = settings $"{variant}+image_size=64"
                    use detector = settings.Create resources
                    let facts = detector.Fit(normal, context)
                    Expect.equal facts["levels"] 5.0 $"{variant}: levels"
                    Expect.equal facts["samples"] (if variant.EndsWith "augmented" then 48.0 else 24.0) $"{variant}: samples"
                    let image, parts = score detector mixed [| 0..15 |]
                    Expect.all image Single.IsFinite $"{variant}: finite scores"

                    for i in 0..15 do
                        let mean = parts |> Map.toSeq |> Seq.averageBy (fun (_, values) -> float values[i])
                        Expect.floatClose Accuracy.medium (float image[i]) mean $"{variant}: the score is the mean of the levels"

                    let alone, _ = score detector mixed [| 9 |]
                    Expect.floatClose Accuracy.medium (float alone[0]) (float image[9]) $"{variant}: alone as in a batch"

                    use copy = settings.Create resources
                    copy.Load(detector.Save())
                    let again, partsAgain = score copy mixed [| 0..15 |]
                    Expect.equal again image $"{variant}: scores after loading"
                    Expect.equal partsAgain parts $"{variant}: levels' scores after loading"
                    Expect.sequenceEqual copy.OperatingPoints detector.OperatingPoints $"{variant}: thresholds after loading"

        testCase "the Mahalanobis distance tells the square from the stripes on every level and in the sum"
        <| fun () ->
            withResources
            <| fun resources ->
                use detector = (settings "resnet18-mahalanobis+image_size=64").Create resources
                detector.Fit(normal, context) |> ignore
                let image, parts = score detector mixed [| 0..15 |]

                for name, values in ("sum", image) :: Map.toList parts do
                    Expect.isGreaterThan (Seq.min values[8..]) (Seq.max values[..7]) $"{name}: every square is above every whole image"

        testCase "the working point is set for each level of the Mahalanobis variants, at 1 to 5 sigma"
        <| fun () ->
            withResources
            <| fun resources ->
                use detector = (settings "resnet18-mahalanobis+image_size=64").Create resources
                detector.Fit(normal, context) |> ignore
                let points = List.ofSeq detector.OperatingPoints

                Expect.equal
                    (points |> List.map (fun p -> p.Part, p.Name))
                    [
                        for level in 1..5 do
                            for n in 1..5 -> $"level_{level}", $"sigma{n}"
                    ]
                    "names"

                Expect.floatClose Accuracy.high points[2].Target 0.0026997960632601866 "three sigma"

                for level in List.chunkBySize 5 points do
                    Expect.isAscending (level |> List.map _.Threshold) "more sigmas, a higher threshold"

                use distance = (settings "resnet18-l2+image_size=64").Create resources
                distance.Fit(normal, context) |> ignore
                Expect.isEmpty distance.OperatingPoints "an L2 distance has no working point"

        testCase "one training image is an error that says so"
        <| fun () ->
            withResources
            <| fun resources ->
                use detector = (settings "resnet18-mahalanobis+image_size=64").Create resources
                Expect.throwsT<UserError> (fun () -> detector.Fit(Stripes(1, 1), context) |> ignore) "one image"

        testCase "equal training images are an error that names the level"
        <| fun () ->
            withResources
            <| fun resources ->
                use detector = (settings "resnet18-mahalanobis+image_size=64").Create resources
                let same = ImageBatch(normal, [| 3; 3; 3 |])

                let equal = {
                    new IImages with
                        member _.Count = same.Count
                        member _.ContentId index = normal.ContentId same.Indices[index]

                        member _.Pixels(indices, size, device) =
                            normal.Pixels([| for index in indices -> same.Indices[index] |], size, device)
                }

                let message =
                    try
                        detector.Fit(equal, context) |> ignore
                        ""
                    with :? UserError as error ->
                        error.Message

                Expect.stringContains message "level_1" "the message"

        testCase "a network that is not there is an error that names it"
        <| fun () ->
            withResources
            <| fun resources ->
                Expect.throwsT<UserError> (fun () -> (settings "efficientnet_b4-mahalanobis").Create resources |> ignore) "no weights"

        testProperty "the component score is the highest threshold with a component of the area, as flood fill at every threshold finds it"
        <| fun (PositiveInt seed) ->
            let random = SplitMix64(uint64 seed)
            let height, width = 1 + random.NextInt 7, 1 + random.NextInt 7
            // Few different values, so that equal ones occur.
            let map = Array2D.init height width (fun _ _ -> float32 (random.NextInt 9))
            let area = 1 + random.NextInt(height * width)
            let fast = MseAutoencoder.ComponentThreshold(Array.ofSeq (Seq.cast<float32> map), height, width, area)
            Expect.equal fast (thresholdByFloodFill map area) $"area {area} of {height} x {width}"

        testCase "the autoencoder baseline trains, scores by mean and by component, and is the same after saving"
        <| fun () ->
            withResources
            <| fun resources ->
                use detector = (settings "ae-mse").Create resources
                let facts = detector.Fit(normal, context)
                Expect.equal facts["steps"] 2.0 "steps"
                use result = detector.Score(ImageBatch(mixed, [| 0; 9 |]))
                let resultMap = nonNull result.Map
                Expect.sequenceEqual resultMap.shape [ 2L; 1L; 224L; 224L ] "a map"

                let image, map, parts =
                    floats result.Image, floats resultMap, Map [ for part in result.Parts -> part.Key, floats part.Value ]

                for i in 0..1 do
                    let values = map[i * 224 * 224 .. (i + 1) * 224 * 224 - 1]
                    Expect.floatClose Accuracy.medium (float image[i]) (Array.averageBy float values) "the score is the map's mean"
                    let area = int (4663.0 / 810000.0 * 224.0 * 224.0)
                    let expected = MseAutoencoder.ComponentThreshold(values, 224, 224, area)
                    let found = parts["connected_component"]
                    Expect.equal found[i] expected "the component score: of the smallest anomaly of bottle"

                use copy = (settings "ae-mse").Create resources
                copy.Load(detector.Save())
                use again = copy.Score(ImageBatch(mixed, [| 9 |]))
                let loaded = floats again.Image
                Expect.floatClose Accuracy.medium (float loaded[0]) (float image[1]) "after loading, alone"

        testCase "the supervised baseline learns the square, keeps the state best on the validation images, and is the same after saving"
        <| fun () ->
            withResources
            <| fun resources ->
                let detector, images, labels, fit = trainSupervised resources null -1L
                use detector = detector
                let facts = fit ()
                let image, _ = score detector images [| 0..23 |]

                let auroc first =
                    let truth = [| for label in labels[first..] -> if label then 1uy else 0uy |]
                    Metrics.Roc.Auroc(ReadOnlySpan image[first..], ReadOnlySpan truth).Value

                Expect.equal (auroc 16) (Nullable facts["validation_auroc"]) "the kept state has the best validation AUROC"
                Expect.isGreaterThan (auroc 0).Value 0.9 "the training images are told apart"
                use copy = (settings $"{supervised}+image_size=64").Create resources
                copy.Load(detector.Save())
                Expect.equal (fst (score copy images [| 0..23 |])) image "scores after loading"
                Expect.throwsT<UserError> (fun () -> detector.Fit(images, context) |> ignore) "images without labels"

        testCase "an interrupted training of the supervised baseline goes on to the same scores, the best state so far included"
        <| fun () ->
            withResources
            <| fun resources ->
                let folder = Directory.CreateTempSubdirectory "supervised"

                try
                    let run checkpoints stopAt =
                        let detector, images, _, fit = trainSupervised resources checkpoints stopAt
                        use detector = detector

                        try
                            fit () |> ignore
                            Some(fst (score detector images [| 0..23 |]))
                        with :? OperationCanceledException ->
                            None

                    let store () =
                        Checkpoints(Path.Combine(folder.FullName, "c.safetensors"), (fun () -> "hash"), TimeSpan.FromHours 1.0, ignore)
                        :> ICheckpoints

                    let undisturbed = run null -1L
                    Expect.isSome undisturbed "undisturbed"
                    Expect.isNone (run (store ()) 7L) "interrupted after the first epoch"
                    Expect.equal (run (store ()) -1L) undisturbed "after the interruption"
                finally
                    folder.Delete true

        testCase "every variant of every table has settings of its own"
        <| fun () ->
            let seen = Collections.Generic.HashSet<string>()

            for variant in method.Variants do
                let hash = (settings variant.Name).Hash
                Expect.isTrue (seen.Add hash) $"{variant.Name} has the settings of another variant"
    ]
