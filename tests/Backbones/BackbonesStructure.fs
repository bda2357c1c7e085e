/// What a backbone promises beside the right numbers: names, borders, training, random weights, errors.
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
open Reproduction.Tests.InMemory

type private Layers = IReadOnlyList<string>

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

let private computing =
    testList "computing" [
        testCase "folding the batch norm changes nothing"
        <| fun () ->
            for architecture in [ "vgg16_bn"; "resnet18"; "efficientnet_b0"; "tf_efficientnetv2_b0" ] do
                // Statistics that folding could get wrong.
                let publish (tensors: Dictionary<string, torch.Tensor>) =
                    for number, name in List.indexed (List.ofSeq tensors.Keys) do
                        if tensors[name].dim() = 1L then tensors[name] <- random (uint64 number) tensors[name].shape + 0.3f.ToScalar()

                withWeights architecture publish (fun path ->
                    use _ = torch.NewDisposeScope()
                    use kept = Backbone.Load(path, architecture, trainable)
                    use folded = Backbone.Load(path, architecture)
                    SafeTensors.Write(path, kept.StateDict(fold = true))
                    use stored = Backbone.Load(path, architecture)
                    let layer: Layers = [| kept.LayerNames[kept.LayerNames.Count - 1] |]
                    let expected = one (kept.Forward(image 65 64, layer))
                    close expected (one (folded.Forward(image 65 64, layer))) $"{architecture} folded"
                    close expected (one (stored.Forward(image 65 64, layer))) $"{architecture} folded in its file")

        testCase "with mirrored borders a ResNet sees no border in a flat image, and inside an image nothing changes"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()

            for architecture in [ "resnet18"; "resnet18_cntk"; "resnet50_v1" ] do
                use zeros = Backbone.Random(architecture, 1)
                use mirrored = Backbone.Random(architecture, 1, BackboneOptions(Border = BorderMode.Reflect))
                let layers: Layers = [| "stem"; "layer1"; "layer2"; "layer3" |]
                let flat = torch.full ([| 1L; 3L; 160L; 160L |], 0.4f.ToScalar())

                let maps = Seq.zip (mirrored.Forward(flat, layers)) (zeros.Forward(flat, layers))

                for layer, (map, plain) in Seq.zip layers maps do
                    let spread (map: torch.Tensor) =
                        let range = map.amax ([| 2L; 3L |]) - map.amin [| 2L; 3L |]
                        range.max().item<float32>() / map.abs().max().item<float32>()

                    Expect.isLessThan (spread map) 1e-4f $"{architecture} {layer}: mirrored"
                    Expect.isGreaterThan (spread plain) 1e-2f $"{architecture} {layer}: zeros"

                // layer1's positions at 20 pixels from the border and more see nothing of it (receptive field 43 pixels of resnet18).
                let first: Layers = [| "layer1" |]
                let map (backbone: Backbone) = one (backbone.Forward(random 2UL [| 1L; 3L; 160L; 160L |], first))
                let inside (map: torch.Tensor) = map.narrow(2, 8L, 24L).narrow(3, 8L, 24L)
                close (inside (map zeros)) (inside (map mirrored)) $"{architecture} inside"
                Expect.isGreaterThan ((map zeros - map mirrored).abs().max().item<float32>()) 1e-3f $"{architecture} at the border"

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

            for network, border in [ "efficientnet_b0", BorderMode.Reflect; "resnet18", BorderMode.ReflectAhead ] do
                Expect.throwsT<UserError>
                    (fun () -> Backbone.Random(network, 1, BackboneOptions(Border = border)).Dispose())
                    $"{network} has it"

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

[<Tests>]
let tests = testSequenced <| testList "backbones" [ computing; learning ]
