/// The hfae decoder and detector: shapes, learning, saving, and what is refused by name.
module Reproduction.Tests.HfaeDetector

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers.Hfae
open TorchSharp

/// Striped images in memory; each index is another direction and phase.
type private Stripes(count: int) =
    interface IImages with
        member _.Count = count
        member _.ContentId index = $"stripes-{index}"

        member _.Pixels(indices, size, device) =
            use scope = torch.NewDisposeScope()
            let axis length = torch.linspace (0.0, 6.0, int64 length)

            let image index =
                let direction = 0.3 + 0.1 * float (index % 5)
                let wave = (axis size.Height).reshape(-1L, 1L) * (8.0 * direction) + (axis size.Width).reshape(1L, -1L) * 3.0 + float index
                (wave.sin () * 0.4 + 0.5).expand(3L, int64 size.Height, int64 size.Width)

            (torch.stack [| for index in indices -> image index |]).``to``(device).MoveToOuterDisposeScope()

let private layers = [| "pool2"; "pool3"; "pool4" |]
let private small epochs = HfaeSettings(Network = "vgg19_16x", Layers = layers, ImageSize = 64, BatchSize = 4, Epochs = epochs)

/// A weights folder with a random small network in it, so that no trained weights are needed.
let private withResources (test: Resources -> unit) =
    let folder = Directory.CreateTempSubdirectory "hfae-"

    try
        use _ = torch.NewDisposeScope()
        torch.manual_seed 0L |> ignore
        use network = Backbone.Random("vgg19_16x", 1)
        SafeTensors.Write(Path.Combine(folder.FullName, "vgg19_16x.safetensors"), network.StateDict true)
        use backbones = new BackboneProvider(folder.FullName, torch.CPU)
        test (Resources(Backbones = backbones, Features = UncachedFeatures(), Device = torch.CPU))
    finally
        folder.Delete true

let private fitted settings resources images seed =
    torch.manual_seed (int64 seed) |> ignore
    let detector = new HfaeDetector(settings, resources)
    let facts = detector.Fit(images, FitContext(Seed = seed))
    detector, facts

let private values (tensor: torch.Tensor | null) = (nonNull tensor).contiguous().data<float32>().ToArray()

let private refusal action =
    try
        action () |> ignore
        failtest "no error"
    with :? UserError as e ->
        e.Message

/// Eq. (3)-(4) in the order of the text, upsampling before every block, with the decoder's weights and the batch's statistics.
let private literally (decoder: HfaeDecoder) (kernels: int list) (channels: int64 list) (deepest: torch.Tensor) =
    let weights = decoder.state_dict ()

    let block name (kernel: int) (x: torch.Tensor) =
        let x = torch.nn.functional.conv2d (x, weights[name + ".conv.weight"], padding = [| int64 kernel / 2L |])
        let mean = x.mean ([| 0L; 2L; 3L |], true)
        let variance = (x - mean).square().mean([| 0L; 2L; 3L |], true)
        let scaled = (x - mean) / (variance + 1e-5).sqrt()
        let x = scaled * weights[name + ".norm.weight"].reshape(1L, -1L, 1L, 1L) + weights[name + ".norm.bias"].reshape(1L, -1L, 1L, 1L)
        torch.where (x.gt (torch.tensor 0.0f), x, x * 0.1)

    let level i (x: torch.Tensor) =
        let name b = if b = 0 then $"_firstBlocks.{i}" else $"_furtherBlocks.{i}.block{b + 1}"
        let x = kernels |> List.indexed |> List.fold (fun x (b, kernel) -> block (name b) kernel x) x
        torch.nn.functional.conv2d (x, weights[$"_furtherBlocks.{i}.out.weight"], weights[$"_furtherBlocks.{i}.out.bias"])

    let repeated (x: torch.Tensor) = x.repeat_interleave(2L, 2L).repeat_interleave(2L, 3L)
    let deep = channels.Length - 1

    (level deep deepest, [ deep - 1 .. -1 .. 0 ])
    ||> fun first lower -> lower |> List.scan (fun x i -> level i (repeated x)) first
    |> List.rev

