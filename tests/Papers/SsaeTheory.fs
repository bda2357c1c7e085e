/// `ssae`, section 3.4: the lemmas, Proposition 1, Theorem 1 and the study of
/// orthogonality, each as a property or a Monte-Carlo check. Properties are over vectors of
/// small integers, on which all that they compare is exact. Each Monte-Carlo check says its sample size; its bounds are at
/// least five standard errors wide. Where a statement as printed needs a correction, a test shows what fails and what holds.
module Reproduction.Tests.SsaeTheory

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Repro.Studies
open Reproduction.Data
open Reproduction.Methods
open Reproduction.Papers.Ssae
open Reproduction.Tests.InMemory

/// Images x, x^ and y of integers, split into the corrupted pixels S and the others S'; x^ is x on S'.
type Triple = {
    Inside: (int64 * int64 * int64) list // x, x^, y on S
    Outside: (int64 * int64) list
} with // x = x^, y on S'

    /// |x_S - y_S|^2 and |x_S' - y_S'|^2.
    member t.Apart = t.Inside |> List.sumBy (fun (x, _, y) -> (x - y) * (x - y)), t.Outside |> List.sumBy (fun (x, y) -> (x - y) * (x - y))

    /// |x^ - x|^2 and |x^ - y|^2 over all pixels.
    member t.FromCorrupted =
        let toX = t.Inside |> List.sumBy (fun (x, c, _) -> (c - x) * (c - x))
        let toY = t.Inside |> List.sumBy (fun (_, c, y) -> (c - y) * (c - y))
        toX, toY + snd t.Apart

    /// Where the projection p of x^_S onto the line through x_S and y_S lies: p = x_S + (numerator / denominator) (y_S - x_S).
    member t.Projection = t.Inside |> List.sumBy (fun (x, c, y) -> (c - x) * (y - x)), fst t.Apart

    /// Condition (6) as it is printed, all lengths in units of |x_S - y_S|.
    member t.Condition6 =
        let numerator, denominator = t.Projection
        abs numerator <= max denominator (abs (denominator - numerator))

    member t.Premise = fst t.Apart <= snd t.Apart
    member t.Conclusion = fst t.FromCorrupted <= snd t.FromCorrupted

