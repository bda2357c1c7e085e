/// The one-class support vector machine: what its dual problem demands of a solution, whatever the data. Its decision values beside
/// scikit-learn's are in GaussianStatistics.fs.
module Reproduction.Tests.OneClassSvm

open System
open Expecto
open FsCheck
open TorchSharp
open Reproduction
open Reproduction.Papers.Gaussian

/// Features of random scale per direction, a third of them zero as after a ReLU.
let private features n d seed =
    torch.random.manual_seed (int64 seed) |> ignore
    let normal rows columns = torch.randn (int64 rows, int64 columns, dtype = torch.ScalarType.Float64)
    ((normal n d).mm(normal d d) + 0.5.ToScalar()).clamp_min(0.0.ToScalar())

let private rows (tensor: torch.Tensor) =
    let n, d = int tensor.shape[0], int tensor.shape[1]
    let values = tensor.contiguous().data<float>().ToArray()
    Array.init n (fun i -> values[i * d .. (i + 1) * d - 1])

/// exp(-gamma |a - b|^2), sample by sample.
let private kernelMatrix gamma (samples: float[][]) =
    samples
    |> Array.map (fun a -> samples |> Array.map (fun b -> exp (-gamma * Seq.sum (Seq.map2 (fun u v -> (u - v) * (u - v)) a b))))

/// scikit-learn's gamma="scale".
let private scale (samples: float[][]) =
    let all = Array.concat samples
    let mean = Array.average all
    1.0 / (float samples[0].Length * (all |> Array.averageBy (fun value -> (value - mean) * (value - mean))))

let private scores nu (samples: torch.Tensor) (queries: torch.Tensor) =
    use model = OneClassSvm.Fit(samples, nu)
    use result = model.Score queries
    result.data<float>().ToArray()

let private near relative (expected: float[]) (actual: float[]) message =
    let most = expected |> Seq.map abs |> Seq.max

    for e, a in Seq.zip expected actual do
        Expect.floatClose { absolute = relative * most; relative = 0.0 } a e message

/// What is refused, with the words that say why.
let private refused (words: string) (act: unit -> unit) =
    let message =
        try
            act ()
            "nothing was refused"
        with :? UserError as problem ->
            problem.Message

    Expect.stringContains message words "the error"

let private solve (bytes: int64) nu (samples: torch.Tensor) =
    use kernel = new RbfKernel(samples, scale (rows samples), bytes)
    let rows = samples.shape[0]
    Expect.equal kernel.IsWhole (bytes >= rows * rows * 8L) "all of K is kept where it has room"
    let struct (alpha, offset, _) = SequentialMinimalOptimization.Solve(kernel, nu)
    alpha, offset

