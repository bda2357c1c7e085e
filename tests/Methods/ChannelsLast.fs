/// The layout with the channels innermost: what is done to parameters keeps it, and every convolution of every network is computed in it.
module Reproduction.Tests.ChannelsLast

open System
open System.Collections.Generic
open Expecto
open TorchSharp
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Methods
open Reproduction.Papers.Dfr
open Reproduction.Papers.Favae
open Reproduction.Papers.Gaussian
open Reproduction.Papers.Hfae
open Reproduction.Papers.Ssae
open Reproduction.Tests.InMemory

type private Layer = torch.nn.Module<torch.Tensor, torch.Tensor>

let private same (a: torch.Tensor) (b: torch.Tensor) = a.eq(b).all().ToBoolean()

/// So do the channels of one channel or of one position lie in the plain layout too.
let private isLast (value: torch.Tensor) =
    use permuted = value.permute (0L, 2L, 3L, 1L)
    permuted.is_contiguous ()

/// Names of the convolutions whose kernel, input, output or kernel's gradient does not have its channels innermost. libtorch goes by input
/// and kernel: the gradient that comes to a convolution it brings into their layout itself.
let private faults (network: torch.nn.Module) (loss: unit -> torch.Tensor) =
    let seen = List<string>()
    let mutable count = 0
    let mutable calls = 0

    let hook name =
        Func<Layer, torch.Tensor, torch.Tensor, torch.Tensor>(fun _ input output ->
            calls <- calls + 1
            if not (isLast input) then seen.Add $"{name}: input"
            if not (isLast output) then seen.Add $"{name}: output"
            output)

    let kernels = [
        for struct (name, part) in network.named_modules () do
            match part with
            | :? Modules.Convolution as convolution ->
                count <- count + 1
                convolution.register_forward_hook (hook name) |> ignore
                if not (isLast convolution.weight) then $"{name}: kernel"
            | _ -> ()
    ]

    (loss ()).backward()
    Expect.isGreaterThanOrEqual calls count "every convolution was called"

    [
        yield! kernels
        yield! seen
        for struct (name, parameter) in network.named_parameters () do
            match Option.ofObj parameter.grad with
            | Some gradient when parameter.dim () = 4L && not (isLast gradient) -> $"{name}: its gradient"
            | _ -> ()
    ]


