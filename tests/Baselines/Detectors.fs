/// The baselines as detectors: what they find, how they go on after an interruption, and the papers' settings.
module Reproduction.Tests.Baselines.Detectors

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open Reproduction
open Reproduction.Analysis
open Reproduction.Baselines.Autoencoders
open Reproduction.Baselines.Floor
open Reproduction.Baselines.Padim
open Reproduction.Baselines.PatchCore
open Reproduction.Baselines.Spade
open Reproduction.Baselines.Stpm
open Reproduction.Data
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers
open TorchSharp

let private side = 64

/// A ResNet-18 with random weights, written once for all tests here.
let private resources =
    lazy
        (let random = new RandomResources([ "resnet18" ])
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> (random :> IDisposable).Dispose())
         random.Resources)

/// A shaded plate, alike in all images but for noise, of which some have a bright square at rows 40 to 51 and columns 16 to 27.
type private Plates(count: int, defective: bool) =
    interface IImages with
        member _.Count = count
        member _.ContentId index = $"plate-{index}-{defective}"

        member _.Pixels(indices, size, device) =
            use _scope = torch.NewDisposeScope()

            let image index =
                let axis = torch.linspace (0.0, 1.0, int64 size.Height)
                let plate = (axis.reshape (-1L, 1L) * (3.0 * axis.reshape (1L, -1L)).cos() * 0.3 + 0.4).expand(3L, -1L, -1L)
                let noisy = (plate + random (index + 1) [ 3; size.Height; size.Width ] * torch.tensor 0.02f).clone()

                if defective then
                    let from share = int64 (share * float size.Height / float side)
                    noisy.narrow(1L, from 40.0, from 12.0).narrow(2L, from 16.0, from 12.0).fill_(0.95f.ToScalar()) |> ignore

                noisy

            (torch.stack [| for index in indices -> image index |]).``to``(device).MoveToOuterDisposeScope()

let private good = Plates(12, false)

let private create (id: string) variant = ((Registry.Find id).Configure(variant, Profile.Smoke, "plate", "test")).Create resources.Value

let private fitted id variant images =
    torch.manual_seed 0L |> ignore
    let detector = create id variant
    detector.Fit(images, FitContext(Seed = 0)) |> ignore
    detector

let private scores (detector: IAnomalyDetector) images =
    use _noGradient = torch.no_grad ()
    use scores = detector.Score(ImageBatch.All images)
    numbers scores.Image, (scores.Map |> Option.ofObj |> Option.map numbers)

let private untrained = [
    "padim", "resnet18"
    "patchcore", "resnet18+image_size=128"
    "spade", "resnet18"
    "pca-features", "resnet18"
    "mean-image", "default"
    "pca-pixels", "default"
]

let private findsTests = [
    for id, variant in untrained do
        testCase $"{id} scores a defect higher than good images, and its map shows where it is"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use detector = fitted id variant good
            let normal, _ = scores detector (Plates(4, false))
            let defective, map = scores detector (Plates(1, true))
            Expect.isGreaterThan defective[0] (Array.max normal) "image score"
            let map = Option.get map
            let size = int (sqrt (float map.Length))
            let place = Array.findIndex ((=) (Array.max map)) map
            let y, x = float (place / size) / float size, float (place % size) / float size
            let near low high value = value > float (low - 8) / float side && value < float (high + 8) / float side
            Expect.isTrue (near 40 52 y && near 16 28 x) $"the map's highest place is {y:F2}, {x:F2}"

        testCase $"{id} scores an image the same in whatever batch"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use detector = fitted id variant good
            let together, _ = scores detector good
            use one = detector.Score(ImageBatch(good, [| 5 |]))
            close 1e-3 (numbers one.Image) [| together[5] |] "score"
]

/// Some images of a set.
type private Part(all: IImages, first: int, count: int) =
    interface IImages with
        member _.Count = count
        member _.ContentId index = all.ContentId(first + index)
        member _.Pixels(indices, size, device) = all.Pixels([| for index in indices -> first + index |], size, device)

