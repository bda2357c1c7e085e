/// `favae`: the network of appendix D, Table 2's mapping, the objective of equation (8) against its literal wording.
module Reproduction.Tests.Favae

open System
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Favae
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers


let private smoke variant = FavaeMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings


let private vgg = [| struct (22, 128); struct (16, 256); struct (10, 512) |]

[<Tests>]
let tests =
    testSequenced
    <| testList "favae" [
        testCase "encoder, decoder and adapters have the convolutions of appendix D"
        <| fun () ->
            use network = new FavaeNetwork(100, 1.0, vgg)

            let kernels prefix = [
                for struct (name, p) in network.named_parameters () do
                    if p.dim () = 4L && name.StartsWith(prefix + ".", StringComparison.Ordinal) then p.shape[0], p.shape[1], p.shape[2]
            ]

            Expect.equal
                (kernels "encoder")
                [
                    128L, 3L, 4L
                    128L, 128L, 4L
                    256L, 128L, 3L
                    256L, 256L, 4L
                    512L, 256L, 3L
                    512L, 512L, 4L
                    512L, 512L, 3L
                    32L, 512L, 3L
                    200L, 32L, 8L
                ]
                "encoder: output channels, input channels, kernel"

            Expect.equal
                (kernels "decoder")
                [
                    100L, 32L, 8L
                    32L, 512L, 3L
                    512L, 512L, 3L
                    512L, 512L, 4L
                    512L, 256L, 3L
                    256L, 256L, 4L
                    256L, 128L, 3L
                    128L, 128L, 4L
                    128L, 3L, 4L
                ]
                "decoder: input channels, output channels, kernel"

            Expect.equal
                (kernels "adapters")
                [ 128L, 128L, 1L; 128L, 128L, 1L; 256L, 256L, 1L; 256L, 256L, 1L; 512L, 512L, 1L; 512L, 512L, 1L ]
                "adapters of VGG-16"

        testCase "Table 2, its misprint mended, is the only mapping that fits by size: 22, 16 and 10 have 64, 32 and 16 pixels"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use _noGradient = torch.no_grad ()
            use network = new FavaeNetwork(8, 0.0625, vgg)
            network.eval ()
            let struct (mean, logVariance, layers) = network.Encode(torch.rand [| 1L; 3L; 128L; 128L |])
            Expect.sequenceEqual mean.shape [| 1L; 8L; 1L; 1L |] "latent mean"
            Expect.sequenceEqual logVariance.shape [| 1L; 8L; 1L; 1L |] "latent log variance"
            Expect.equal [ for number in [ "3"; "9"; "15" ] -> layers[number].shape[2] ] [ 32L; 16L; 8L ] "the own encoder's layers"
            let sizes = [| struct (64L, 64L); struct (32L, 32L); struct (16L, 16L) |]
            let decoded = network.Decode(mean, sizes)

            Expect.equal
                [ for value in decoded -> value.shape[1], value.shape[2] ]
                [ 3L, 128L; 128L, 64L; 256L, 32L; 512L, 16L ]
                "channels and rows"

            Expect.isTrue (decoded[0].min().ToSingle() >= 0f && decoded[0].max().ToSingle() <= 1f) "pixels within 0..1"

        testCase "the decoder is appendix D's chain of transposed convolutions, batch norms and LeakyReLUs"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use _noGradient = torch.no_grad ()
            use network = new FavaeNetwork(8, 0.0625, vgg)
            network.eval ()
            let layers = dict [ for struct (name, value) in network.named_parameters () -> name, (value :> torch.Tensor) ]
            let code = torch.randn [| 2L; 8L; 1L; 1L |]
            // Stride and padding of layers 1, 4, ..., 25.
            let chain = [ 1L, 0L; 1L, 1L; 1L, 1L; 2L, 1L; 1L, 1L; 2L, 1L; 1L, 1L; 2L, 1L; 2L, 1L ]

            let literal =
                (code, List.indexed chain)
                ||> List.fold (fun value (i, (stride, padding)) ->
                    let output =
                        torch.nn.functional.conv_transpose2d (
                            value,
                            layers[$"decoder.{i}.weight"],
                            layers[$"decoder.{i}.bias"],
                            [| stride; stride |],
                            [| padding; padding |]
                        )
                    // Batch norms are new: mean 0, variance 1, and of weight 1.
                    if i < 8 then torch.nn.functional.leaky_relu (output / sqrt (1.0 + 1e-5), 0.2) else output.sigmoid ())

            let decoded = network.Decode(code, [| struct (64L, 64L); struct (32L, 32L); struct (16L, 16L) |])
            Expect.isLessThan (largest decoded[0] literal) 1e-5f "pixels"

        testCase "without features, the objective is the literal negative ELBO"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])
            use detector = new FavaeDetector(smoke "vanilla", resources.Resources)
            let input = randomPixels 2 128
            torch.manual_seed 3L |> ignore
            use generator = new torch.Generator(11UL, torch.CPU)
            let actual = float (detector.Loss(input, generator).ToSingle())
            use again = new torch.Generator(11UL, torch.CPU)
            let struct (mean, logVariance, _) = detector.Network.Encode input
            let code = mean + (logVariance * 0.5).exp() * torch.randn (mean.shape, generator = again)
            let restored = detector.Network.Decode(code, [||])[0]
            // All variances are 1 before training: log N(x | mu, 1) of every pixel and colour, and the KL divergence to N(0, 1).
            let pixels = [| 0 .. int (input.numel ()) - 1 |]
            let x, mu = input.flatten().data<float32>().ToArray(), restored.detach().contiguous().flatten().data<float32>().ToArray()
            let likelihood = pixels |> Array.sumBy (fun i -> -0.5 * (log (2.0 * Math.PI) + float (x[i] - mu[i]) ** 2.0))
            let m, v = mean.detach().flatten().data<float32>().ToArray(), logVariance.detach().flatten().data<float32>().ToArray()

            let divergence =
                Array.map2 (fun (m: float32) (v: float32) -> 0.5 * (float m ** 2.0 + exp (float v) - float v - 1.0)) m v |> Array.sum

            Expect.floatClose Accuracy.low (actual / ((divergence - likelihood) / 2.0)) 1.0 "ratio of the losses"

        for variant in [ "vanilla"; "vgg16+network=vgg19_16x"; "encoder-stop"; "encoder" ] do
            testCase $"{variant}: saved and loaded, it scores the same; the image score is the sum over the map"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                let set = RandomImages(6, 128)
                use resources = new RandomResources([ "vgg19_16x" ])
                let settings = smoke (variant + "+images_per_epoch=16+batch_size=8")
                use detector = new FavaeDetector(settings, resources.Resources)
                detector.Fit(set, FitContext(Seed = 3)) |> ignore
                use whole = detector.Score(ImageBatch.All set)
                use restored = new FavaeDetector(settings, resources.Resources)
                restored.Load(detector.Save())
                use again = restored.Score(ImageBatch.All set)
                let map = nonNull whole.Map
                Expect.equal (largest map (nonNull again.Map)) 0f "loaded"
                let sum = map.sum ([| 1L; 2L; 3L |])
                Expect.isLessThan (largest whole.Image sum / sum.abs().max().ToSingle()) 1e-5f "image score"

                let parts =
                    [
                        for KeyValue(name, part) in whole.Parts do
                            if not (name.EndsWith ".sum") then part
                    ]
                    |> List.reduce (fun a b -> a + b)

                for KeyValue(name, part) in whole.Parts do
                    if not (name.EndsWith ".sum") then
                        let sum = part.sum ([| 1L; 2L; 3L |])

                        Expect.isLessThan
                            (largest whole.Parts[name + ".sum"] sum / sum.abs().max().ToSingle())
                            1e-5f
                            $"image score of {name}"

                Expect.isLessThan (largest map parts / map.abs().max().ToSingle()) 1e-5f "the map is the sum of the layers' maps"

        testCase "a random extractor is another one for each seed, and is saved by its seed"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let set = RandomImages(4, 128)
            use resources = new RandomResources([])
            let settings = smoke "random-resnet18+images_per_epoch=16+batch_size=8"
            let input = randomPixels 2 128

            let fitted seed =
                let detector = new FavaeDetector(settings, resources.Resources)
                detector.Fit(set, FitContext(Seed = seed)) |> ignore
                detector

            let features (detector: FavaeDetector) =
                let struct (_, _, layers) = detector.Network.Encode input
                Seq.head (detector.Features(input, layers))

            use zero = fitted 0
            use three = fitted 3
            Expect.isGreaterThan (largest (features zero) (features three)) 1e-3f "the seeds' networks differ"
            use again = new FavaeDetector(settings, resources.Resources)
            again.Load(three.Save())
            Expect.equal (largest (features again) (features three)) 0f "the network of the saved seed"
            again.Load(DetectorState(three.Save().Tensors, System.Collections.Generic.Dictionary()))
            Expect.equal (largest (features again) (features zero)) 0f "a model of before does not say its seed: 0"

        testCase "M3 reconstructs its encoder's features without moving them, M6 moves them too"
        <| fun () ->
            for variant, moves in [ "encoder-stop", false; "encoder", true ] do
                use _scope = torch.NewDisposeScope()
                use resources = new RandomResources([])
                use detector = new FavaeDetector(smoke variant, resources.Resources)
                let input = randomPixels 2 128
                let struct (_, _, layers) = detector.Network.Encode input
                Expect.equal (List.ofSeq (detector.Features(input, layers)) |> List.map _.requires_grad) [ moves; moves; moves ] variant

                // The same values either way: only the gradient stops.
                for feature, layer in Seq.zip (detector.Features(input, layers)) [ "3"; "9"; "15" ] do
                    Expect.equal (largest feature layers[layer]) 0f $"{variant}: layer {layer}"

        testCase "(8) with features: the literal sum over pixels, two upsampled layers and the divergence"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use _noGradient = torch.no_grad ()
            use resources = new RandomResources([ "vgg19_16x" ])
            use detector = new FavaeDetector(smoke "vgg16+network=vgg19_16x", resources.Resources)
            let input = randomPixels 2 128
            torch.manual_seed 5L |> ignore

            for i, logVariance in Seq.indexed detector.Network.LogVariances do
                logVariance.copy_ (torch.randn logVariance.shape * 0.3 - float i) |> ignore

            use generator = new torch.Generator(4UL, torch.CPU)
            let actual = (detector.Elbo(input, generator)).data<float32>().ToArray()
            use again = new torch.Generator(4UL, torch.CPU)
            let struct (mean, logVariance, layers) = detector.Network.Encode input
            let code = mean + (logVariance * 0.5).exp() * torch.randn (mean.shape, generator = again)
            let targets = input :: List.ofSeq (detector.Features(input, layers))
            let means = detector.Network.Decode(code, [| for target in targets.Tail -> struct (target.shape[2], target.shape[3]) |])

            // -log N(y | mu, exp(v)) summed over channels, each layer's map brought to 128 x 128 before the sum over pixels.
            let maps =
                List.mapi
                    (fun i (target: torch.Tensor) ->
                        let v = detector.Network.LogVariances[i].reshape(1L, -1L, 1L, 1L)
                        let each = ((target - means[i]).square() / v.exp () + v + log (2.0 * Math.PI)) * 0.5
                        let map = each.sum ([| 1L |], true)

                        if map.shape[2] = 128L then
                            map
                        else
                            torch.nn.functional.interpolate (
                                map,
                                [| 128L; 128L |],
                                mode = torch.InterpolationMode.Bilinear,
                                align_corners = Nullable false
                            ))
                    targets

            let divergence = ((mean.square () + logVariance.exp () - logVariance - 1.0) * 0.5).flatten(1).sum(1)
            let likelihood = maps |> List.map (fun map -> map.flatten(1).sum(1)) |> List.reduce (fun a b -> a + b)
            let expected = (-likelihood - divergence).data<float32>().ToArray()

            for a, e in Array.zip actual expected do
                Expect.floatClose { absolute = 0.0; relative = 1e-4 } (float a) (float e) "ELBO"

        testCase "batch norms keep their statistics from the share of the steps that is asked for"
        <| fun () ->
            let statistics share =
                use _scope = torch.NewDisposeScope()
                use resources = new RandomResources([])
                let settings = smoke $"vanilla+images_per_epoch=64+batch_size=4+norms_fixed_after={share}"
                use detector = new FavaeDetector(settings, resources.Resources)
                let alive = ResizeArray()

                let progress =
                    Action<int64, int64, string>(fun _ _ _ ->
                        use _ = torch.NewDisposeScope()

                        let means = [
                            for struct (name, value) in detector.Network.named_buffers () do
                                if name.EndsWith "running_mean" then value.sum().ToDouble()
                        ]

                        alive.Add(List.sum means))

                detector.Fit(RandomImages(6, 128), FitContext(Seed = 3, Progress = progress)) |> ignore
                Expect.hasLength alive 16 "16 steps"
                alive |> Seq.pairwise |> Seq.map (fun (a, b) -> a <> b) |> List.ofSeq

            // The change from step k to step k + 1: with a half, the first eight steps move the statistics.
            Expect.equal (statistics "0.5") (List.replicate 7 true @ List.replicate 8 false) "fixed after eight steps"
            Expect.equal (statistics "1") (List.replicate 15 true) "never fixed"

        testCase "both learning rates fall along half a cosine to the share that is asked for"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])

            let shares share =
                use detector = new FavaeDetector(smoke $"vanilla+final_learning_rate_share={share}", resources.Resources)
                [ for done' in [ 0.0; 0.25; 0.5; 1.0 ] -> detector.LearningRateShare done' ]

            for actual, expected in Seq.zip (shares "0.1") [ 1.0; 0.1 + 0.9 * (1.0 + sqrt 0.5) / 2.0; 0.55; 0.1 ] do
                Expect.floatClose Accuracy.high actual expected "a tenth"

            Expect.equal (shares "1") [ 1.0; 1.0; 1.0; 1.0 ] "none"

            // Adam moves a log variance by about its rate in a step: the last step of sixteen beside the second.
            let slowing share =
                use detector =
                    new FavaeDetector(
                        smoke $"vanilla+images_per_epoch=64+batch_size=4+final_learning_rate_share={share}",
                        resources.Resources
                    )

                let values = ResizeArray()

                let progress =
                    Action<int64, int64, string>(fun _ _ _ ->
                        use _ = torch.NewDisposeScope()
                        values.Add(detector.Network.LogVariances[0].sum().ToDouble()))

                detector.Fit(RandomImages(6, 128), FitContext(Seed = 3, Progress = progress)) |> ignore
                let moved = values |> Seq.pairwise |> Seq.map (fun (a, b) -> abs (a - b)) |> List.ofSeq
                List.last moved / List.head moved

            Expect.isLessThan (slowing "0.001") 0.1 "almost still at the end"
            Expect.isGreaterThan (slowing "1") 0.2 "as fast as in the beginning"

        testCase "the frozen extractor's features carry no graph; those of an unfrozen one do"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "resnet18" ])
            let input = (randomPixels 2 128).requires_grad_()

            for variant, expected in [ "resnet18", false; "random-resnet18", false; "unfrozen-resnet18", true ] do
                use detector = new FavaeDetector(smoke variant, resources.Resources)
                let struct (_, _, layers) = detector.Network.Encode input

                for features in detector.Features(input, layers) do
                    Expect.equal features.requires_grad expected variant

        testCase "training steps leave no tensors behind"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "vgg19_16x" ])
            use detector = new FavaeDetector(smoke "vgg16+network=vgg19_16x+images_per_epoch=80+batch_size=4", resources.Resources)
            let alive = ResizeArray()
            let progress = Action<int64, int64, string>(fun _ _ _ -> alive.Add torch.Tensor.TotalCount)
            detector.Fit(RandomImages(6, 128), FitContext(Seed = 3, Progress = progress)) |> ignore
            Expect.hasLength alive 20 "a count after every step"
            Expect.equal alive[19] alive[2] "tensors alive after the last step and after the third"

        testCase "log variances start at those of the training images' pixels"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])

            let settings =
                smoke "vanilla+images_per_epoch=64+batch_size=64+learning_rate=0+log_variance_learning_rate=0+rotation=0+translation=0"

            use detector = new FavaeDetector(settings, resources.Resources)
            let set = RandomImages(64, 128)
            detector.Fit(set, FitContext(Seed = 3)) |> ignore
            let variance = (randomPixels 64 128).transpose(0L, 1L).flatten(1).var(1)
            let ratio = detector.Network.LogVariances[0].exp() / variance
            Expect.isLessThan ((ratio - 1.0).abs().max().ToSingle()) 0.2f "of a batch out of the same images"

        testCase "tiles cover an image larger than 128 pixels, each pixel by the tile that sees it"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])
            use detector = new FavaeDetector(smoke "vanilla+image_size=256", resources.Resources)
            detector.Fit(RandomImages(4, 256), FitContext(Seed = 3)) |> ignore
            let set = RandomImages(1, 256)
            use scores = detector.Score(ImageBatch.All set)
            let map = nonNull scores.Map
            Expect.sequenceEqual map.shape [| 1L; 1L; 256L; 256L |] "shape"
            Expect.isTrue (map.isfinite().all().ToBoolean()) "every pixel has a score"
    ]
