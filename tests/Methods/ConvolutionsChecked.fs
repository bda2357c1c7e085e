/// The check of libtorch's convolutions before the first training on a processor: what is wrong is seen, kept and acted on.
module Reproduction.Tests.ConvolutionsChecked

open System
open System.IO
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Methods
open Reproduction.Papers

let private layer = ConvolutionLayer("test", 3, 5, 3, 8, Padding = 1)
let private transposed = ConvolutionLayer("test", 5, 3, 4, 6, 2, 1, Transposed = true)
let private right = Convolve(fun layer input kernel bias -> ConvolutionCheck.Ours(layer, input, kernel, bias))
let private check layers convolve = List.ofSeq (ConvolutionCheck(layers, convolve).Wrong())

/// A verdict folder that goes with the test.
type private Folder() =
    let path = Directory.CreateTempSubdirectory("reproduction-verdicts-").FullName
    member _.Path = path

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)

let private choose (verdicts: ConvolutionVerdicts) (instructions: string option) = Option.ofObj (verdicts.Choose(Option.toObj instructions))

let private find (verdicts: ConvolutionVerdicts) (instructions: string option) =
    Option.ofObj (verdicts.Find(Option.toObj instructions, Convolutions.AsProducts))

let private ours = Option.ofObj TorchRuntime.Instructions

/// A verdict on this processor; its check writes into a folder that goes at once.
let private template =
    lazy
        use folder = new Folder()
        ConvolutionVerdicts(folder.Path, [| layer |], right).Check()

let private verdictOf (verdicts: ConvolutionVerdicts) (instructions: string option) (wrong: string list) =
    let verdict = template.Value

    verdicts.Save(
        ConvolutionVerdict(
            Processor = verdict.Processor,
            ProcessorHash = verdict.ProcessorHash,
            Libtorch = verdict.Libtorch,
            Layers = verdict.Layers,
            Instructions = Option.toObj instructions,
            AsProducts = true,
            Wrong = ResizeArray wrong,
            Checked = verdict.Checked
        )
    )