let private additionTests = [
    testCase "padim takes images in later as if they had been there at first"
    <| fun () ->
        use _scope = torch.NewDisposeScope()
        use whole = fitted "padim" "resnet18" good
        use parts = fitted "padim" "resnet18" (Part(good, 0, 5))
        let facts = (parts :?> IExtendableDetector).Add(Part(good, 5, 7), FitContext(Seed = 0))
        Expect.equal facts["training_images"] 12.0 "images"
        let (image, map), (expected, expectedMap) = scores parts (Plates(2, true)), scores whole (Plates(2, true))
        close 1e-3 image expected "image scores"
        close 1e-3 (Option.get map) (Option.get expectedMap) "maps"

    testCase "padim goes on from a saved model"
    <| fun () ->
        use _scope = torch.NewDisposeScope()
        use whole = fitted "padim" "resnet18" good
        use first = fitted "padim" "resnet18" (Part(good, 0, 5))
        use later = create "padim" "resnet18"
        later.Load(first.Save())
        (later :?> IExtendableDetector).Add(Part(good, 5, 7), FitContext(Seed = 9)) |> ignore
        close 1e-3 (fst (scores later good)) (fst (scores whole good)) "scores"

    testCase "patchcore's bank keeps its share of all patches, and none of them is farther than its radius"
    <| fun () ->
        use _scope = torch.NewDisposeScope()
        use detector = fitted "patchcore" "resnet18+projection=0" (Part(good, 0, 5))
        let before = numbers (detector.Save().Tensors["bank"])
        let facts = (detector :?> IExtendableDetector).Add(Part(good, 5, 7), FitContext(Seed = 0))
        Expect.equal facts["patches"] (12.0 * 64.0) "patches"
        Expect.equal facts["bank"] (ceil (0.1 * 12.0 * 64.0)) "bank"
        let after = numbers (detector.Save().Tensors["bank"])
        Expect.sequenceEqual (Array.truncate before.Length after) before "what was there stays"
        use scores = detector.Score(ImageBatch.All good)
        let farthest = numbers scores.Parts["unweighted"] |> Array.max
        Expect.isLessThanOrEqual farthest (facts["radius"] + 1e-3) "all old and new patches are within the radius"
]

/// The last checkpoint, in memory; none is due but when the training is stopped.
type private Kept() =
    let mutable state: DetectorState | null = null

    interface ICheckpoints with
        member _.Due = false

        member _.Save given =
            let copy = Dictionary [ for entry in given.Tensors -> KeyValuePair(entry.Key, entry.Value.clone().DetachFromDisposeScope()) ]
            state <- DetectorState(copy, given.Values)

        member _.Load() = state

let private resumeTests = [
    for id, variant in [ "stpm", "resnet18+epochs=3"; "ae-ssim", "colour+epochs=2"; "ae-l2", "grey+epochs=2" ] do
        testCase $"{id}: stopped and gone on with, a training ends as an undisturbed one"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            let train (context: FitContext) =
                torch.manual_seed 4L |> ignore
                let detector = create id variant
                detector.Fit(good, context) |> ignore
                detector

            use undisturbed = train (FitContext(Seed = 4))
            use source = new CancellationTokenSource()
            let kept = Kept()
            let stop (step: int64) (_: int64) (_: string) = if step = 3L then source.Cancel()
            let context = FitContext(Seed = 4, Checkpoints = kept, Cancellation = source.Token, Progress = Action<_, _, _>(stop))
            Expect.throwsT<OperationCanceledException> (fun () -> train(context).Dispose()) "stopped"
            use resumed = train (FitContext(Seed = 4, Checkpoints = kept))
            let saved (detector: IAnomalyDetector) = [ for entry in detector.Save().Tensors -> entry.Key, numbers entry.Value ]
            Expect.equal (saved resumed) (saved undisturbed) "parameters"
]

