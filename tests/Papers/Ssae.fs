/// `ssae`: the network of Table 1, distortions, objectives and scores against their literal wording.
module Reproduction.Tests.Ssae

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Ssae
open Reproduction.Tests.InMemory

let private largest (a: torch.Tensor) (b: torch.Tensor) = ((a - b).abs().max()).ToSingle()

let private images count side = (RandomImages(count, side) :> IImages).Pixels([| 0 .. count - 1 |], ImageSize.Square side, torch.CPU)

let private distort (kind: Distortion) (brightness: bool) (seed: int) (input: torch.Tensor) =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    SsaeDistortions.Apply(input, kind, brightness, generator)

let private smoke variant = (SsaeMethod().Configure(variant, Profile.Smoke, "bottle", "test") :?> Configuration<SsaeSettings>).Settings

let private anyDistortion =
    Gen.elements (Enum.GetValues<Distortion>())
    |> Gen.map2 (fun seed kind -> kind, seed) (Gen.choose (0, 100000))
    |> Arb.fromGen

[<Tests>]
let tests =
    testSequenced
    <| testList "ssae" [
        for kernel in [ 3; 5 ] do
            testCase $"the network with kernel {kernel} keeps any size divisible by 8 and ends in 0..1"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use network = new SsaeNetwork(kernel, 0.0625)
                network.eval ()
                use _noGradient = torch.no_grad ()

                for height, width in [ 64L, 64L; 72L, 40L ] do
                    let output = network.call (torch.rand [| 1L; 3L; height; width |])
                    Expect.sequenceEqual output.shape [| 1L; 3L; height; width |] "shape"
                    Expect.isTrue (output.min().ToSingle() >= 0f && output.max().ToSingle() <= 1f) "range"

        testCase "the network has the convolutions of Table 1"
        <| fun () ->
            use network = new SsaeNetwork(3, 1.0)

            let shapes = [
                for struct (_, p) in network.named_parameters () do
                    if p.dim () = 4L then p.shape[0], p.shape[1], p.shape[2]
            ]

            let stack from = List.replicate 6 (64L, from, 3L) @ [ 384L, 384L, 3L ]

            let expected =
                [ 64L, 3L, 3L; 64L, 64L, 3L; 128L, 64L, 3L; 128L, 128L, 3L; 256L, 128L, 3L; 256L, 256L, 3L ]
                @ stack 256L
                @ stack 384L
                @ stack 384L
                @ stack 384L
                // A transposed convolution's weights are [in, out, k, k].
                @ [ 384L, 256L, 3L; 256L, 256L, 3L; 256L, 256L, 3L; 256L, 128L, 3L; 128L, 128L, 3L; 128L, 128L, 3L ]
                @ [ 128L, 64L, 3L; 64L, 64L, 3L; 64L, 64L, 3L; 3L, 64L, 1L ]

            Expect.equal shapes expected "output channels, input channels, kernel"

        testCase "a stack on a map smaller than its dilations is its whole convolutions side by side, gradients included"
        <| fun () ->
            for kernel, height, width in [ 3, 6L, 6L; 3, 12L, 12L; 5, 12L, 7L; 5, 40L, 40L; 3, 1L, 1L ] do
                use _scope = torch.NewDisposeScope()
                use stack = new StackedDilatedConvolution(3, 2, kernel, SsaeNetwork.Dilations)
                // In double precision: in single precision oneDNN's gradients are wrong in the plain layout on some processors.
                stack.``to`` torch.float64 |> ignore
                let input = torch.rand ([| 2L; 3L; height; width |], dtype = torch.float64, requires_grad = true)
                let parameters = [ for struct (_, parameter) in stack.named_parameters () -> parameter ]

                let gradients (output: torch.Tensor) =
                    output.square().sum().backward()
                    let all = [ for tensor in (input :: [ for p in parameters -> p :> torch.Tensor ]) -> (nonNull tensor.grad).clone() ]

                    for tensor in (input :: [ for p in parameters -> p :> torch.Tensor ]) do
                        (nonNull tensor.grad).zero_() |> ignore

                    all

                let whole =
                    torch.cat (
                        [|
                            for i, dilation in Seq.indexed SsaeNetwork.Dilations do
                                let reach = int64 (dilation * (kernel / 2))
                                // Borders that are there to be seen, so that no tap is beyond them.
                                let padded = torch.nn.functional.pad (input, [| reach; reach; reach; reach |])

                                torch.nn.functional.conv2d (
                                    padded,
                                    parameters[2 * i],
                                    parameters[2 * i + 1],
                                    dilation = [| int64 dilation; int64 dilation |]
                                )
                        |],
                        1L
                    )

                let ours = stack.call input
                Expect.isTrue (ours.allclose (whole, 1e-4, 1e-5)) $"{kernel}, {height} x {width}: outputs"

                for a, b in List.zip (gradients ours) (gradients whole) do
                    Expect.isTrue (a.allclose (b, 1e-3, 1e-4)) $"{kernel}, {height} x {width}: gradients"

        testProperty "outside of the mask an image is unchanged to the bit"
        <| Prop.forAll anyDistortion (fun (kind, seed) ->
            use _scope = torch.NewDisposeScope()
            let input = images 3 32
            let struct (distorted, mask) = distort kind true seed input
            Expect.isTrue (mask.min().ToSingle() >= 0f && mask.max().ToSingle() <= 1f) "the mask is within 0..1"
            let outside = mask.eq(torch.tensor 0f).expand(input.shape)
            Expect.isTrue (distorted.eq(input).logical_or(outside.logical_not ()).all().ToBoolean()) "unchanged"
            Expect.isTrue (distorted.min().ToSingle() >= 0f && distorted.max().ToSingle() <= 1f) "within 0..1")

        testProperty "the same seed distorts in the same way, another one does not"
        <| Prop.forAll anyDistortion (fun (kind, seed) ->
            use _scope = torch.NewDisposeScope()
            let input = images 2 32
            let struct (a, _) = distort kind true seed input
            let struct (b, _) = distort kind true seed input
            let struct (c, _) = distort kind true (seed + 1) input
            Expect.equal (largest a b) 0f "same seed"
            Expect.isGreaterThan (largest a c) 0f "other seed")

        testCase "an elastic patch keeps the colours nearly, a cut-out does not"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = images 8 64

            let change kind =
                let struct (distorted, mask) = distort kind false 5 input
                let inside = mask.sum ([| 1L; 2L; 3L |])
                let mean (value: torch.Tensor) = (value * mask).sum([| 2L; 3L |]) / inside.unsqueeze 1
                (mean distorted - mean input).abs().mean().ToSingle()

            Expect.isLessThan (change Distortion.Elastic) (0.25f * change Distortion.CutOut) "mean colour inside of the mask"

        testCase "objectives (1) and (4) are what literal loops give"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = images 2 16
            let struct (distorted, mask) = distort Distortion.Elastic true 3 input
            let restored = torch.rand [| 2L; 3L; 16L; 16L |]
            let at (t: torch.Tensor) (n: int) (c: int) (y: int) (x: int) = float (t[int64 n, int64 c, int64 y, int64 x].ToSingle())
            let lambda = 0.3

            let literal weigh sign =
                Seq.average (
                    seq {
                        for n in 0..1 do
                            let cells = [
                                for c in 0..2 do
                                    for y in 0..15 do
                                        for x in 0..15 do
                                            yield c, y, x
                            ]

                            let m (_, y, x) = at mask n 0 y x
                            let error (c, y, x) = at restored n c y x - at input n c y x
                            let part w = List.sumBy (fun cell -> (w cell * error cell) ** 2.0) cells / List.sumBy w cells
                            yield (1.0 - lambda) * part (fun cell -> 1.0 - m cell) + sign * lambda * part (weigh n)
                    }
                )

            let first = literal (fun n (_, y, x) -> at mask n 0 y x) 1.0
            let fourth = literal (fun n (c, y, x) -> abs (at distorted n c y x - at input n c y x)) -1.0
            Expect.floatClose Accuracy.low (float (SsaeEquations.Objective1(restored, input, mask, lambda).ToSingle())) first "(1)"

            Expect.floatClose
                Accuracy.low
                (float (SsaeEquations.Objective4(restored, input, distorted, mask, lambda).ToSingle()))
                fourth
                "(4)"

        testCase "smoothing is the mean over k x k, n times"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let map = torch.rand [| 1L; 1L; 6L; 7L |]
            let mutable values = Array2D.init 6 7 (fun y x -> float (map[0L, 0L, int64 y, int64 x].ToSingle()))

            for _ in 1..2 do
                let before = values

                values <-
                    Array2D.init 6 7 (fun y x ->
                        Seq.sum (
                            seq {
                                for v in y - 1 .. y + 1 do
                                    for u in x - 1 .. x + 1 do
                                        if v >= 0 && v < 6 && u >= 0 && u < 7 then yield before[v, u] / 9.0
                            }
                        ))

            let actual = SsaeEquations.Smoothed(map, 2, 3)

            values
            |> Array2D.iteri (fun y x value ->
                Expect.floatClose Accuracy.medium (float (actual[0L, 0L, int64 y, int64 x].ToSingle())) value "smoothed")

            Expect.equal (largest (SsaeEquations.Smoothed(map, 0, 3)) map) 0f "n = 0 is the identity"

        testCase "the similarity of an image to itself is 1, to another less"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = images 2 24
            Expect.floatClose Accuracy.medium (float (SsaeEquations.Similarity(input, input).min().ToSingle())) 1.0 "itself"
            Expect.isLessThan (SsaeEquations.Similarity(input, 1 - input).mean().ToSingle()) 0.7f "its negative"

        for variant in [ "objective1"; "objective4"; "ensemble" ] do
            testCase $"{variant}: saved and loaded, it scores the same; batches do not matter"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                let set = RandomImages(12, 64)
                use resources = new RandomResources([])
                use detector = new SsaeDetector(smoke variant, resources.Resources)
                detector.Fit(set, FitContext(Seed = 3)) |> ignore
                use whole = detector.Score(ImageBatch.All set)
                use restored = new SsaeDetector(smoke variant, resources.Resources)
                restored.Load(detector.Save())
                use again = restored.Score(ImageBatch.All set)
                use part = detector.Score(ImageBatch(set, [| 2; 3 |]))
                let map = nonNull whole.Map
                Expect.equal (largest map (nonNull again.Map)) 0f "loaded"
                Expect.isLessThan (largest (map.narrow (0L, 2L, 2L)) (nonNull part.Map)) 1e-6f "batches"

                Expect.floatClose
                    Accuracy.low
                    (float (whole.Image[0L].ToSingle()))
                    (float (map[0L].sum().ToSingle()))
                    "the image score is the sum over the map"

        testCase "one batch can be overfitted"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            torch.manual_seed 1L |> ignore
            use network = new SsaeNetwork(3, 0.125)
            let input = images 2 32
            let struct (distorted, mask) = distort Distortion.Elastic false 1 input
            use optimizer = torch.optim.Adam(network.parameters (), 1e-2)

            let losses = [
                for _ in 1..60 do
                    optimizer.zero_grad ()
                    use loss = SsaeEquations.Objective1(network.call distorted, input, mask, 0.5)
                    loss.backward ()
                    optimizer.step () |> ignore
                    loss.ToSingle()
            ]

            Expect.isLessThan (List.last losses) (0.4f * List.head losses) "loss"
    ]
