/// The distributions of `gaussian` against scikit-learn and SciPy (tests/golden/gaussian) and against what theory says of them.
module Reproduction.Tests.GaussianStatistics

open System
open System.IO
open System.Text.Json
open Expecto
open FsCheck
open FsCheck.FSharp
open MathNet.Numerics.Distributions
open TorchSharp
open Reproduction
open Reproduction.Papers.Gaussian

let private golden =
    lazy
        (let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "gaussian", "golden.json")
         (JsonDocument.Parse(File.ReadAllText path)).RootElement)

let private numbers (element: JsonElement) = [| for item in element.EnumerateArray() -> item.GetDouble() |]

/// The generator of make.py.
let private uniform count (seed: uint32) =
    let mutable state = seed

    Array.init count (fun _ ->
        state <- 1664525u * state + 1013904223u
        float state / 4294967296.0)

/// The correlated samples of make.py, row after row.
let private samples n d seed =
    let factors = uniform (n * 4) seed |> Array.mapi (fun i u -> u * (4.0 / float (1 <<< (i % 4))))
    let loadings = uniform (4 * d) (seed + 1u) |> Array.map (fun u -> u - 0.5)
    let noise = uniform (n * d) (seed + 2u)

    Array.init (n * d) (fun index ->
        let i, j = index / d, index % d
        let common = Seq.sum (seq { for k in 0..3 -> factors[4 * i + k] * loadings[d * k + j] })
        common + (noise[index] - 0.5) / float (1 + j))

let private matrix (values: float[]) (rows: int) (columns: int) = torch.tensor(values).reshape(int64 rows, int64 columns)

let private values (tensor: torch.Tensor) =
    use tensor = tensor.``to``(torch.ScalarType.Float64).cpu().contiguous()
    tensor.data<float>().ToArray()

let private scores (model: ILevelModel) (queries: torch.Tensor) =
    use model = model
    use result = model.Score queries
    values result

let private close relative name (expected: float[]) (actual: float[]) =
    Expect.equal actual.Length expected.Length $"{name}: number of values"
    let scale = expected |> Seq.map abs |> Seq.max

    for e, a in Seq.zip expected actual do
        Expect.isLessThan (abs (e - a)) (relative * max (abs e) (1e-3 * scale)) $"{name}: {a} where scikit-learn has {e}"

let private agreesWithScikitLearn (case: JsonElement) =
    let n, d = case.GetProperty("n").GetInt32(), case.GetProperty("d").GetInt32()

    testCase $"{n} samples of {d} features agree with scikit-learn"
    <| fun () ->
        use scope = torch.NewDisposeScope()
        let x = matrix (samples n d (uint32 (7 * n + d))) n d
        let queries = matrix (samples 6 d (uint32 (11 * n + d))) 6 d
        let expected (name: string) = numbers (case.GetProperty name)

        use full = LevelGaussian.Multivariate x
        close 1e-6 "shrinkage" [| case.GetProperty("shrinkage").GetDouble() |] [| full.Shrinkage |]
        Expect.equal full.Dimensions d "dimensions without compression"
        close 1e-6 "Mahalanobis" (expected "mahalanobis") (scores full queries)
        close 1e-9 "L2" (expected "l2") (scores (LevelGaussian.FixedVariance x) queries)
        close 1e-9 "SED" (expected "sed") (scores (LevelGaussian.IndependentVariances x) queries)
        close 1e-6 "one-class SVM" (expected "ocsvm") (scores (OneClassSvm.Fit(x, 0.5)) queries)

        for compressed in case.GetProperty("compressed").EnumerateArray() do
            let kind = compressed.GetProperty("kind").GetString()
            let share = compressed.GetProperty("share").GetDouble()
            let compression = if kind = "pca" then Compression.Pca else Compression.Npca
            use model = LevelGaussian.Multivariate(x, compression, share)
            Expect.equal model.Dimensions (compressed.GetProperty("dimensions").GetInt32()) $"{kind} {share}: components kept"
            close 1e-6 $"{kind} {share}: shrinkage" [| compressed.GetProperty("shrinkage").GetDouble() |] [| model.Shrinkage |]
            close 1e-6 $"{kind} {share}: distance" (numbers (compressed.GetProperty "distances")) (scores model queries)

/// Normal samples with a random covariance.
let private gaussianSamples n d seed =
    torch.random.manual_seed (int64 seed) |> ignore
    let mixing = torch.randn (int64 d, int64 d, dtype = torch.ScalarType.Float64)
    torch.randn(int64 n, int64 d, dtype = torch.ScalarType.Float64).matmul mixing

