/// The equations of padim, stpm, Bergmann's autoencoders and the floors against loops over plain arrays.
module Reproduction.Tests.Baselines.Equations

open System
open Expecto
open MathNet.Numerics.LinearAlgebra
open Reproduction.Baselines.Autoencoders
open Reproduction.Baselines.Floor
open Reproduction.Baselines.Padim
open Reproduction.Baselines.Stpm
open Reproduction.Methods
open Reproduction.Tests.Numbers
open TorchSharp

let private scoped name body =
    testCase name (fun () ->
        use _scope = torch.NewDisposeScope()
        body ())

let private mean (samples: float[][]) = Array.init samples[0].Length (fun c -> samples |> Array.averageBy (fun x -> x[c]))

/// Sums of (x - mean)(x - mean)^T.
let private scatter (samples: float[][]) =
    let mean = mean samples
    Array2D.init mean.Length mean.Length (fun i j -> samples |> Array.sumBy (fun x -> (x[i] - mean[i]) * (x[j] - mean[j])))

/// Samples [P,N,C] of each position.
let private perPosition (samples: torch.Tensor) = [| for p in 0L .. samples.shape[0] - 1L -> rows samples[p] |]

let private gaussiansOf (parts: torch.Tensor list) =
    let first = List.head parts
    let gaussians = PositionGaussians.Empty(first.shape[0], first.shape[2], torch.CPU)
    parts |> List.iter gaussians.Add
    gaussians

let private padimTests = [
    scoped "equations (1) and (2): the covariance with epsilon, inverted, at every position"
    <| fun () ->
        // More positions than are factored at a time.
        let samples, tested = random 41 [ 260; 7; 4 ], random 42 [ 260; 4; 3 ]
        use gaussians = gaussiansOf [ samples ]
        let factor = PadimEquations.InverseFactor(gaussians.Scatter, gaussians.Count, 0.01)
        let found = rows (PadimEquations.Mahalanobis(tested - gaussians.Mean.unsqueeze 2L, factor))

        for p in [ 0; 255; 256; 259 ] do
            let own = (perPosition samples)[p]
            let covariance = Matrix<float>.Build.DenseOfArray(scatter own) / 6.0 + 0.01 * Matrix<float>.Build.DenseIdentity 4
            let inverse = covariance.Inverse()
            let vectors = tested[int64 p].t() |> rows

            let expected =
                vectors
                |> Array.map (fun x ->
                    let away = Vector<float>.Build.DenseOfArray(Array.map2 (-) x (mean own))
                    sqrt (away * inverse * away))

            close 1e-3 found[p] expected $"position {p}"

    testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 40 } "samples taken in by parts give what all give at once"
    <| fun (seed: uint16) (cuts: uint8 list) ->
        use _scope = torch.NewDisposeScope()
        let sizes = cuts |> List.truncate 4 |> List.map (fun cut -> 1 + int cut % 6)
        let sizes = if sizes.IsEmpty then [ 3 ] else sizes
        // Far from the origin, where sums of squares would cancel.
        let all = random (int seed) [ 3; List.sum sizes; 2 ] + torch.tensor 30f
        let starts = sizes |> List.scan (+) 0
        use parts = gaussiansOf [ for start, size in List.zip (List.truncate sizes.Length starts) sizes -> all.narrow (1L, start, size) ]
        use whole = gaussiansOf [ all ]
        Expect.equal parts.Count (int64 (List.sum sizes)) "count"
        close 1e-4 (numbers parts.Mean) (numbers whole.Mean) "mean"
        close 1e-3 (numbers parts.Scatter) (numbers whole.Scatter) "scatter"

        let literal = perPosition all |> Array.collect (fun own -> scatter own |> Seq.cast<float> |> Array.ofSeq)
        close 1e-3 (numbers parts.Scatter) literal "scatter, literally"
]