let private settingsOf<'T when 'T: not struct and 'T: not null> (id: string) variant =
    ((Registry.Find id).Configure(variant, Profile.Paper, "bottle", "mvtec") :?> Configuration<'T>).Settings

/// Written from the methods' papers, not from the code.
let private settingsTests = [
    testCase "the papers' settings"
    <| fun () ->
        let padim = settingsOf<PadimSettings> "padim" "resnet18"
        Expect.equal (padim.Channels, padim.Regularisation, padim.Sigma) (100, 0.01, 4.0) "padim"
        Expect.sequenceEqual padim.Layers [ "layer1"; "layer2"; "layer3" ] "padim: levels"
        Expect.equal (settingsOf<PadimSettings> "padim" "wide_resnet50_2").Channels 550 "padim: WR50-Rd550"
        Expect.equal (settingsOf<PadimSettings> "padim" "resnet18-all").Channels 0 "padim: all channels"
        let patchcore = settingsOf<PatchCoreSettings> "patchcore" "resnet18"
        Expect.equal (patchcore.PatchSize, patchcore.Coreset, patchcore.Sigma, patchcore.Dimension) (3, 0.1, 4.0, 0) "patchcore"
        Expect.sequenceEqual patchcore.Layers [ "layer2"; "layer3" ] "patchcore: levels"
        Expect.equal (settingsOf<PatchCoreSettings> "patchcore" "wide_resnet50_2").Dimension 1024 "patchcore: dimension"
        Expect.equal (settingsOf<PatchCoreSettings> "patchcore" "resnet18-1percent").Coreset 0.01 "patchcore: 1 %"
        let spade = settingsOf<SpadeSettings> "spade" "wide_resnet50_2"
        Expect.equal (spade.Neighbours, spade.PooledLayer, spade.GridLayer, spade.Sigma) (50, "layer4", "layer1", 4.0) "spade"
        let stpm = settingsOf<StpmSettings> "stpm" "resnet18"
        Expect.equal (stpm.LearningRate, stpm.Momentum, stpm.WeightDecay) (0.4, 0.9, 1e-4) "stpm: SGD"
        Expect.equal (stpm.BatchSize, stpm.Epochs, stpm.ImageSize, stpm.Validation, stpm.Sigma) (32, 100, 256, 0.2, 0.0) "stpm"

        for id, difference in [ "ae-ssim", Difference.Ssim; "ae-l2", Difference.L2 ] do
            let autoencoder = settingsOf<AutoencoderSettings> id "colour"
            Expect.equal autoencoder.Difference difference id
            Expect.equal (autoencoder.Latent, autoencoder.Window, autoencoder.ImageSize, autoencoder.IsGrey) (100, 11, 128, false) id
            Expect.equal (autoencoder.Epochs, autoencoder.BatchSize, autoencoder.PatchesPerEpoch) (200, 128, 10_000) id
            Expect.equal (autoencoder.LearningRate, autoencoder.WeightDecay) (2e-4, 1e-5) id
            Expect.isTrue (settingsOf<AutoencoderSettings> id "grey").IsGrey id
            let texture = (Registry.Find id).Configure("colour", Profile.Paper, "wood", "mvtec") :?> Configuration<AutoencoderSettings>
            Expect.equal texture.Settings.ImageSize 256 $"{id}: a texture by its pieces"

        let pixels = settingsOf<PixelFloorSettings> "pca-pixels" "default"
        Expect.equal (pixels.Components, pixels.ImageSize) (40, 256) "pca-pixels"
        Expect.equal (settingsOf<PixelFloorSettings> "mean-image" "default").Components 0 "mean-image"
        Expect.equal (settingsOf<FeatureFloorSettings> "pca-features" "resnet18").Variance 0.95 "pca-features"

    testCase "settings that no detector can be built with are refused by name"
    <| fun () ->
        for id, variant, said in
            [
                "padim", "resnet18+regularisation=0", "padim: regularisation is 0"
                "patchcore", "resnet18+patch_size=2", "patchcore: patch_size is 2"
                "patchcore", "resnet18+coreset=0", "patchcore: coreset is 0"
                "spade", "resnet18+grid_layer=layer9", "spade: grid_layer is layer9"
                "stpm", "resnet18+validation=1", "stpm: validation is 1"
                "ae-l2", "colour+image_size=64", "ae-l2: image_size is 64"
                "ae-ssim", "colour+window=4", "ae-ssim: window is 4"
                "pca-features", "resnet18+variance=0", "pca-features: variance is 0"
                "mean-image", "default+image_size=0", "mean-image: image_size is 0"
            ] do
            let configuration = (Registry.Find id).Configure(variant, Profile.Paper, "bottle", "mvtec")

            try
                (configuration.Create resources.Value).Dispose()
                failtest $"{id} {variant} is taken"
            with :? UserError as error ->
                Expect.stringStarts error.Message said "says which"
                Expect.equal error.ExitCode 2 "a wrong argument"
]

// ---- the published columns

let private papersFolder = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "papers"))

/// What the five papers call the method.
let private printedNames =
    dict [ "padim", "PaDiM"; "patchcore", "PatchCore"; "spade", "SPADE"; "stpm", "STPM"; "ae-ssim", "AE-SSIM"; "ae-l2", "AE-L2" ]

let private publishedTests = [
    testCase "each baseline's column is the five papers' own transcription, all of it"
    <| fun () ->
        let all = Published.readAll papersFolder
        let isBaseline (number: PublishedNumber) = printedNames.ContainsKey number.Paper
        let own, papers = List.partition isBaseline all
        let shown (number: PublishedNumber) = number.Category, number.Metric, number.Text, number.Unit

        for KeyValue(id, name) in printedNames do
            let expected = [
                for number in papers do
                    if number.Method = name then $"{number.Paper}-{number.Table}", shown number
            ]

            let found = [
                for number in own do
                    if number.Paper = id then
                        Expect.isTrue number.IsOwn $"{id}: its own method"
                        number.Table, shown number
            ]

            Expect.isNonEmpty found id
            Expect.equal (List.sort found) (List.sort expected) id

    testCase "every published variant of a baseline can be run"
    <| fun () ->
        for number in Published.readAll papersFolder do
            if printedNames.ContainsKey number.Paper then
                (Registry.Find number.Paper).Configure(number.Variant, Profile.Paper, "bottle", "mvtec") |> ignore

    testCase "the baselines are no papers"
    <| fun () ->
        let papers = Papers.read papersFolder |> List.map _.Id
        Expect.equal (List.sort papers) (List.sort [ for paper in Registry.Papers -> paper.Id ]) "five"
        let sheets = [ for baseline in Registry.Baselines -> Path.Combine(papersFolder, "baselines", baseline.Id, "README.md") ]
        Expect.equal (sheets |> List.filter (File.Exists >> not)) [] "each has a sheet"
]

[<Tests>]
let tests =
    testSequenced
    <| testList "baselines: detectors" [
        testList "find" findsTests
        testList "additions" additionTests
        testList "resumed" resumeTests
        testList "settings" settingsTests
        testList "published" publishedTests
    ]