let private decoderTests = [
    testCase "reconstructed features have the shapes of the encoded ones" (fun () ->
        use _ = torch.NewDisposeScope()

        let shapes = [ [| 1; 2; 3 |], [| 1; 3; 1 |]; [| 2; 3 |], [| 3; 3; 3 |]; [| 3 |], [| 1; 5; 1 |]; [| 1 |], [| 1; 1; 1 |] ]

        for levels, kernels in shapes do
            use decoder = new HfaeDecoder([| 8L; 12L; 20L |], HfaeSettings(Levels = levels, KernelSizes = kernels))
            let shapes = decoder.call (torch.rand ([| 2L; 20L; 3L; 5L |])) |> Array.map (fun f -> List.ofArray f.shape)
            let all = [ [ 2L; 8L; 12L; 20L ]; [ 2L; 12L; 6L; 10L ]; [ 2L; 20L; 3L; 5L ] ]
            Expect.equal (List.ofArray shapes) (List.skip (Array.min levels - 1) all) $"levels %A{levels}, kernels %A{kernels}")

    for kernels in [ [ 1; 3; 1 ]; [ 3; 3; 3 ] ] do
        testCase $"eq. (3), (4): the decoder computes what the text says, kernels %A{kernels}" (fun () ->
            use _ = torch.NewDisposeScope()
            let channels = [ 4L; 6L; 8L ]
            use decoder = new HfaeDecoder(List.toArray channels, HfaeSettings(KernelSizes = List.toArray kernels))
            let deepest = torch.rand ([| 2L; 8L; 3L; 3L |])
            let expected = literally decoder kernels channels deepest

            for e, a in List.zip expected (List.ofArray (decoder.call deepest)) do
                Expect.equal (List.ofArray a.shape) (List.ofArray e.shape) "shape"

                for x, y in Array.zip (values a) (values e) do
                    Expect.floatClose { absolute = 1e-4; relative = 1e-4 } (float x) (float y) "f_dec")

    testCase "a level is three blocks of convolution, batch norm and LeakyReLU, and a 1x1 convolution" (fun () ->
        use decoder = new HfaeDecoder([| 64L; 128L; 256L |], HfaeSettings())
        // Per level with input i and c channels: 1x1, 3x3 and 1x1 kernels without bias, three batch norms, the output kernel with bias.
        let level i c = i * c + 9 * c * c + c * c + 3 * 2 * c + c * c + c
        let expected = level 128 64 + level 256 128 + level 256 256
        Expect.equal (decoder.parameters () |> Seq.sumBy (fun p -> int (p.numel ()))) expected "parameters")
]

let private detectorTests = [
    testCase "one batch is learned by heart" (fun () ->
        withResources (fun resources ->
            let loss epochs =
                let detector, facts = fitted (small epochs) resources (Stripes 4) 0
                detector.Dispose()
                facts["final_loss"]

            Expect.isLessThan (loss 60) (0.2 * loss 1) "loss after 60 steps and after the first"))

    testCase "maps have the size of the image, scores are their maxima, and every level and sigma is a part" (fun () ->
        withResources (fun resources ->
            let images = Stripes 6
            let detector, facts = fitted (small 2) resources images 0
            use _ = detector
            Expect.equal facts["steps"] 2.0 "one full batch an epoch"
            use scores = detector.Score(ImageBatch.All images)
            Expect.equal ((nonNull scores.Map).shape |> List.ofArray) [ 6L; 1L; 64L; 64L ] "map"
            Expect.equal (values scores.Image) (values scores.Map |> Array.chunkBySize (64 * 64) |> Array.map Array.max) "image scores"

            let names = [
                "phi1"
                "phi2"
                "phi3"
                "plain"
                "plain.max"
                "sigma0"
                "sigma0.max"
                "sigma2"
                "sigma2.max"
                "sigma8"
                "sigma8.max"
            ]

            Expect.equal (scores.Parts.Keys |> Seq.sort |> List.ofSeq) names "parts"
            use _ = torch.NewDisposeScope()
            let sum = scores.Parts["phi1"] + scores.Parts["phi2"] + scores.Parts["phi3"]
            Expect.equal (values sum) (values scores.Parts["sigma0"]) "without filter the map is the sum of the residual maps"))

    testCase "a saved model scores as before, whatever the batch" (fun () ->
        withResources (fun resources ->
            let images = Stripes 6
            let detector, _ = fitted (small 3) resources images 0
            use _ = detector
            use before = detector.Score(ImageBatch.All images)
            use again = new HfaeDetector(small 3, resources)
            again.Load(detector.Save())
            use after = again.Score(ImageBatch.All images)
            Expect.equal (values after.Map) (values before.Map) "maps"
            Expect.equal (values after.Image) (values before.Image) "image scores"

            for i in 0..5 do
                use alone = again.Score(ImageBatch(images, [| i |]))
                let one, all = values alone.Image, values before.Image
                Expect.floatClose Accuracy.medium (float one[0]) (float all[i]) $"image {i} alone"))

    testCase "equal seeds give equal models, other seeds others" (fun () ->
        withResources (fun resources ->
            let images = Stripes 9

            let scores seed =
                let detector, _ = fitted (small 2) resources images seed
                use _ = detector
                use scores = detector.Score(ImageBatch.All images)
                values scores.Image

            Expect.equal (scores 1) (scores 1) "the same seed"
            Expect.notEqual (scores 1) (scores 2) "another seed"))

    testCase "a training that diverges says at which step" (fun () ->
        withResources (fun resources ->
            let wild =
                HfaeSettings(
                    Network = "vgg19_16x",
                    Layers = layers,
                    ImageSize = 64,
                    BatchSize = 4,
                    Normalise = false,
                    LearningRate = 1e6,
                    Epochs = 50
                )

            try
                let detector, _ = fitted wild resources (Stripes 4) 0
                detector.Dispose()
                failtest "no error"
            with :? DivergenceException as e ->
                Expect.stringContains e.Message "diverged at step" "message"))

    testCase "layers that do not halve are refused with their sizes" (fun () ->
        withResources (fun resources ->
            let odd = HfaeSettings(Network = "vgg19_16x", Layers = layers, ImageSize = 72, BatchSize = 4)
            let message = refusal (fun () -> fitted odd resources (Stripes 4) 0)
            Expect.stringContains message "18, 9, 4 at image size 72" "the sizes and the setting"
            Expect.stringContains message "multiple of 32" "the way out"))

    testCase "features held in memory and features asked for anew are the same rows" (fun () ->
        withResources (fun resources ->
            let encoder = resources.Backbones.Get "vgg19_16x"

            let rows limit =
                new FeatureRows(
                    ImageBatch.All(Stripes 20),
                    resources.Features,
                    encoder,
                    layers,
                    ImageSize.Square 64,
                    Threading.CancellationToken.None,
                    limit
                )

            use held = rows FeatureRows.DefaultLimitBytes
            use anew = rows 0L
            use _ = torch.NewDisposeScope()

            for h, a in Array.zip (held.Get [| 17; 3; 3 |]) (anew.Get [| 17; 3; 3 |]) do
                Expect.equal (List.ofArray h.shape) (List.ofArray a.shape) "shape"

                for x, y in Array.zip (values h) (values a) do
                    Expect.floatClose Accuracy.medium (float x) (float y) "values"))
]