let private stpmTests = [
    scoped "loss and map of unit vectors"
    <| fun () ->
        let levels = [ random 51 [ 2; 3; 4; 4 ], random 52 [ 2; 3; 4; 4 ]; random 53 [ 2; 5; 2; 2 ], random 54 [ 2; 5; 2; 2 ] ]

        let literal (teacher: torch.Tensor, student: torch.Tensor) =
            let vectors (map: torch.Tensor) = rows (FeaturePyramid.Rows map)
            let unit x = x |> Array.map (fun value -> value / sqrt (dot x x))
            Array.map2 (fun t s -> squaredDistance (unit t) (unit s) / 2.0) (vectors teacher) (vectors student)

        let found = [ for teacher, student in levels -> StpmEquations.PositionLoss(teacher, student) ]

        for own, level in List.zip found levels do
            close 1e-5 (numbers own) (literal level) "positions"

        close 1e-5 [| (StpmEquations.Loss found).item<float32>() |> float |] [| levels |> List.sumBy (literal >> Array.average) |] "loss"
        let enlarged = [ for own in found -> numbers (AnomalyMaps.Enlarged(own, 8L)) ]
        close 1e-5 (numbers (StpmEquations.AnomalyMap(found, 8L))) (Array.map2 (*) enlarged[0] enlarged[1]) "product of the levels"
]

let private mirrored side at =
    let at = abs at
    if at < side then at else 2 * (side - 1) - at

/// The structural similarity at a pixel, by its definition.
let private similarity (a: int -> int -> float) (b: int -> int -> float) side window y x =
    let half = window / 2

    let weighted = [|
        for dy in -half .. half do
            for dx in -half .. half -> exp (-float(dy * dy + dx * dx) / (2.0 * 1.5 * 1.5)), mirrored side (y + dy), mirrored side (x + dx)
    |]

    let sum = weighted |> Array.sumBy (fun (w, _, _) -> w)
    let expectation f = weighted |> Array.sumBy (fun (w, row, column) -> w * f row column) |> fun total -> total / sum
    let meanA, meanB = expectation a, expectation b
    let variance f mean = expectation (fun row column -> (f row column - mean) ** 2.0)
    let covariance = expectation (fun row column -> (a row column - meanA) * (b row column - meanB))
    let c1, c2 = 0.01 ** 2.0, 0.03 ** 2.0

    (2.0 * meanA * meanB + c1) * (2.0 * covariance + c2)
    / ((meanA * meanA + meanB * meanB + c1) * (variance a meanA + variance b meanB + c2))

let private images seed = (random seed [ 2; 2; 9; 9 ] + torch.tensor 1f) * torch.tensor 0.5f

let private autoencoderTests = [
    scoped "structural similarity around every pixel"
    <| fun () ->
        let a, b = images 61, images 62
        let plane (tensor: torch.Tensor) n c = (let values = numbers tensor in fun y x -> values[((n * 2 + c) * 9 + y) * 9 + x])

        for window in [ 5; 11 ] do
            let expected = [|
                for n in 0..1 do
                    for c in 0..1 do
                        for y in 0..8 do
                            for x in 0..8 -> similarity (plane a n c) (plane b n c) 9 window y x
            |]

            close 1e-3 (numbers (AutoencoderEquations.Similarity(a, b, int64 window))) expected $"window {window}"

        let mean = AutoencoderEquations.Similarity(a, b, 5L).mean([| 1L |], keepdim = true)
        close 1e-6 (numbers (AutoencoderEquations.StructuralDifference(a, b, 5L))) (numbers (torch.tensor 1f - mean)) "one less the mean"

    scoped "squared difference, the mean over colours"
    <| fun () ->
        let a, b = images 63, images 64
        let expected = (a - b).square().mean([| 1L |], keepdim = true)
        close 1e-7 (numbers (AutoencoderEquations.SquaredDifference(a, b))) (numbers expected) "difference"
        Expect.equal (AutoencoderEquations.SquaredDifference(a, b)).shape [| 2L; 1L; 9L; 9L |] "shape"

    scoped "the gradient of the similarity is that of finite differences"
    <| fun () ->
        let a = images 65
        let b = (images 66).requires_grad_()
        (AutoencoderEquations.StructuralDifference(a, b, 11L)).mean().backward()
        let gradient = numbers (nonNull b.grad)
        let start = b.detach ()

        for index in [ 0; 40; 161; 323 ] do
            let moved step =
                let values = start.clone ()
                values.view(-1L).narrow(0L, int64 index, 1L).add_(torch.tensor (float32 step)) |> ignore
                float ((AutoencoderEquations.StructuralDifference(a, values, 11L)).mean().item<float32>())

            let expected = (moved 0.01 - moved -0.01) / 0.02
            Expect.floatClose { absolute = 2e-5; relative = 0.05 } gradient[index] expected $"pixel {index}"

    scoped "Table 1: 128 pixels to 100 values and back"
    <| fun () ->
        use network = new AutoencoderNetwork(3L, 100L)
        Expect.equal (network.call (torch.zeros (2L, 3L, 128L, 128L))).shape [| 2L; 3L; 128L; 128L |] "shape"
        let table = [ 3, 32, 4; 32, 32, 4; 32, 32, 3; 32, 64, 4; 64, 64, 3; 64, 128, 4; 128, 64, 3; 64, 32, 3; 32, 100, 8 ]
        let kernels = table |> List.sumBy (fun (inputs, outputs, side) -> inputs * outputs * side * side)
        let encoderBiases = table |> List.sumBy (fun (_, outputs, _) -> outputs)
        let decoderBiases = table |> List.sumBy (fun (inputs, _, _) -> inputs)
        let count = network.parameters () |> Seq.sumBy _.numel()
        Expect.equal count (int64 (2 * kernels + encoderBiases + decoderBiases)) "parameters"

    testCase "patches cover an image, the last one to its end"
    <| fun () ->
        Expect.sequenceEqual (AutoencoderEquations.Corners(128L, 128L, 32L)) [ 0L ] "one patch"
        Expect.sequenceEqual (AutoencoderEquations.Corners(256L, 128L, 32L)) [ 0L; 32L; 64L; 96L; 128L ] "even"
        Expect.sequenceEqual (AutoencoderEquations.Corners(200L, 128L, 50L)) [ 0L; 50L; 72L ] "uneven"
]

