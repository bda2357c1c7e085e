/// `ssae`, the supplements: Proposition 2, the law of large numbers and Theorem 2, on random fields. Properties
/// are over vectors of small integers, on which all that they compare is exact. Each Monte-Carlo check says its sample size; its bounds are
/// at least five standard errors wide. Where a statement as printed needs a correction, a test shows what fails and what holds.
module Reproduction.Tests.SsaeRandomFields

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction.Papers.Ssae

type FieldArbitraries =
    static member Pairs() : Arbitrary<(int64 * int64) list> =
        let small = Gen.choose (-9, 9) |> Gen.map int64
        Gen.choose (1, 5) |> Gen.bind (fun n -> Gen.listOfLength n (Gen.zip small small)) |> Arb.fromGen

let private property name (body: 'a -> bool) =
    let config = { FsCheckConfig.defaultConfig with maxTest = 2000; arbitrary = [ typeof<FieldArbitraries> ] }
    testPropertyWithConfig config name body

/// Images whose pixels are all distributed alike: the cyclic shifts of a vector, each pixel taking each of its values once.
let private shifts (values: int64 list) =
    let n = values.Length
    [ for shift in 0 .. n - 1 -> [ for i in 0 .. n - 1 -> values[(i + shift) % n] ] ]

/// Mean over pairs of |x_S - y_S|^2 - |x_S' - y_S'|^2, and of 2 Var[x_i]; times the number of pairs and pixels where needed.
let private excess (inside: bool list) (pairs: (int64 list * int64 list) list) =
    pairs
    |> List.averageBy (fun (x, y) ->
        List.zip3 inside x y |> List.sumBy (fun (s, a, b) -> (if s then 1.0 else -1.0) * float ((a - b) * (a - b))))

let private variance (values: int64 list) =
    let values = List.map float values
    let mean = List.average values
    values |> List.averageBy (fun v -> (v - mean) ** 2.0)

let private proposition2 (inside: bool list) = inside |> List.sumBy (fun s -> if s then 1.0 else -1.0)

/// A Gaussian or an Ising field on a torus, [replicas,side,side], by Gibbs sampling: the even and the odd nodes in turn, each given its
/// four neighbours.
let private gibbs (start: torch.Tensor) sweeps (conditional: torch.Tensor -> torch.Tensor) =
    let side = start.shape[1]
    let rows = torch.arange side
    let colour = (rows.unsqueeze 1 + rows).remainder(torch.tensor 2L)
    let mutable field = start

    for _ in 1..sweeps do
        for parity in [ 0L; 1L ] do
            use scope = torch.NewDisposeScope()
            let neighbours = field.roll (1L, 1L) + field.roll (-1L, 1L) + field.roll (1L, 2L) + field.roll (-1L, 2L)
            field <- torch.where(colour.eq (torch.tensor parity), conditional neighbours, field).MoveToOuterDisposeScope()

    field

/// Black and white images, pixels 0 and 1 with probability 1/2 each, from an Ising model. The critical coupling is 0.44.
let private ising (coupling: float) (ordered: bool) (side: int64) (replicas: int64) (seed: int) =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    let half = torch.full ([| replicas; (if ordered then 1L else side); (if ordered then 1L else side) |], torch.tensor(0.5f).ToScalar())
    let start = (half.bernoulli generator * 2.0 - 1.0).expand([| replicas; side; side |])
    let field = gibbs start 40 (fun neighbours -> (neighbours * (2.0 * coupling)).sigmoid().bernoulli generator * 2.0 - 1.0)
    ((field + 1.0) / 2.0).flatten 1L

/// Gaussian Markov random field: each pixel is a quarter of 0.9 times its neighbours' sum, plus standard noise.
let private gaussian (side: int64) (replicas: int64) (seed: int) =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    let noise () = torch.randn ([| replicas; side; side |], generator = generator)
    (gibbs (noise ()) 60 (fun neighbours -> neighbours * (0.9 / 4.0) + noise ())).flatten 1L

/// Nodes within a distance of a node in the grid of pixels, the node itself left out.
let private within distance =
    Seq.length (
        seq {
            for y in -distance .. distance do
                for x in -distance .. distance do
                    if abs y + abs x <= distance then yield ()
        }
    )
    - 1

/// S as the first rows of the images.
let private firstRows (side: int64) (rows: int64) =
    let count: int64 = side * side
    let pixels = torch.arange count
    pixels.lt(torch.tensor (side * rows)).``to`` torch.ScalarType.Float32

/// Share of pairs with |x_S - y_S| > |x_S' - y_S'|.
let private violating (fields: torch.Tensor) (inside: torch.Tensor) =
    let pairs = fields.reshape (2L, -1L, fields.shape[1])
    1.0 - SsaeTheory.Premise(pairs[0L], pairs[1L], inside).``to``(torch.ScalarType.Float64).mean().ToDouble()

let private close percent actual expected message = Expect.floatClose { absolute = 0.0; relative = percent / 100.0 } actual expected message

let private proposition2Tests = [
    property "Proposition 2, exactly: the cyclic shifts of a vector, all pairs" (fun (pairs: (int64 * int64) list) ->
        let values, inside = List.map fst pairs, pairs |> List.map (fun (_, s) -> s > 0L)
        let images = shifts values
        let expected = proposition2 inside * 2.0 * variance values
        abs (excess inside (List.allPairs images images) - expected) < 1e-9 * (1.0 + abs expected))

    property
        "Proposition 2 needs a correction for a finite D: over pairs of different images the right side is n / (n - 1) times as large"
        (fun (pairs: (int64 * int64) list) ->
            let values, inside = List.map fst pairs, pairs |> List.map (fun (_, s) -> s > 0L)
            let images = shifts values |> List.indexed
            let n = float images.Length

            let different =
                List.allPairs images images |> List.filter (fun ((i, _), (j, _)) -> i <> j) |> List.map (fun ((_, x), (_, y)) -> x, y)

            different.IsEmpty
            || (let expected = proposition2 inside * 2.0 * variance values * n / (n - 1.0)
                abs (excess inside different - expected) < 1e-9 * (1.0 + abs expected)))

    testCase "Proposition 2 on dependent pixels: 4,000 pairs of Ising fields of 8 x 8"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let fields = (ising 0.3 false 8L 8000L 1).reshape(2L, -1L, 64L)
        let sign = firstRows 8L 3L * 2.0 - 1.0
        let excess = ((fields[0L] - fields[1L]).square() * sign).sum(1L).``to`` torch.ScalarType.Float64
        let expected = (24.0 - 40.0) * 2.0 * 0.25
        let error = excess.std().ToDouble() / sqrt 4000.0
        Expect.isLessThan (abs (excess.mean().ToDouble() - expected)) (5.0 * error) "E[|x_S - y_S|^2 - |x_S' - y_S'|^2]"
        Expect.isLessThan error 0.2 "standard error"
]

let private lawOfLargeNumbers = [
    testCase "Theorem 3: the mean of an Ising field tends to 1/2: 400 fields a size"
    <| fun () ->
        use _ = torch.NewDisposeScope()

        let results = [
            for side in [ 8L; 16L; 32L ] do
                let means = (ising 0.3 false side 400L 2).mean [| 1L |]
                let far = (means - 0.5).abs().gt(torch.tensor 0.2f).``to``(torch.ScalarType.Float64).mean().ToDouble()
                float (side * side) * (means.``to``(torch.ScalarType.Float64).var().ToDouble()), far
        ]

        // (20): N Var[mean] is the sum of the covariances of one node with all, a constant of the model; sd of a variance of 400: 7 %.
        for scaled, _ in results do
            close 50.0 scaled (fst results[1]) "N Var[mean] does not depend on N"

        Expect.isGreaterThan (fst results[2]) 0.5 "the pixels are dependent: twice the variance of independent ones at least"
        Expect.isGreaterThan (snd results[0]) 0.1 "P(|mean - 1/2| > 0.2) at N = 64"
        Expect.equal (snd results[2]) 0.0 "P(|mean - 1/2| > 0.2) at N = 1024"

    testCase "Theorem 3 needs its condition (18): below the critical temperature the mean stays away from 1/2, 200 fields a size"
    <| fun () ->
        use _ = torch.NewDisposeScope()

        for side in [ 16L; 32L ] do
            let means = (ising 0.6 true side 200L 3).mean [| 1L |]
            Expect.isGreaterThan ((means - 0.5).abs().min().ToSingle()) 0.25f $"every mean of {side} x {side}"
            Expect.isLessThan (abs (means.mean().ToSingle() - 0.5f)) 0.2f "though the expectation is 1/2"

    testCase "Theorem 3 needs a correction: bounded degrees. In a star no two nodes are farther apart than 2, and the law fails: 500 stars"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(4UL, torch.CPU)
        let hub = torch.full([| 500L; 1L |], torch.tensor(0.5f).ToScalar()).bernoulli generator

        for leaves in [ 100L; 1000L ] do
            let agrees = torch.full([| 500L; leaves |], torch.tensor(0.9f).ToScalar()).bernoulli generator
            let field = torch.where (agrees.eq (torch.tensor 1f), hub, 1 - hub)
            // Condition (18) speaks of distances that tend to infinity; here it says nothing, and Cov[x_i, x_j] stays at 0.16.
            Expect.isGreaterThan ((field.mean ([| 1L |]) - 0.5).abs().min().ToSingle()) 0.2f $"{leaves} leaves"

    testCase "the proof of Theorem 3 needs a correction: up to 2 L^2 + 2 L pixels, not L, lie within distance L"
    <| fun () ->
        for distance in 1..20 do
            Expect.equal (within distance) (2 * distance * distance + 2 * distance) "in a grid"
            // j > i takes half of them, still more than L.
            Expect.isGreaterThan (within distance / 2) distance "beyond the bound of the proof"
]

let private theorem2 = [
    testCase "Corollary 1: |x_S - y_S|^2 / |S| of Gaussian fields tends to 2 sigma^2, 300 pairs a size"
    <| fun () ->
        use _ = torch.NewDisposeScope()

        let deviations = [
            for side in [ 8L; 16L; 32L ] do
                let fields = gaussian side 600L 5
                let sigma2 = fields.``to``(torch.ScalarType.Float64).square().mean().ToDouble()
                let pairs = fields.reshape (2L, -1L, side * side)
                let inside = firstRows side (side / 2L)
                let means = (((pairs[0L] - pairs[1L]).square() * inside).sum [| 1L |] / inside.sum ()).``to`` torch.ScalarType.Float64
                let error = means.std().ToDouble() / sqrt 300.0
                Expect.isLessThan (abs (means.mean().ToDouble() - 2.0 * sigma2)) (5.0 * error + 0.02 * sigma2) "mean"
                means.std().ToDouble()
        ]

        // The deviation falls as 1 / sqrt |S|: by 4 from 8 to 32; 300 pairs know it to 4 %.
        close 40.0 (deviations[0] / deviations[2]) 4.0 "deviation at 8 x 8 against 32 x 32"

    testCase "Theorem 2: with |S| = |S'| / 3 < 2 sigma^2 |S'| no pair violates the premise as N grows, 400 pairs a size"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let rates = [ for side in [ 4L; 8L; 16L; 32L ] -> violating (ising 0.3 false side 800L 6) (firstRows side (side / 4L)) ]
        Expect.isGreaterThan rates[0] 0.02 "N = 16"
        Expect.isLessThan rates[1] rates[0] "N = 64"
        Expect.equal rates[3] 0.0 "N = 1024"

    testCase
        "Theorem 2 can be sharpened: |S| < |S'| is enough, 2 sigma^2 is not needed; above it nearly every pair violates, 400 pairs a size"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        // By Corollary 1 on S and on S', |x_S - y_S|^2 / |x_S' - y_S'|^2 tends to |S| / |S'|. Here 2 sigma^2 = 1/2.
        let fields = [ for side in [ 8L; 16L; 32L ] -> side, ising 0.3 false side 800L 8 ]
        let rates share = fields |> List.map (fun (side, fields) -> violating fields (firstRows side (side * share / 8L)))
        let below = rates 3L
        Expect.isGreaterThan below[0] 0.03 "|S| / |S'| = 3 / 5, N = 64"
        Expect.isLessThan below[1] below[0] "|S| / |S'| = 3 / 5, N = 256"
        Expect.equal below[2] 0.0 "|S| / |S'| = 3 / 5, N = 1024"
        let above = rates 5L
        Expect.equal above[2] 1.0 "|S| / |S'| = 5 / 3, N = 1024"
]

let private moments = [
    testCase "marginal moments are those over all windows of all images"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let images = torch.rand [| 3L; 3L; 7L; 9L |]

        let struct (mean: torch.Tensor, deviation: torch.Tensor) =
            SsaeTheory.MarginalMoments([ images.narrow (0L, 0L, 2L); images.narrow (0L, 2L, 1L) ], 4)

        for y in 0..3 do
            for x in 0..3 do
                let seen = [
                    for n in 0..2 do
                        for top in 0..3 do
                            for left in 0..5 do
                                float (images[int64 n].select(1L, int64 (top + y)).select(1L, int64 (left + x)).mean().ToSingle())
                ]

                let expected = List.average seen
                Expect.floatClose Accuracy.low (mean[int64 y, int64 x].ToDouble()) expected "mean"
                let squared = seen |> List.averageBy (fun v -> (v - expected) ** 2.0)
                Expect.floatClose Accuracy.low (deviation[int64 y, int64 x].ToDouble()) (sqrt squared) "deviation"
]

[<Tests>]
let tests =
    testSequenced
    <| testList "ssae.fields" [
        testList "proposition 2" proposition2Tests
        testList "law of large numbers" lawOfLargeNumbers
        testList "theorem 2" theorem2
        testList "moments" moments
    ]