[<Tests>]
let tests =
    testSequenced
    <| testList "gaussian statistics" [
        yield! [ for case in golden.Value.GetProperty("cases").EnumerateArray() -> agreesWithScikitLearn case ]

        testCase "thresholds at n sigma agree with SciPy"
        <| fun () ->
            for item in golden.Value.GetProperty("thresholds").EnumerateArray() do
                let sigmas, dimensions = item.GetProperty("sigmas").GetInt32(), item.GetProperty("dimensions").GetInt32()
                let tail = GaussianEquations.TailProbability sigmas
                close 1e-8 $"tail beyond {sigmas} sigma" [| item.GetProperty("tail").GetDouble() |] [| tail |]

                close 1e-6 $"threshold at {sigmas} sigma in {dimensions} dimensions" [| item.GetProperty("threshold").GetDouble() |] [|
                    GaussianEquations.Threshold(dimensions, tail)
                |]

        testCase "on data that are Gaussian, the achieved false positive rate is the target"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let n, d = 20000, 8
            let all = gaussianSamples (2 * n) d 3
            use model = LevelGaussian.Multivariate(all.narrow (0L, 0L, int64 n))
            use distances = model.Score(all.narrow (0L, int64 n, int64 n))
            let distances = values distances

            for sigmas in 1..3 do
                let target = GaussianEquations.TailProbability sigmas
                let threshold = GaussianEquations.Threshold(d, target)
                let achieved = (distances |> Seq.filter (fun distance -> distance > threshold) |> Seq.length |> float) / float n
                // Five standard errors of a share of n samples.
                let margin = 5.0 * sqrt (target * (1.0 - target) / float n)
                Expect.floatClose { absolute = margin; relative = 0.0 } achieved target $"achieved false positive rate at {sigmas} sigma"

        testProperty "a rotation of the features changes no Mahalanobis distance, with fewer samples than features and with more"
        <| fun (PositiveInt seed) ->
            use scope = torch.NewDisposeScope()
            let n, d = 5 + seed % 30, 4 + seed % 23
            let x, queries = (let all = gaussianSamples (n + 4) d seed in all.narrow (0L, 0L, int64 n), all.narrow (0L, int64 n, 4L))
            let struct (_, rotation) = torch.linalg.eigh ((gaussianSamples d d (seed + 1)).t().matmul(gaussianSamples d d (seed + 1)))
            let plain = scores (LevelGaussian.Multivariate x) queries
            let rotated = scores (LevelGaussian.Multivariate(x.matmul rotation)) (queries.matmul rotation)
            close 1e-6 $"{n} samples of {d} features" plain rotated

        testProperty "PCA keeps the fewest components that exceed the share; NPCA takes over one component before"
        <| fun (NonEmptyArray(raw: PositiveInt[])) ->
            let variances = raw |> Array.map (fun (PositiveInt v) -> float v) |> Array.sortDescending
            let total = Array.sum variances

            for share in [ 0.99; 0.95; 0.5 ] do
                let struct (first, count) = GaussianEquations.Retained(variances, Compression.Pca, share)
                Expect.equal first 0 "PCA starts at the largest component"
                Expect.isGreaterThan (Seq.sum (Seq.take count variances)) (share * total * (1.0 - 1e-12)) $"PCA {share} exceeds its share"
                let withoutLast = Seq.sum (Seq.take (count - 1) variances)
                Expect.isLessThanOrEqual withoutLast (share * total * (1.0 + 1e-12)) $"PCA {share} without its last component does not"
                let struct (negatedFirst, negatedCount) = GaussianEquations.Retained(variances, Compression.Npca, 1.0 - share)
                Expect.equal (negatedFirst + negatedCount) variances.Length "NPCA ends at the smallest component"
                Expect.equal negatedFirst (max 0 (count - 2)) "NPCA starts one component before PCA ends"

        testProperty "shrinkage is an intensity, and more samples of the same distribution need less of it"
        <| fun (PositiveInt seed) ->
            use scope = torch.NewDisposeScope()
            let all = gaussianSamples 2000 10 seed
            use few = LevelGaussian.Multivariate(all.narrow (0L, 0L, 8L))
            use many = LevelGaussian.Multivariate all
            Expect.isTrue (few.Shrinkage >= 0.0 && few.Shrinkage <= 1.0) $"{few.Shrinkage} lies in 0..1"
            Expect.isLessThan many.Shrinkage few.Shrinkage "2000 samples are shrunk less than 8"

        testCase "a feature that never varies is left out of the standardized distance and weighs in the Mahalanobis distance"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let x = gaussianSamples 40 5 1
            let constant = torch.zeros (40L, 1L, dtype = torch.ScalarType.Float64)
            let dead = torch.cat ([| x; constant |], 1L)
            let queries = torch.cat ([| x.narrow (0L, 0L, 2L); torch.tensor([| 0.0; 9.0 |]).reshape(2L, 1L) |], 1L)
            use sed = LevelGaussian.IndependentVariances dead
            Expect.equal sed.Dimensions 5 "the constant feature is not counted"
            let standardized = scores sed queries
            Expect.all standardized Double.IsFinite "standardized distances are finite"
            use model = LevelGaussian.Multivariate dead
            use alive = LevelGaussian.Multivariate x
            let withDead, without = scores model queries, scores alive (queries.narrow (1L, 0L, 5L))
            Expect.isGreaterThan (withDead[1] - without[1]) 1.0 "a value where there was none is far from normal"

        testCase "equal training images more than once leave fewer directions, not infinite distances"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let x = gaussianSamples 6 20 5
            let twice = torch.cat ([| x; x |], 0L)
            use model = LevelGaussian.Multivariate twice
            let distances = scores model (gaussianSamples 4 20 6)
            Expect.all distances (fun distance -> Double.IsFinite distance && distance > 0.0) "distances are finite and positive"

        testCase "a one-class SVM leaves out the share nu of its training samples"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let x = gaussianSamples 400 6 9
            let outside = scores (OneClassSvm.Fit(x, 0.2)) x |> Seq.filter (fun score -> score > 0.0) |> Seq.length
            Expect.floatClose { absolute = 0.03; relative = 0.0 } (float outside / 400.0) 0.2 "share outside"
    ]