let private floorTests = [
    scoped "components of a few long vectors are those of their covariance"
    <| fun () ->
        let samples = random 71 [ 6; 20 ]
        let centred = samples - samples.mean ([| 0L |], keepdim = true)
        let axes = FloorEquations.AxesOfFew(centred, 3)
        Expect.equal axes.shape [| 20L; 3L |] "shape"
        close 1e-5 (numbers (axes.t().mm axes)) (numbers (torch.eye 3L)) "orthonormal"
        let evd = Matrix<float>.Build.DenseOfArray(scatter (rows samples)).Evd()
        let kept = Seq.sum (Seq.rev evd.EigenValues |> Seq.truncate 3 |> Seq.map _.Real)
        let total = numbers (centred.square ()) |> Array.sum
        let left = numbers (FloorEquations.Residual(centred, axes).square()) |> Array.sum
        Expect.floatClose Accuracy.medium left (total - kept) "what three components leave"
        Expect.equal (FloorEquations.AxesOfFew(centred, 40)).shape[1] 5L "no more than there are"
        Expect.equal (FloorEquations.AxesOfFew(torch.zeros (4L, 9L), 2)).shape[1] 0L "images that are all alike"

    scoped "as few components as hold the share"
    <| fun () ->
        // Variances 8, 4, 2, 1 along the coordinates.
        let covariance = torch.diag (torch.tensor [| 1.0; 8.0; 2.0; 4.0 |])

        for share, expected in [ 0.5, 1L; 0.6, 2L; 0.9, 3L; 0.94, 4L; 1.0, 4L ] do
            Expect.equal (FloorEquations.AxesOfShare(covariance, share)).shape[1] expected $"{share}"

        let two = rows (FloorEquations.AxesOfShare(covariance, 0.6))
        Expect.equal [ for row in two -> row |> Array.sumBy abs |> round ] [ 0.0; 1.0; 0.0; 1.0 ] "the largest two"

    scoped "a residual is orthogonal to the axes"
    <| fun () ->
        let x = random 72 [ 5; 8 ]
        let axes = FloorEquations.AxesOfFew(random 73 [ 6; 8 ], 3)
        let residual = FloorEquations.Residual(x, axes)
        close 1e-5 (numbers (residual.mm axes)) (Array.zeroCreate 15) "no part along them"
        close 1e-5 (numbers (residual + x.mm(axes).mm(axes.t ()))) (numbers x) "with it the whole"
]

[<Tests>]
let tests =
    testList "baselines: equations" [
        testList "padim" padimTests
        testList "stpm" stpmTests
        testList "autoencoders" autoencoderTests
        testList "floor" floorTests
    ]
