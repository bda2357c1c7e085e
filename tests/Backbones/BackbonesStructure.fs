/// What a backbone promises beside the right numbers: partial files, names, borders, training, random weights, errors, catalogues.
module Reproduction.Tests.BackbonesStructure

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats

type private Layers = IReadOnlyList<string>

let private shared = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "shared", "weights"))

let private options = BackboneOptions()
let private trainable = BackboneOptions(Trainable = true)

let private random seed (shape: int64[]) =
    use generator = new torch.Generator(seed)
    torch.rand (shape, generator = generator)

let private image height width = random 1UL [| 2L; 3L; int64 height; int64 width |]
let private one (features: torch.Tensor[]) = Expect.hasLength features 1 "one layer" |> fun () -> features[0]

let private close (expected: torch.Tensor) (found: torch.Tensor) what =
    Expect.equal found.shape expected.shape $"{what}: shape"
    let error = (found - expected).abs().max().item<float32>() / expected.abs().max().item<float32>()
    if not (error <= 1e-4f) then failtest $"{what}: error {error}"

let private inFolder test =
    let folder = Directory.CreateTempSubdirectory "weights-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// A state dict of random weights, changed, as a file.
let private withFile architecture (change: Dictionary<string, torch.Tensor> -> unit) test =
    inFolder (fun folder ->
        use _ = torch.NewDisposeScope()
        use backbone = Backbone.Random(architecture, 1, trainable)
        let tensors = Dictionary(backbone.StateDict(fold = false))
        change tensors
        let path = Path.Combine(folder, $"{architecture}.safetensors")
        SafeTensors.Write(path, tensors)
        test path)

let private refused architecture change (words: string list) () =
    withFile architecture change (fun path ->
        let error = Expect.throwsC (fun () -> Backbone.Load(path, architecture).Dispose()) id
        Expect.isTrue (error :? UserError) $"an error for the user, not {error}"

        for word in path :: words do
            Expect.stringContains error.Message word "the error says what is wrong")

/// What each file of ../shared/weights gives by its sidecar.
let private sharedFiles = [
    "efficientnetv2_b0",
    "tf_efficientnetv2_b0",
    [ "stem"; "blocks.0"; "blocks.1"; "blocks.2"; "blocks.3"; "blocks.4"; "blocks.5"; "head" ],
    1280
    "resnet18", "resnet18", [ "stem"; "maxpool"; "layer1.0"; "layer1"; "layer2.0"; "layer2"; "layer3.0"; "layer3" ], 256
    "resnet50_v1",
    "resnet50_v1",
    [
        "stem"
        "maxpool"
        "layer1.0"
        "layer1.1"
        "layer1"
        "layer2.0"
        "layer2.1"
        "layer2.2"
        "layer2"
        "layer3.0"
        "layer3.1"
        "layer3.2"
        "layer3.3"
        "layer3.4"
        "layer3"
    ],
    1024
    "vgg19_16x",
    "vgg19_16x",
    [ "input"; "conv1_1"; "relu1_1"; "aux1_1"; "relu4_1"; "aux4_1"; "relu4_4"; "pool4"; "conv5_1"; "relu5_1"; "aux5_1" ],
    512
    "vgg19_block1-3", "vgg19", [ "conv1_1"; "relu1_1"; "relu1_2"; "pool1"; "relu2_2"; "relu3_1"; "conv3_4"; "relu3_4"; "pool3" ], 256
]

let private sharedFile (name, architecture, layers: string list, deepest) =
    testCase $"shared file {name} gives its layers by its sidecar" (fun () ->
        if not (Directory.Exists shared) then skiptest $"{shared} is not there"
        use _ = torch.NewDisposeScope()
        let file = Weights.Open(shared).Find name
        use backbone = Backbone.Load file
        Expect.equal backbone.Architecture architecture "the architecture"
        Expect.containsAll backbone.LayerNames layers "the layers"
        Expect.equal backbone.LayerNames[backbone.LayerNames.Count - 1] (List.last layers) "the deepest layer"
        Expect.equal (backbone.Channels(List.last layers)) deepest "its channels"
        Expect.equal (Some backbone.WeightsSha256) (Option.ofObj file.Sha256) "the sidecar's sha256"

        for layer, features in Seq.zip backbone.LayerNames (backbone.Forward(image 64 96, backbone.LayerNames)) do
            Expect.equal features.shape[1] (int64 (backbone.Channels layer)) $"{layer}: channels"
            Expect.isTrue (features.isfinite().all().item<bool>()) $"{layer}: finite"
            Expect.isGreaterThan (features.std().item<float32>()) 0f $"{layer}: not constant")

