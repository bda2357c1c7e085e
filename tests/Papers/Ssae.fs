/// `ssae`: the network of Table 1, objectives and scores against their literal wording.
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
open Reproduction.Tests.Numbers

let private elastic (brightness: bool) (seed: uint64) (input: torch.Tensor) =
    use generator = new torch.Generator(seed, torch.CPU)
    SsaeDistortions.Apply(input, Distortion.Elastic, brightness, false, generator)

let private smoke variant = SsaeMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings

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

        testCase "kept variance is 0 of the mean image, 1 of the image, and says nothing of noise where it is explained variance"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = torch.rand [| 40L; 3L; 8L; 8L |]
            let mean = input.mean ([| 0L |], true)

            let kept (restored: torch.Tensor) =
                let struct (kept, explained) = SsaeEquations.KeptVariance(restored, input)
                round (kept * 1000.0) / 1000.0, round (explained * 1000.0) / 1000.0

            Expect.equal (kept (mean.expand (input.shape))) (0.0, 0.0) "the mean image"
            Expect.equal (kept input) (1.0, 1.0) "the image"
            Expect.equal (kept (mean + (input - mean) * 0.5)) (0.25, 0.75) "half of what tells it from the mean"
            let struct (noise, explained) = SsaeEquations.KeptVariance(torch.rand input.shape, input)
            Expect.isTrue (noise > 0.9 && noise < 1.1) "noise of the same variance"
            Expect.isTrue (explained < -0.8) "explains nothing"

        testCase "a record of a network that restores the mean image says so, with a warning"
        <| fun () ->
            use resources = new RandomResources([])
            let warnings = ResizeArray()
            use detector = new SsaeDetector(smoke "objective1", resources.Resources)
            let facts = detector.Fit(RandomImages(12, 64), FitContext(Seed = 3, Warn = Action<string> warnings.Add))
            Expect.isTrue (facts["objective1_kept_variance"] < 0.5) "six steps restore nothing"
            Expect.isTrue (facts["objective1_explained_variance"] <= 1.0) "explained"
            Expect.exists warnings (fun text -> text.Contains "keeps" && text.Contains "mean image") "the warning"

        testCase "dilated convolutions are bare, or have batch norm and ReLU themselves"
        <| fun () ->
            let norms activated =
                use network = new SsaeNetwork(3, 0.0625, activated)

                [
                    for struct (name, _) in network.named_buffers () do
                        if name.EndsWith "running_mean" then name
                ]
                    .Length

            Expect.equal (norms true - norms false) 4 "one norm more for each of the four stacks"
            use resources = new RandomResources([])
            use detector = new SsaeDetector(smoke "objective1+activated_dilations=true", resources.Resources)
            let names = detector.Save().Tensors.Keys |> Seq.filter _.EndsWith("running_mean") |> Seq.length
            Expect.equal names (norms true) "as the settings ask"

        testCase "with (14) the scores of other exponents are recorded, t = 0 being the map as it is"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])
            let set = RandomImages(12, 64)

            let fitted (t: string) =
                let detector = new SsaeDetector(smoke $"objective1+correction={t}", resources.Resources)
                torch.manual_seed 1L |> ignore
                detector.Fit(set, FitContext(Seed = 3)) |> ignore
                detector.Score(ImageBatch.All set)

            use ten = fitted "10"
            use none = fitted "0"
            Expect.isEmpty none.Parts "nothing is corrected"

            Expect.equal
                (ten.Parts.Keys |> Seq.sort |> List.ofSeq)
                [ "t0"; "t0.sum"; "t1"; "t1.sum"; "t100"; "t100.sum"; "t1000"; "t1000.sum" ]
                "parts"

            Expect.equal (ten.Parts["t0"].shape |> List.ofArray) ((nonNull ten.Map).shape |> List.ofArray) "maps"
            Expect.isTrue ((nonNull ten.Map).le(ten.Parts["t0"]).all().ToBoolean()) "a correction takes weight"
            Expect.isLessThan (largest ten.Parts["t1.sum"] (ten.Parts["t1"].sum([| 1L; 2L; 3L |]))) 1e-3f "sums"

        testCase "objectives (1) and (4) are what literal loops give"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = randomPixels 2 16
            let struct (distorted, mask) = elastic true 3UL input
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
            let input = randomPixels 2 24
            Expect.floatClose Accuracy.medium (float (SsaeEquations.Similarity(input, input).min().ToSingle())) 1.0 "itself"
            Expect.isLessThan (SsaeEquations.Similarity(input, 1 - input).mean().ToSingle()) 0.7f "its negative"

        testCase "the similarity is scikit-image's"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let path = IO.Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "ssae", "golden.json")

            for case in (Text.Json.JsonDocument.Parse(IO.File.ReadAllText path)).RootElement.EnumerateArray() do
                let number (name: string) = case.GetProperty(name).GetInt32()
                let height, width = number "height", number "width"

                let image seed =
                    let mutable state = uint32 (seed: int)

                    Array.init (3 * height * width) (fun index ->
                        state <- 1664525u * state + 1013904223u
                        float (float32 ((float state / 4294967296.0 + float (index % width) / float width) / 2.0)))

                let tensor (values: float[]) = torch.tensor(values, dtype = torch.float32).reshape(1L, 3L, int64 height, int64 width)
                let a, b = image (number "seed"), image (number "seed" + 100)
                let share = case.GetProperty("share").GetDouble()
                let mixed = Array.map2 (fun x y -> share * x + (1.0 - share) * y) a b

                let found =
                    SsaeEquations
                        .Similarity(tensor a, tensor mixed)
                        .narrow(2, 5L, int64 height - 10L)
                        .narrow(3, 5L, int64 width - 10L)
                        .contiguous()
                        .data<float32>()
                        .ToArray()

                let expected = [|
                    for plane in case.GetProperty("inside").EnumerateArray() do
                        for v in plane.EnumerateArray() -> v.GetDouble()
                |]

                Expect.hasLength found expected.Length "values"

                for f, e in Array.zip found expected do
                    Expect.floatClose { absolute = 2e-5; relative = 0.0 } (float f) e "SSIM"

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
            let input = randomPixels 2 32
            let struct (distorted, mask) = elastic false 1UL input
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