[<Tests>]
let tests =
    testSequenced
    <| testList "one-class SVM" [
        testProperty "the solution meets the optimality conditions of the dual problem"
        <| fun (PositiveInt seed) ->
            use scope = torch.NewDisposeScope()
            let n, d, nu = 5 + seed % 60, 2 + seed % 17, float (1 + seed % 10) / 10.0
            let samples = features n d seed
            let alpha, offset = solve RbfKernel.DefaultBytes nu samples
            let total = nu * float n
            let tolerance = 1e-9 * total
            Expect.all alpha (fun a -> a >= 0.0 && a <= 1.0) "0 <= alpha <= 1"
            Expect.floatClose { absolute = 1e-12 * total; relative = 0.0 } (Array.sum alpha) total "the sum is nu N"
            let gradient = kernelMatrix (scale (rows samples)) (rows samples) |> Array.map (fun row -> Seq.sum (Seq.map2 (*) row alpha))

            for a, g in Seq.zip alpha gradient do
                if a < 1.0 then Expect.isGreaterThan g (offset - tolerance) "a coefficient that may grow: G >= rho"

                if a > 0.0 then Expect.isLessThan g (offset + tolerance) "a coefficient that may shrink: G <= rho"

            let outside = gradient |> Seq.filter (fun g -> g < offset - tolerance) |> Seq.length
            let support = alpha |> Seq.filter (fun a -> a > 0.0) |> Seq.length
            Expect.isLessThanOrEqual (float outside) (total + 1e-9) "at most nu N samples are outside"
            Expect.isGreaterThanOrEqual (float support) (total - 1e-9) "at least nu N samples are support vectors"

        testProperty "the order of the samples changes no score"
        <| fun (PositiveInt seed) ->
            use scope = torch.NewDisposeScope()
            let n = 5 + seed % 50
            let samples, queries = features n 9 seed, features 6 9 (seed + 1)
            let order = Array.init n int64
            Random(seed).Shuffle order
            let shuffled = samples.index_select (0L, torch.tensor order)
            // No multiple of 1 / n: with nu n a whole number of samples at their bounds, rho is the middle of an interval.
            near 1e-7 (scores 0.31 samples queries) (scores 0.31 shuffled queries) $"{n} samples in another order"

        testProperty "every sample twice doubles the scores"
        <| fun (PositiveInt seed) ->
            use scope = torch.NewDisposeScope()
            let samples, queries = features (5 + seed % 30) 7 seed, features 6 7 (seed + 1)
            let once = scores 0.31 samples queries
            let twice = scores 0.31 (torch.cat ([| samples; samples |], 0L)) queries
            near 1e-7 (once |> Array.map (fun score -> 2.0 * score)) twice "every sample twice"

        testCase "one sample many times over is a ball around it"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let sample = features 1 6 4
            let queries = torch.cat ([| for distance in 0.0 .. 2.0 -> sample + distance.ToScalar() |], 0L)
            let found = scores 0.5 (sample.expand (10L, 6L)) queries
            Expect.floatClose { absolute = 1e-9; relative = 0.0 } found[0] 0.0 "the sample lies on the boundary"
            Expect.isGreaterThan found[1] 0.1 "another lies outside"
            Expect.isGreaterThan found[2] found[1] "and one further away further outside"

        testCase "a feature that never varies does not count"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples, queries = features 40 5 1, features 6 5 2
            let gamma = scale (rows samples)

            let withConstant (value: float) (x: torch.Tensor) =
                torch.cat ([| x; torch.full (x.shape[0], 1L, value.ToScalar(), dtype = torch.ScalarType.Float64) |], 1L)

            let widened = withConstant 3.0 samples
            use narrow = new RbfKernel(samples, gamma)
            use wide = new RbfKernel(widened, gamma)
            let struct (expected, _, _) = SequentialMinimalOptimization.Solve(narrow, 0.3)
            let struct (actual, _, _) = SequentialMinimalOptimization.Solve(wide, 0.3)
            near 1e-7 expected actual "coefficients with and without it"
            Expect.all (scores 0.3 widened (withConstant 0.0 queries)) Double.IsFinite "scores"

        testCase "features far from zero lose no digits"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples, queries = features 60 8 3, features 6 8 5
            let far (x: torch.Tensor) = x + 1e6.ToScalar()
            near 1e-6 (scores 0.3 samples queries) (scores 0.3 (far samples) (far queries)) "moved by a million"

        testCase "with rows on demand and room for few of them the solution is the same"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples = features 300 6 11
            let expected, rho = solve RbfKernel.DefaultBytes 0.4 samples

            for kept in [ 0L; 2L; 17L; 299L; 300L ] do
                let actual, offset = solve (kept * 300L * 8L) 0.4 samples
                near 1e-6 expected actual $"coefficients with {kept} rows kept"
                Expect.floatClose { absolute = 0.0; relative = 1e-9 } offset rho $"rho with {kept} rows kept"

        testCase "a row of the kernel stands until two others have been asked for, however few are kept"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples = features 12 4 5
            use kernel = new RbfKernel(samples, scale (rows samples), 0L)

            for first, second, third in [ 0, 3, 5; 3, 0, 5; 7, 8, 0; 5, 4, 3 ] do
                let _ = kernel.Row first
                let row = kernel.Row second
                let before = row.ToArray()
                let _ = kernel.Row third
                let after = row.ToArray()
                Expect.equal after before $"row {second}, after {first}, when {third} is asked for"

        testCase "with nu 1 every sample weighs the same and the scores are finite"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples = features 30 5 6
            let alpha, _ = solve RbfKernel.DefaultBytes 1.0 samples
            Expect.all alpha ((=) 1.0) "all coefficients are 1"
            let found = scores 1.0 samples samples
            Expect.all found (fun score -> score >= -1e-9) "no sample is inside"
            Expect.floatClose { absolute = 1e-9; relative = 0.0 } (Array.min found) 0.0 "the innermost lies on the boundary"

        testCase "features without variance, features that are not finite and a nu that is no share are refused"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let constant = torch.full (7L, 3L, 0.1.ToScalar(), dtype = torch.ScalarType.Float64)
            refused "7 x 3 features lie between 0.1 and 0.1" (fun () -> OneClassSvm.Fit(constant, 0.5).Dispose())

            for value in [ Double.NaN; Double.PositiveInfinity ] do
                let broken = features 7 3 1
                broken[0L, 0L] <- torch.tensor value
                refused "must be finite and vary" (fun () -> OneClassSvm.Fit(broken, 0.5).Dispose())

            for nu in [ 0.0; -0.1; 1.1; Double.NaN ] do
                refused $"nu is {nu}" (fun () -> OneClassSvm.Fit(features 7 3 1, nu).Dispose())

        testCase "too few steps are an error that says how far they came"
        <| fun () ->
            use scope = torch.NewDisposeScope()
            let samples = features 100 6 8
            use kernel = new RbfKernel(samples, scale (rows samples))
            refused "5 steps" (fun () -> SequentialMinimalOptimization.Solve(kernel, 0.5, 1e-10, 5L) |> ignore)
    ]