let private files =
    testList "files" [
        yield! List.map sharedFile sharedFiles

        testCase "a file that ends early gives the layers up to there, and says so of the others"
        <| fun () ->
            withFile
                "resnet18"
                (fun tensors ->
                    for name in List.ofSeq tensors.Keys do
                        if name.StartsWith "layer3" || name.StartsWith "layer4" then tensors.Remove name |> ignore)
                (fun path ->
                    use backbone = Backbone.Load(path, "resnet18")
                    Expect.equal backbone.LayerNames[backbone.LayerNames.Count - 1] "layer2" "the deepest layer"
                    let error = Expect.throwsC (fun () -> backbone.Channels "layer3" |> ignore) id
                    Expect.stringContains error.Message "only up to layer2" "the error")

        testCase "a missing tensor"
        <| refused "resnet18" (fun tensors -> tensors.Remove "layer2.1.conv1.weight" |> ignore) [
            "lacks layer2.1.conv1.weight"
            "resnet18"
        ]
        testCase "a missing part of a batch norm"
        <| refused "resnet18" (fun tensors -> tensors.Remove "layer2.1.bn1.running_var" |> ignore) [ "lacks layer2.1.bn1.running_var" ]
        testCase "a batch norm that is gone but was not folded"
        <| refused
            "resnet18"
            (fun tensors ->
                for part in [ "weight"; "bias"; "running_mean"; "running_var" ] do
                    tensors.Remove $"bn1.{part}" |> ignore)
            [ "lacks bn1.weight"; "not folded" ]
        testCase "another shape: which tensor, found and expected"
        <| refused "resnet18" (fun tensors -> tensors["layer1.0.conv1.weight"] <- torch.zeros (64L, 32L, 3L, 3L)) [
            "layer1.0.conv1.weight"
            "[64, 32, 3, 3]"
            "[64, 64, 3, 3]"
        ]
        testCase "NaN: which tensor and element"
        <| refused "resnet18" (fun tensors -> tensors["bn1.bias"] <- torch.zeros(64L).log() * 0f.ToScalar()) [
            "bn1.bias holds NaN at element 0"
        ]
        testCase "a tensor of another network"
        <| refused "resnet18" (fun tensors -> tensors["layer1.2.conv1.weight"] <- torch.zeros (64L, 64L, 3L, 3L)) [
            "layer1.2.conv1.weight"
            "[64, 64, 3, 3]"
            "does not have"
        ]

        testCase "a file of another network"
        <| fun () ->
            withFile "resnet18" ignore (fun path ->
                for other, word in
                    [
                        "resnet34", "layer1.2.conv1.weight"
                        "vgg16", "features.0.weight"
                        "efficientnet_b0", "features.0.0.weight"
                        "yolov3", "layers.0.conv.weight"
                    ] do
                    let error = Expect.throwsC (fun () -> Backbone.Load(path, other).Dispose()) id
                    Expect.stringContains error.Message word $"{other}: what is missing")

        testCase "the classifier and counters of published files are passed over"
        <| fun () ->
            let publish (tensors: Dictionary<string, torch.Tensor>) =
                tensors["fc.weight"] <- torch.zeros (1000L, 512L)
                tensors["fc.bias"] <- torch.zeros 1000L
                tensors["bn1.num_batches_tracked"] <- torch.tensor 7L

            withFile "resnet18" publish (fun path ->
                use backbone = Backbone.Load(path, "resnet18") in Expect.equal backbone.LayerNames.Count 10 "layers")

        testCase "half precision files load as single"
        <| fun () ->
            withFile
                "resnet18"
                (fun tensors ->
                    for name in List.ofSeq tensors.Keys do
                        tensors[name] <- tensors[name].``to``(torch.float16))
                (fun path ->
                    use _ = torch.NewDisposeScope()
                    use half = Backbone.Load(path, "resnet18")
                    use single = Backbone.Random("resnet18", 1)
                    let features (backbone: Backbone) = one (backbone.Forward(image 32 32, [| "layer1" |]))

                    Expect.isLessThan
                        ((features half - features single).abs().max().item<float32>() / (features single).abs().max().item<float32>())
                        1e-2f
                        "near")
    ]