let private settingsTests =
    let hfae = HfaeMethod()
    let settings variant profile dataset = hfae.Settings(Request(variant, profile, "bottle", dataset))

    [
        testCase "the default variant has the paper's values" (fun () ->
            let s = settings "resnet18" Profile.Paper "mvtec"
            Expect.equal (s.LearningRate, s.Momentum, s.WeightDecay, s.NegativeSlope, s.Sigma) (0.4, 0.9, 1e-4, 0.1, 4.0) "section 4"
            Expect.equal (List.ofArray s.KernelSizes, List.ofArray s.Levels) ([ 1; 3; 1 ], [ 1; 2; 3 ]) "blocks and levels")

        testCase "every variant names the network that its settings use" (fun () ->
            for variant in hfae.Variants do
                Expect.equal variant.Network (settings variant.Name Profile.Paper "mvtec").Network variant.Name)

        testCase "settings that make no decoder are refused by name and value" (fun () ->
            for settings, expected in
                [
                    HfaeSettings(Levels = [| 1; 4 |]), "levels is 1, 4"
                    HfaeSettings(Levels = [||]), "levels is "
                    HfaeSettings(KernelSizes = [| 1; 2; 1 |]), "kernel_sizes is 1, 2, 1"
                    HfaeSettings(BatchSize = 0), "batch_size is 0"
                    HfaeSettings(Epochs = 0), "epochs is 0"
                ] do
                Expect.stringContains (refusal settings.Check) expected expected)

        testCase "records and models of before are told apart by their settings, and their variants' names are understood" (fun () ->
            // Until eq. (9) became the default, resnet18 was the plain sum and eq9-literal what resnet18 is now.
            let literal = settings "eq9-literal" Profile.Paper "mvtec"
            let now = settings "resnet18" Profile.Paper "mvtec"
            let json (value: HfaeSettings) = (SnakeCaseJson.ToObject value).ToJsonString()
            Expect.equal (json literal) (json now) "the former name"
            let plain = settings "plain-sum" Profile.Paper "mvtec"
            Expect.isFalse plain.WeightByPositions "the plain sum"
            let cell = hfae.Configure(Request("resnet18", Profile.Paper, "bottle", "mvtec"))
            let old = Nodes.JsonObject()
            old["weight_by_positions"] <- Nodes.JsonValue.Create false
            Expect.equal (json (cell.With old).Settings) (json plain) "a model of before keeps its own")

        testCase "an unknown variant is refused with the known ones" (fun () ->
            let message = refusal (fun () -> settings "resnet19" Profile.Paper "mvtec")
            Expect.stringContains message "'resnet19'" "the value"
            Expect.stringContains message "wide_resnet50_2" "the known ones")
    ]

[<Tests>]
let tests = testSequenced (testList "hfae detector" (decoderTests @ detectorTests @ settingsTests))