let private small = Gen.choose (-9, 9) |> Gen.map int64
let private nonEmpty (element: Gen<'a>) = Gen.choose (1, 5) |> Gen.bind (fun n -> Gen.listOfLength n element)

type TheoryArbitraries =
    static member Triple() : Arbitrary<Triple> =
        gen {
            let! inside = nonEmpty (Gen.zip3 small small small)
            let! outside = nonEmpty (Gen.zip small small)
            return { Inside = inside; Outside = outside }
        }
        |> Arb.fromGen

    static member Pairs() : Arbitrary<(int64 * int64) list> = nonEmpty (Gen.zip small small) |> Arb.fromGen

let private property name (body: 'a -> bool) =
    let config = { FsCheckConfig.defaultConfig with maxTest = 2000; arbitrary = [ typeof<TheoryArbitraries> ] }
    testPropertyWithConfig config name body

let private square (values: int64 list) = values |> List.sumBy (fun v -> v * v)
let private dot (pairs: (int64 * int64) list) = pairs |> List.sumBy (fun (a, b) -> a * b)
let private apply f (pairs: (int64 * int64) list) = pairs |> List.map (fun (a, b) -> f a b)
let private double (values: float list) = torch.tensor (Array.ofList values)

let private lemmas = [
    property "Lemma 1: |x|^2 + |y|^2 = |x - y|^2 = |x + y|^2 for orthogonal x, y" (fun (pairs: (int64 * int64) list) ->
        // The part of y that is orthogonal to x, times |x|^2, is made of integers.
        let xx, xy = square (List.map fst pairs), dot pairs
        let pairs = pairs |> List.map (fun (x, y) -> x, xx * y - xy * x)
        let sum = square (List.map fst pairs) + square (List.map snd pairs)
        dot pairs = 0L && sum = square (apply (-) pairs) && sum = square (apply (+) pairs))

    property "Lemma 2: ||x|^2 - |y|^2| <= |x + y|^2 for x = lambda y, lambda > 0" (fun (pairs: (int64 * int64) list) ->
        let z, scales = List.map fst pairs, snd pairs.Head
        let a, b = 1L + abs scales, 1L + abs (fst pairs.Head)
        let pairs = z |> List.map (fun v -> a * v, b * v)
        abs (square (List.map fst pairs) - square (List.map snd pairs)) <= square (apply (+) pairs))

    // Proposition 1 needs it for y_S - p and p - x_S; where p is y_S, as for a swapped patch, one of the two is 0 and no lambda > 0 exists.
    property
        "Lemma 2 needs a correction: x.y >= 0 is enough, and only that covers a projection at the end of the segment"
        (fun (pairs: (int64 * int64) list) ->
            let pairs = if dot pairs < 0L then pairs |> List.map (fun (x, y) -> x, -y) else pairs
            abs (square (List.map fst pairs) - square (List.map snd pairs)) <= square (apply (+) pairs))

    testCase "Lemma 2 fails for opposite vectors"
    <| fun () ->
        let pairs = [ -2L, 1L ]
        Expect.isGreaterThan (abs (square (List.map fst pairs) - square (List.map snd pairs))) (square (apply (+) pairs)) "3 > 1"

    property "Lemma 3: |x^ - x| <= |x^ - y| exactly where |x^_S - x_S|^2 - |x^_S - y_S|^2 <= |x_S' - y_S'|^2" (fun (t: Triple) ->
        let inside = t.Inside |> List.sumBy (fun (x, c, y) -> (c - x) * (c - x) - (c - y) * (c - y))
        t.Conclusion = (inside <= snd t.Apart))
]

let private rows (t: Triple) =
    t.Inside |> List.map (fun (x, _, _) -> float x),
    t.Inside |> List.map (fun (_, c, _) -> float c),
    t.Inside |> List.map (fun (_, _, y) -> float y)

/// x^ at the given multiple of the way from x_S to y_S, in one dimension, with as much difference outside of S as inside.
let private onTheLine at = { Inside = [ 0L, at, 2L ]; Outside = [ 0L, 2L ] }

let private proposition1 = [
    property "condition (6) as printed is SsaeTheory.Feasible" (fun (t: Triple) ->
        use _ = torch.NewDisposeScope()
        let x, corrupted, y = rows t
        SsaeTheory.Feasible(double corrupted, double x, double y).ToBoolean() = t.Condition6)

    property "SsaeTheory.Premise is |x_S - y_S| <= |x_S' - y_S'|" (fun (t: Triple) ->
        use _ = torch.NewDisposeScope()
        let x = (t.Inside |> List.map (fun (x, _, _) -> float x)) @ (t.Outside |> List.map (fst >> float))
        let y = (t.Inside |> List.map (fun (_, _, y) -> float y)) @ (t.Outside |> List.map (snd >> float))
        let inside = List.replicate t.Inside.Length 1.0 @ List.replicate t.Outside.Length 0.0
        SsaeTheory.Premise(double x, double y, double inside).ToBoolean() = t.Premise)

    property "Proposition 1: premise and (6) together give |x^ - x| <= |x^ - y|" (fun (t: Triple) ->
        not (t.Premise && t.Condition6) || t.Conclusion)

    property "Proposition 1, the boundary case of a swapped patch: x^_S = y_S" (fun (t: Triple) ->
        let t = { t with Inside = t.Inside |> List.map (fun (x, _, y) -> x, y, y) }
        t.Condition6 && (not t.Premise || t.Conclusion))

    testCase "Proposition 1 in both of its cases, and its failure without (6): 400,000 Gaussian triples"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(7UL, torch.CPU)
        let draw size = torch.randn ([| 400_000L; size |], dtype = torch.ScalarType.Float64, generator = generator)
        let x, y, others, corrupted = draw 3L, draw 3L, draw 4L, draw 3L * 2.0
        let inside, outside = (x - y).square().sum 1L, (others * 1.5).square().sum 1L
        let along = ((corrupted - x) * (y - x)).sum 1L / inside
        let premise = inside.le outside
        let conclusion = (corrupted - x).square().sum(1L).le((corrupted - y).square().sum 1L + outside)
        let count (condition: torch.Tensor) = condition.sum().ToInt64()
        let zero, one = torch.tensor 0.0, torch.tensor 1.0
        let feasible = SsaeTheory.Feasible(corrupted, x, y).logical_and premise
        let first = feasible.logical_and(along.ge zero).logical_and(along.le one)
        let second = feasible.logical_and (along.lt zero)
        let neither = premise.logical_and (along.gt one)

        for case, samples in [ "p between x_S and y_S", first; "x_S between p and y_S", second ] do
            Expect.isGreaterThan (count samples) 20_000L $"samples with {case}"
            Expect.equal (count (samples.logical_and (conclusion.logical_not ()))) 0L $"violations with {case}"

        Expect.equal (count (feasible.logical_and (neither))) 0L "(6) leaves out p beyond y_S"
        Expect.isGreaterThan (count (neither.logical_and (conclusion.logical_not ()))) 2_000L "violations without (6)"

    testCase "Proposition 1 without (6): x^ beyond y on the line through x and y is nearer to y"
    <| fun () ->
        let beyond = onTheLine 4L
        Expect.isTrue beyond.Premise "the premise holds"
        Expect.isFalse beyond.Condition6 "(6) does not"
        Expect.isFalse beyond.Conclusion "nor does the conclusion: 16 > 4 + 4"

        for at in [ -3L .. 2L ] do
            Expect.isTrue ((onTheLine at).Condition6 && (onTheLine at).Conclusion) $"x^_S = {at}"

    testCase "the text after Proposition 1 needs a correction: x^ outside of the convex hull of D does not give (6)"
    <| fun () ->
        // D = {x, y}: the hull is the segment; the same x^ beyond y is outside of it and violates (6).
        Expect.isFalse (onTheLine 4L).Condition6 "outside of the hull, beyond y"

    testCase "the text after Proposition 1 needs a correction: it does not hold in every normed space"
    <| fun () ->
        let norm (values: float list) = values |> List.map abs |> List.max
        let x, corrupted, y = [ 0.0; 0.0 ], [ 1.5; 0.5 ], [ 1.0; 1.0 ]
        let outside = 1.0 // |x_S' - y_S'| of a single pixel
        use _ = torch.NewDisposeScope()
        Expect.isTrue (SsaeTheory.Feasible(double corrupted, double x, double y).ToBoolean()) "(6): p is y_S"
        Expect.isLessThanOrEqual (norm (List.map2 (-) x y)) outside "the premise in the maximum norm"
        let toX = norm (List.map2 (-) corrupted x)
        let toY = max (norm (List.map2 (-) corrupted y)) outside
        Expect.isGreaterThan toX toY "but x^ is nearer to y in the maximum norm: 1.5 > 1"

    testCase "footnote 5: within the ball around x_S up to its nearest y_S, (6) holds for all y: 200 x 2,000 samples"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(3UL, torch.CPU)
        let draw (size: int64[]) = torch.randn (size, dtype = torch.ScalarType.Float64, generator = generator)
        let x, ys = draw [| 5L |], draw [| 200L; 1L; 5L |]
        let radius = (ys - x).square().sum(2L).sqrt().min()
        let direction = draw [| 1L; 2000L; 5L |]
        let corrupted = x + direction / direction.square().sum([| 2L |], keepdim = true).sqrt() * radius * 0.999
        Expect.isTrue (SsaeTheory.Feasible(corrupted, x, ys).all().ToBoolean()) "inside of the ball"
        let farther = SsaeTheory.Feasible(x + (corrupted - x) * 4.0, x, ys).all().ToBoolean()
        Expect.isFalse farther "a ball of four times the radius is too large"
]

/// The mapping of Assumption 1 for a finite D: the image that agrees with x^ on the most pixels.
let private ideal (images: torch.Tensor) (corrupted: torch.Tensor) =
    images.index_select (0L, images.eq(corrupted.unsqueeze 1).sum(2L).argmax 1L)

let private theorem1 = [
    testCase "Theorem 1: F maps to the nearest image wherever premise and (8) hold: 60 images, 2,000 swapped patches of every size"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(5UL, torch.CPU)
        let images = torch.rand ([| 60L; 64L |], dtype = torch.ScalarType.Float64, generator = generator)
        let mutable applicable, orthogonal = 0L, 0L

        for size in [ 4L; 16L; 24L; 30L ] do
            use _ = torch.NewDisposeScope()

            let inside =
                torch.cat (
                    ResizeArray [
                        torch.ones (size, dtype = torch.ScalarType.Float64)
                        torch.zeros (64L - size, dtype = torch.ScalarType.Float64)
                    ]
                )

            let source = torch.randint (60L, [| 500L |], generator = generator)
            let other = (source + torch.randint (1L, 60L, [| 500L |], generator = generator)).remainder(torch.tensor 60L)
            let x, z = images.index_select (0L, source), images.index_select (0L, other)
            let corrupted = torch.where (inside.eq (torch.tensor 1.0), z, x)
            let restored = ideal images corrupted
            Expect.equal ((restored - x).abs().max().ToDouble()) 0.0 "F gives the image that x^ was made from"
            let distance = (corrupted - restored).square().sum([| 1L |], keepdim = true)
            let toAll = (corrupted.unsqueeze 1 - images).square().sum 2L
            let premise = SsaeTheory.Premise(x.unsqueeze 1, images, inside)
            let feasible = SsaeTheory.Feasible((corrupted * inside).unsqueeze 1, (x * inside).unsqueeze 1, images * inside)
            let both = premise.logical_and feasible
            Expect.isFalse (both.logical_and(distance.gt toAll).any().ToBoolean()) $"|S| = {size}: a pair violates (7)"
            let all = both.all (1L)

            Expect.isFalse
                (all.logical_and(distance.squeeze(1L).gt(toAll.amin [| 1L |])).any().ToBoolean())
                $"|S| = {size}: F is no orthogonal projection"

            applicable <- applicable + both.sum().ToInt64()
            orthogonal <- orthogonal + all.sum().ToInt64()

        Expect.isGreaterThan applicable 50_000L "pairs that fulfil both conditions"
        Expect.isGreaterThan orthogonal 500L "corrupted images that fulfil both for all y"

    testCase "Theorem 1 without its premise: a patch of three quarters is nearer to where it came from"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(6UL, torch.CPU)
        let images = torch.rand ([| 2L; 64L |], dtype = torch.ScalarType.Float64, generator = generator)
        let corrupted = torch.cat (ResizeArray [ images[1L].narrow(0L, 0L, 48L); images[0L].narrow(0L, 48L, 16L) ])
        let squares = (corrupted - images).square().sum 1L
        Expect.isGreaterThan (squares[0L].ToDouble()) (squares[1L].ToDouble()) "x^ is nearer to the other image"
]

let private afterProposition2 = [
    testCase "the text after Proposition 2 needs a correction: a single pair can fulfil the premise with |S| > |S'|"
    <| fun () ->
        let pair = { Inside = List.replicate 5 (3L, 3L, 3L); Outside = [ 0L, 1L ] }
        Expect.isTrue pair.Premise "x and y agree on five of six pixels, all of them in S"
]

/// A "fitted" detector that restores images in the given way, or none.
type private Restoring(restore: (torch.Tensor -> torch.Tensor) option) =
    interface IAnomalyDetector with
        member _.Fit(_, _) = failwith "is fitted"
        member _.Save() = failwith "is not saved"
        member _.Load _ = failwith "is not loaded"
        member _.Dispose() = ()

        member _.Score batch =
            let images = batch.Pixels(ImageSize.Square 32, torch.CPU)
            let image = images.mean [| 1L; 2L; 3L |]

            match restore with
            | Some restore -> new Scores(null, image, Reconstruction = restore images)
            | None -> new Scores(null, image)

let private measure restore =
    use detector = new Restoring(restore)

    Orthogonality.Measure(detector, RandomImages(24, 32), 1, torch.CPU, (fun _ _ -> ()), Threading.CancellationToken.None)
    |> List.ofSeq

let private orthogonality = [
    testCase "figure 9: the mapping of Assumption 1 is an orthogonal projection while most pixels are left"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let set = (RandomImages(24, 32) :> IImages).Pixels([| 0..23 |], ImageSize.Square 32, torch.CPU)
        let restore (images: torch.Tensor) = (ideal (set.flatten 1L) (images.flatten 1L)).reshape images.shape

        for point in measure (Some restore) do
            if point.PatchWidth < sqrt 0.5 then
                Expect.equal point.OutputAccuracy 1.0 $"width {point.PatchWidth}: the nearest image to F(X^) is X"
                Expect.equal point.Distance 0.0 "F(X^) is X"
            else
                Expect.isLessThan point.OutputAccuracy 0.1 $"width {point.PatchWidth}: most pixels are the other image's"

    testCase "figure 9: a copier restores nothing, and both accuracies are the same"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let points = measure (Some(fun images -> images.clone ()))
        Expect.sequenceEqual (points |> List.map _.PatchWidth) [ for tenth in 1..10 -> float tenth / 10.0 ] "widths"
        Expect.all points (fun point -> point.InputAccuracy = point.OutputAccuracy) "accuracies"
        Expect.equal points[0].InputAccuracy 1.0 "a small patch"
        Expect.equal (List.last points).InputAccuracy 0.0 "the whole image is another one"
        Expect.isAscending (points |> List.map _.Distance) "distances"
        Expect.isDescending (points |> List.map _.Premise) "premise"
        Expect.equal (List.last points).Premise 0.0 "nothing is left outside of the patch"

    testCase "a method that restores no image is refused"
    <| fun () -> Expect.throwsT<Reproduction.UserError> (fun () -> measure None |> ignore) "no reconstruction"
]

[<Tests>]
let tests =
    testSequenced
    <| testList "ssae.theory" [
        testList "lemmas" lemmas
        testList "proposition 1" proposition1
        testList "theorem 1" theorem1
        testList "after proposition 2" afterProposition2
        testList "orthogonality" orthogonality
    ]