let private computing =
    testList "computing" [
        testCase "folding the batch norm changes nothing"
        <| fun () ->
            for architecture in [ "vgg16_bn"; "resnet18"; "efficientnet_b0"; "tf_efficientnetv2_b0" ] do
                // Statistics that folding could get wrong.
                let publish (tensors: Dictionary<string, torch.Tensor>) =
                    for number, name in List.indexed (List.ofSeq tensors.Keys) do
                        if tensors[name].dim() = 1L then tensors[name] <- random (uint64 number) tensors[name].shape + 0.3f.ToScalar()

                withFile architecture publish (fun path ->
                    use _ = torch.NewDisposeScope()
                    use kept = Backbone.Load(path, architecture, trainable)
                    use folded = Backbone.Load(path, architecture)
                    SafeTensors.Write(path, kept.StateDict(fold = true))
                    use stored = Backbone.Load(path, architecture)
                    let layer: Layers = [| kept.LayerNames[kept.LayerNames.Count - 1] |]
                    let expected = one (kept.Forward(image 65 64, layer))
                    close expected (one (folded.Forward(image 65 64, layer))) $"{architecture} folded"
                    close expected (one (stored.Forward(image 65 64, layer))) $"{architecture} folded in its file")

        testCase "layers come in the order asked for, each once or twice, under any of their names"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("vgg16", 1)
            let features = backbone.Forward(image 32 32, [| "pool2"; "relu1_1"; "features.1"; "conv1_1" |])
            Expect.equal [ for map in features -> map.shape[1] ] [ 128L; 64L; 64L; 64L ] "channels"
            Expect.isTrue (features[1].Equals(features[2]: torch.Tensor)) "two names of one layer"
            Expect.isTrue (features[3].relu().Equals(features[1]: torch.Tensor)) "the layer before the ReLU is not overwritten by it"
            Expect.isLessThan (features[3].min().item<float32>()) 0f "it has negative values"

        testCase "one layer alone is the same as among others"
        <| fun () ->
            use _ = torch.NewDisposeScope()

            for architecture in [ "vgg19"; "resnet34"; "efficientnet-b0"; "yolov3" ] do
                use backbone = Backbone.Random(architecture, 1)
                let layers: Layers = [| for index in 0..3 -> backbone.LayerNames[index * (backbone.LayerNames.Count - 1) / 3] |]
                let together = backbone.Forward(image 64 64, layers)

                for layer, expected in Seq.zip layers together do
                    close expected (one (backbone.Forward(image 64 64, [| layer |]))) $"{architecture} {layer}"

        testCase "the input is left alone, a batch is its images"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("resnet18", 1)
            let images = image 48 40
            let before = images.clone ()
            let both = one (backbone.Forward(images, [| "layer2" |]))
            Expect.isTrue (images.Equals(before: torch.Tensor)) "the input"
            close (both.narrow (0, 1, 1)) (one (backbone.Forward(images.narrow (0, 1, 1), [| "layer2" |]))) "the second image"

        testCase "preprocessing is applied by Forward and not by ForwardRaw"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("resnet18", 1)

            let normalised =
                (image 32 32 - torch.tensor([| 0.485f; 0.456f; 0.406f |]).view(1, 3, 1, 1))
                / torch.tensor([| 0.229f; 0.224f; 0.225f |]).view(1, 3, 1, 1)

            close (one (backbone.ForwardRaw(normalised, [| "stem" |]))) (one (backbone.Forward(image 32 32, [| "stem" |]))) "ImageNet's"
            let caffe = Preprocessing.Caffe.Apply(image 4 4)

            close
                ((image 4 4).narrow(1, 2, 1) * (255f.ToScalar()) - 103.939f.ToScalar())
                (caffe.narrow (1, 0, 1))
                "Caffe's first channel is blue"

        testCase "reflection continues a VGG's images by their mirror image"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use zeros = Backbone.Random("vgg16", 1)
            use reflected = Backbone.Random("vgg16", 1, BackboneOptions(Border = BorderMode.Reflect))
            let features (backbone: Backbone) (input: torch.Tensor) = one (backbone.ForwardRaw(input, [| "conv1_1" |]))
            let input = image 10 12
            let padded = torch.nn.functional.pad (input, [| 1L; 1L; 1L; 1L |], PaddingModes.Reflect)
            close ((features zeros padded).narrow(2, 1, 10).narrow(3, 1, 12)) (features reflected input) "reflection"
            Expect.isGreaterThan ((features zeros input - features reflected input).abs().max().item<float32>()) 1e-3f "the border differs"
            Expect.notEqual zeros.Fingerprint reflected.Fingerprint "their caches differ"

            Expect.throwsT<UserError>
                (fun () -> Backbone.Random("resnet18", 1, BackboneOptions(Border = BorderMode.Reflect)).Dispose())
                "no other network has it"

        testCase "YOLOv3 says which layer needs a multiple of 32"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("yolov3", 1)
            Expect.equal (one (backbone.Forward(image 40 40, [| "layer20" |]))).shape [| 2L; 256L; 5L; 5L |] "layer 20 at any size"

            Expect.equal
                [ for map in backbone.Forward(image 64 96, [| "82"; "94"; "106" |]) -> map.shape[2], map.shape[3] ]
                [ 2L, 3L; 4L, 6L; 8L, 12L ]
                "the three scales"

            let error = Expect.throwsC (fun () -> backbone.Forward(image 40 40, [| "86" |]) |> ignore) id
            Expect.stringContains error.Message "multiples of 32" "the error"

        testCase "unknown layers and inputs that are no images"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("resnet18", 1)
            let error = Expect.throwsC (fun () -> backbone.Forward(image 32 32, [| "layer9" |]) |> ignore) id
            Expect.stringContains error.Message "its layers are stem, maxpool" "the error names the layers"
            Expect.throwsT<UserError> (fun () -> backbone.ForwardRaw(torch.zeros (1L, 1L, 8L, 8L), [| "stem" |]) |> ignore) "one channel"
    ]

