/// Files of weights: whole, partial, broken and of other networks, and the catalogue that finds them.
module Reproduction.Tests.BackbonesFiles

open System
open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Tests.Bench
open Reproduction.Tests.InMemory

let private shared = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "shared", "weights"))

let private one (features: torch.Tensor[]) = Expect.hasLength features 1 "one layer" |> fun () -> features[0]

let private image height width =
    use generator = new torch.Generator(1UL)
    torch.rand ([| 2L; 3L; int64 height; int64 width |], generator = generator)

let private refused architecture change (words: string list) () =
    withWeights architecture change (fun path ->
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
            withWeights
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
            withWeights "resnet18" ignore (fun path ->
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

            withWeights "resnet18" publish (fun path ->
                use backbone = Backbone.Load(path, "resnet18") in Expect.equal backbone.LayerNames.Count 10 "layers")

        testCase "half precision files load as single"
        <| fun () ->
            withWeights
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
        <| inFolder (fun at ->
            let folder = at ""

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
        <| inFolder (fun at ->
            let folder = at ""

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
                withWeights written ignore (fun path ->
                    use backbone = Backbone.Load(path, asked) in Expect.equal backbone.Architecture written $"{asked} from {written}")
    ]

[<Tests>]
let tests = testSequenced <| testList "backbones files" [ files; catalogue ]