[<Tests>]
let tests =
    testList "the check of convolutions" [
        testCase "the reference is libtorch's convolution in double precision, plain, strided, dilated, depthwise and transposed"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for each in
                [
                    layer
                    ConvolutionLayer("test", 4, 6, 5, 9, 2, 2)
                    ConvolutionLayer("test", 4, 6, 3, 9, Padding = 2, Dilation = 2)
                    ConvolutionLayer("test", 6, 6, 3, 9, 2, 1, Groups = 6)
                    transposed
                    ConvolutionLayer("test", 6, 4, 3, 5, 2, 1, Transposed = true, OutputPadding = 1)
                    ConvolutionLayer("test", 4, 7, 7, 1, Transposed = true)
                ] do
                let random (shape: int64[]) = torch.rand (shape, dtype = torch.float64)
                let input = random [| 2L; int64 each.In; int64 each.Side; int64 each.Side |]
                let kernel, bias = random each.KernelShape, random [| int64 each.Out |]
                let expected = ConvolutionCheck.Ours(each, input, kernel, bias)
                let found = ConvolutionCheck.Reference(each, input, kernel, bias)
                Expect.equal found.shape expected.shape $"{each}: shape"
                Expect.equal expected.shape[2] (int64 each.OutputSide) $"{each}: side"
                Expect.isLessThan ((found - expected).abs().max().item<float>()) 1e-12 $"{each}"

        testCase "on this processor every layer of our networks is right"
        <| fun () -> Expect.equal (check ConvolutionVerdicts.OfThisMachine.Layers right) [] "wrong layers"

        testCase "looked at is what each paper says that it trains, under every profile, and odd numbers of channels"
        <| fun () ->
            let layers = List.ofSeq ConvolutionVerdicts.OfThisMachine.Layers
            let counts = layers |> List.countBy _.Of |> List.sort
            Expect.equal counts [ "dfr", 8; "favae", 57; "gaussian", 23; "hfae", 10; "odd", 36; "ssae", 57 ] "layers"

            for paper in Registry.Papers do
                match paper with
                | :? ITrainsConvolutions as trained ->
                    Expect.sequenceEqual (layers |> List.filter (fun each -> each.Of = paper.Id)) trained.Convolutions paper.Id
                | _ -> failtest $"{paper.Id} says of no layer that it is trained"

        testCase "convolutions that are matrix products are computed as such: values and gradients of double precision"
        <| fun () ->
            let before = Convolutions.AsProducts

            try
                Convolutions.AsProducts <- true

                Expect.equal
                    (check
                        [|
                            ConvolutionLayer("test", 5, 7, 1, 6)
                            ConvolutionLayer("test", 5, 7, 1, 7, 2)
                            ConvolutionLayer("test", 5, 7, 1, 8, 2)
                            ConvolutionLayer("test", 5, 7, 6, 6)
                            ConvolutionLayer("test", 5, 7, 4, 1, Transposed = true)
                        |]
                        right)
                    []
                    "wrong layers"
            finally
                Convolutions.AsProducts <- before

        testCase "our layers have the parameters, initial values and results of TorchSharp's"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for ours, theirs, shape in
                [
                    (fun () -> Layers.Conv2d(5, 7, 1, stride = 2) :> torch.nn.Module<torch.Tensor, torch.Tensor>),
                    (fun () -> torch.nn.Conv2d(5L, 7L, 1L, stride = 2L) :> torch.nn.Module<torch.Tensor, torch.Tensor>),
                    [| 2L; 5L; 7L; 7L |]
                    (fun () -> Layers.Conv2d(5, 7, 3, padding = 1, bias = false)),
                    (fun () -> torch.nn.Conv2d(5L, 7L, 3L, padding = 1L, bias = false)),
                    [| 2L; 5L; 7L; 7L |]
                    (fun () -> Layers.ConvTranspose2d(5, 7, 4)), (fun () -> torch.nn.ConvTranspose2d(5L, 7L, 4L)), [| 2L; 5L; 1L; 1L |]
                    (fun () -> Layers.ConvTranspose2d(5, 7, 3, stride = 2, padding = 1, outputPadding = 1)),
                    (fun () -> torch.nn.ConvTranspose2d(5L, 7L, 3L, stride = 2L, padding = 1L, output_padding = 1L)),
                    [| 2L; 5L; 4L; 4L |]
                ] do
                torch.random.manual_seed 3L |> ignore
                let ours = ours ()
                torch.random.manual_seed 3L |> ignore
                let theirs = theirs ()
                let names (m: torch.nn.Module) = [ for struct (name, _) in m.named_parameters () -> name ]
                Expect.equal (names ours) (names theirs) "names"
                // In double precision, which oneDNN does not compute: in single precision TorchSharp's may be wrong.
                let double (layer: torch.nn.Module<torch.Tensor, torch.Tensor>) =
                    layer.``to`` torch.float64 |> ignore
                    layer

                let input = torch.randn (shape, dtype = torch.float64)
                let difference = ((double ours).forward input - (double theirs).forward input).abs().max().item<float>()
                Expect.isLessThan difference 1e-12 "results"

        testCase "a check that did not end is a wrong verdict on convolutions as they are"
        <| fun () ->
            use folder = new Folder()
            let verdicts = ConvolutionVerdicts(folder.Path, [| layer |], right)
            verdicts.SaveEnded "the process of the check ends with signal 8"
            let found = Option.get (Option.ofObj (verdicts.Find(TorchRuntime.Instructions, false)))
            Expect.isFalse found.IsRight "wrong"
            Expect.stringContains found.Text "signal 8" "why"

        testCase "each part that is wrong is named, and no other"
        <| fun () ->
            let convolve (input: torch.Tensor -> torch.Tensor) kernel bias output =
                Convolve(fun layer x k b -> output (ConvolutionCheck.Ours(layer, input x, kernel k, bias b)))
            // The same value with half of the gradient.
            let half (value: torch.Tensor) = (value + value.detach ()) / 2.0.ToScalar()
            let same = id<torch.Tensor>

            for each in [ layer; transposed ] do
                Expect.equal (check [| each |] (convolve half same same same)) [ $"{each}: gradient of the input" ] "input"
                Expect.equal (check [| each |] (convolve same half same same)) [ $"{each}: gradient of the kernel" ] "kernel"
                Expect.equal (check [| each |] (convolve same same half same)) [ $"{each}: gradient of the bias" ] "bias"

                Expect.equal
                    (check [| each |] (convolve same same same (fun y -> y + y.detach () - y.detach () * 0.99.ToScalar())))
                    [ $"{each}: output" ]
                    "output"

        testCase "NaN in a single value is wrong"
        <| fun () ->
            let convolve =
                Convolve(fun layer x k b ->
                    let y = ConvolutionCheck.Ours(layer, x, k, b)
                    let hole = torch.zeros_like (y)
                    hole[0, 0, 0, 0] <- torch.tensor (nanf)
                    y + hole)

            Expect.equal (check [| layer |] convolve) [ $"{layer}: output" ] "output"

        testCase "memory that a gradient leaves unwritten shows"
        <| fun () ->
            // As oneDNN does it: the gradient lies in memory that was never written.
            let unwritten =
                Convolve(fun layer x k b ->
                    let y = ConvolutionCheck.Ours(layer, x.detach (), k, b)
                    y + (x * torch.empty_like (x.detach ())).sum() * 0.0.ToScalar())

            Expect.isNonEmpty (check [| ConvolutionLayer("test", 64, 64, 3, 24, Padding = 1) |] unwritten) "seen"

        testCase "libtorch's default generator and grad mode are as before"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use _off = torch.no_grad ()
            torch.random.manual_seed 5L |> ignore
            let expected = torch.rand(3L).data<float32>().ToArray()
            torch.random.manual_seed 5L |> ignore
            check [| layer |] right |> ignore
            Expect.equal (torch.rand(3L).data<float32>().ToArray()) expected "numbers"
            Expect.isFalse (torch.is_grad_enabled ()) "mode"

        testCase "a verdict is kept, and read for the same processor, libtorch, instructions and layers only"
        <| fun () ->
            use folder = new Folder()
            let verdicts layers = ConvolutionVerdicts(folder.Path, layers, right)
            let first = verdicts [| layer |]
            Expect.isNone (find first None) "none yet"
            let made = first.Check()
            Expect.isTrue made.IsRight "right"
            let found = Option.get (find (verdicts [| layer |]) ours)
            Expect.equal (found.Text, found.Checked, found.Libtorch) (made.Text, made.Checked, "2.10.0") "read"
            Expect.isNone (find first (Some "SSE41")) "other instructions"
            Expect.isNone (find (verdicts [| transposed |]) ours) "other layers"

            for file in Directory.GetFiles folder.Path do
                File.WriteAllText(file, "{")

            Expect.isNone (find first ours) "a damaged file"

        testCase "where the verdict is wrong the fallback is chosen, unless it is wrong too or the user holds it as low"
        <| fun () ->
            use folder = new Folder()
            let verdicts = ConvolutionVerdicts(folder.Path, [| layer |], right)
            Expect.equal (choose verdicts None) None "nothing known"
            verdictOf verdicts None []
            Expect.equal (choose verdicts None) None "right"
            verdictOf verdicts None [ "a layer" ]
            verdictOf verdicts (Some "AVX2") [ "a layer" ]
            Expect.equal (choose verdicts None) (Some "AVX") "wrong"
            Expect.equal (choose verdicts (Some "avx2")) (Some "AVX") "wrong with the user's"
            Expect.equal (choose verdicts (Some "AVX512_CORE")) None "not known of the user's"
            verdictOf verdicts (Some "AVX") []
            Expect.equal (choose verdicts None) (Some "AVX") "the fallback is right"
            verdictOf verdicts (Some "AVX") [ "a layer" ]
            Expect.equal (choose verdicts None) None "the fallback is wrong"
            Expect.equal (choose verdicts (Some "AVX")) None "held already"
    ]