let private learning =
    testList "learning" [
        testCase "random weights depend on the seed and on nothing else"
        <| fun () ->
            use _ = torch.NewDisposeScope()

            let features seed =
                use backbone = Backbone.Random("resnet18", seed)
                one (backbone.Forward(image 32 32, [| "layer1" |])), backbone.Fingerprint

            let first, fingerprint = features 1
            torch.manual_seed 99L |> ignore
            Expect.isTrue (first.Equals(fst (features 1): torch.Tensor)) "one seed"
            Expect.equal (snd (features 1)) fingerprint "one fingerprint"
            Expect.isFalse (first.Equals(fst (features 2): torch.Tensor)) "another seed"
            Expect.notEqual (snd (features 2)) fingerprint "another fingerprint"

        testCase "random weights have Kaiming's deviation"
        <| fun () ->
            use backbone = Backbone.Random("vgg16", 1)
            let weight = backbone.StateDict(fold = false)["features.28.weight"]
            Expect.floatClose Accuracy.low (float (weight.std().item<float32>() / float32 (sqrt (2. / (512. * 9.))))) 1. "deviation"
            Expect.isLessThan (abs (weight.mean().item<float32>())) 1e-4f "mean"

        testCase "a frozen backbone keeps no graph and has no parameters"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("resnet18", 1)
            Expect.isFalse (one (backbone.Forward(image 32 32, [| "stem" |]))).requires_grad "no graph"
            Expect.isEmpty (backbone.parameters ()) "no parameters"
            Expect.throws (fun () -> backbone.Train true) "it cannot be trained"

        testCase "gradients reach every weight that a layer needs, and only those"
        <| fun () ->
            use _ = torch.NewDisposeScope()

            for architecture, layer, last in
                [ "vgg16", "relu3_3", "features.14"; "resnet18", "layer2", "layer2.1"; "efficientnet_b0", "blocks.2", "features.3" ] do
                use backbone = Backbone.Random(architecture, 1, trainable)
                backbone.Train true
                (one (backbone.Forward(image 32 32, [| layer |]))).square().mean().backward()

                let touched = [
                    for struct (name, parameter) in backbone.named_parameters () do
                        match Option.ofObj parameter.grad with
                        | Some grad when grad.abs().sum().item<float32>() > 0f -> name
                        | _ -> ()
                ]

                Expect.isTrue (touched |> List.exists (fun name -> name.StartsWith last)) $"{architecture}: the last weights"
                Expect.isTrue (List.length touched < Seq.length (backbone.parameters ())) $"{architecture}: not those behind"

        testCase "training moves the running statistics, and only training"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbone = Backbone.Random("resnet18", 1, trainable)
            let mean () = (backbone.StateDict(fold = false)["bn1.running_mean"]).clone()
            let before = mean ()
            backbone.Forward(image 32 32, [| "stem" |]) |> ignore
            Expect.isTrue (before.Equals(mean (): torch.Tensor)) "not when evaluating"
            backbone.Train true
            backbone.Forward(image 32 32, [| "stem" |]) |> ignore
            Expect.isFalse (before.Equals(mean (): torch.Tensor)) "when training"

        testCase "weights outlive the scope in which they were loaded"
        <| fun () ->
            let load options =
                use _ = torch.NewDisposeScope()
                Backbone.Random("resnet18", 1, options)

            for options in [ options; trainable ] do
                use backbone = load options
                use _ = torch.NewDisposeScope()
                Expect.equal (one (backbone.Forward(image 32 32, [| "layer4" |]))).shape [| 2L; 512L; 1L; 1L |] "shape"
    ]