[<Tests>]
let tests =
    testSequenced
    <| testList "channels last" [
        testCase "the values are the same, the memory is not, and a second time costs nothing"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let plain = torch.rand ([| 2L; 5L; 4L; 3L |])
            let last = ChannelsLast.channels_last plain
            Expect.isTrue (same last plain) "values"
            Expect.isFalse (isLast plain) "plain"
            Expect.isTrue (isLast last) "channels innermost"
            ChannelsLast.channels_last(last).zero_() |> ignore
            Expect.equal (last.abs().max().ToSingle()) 0f "the same memory"

        testCase "a kernel keeps the layout when a state is loaded and when an optimiser steps"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for name, optimiser in
                [
                    "Adam", (fun (parameters: Modules.Parameter seq) -> torch.optim.Adam(parameters, 0.1) :> Modules.OptimizerHelper)
                    "SGD", (fun parameters -> torch.optim.SGD(parameters, 0.1, 0.9))
                ] do
                use source = torch.nn.Conv2d(5L, 6L, 3L)
                use target = ChannelsLast.to_channels_last (torch.nn.Conv2d(5L, 6L, 3L))
                target.load_state_dict (source.state_dict ()) |> ignore
                Expect.isTrue (same target.weight source.weight) $"{name}: loaded"
                use optimizer = optimiser (target.parameters ())
                let before = target.weight.detach().clone()
                (target.call (torch.rand [| 2L; 5L; 8L; 8L |])).sum().backward()
                optimizer.step () |> ignore
                Expect.isFalse (same target.weight before) $"{name}: stepped"
                Expect.isTrue (isLast target.weight) $"{name}: kernel"
                Expect.isTrue (isLast (nonNull target.weight.grad)) $"{name}: gradient"

        testCase "hfae trains in it"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use backbone = Backbone.Random("vgg19_16x", 7)
            let settings = HfaeSettings(Network = "vgg19_16x", Layers = [| "pool2"; "pool3"; "pool4" |], ImageSize = 64)
            use decoder = new HfaeDecoder([| for layer in settings.Layers -> int64 (backbone.Channels layer) |], settings)
            let encoded = backbone.Forward(randomPixels 2 64, settings.Layers)

            let loss () = HfaeEquations.Loss [| for e, d in Seq.zip encoded (decoder.call encoded[2]) -> HfaeEquations.ResidualMap(e, d) |]

            Expect.equal (faults decoder loss) [] "layouts"

        testCase "dfr trains in it, on all positions and on sampled ones"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use backbone = Backbone.Random("vgg19_16x", 7)
            use regions = new RegionalFeatures(Alignment.Nearest, struct (64, 64), struct (4, 4))
            let features = regions.Concatenate(backbone.Forward(randomPixels 2 64, [| "relu1_2"; "relu2_2"; "relu3_3" |]))
            Expect.isTrue (isLast features) "regional features"

            for batchNorm in [ false; true ] do
                use autoencoder = new RegionalAutoencoder(features.shape[1], 6L, 20L, batchNorm)
                Expect.equal (faults autoencoder (fun () -> ((autoencoder.call features) - features).square().mean())) [] "layouts"

        for variant in [ "vanilla"; "encoder"; "vgg16+network=vgg19_16x" ] do
            testCase $"favae {variant} trains in it"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use resources = new RandomResources([ "vgg19_16x" ])
                let settings = FavaeMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings
                use detector = new FavaeDetector(settings, resources.Resources)
                let batch = ChannelsLast.channels_last (randomPixels 2 128)
                Expect.equal (faults detector.Network (fun () -> detector.Loss(batch, null))) [] "layouts"

        for kernel in [ 3; 5 ] do
            testCase $"ssae with kernels of {kernel} trains in it"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use network = new SsaeNetwork(kernel, 0.0625)
                let batch = randomPixels 2 (8 * 33 * (kernel / 2)) // so large that no tap of the widest dilation is left out
                let mask = torch.rand [| 2L; 1L; batch.shape[2]; batch.shape[3] |]
                Expect.equal (faults network (fun () -> SsaeEquations.Objective1(network.call batch, batch, mask, 0.5))) [] "layouts"

        testCase "the autoencoder of gaussian's tables trains in it"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use network = new ResNetAutoencoder(4)
            let batch = randomPixels 2 ResNetAutoencoder.ImageSide
            Expect.equal (faults network (fun () -> (network.call (batch) - batch).square().mean())) [] "layouts"

        // At 70 pixels the borders of TensorFlow are uneven somewhere.
        let networks = [ "vgg19_16x", 64; "vgg16_bn", 32; "resnet18", 64; "efficientnet-b0", 70; "tf_efficientnetv2_b0", 70; "yolov3", 32 ]

        for architecture, side in networks do
            testCase $"{architecture} is computed in it to its last layer, frozen and trained"
            <| fun () ->
                for trainable in [ false; true ] do
                    use _scope = torch.NewDisposeScope()
                    use backbone = Backbone.Random(architecture, 7, BackboneOptions(Trainable = trainable))
                    let features = backbone.Forward(randomPixels 1 side, backbone.LayerNames)

                    Expect.isEmpty
                        [
                            for name, map in Seq.zip backbone.LayerNames features do
                                if not (isLast map) then name
                        ]
                        "layers"

                    let plain (value: torch.Tensor) = value.dim () = 4L && not (isLast value)

                    Expect.isEmpty
                        [
                            for entry in backbone.StateDict false do
                                if plain entry.Value then entry.Key
                        ]
                        "kernels"

                    if trainable then
                        (features |> Seq.map (fun map -> map.square().mean()) |> Seq.reduce (fun a b -> a + b)).backward()

                        Expect.isEmpty
                            [
                                for struct (name, parameter) in backbone.named_parameters () do
                                    match Option.ofObj parameter.grad with
                                    | Some gradient when parameter.dim () = 4L && not (isLast gradient) -> name
                                    | _ -> ()
                            ]
                            "gradients"
    ]