let private catalogue =
    let write folder (name: string) = File.WriteAllText(Path.Combine(folder, name), "")

    testList "catalogue" [
        testCase "a file's name tells its network"
        <| fun () ->
            for name, architecture in
                [
                    "vgg16-397923af.pth", Some "vgg16"
                    "resnet18-f37072fd.pth", Some "resnet18"
                    "resnet18-5c106cde.pth", Some "resnet18"
                    "wide_resnet50_2-95faca4d.pth", Some "wide_resnet50_2"
                    "resnet50_v1.safetensors", Some "resnet50_v1"
                    "efficientnet-b4-6ed6700e.pth", Some "efficientnet-b4"
                    "efficientnet_b0_rwightman-7f5810bc.pth", Some "efficientnet_b0"
                    "tf_efficientnetv2_b0.safetensors", Some "tf_efficientnetv2_b0"
                    "yolov3.weights", Some "yolov3"
                    "darknet53.weights", Some "yolov3"
                    "mine.pth", None
                ] do
                Expect.equal (Option.ofObj (WeightsFile.Describe("/nowhere/" + name)).Architecture) architecture name

        testCase "a network is found by its name, else by its architecture, and the largest file wins"
        <| fun () ->
            inFolder (fun folder ->
                for name in [ "vgg19_part.safetensors"; "vgg19-dcbb9e9d.pth"; "resnet18-f37072fd.pth"; "notes.txt" ] do
                    write folder name

                File.WriteAllText(
                    Path.Combine(folder, "vgg19_part.json"),
                    """{"architecture": "vgg19", "preprocessing": {"color": "BGR", "range": 255, "mean": [1, 2, 3], "std": null}}"""
                )

                File.WriteAllText(Path.Combine(folder, "vgg19-dcbb9e9d.pth"), "larger")
                let weights = Weights.Open folder
                Expect.equal weights.Files.Count 3 "files"
                Expect.equal (weights.Find "vgg19").Name "vgg19-dcbb9e9d" "the largest"
                let part = weights.Find "vgg19_part"
                Expect.equal part.Architecture "vgg19" "the sidecar's architecture"
                Expect.equal (string part.Preprocessing) "BGR 0..255 mean 1,2,3 std none" "the sidecar's preprocessing"
                Expect.equal (weights.Find "ResNet-18").Name "resnet18-f37072fd" "any spelling"
                let error = Expect.throwsC (fun () -> weights.Find "vgg16" |> ignore) id
                Expect.stringContains error.Message "vgg19_part" "the error names what there is"
                Expect.stringContains error.Message "repro weights fetch vgg16" "and the way out")

        testCase "a sidecar that is no JSON, and a folder that is none"
        <| fun () ->
            inFolder (fun folder ->
                write folder "resnet18.pth"
                write folder "resnet18.json"
                Expect.throwsT<UserError> (fun () -> Weights.Open folder |> ignore) "the sidecar"
                Expect.throwsT<UserError> (fun () -> Weights.Open(folder + "/none") |> ignore) "the folder")

        testCase "EfficientNets are told apart by their tensors' names, whatever they are called"
        <| fun () ->
            for written, asked in
                [
                    "efficientnet-b0", "efficientnet_b0"
                    "efficientnet_b0", "efficientnet-b0"
                    "tf_efficientnet_b0", "efficientnet-b0"
                    "timm_efficientnet_b0", "efficientnet_b0"
                ] do
                withFile written ignore (fun path ->
                    use backbone = Backbone.Load(path, asked) in Expect.equal backbone.Architecture written $"{asked} from {written}")
    ]

[<Tests>]
let tests = testSequenced <| testList "backbones" [ files; computing; learning; catalogue ]
