/// The equations of the hfae paper against literal loops over plain arrays, and the gradient of its loss against finite differences.
module Reproduction.Tests.HfaeEquations

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction.Papers.Hfae
open TorchSharp

/// Feature maps of a level: what the encoder gave and what the decoder made of it, [N,C,H,W] in this order.
type Level = {
    N: int
    C: int
    H: int
    W: int
    Encoded: float32[]
    Decoded: float32[]
} with

    member level.At(values: float32[], n, c, y, x) = float values[((n * level.C + c) * level.H + y) * level.W + x]

    member level.Positions = [
        for n in 0 .. level.N - 1 do
            for y in 0 .. level.H - 1 do
                for x in 0 .. level.W - 1 -> n, y, x
    ]

type LevelArbitrary =
    static member Level() : Arbitrary<Level> =
        gen {
            let! n = Gen.choose (1, 3)
            let! c = Gen.choose (1, 5)
            let! h = Gen.choose (1, 4)
            let! w = Gen.choose (1, 4)
            // Away from the zero vector, where eq. (6) is not defined.
            let! values = Gen.arrayOfLength (2 * n * c * h * w) (Gen.choose (-100, 100) |> Gen.map (fun v -> float32 v / 10f + 0.05f))
            return { N = n; C = c; H = h; W = w; Encoded = values[.. n * c * h * w - 1]; Decoded = values[n * c * h * w ..] }
        }
        |> Arb.fromGen

let private property name (body: Level -> unit) =
    testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 50; arbitrary = [ typeof<LevelArbitrary> ] } name (fun level ->
        use _ = torch.NewDisposeScope()
        body level)

let private tensorOf (level: Level) (values: float32[]) =
    torch.tensor(values).reshape(int64 level.N, int64 level.C, int64 level.H, int64 level.W)

let private numbers (tensor: torch.Tensor) = tensor.``to``(torch.ScalarType.Float64).contiguous().data<float>().ToArray()

let private close (actual: float[]) (expected: float[]) message =
    Expect.equal actual.Length expected.Length message

    for a, e in Array.zip actual expected do
        Expect.floatClose { absolute = 1e-5; relative = 1e-5 } a e message

/// Eq. (6) at one position, as the text reads.
let private unit (level: Level) values (n, y, x) =
    let vector = [ for c in 0 .. level.C - 1 -> level.At(values, n, c, y, x) ]
    let norm = sqrt (List.sumBy (fun v -> v * v) vector)
    vector |> List.map (fun v -> v / norm)

/// Sum over channels of eq. (5) at one position.
let private residual level position =
    List.zip (unit level level.Encoded position) (unit level level.Decoded position)
    |> List.sumBy (fun (e, d) -> (e - d) * (e - d) / 2.0)

let private residualMap level = HfaeEquations.ResidualMap(tensorOf level level.Encoded, tensorOf level level.Decoded)

/// Bilinear interpolation of a plane with half-pixel centres, borders repeated.
let private bilinear (plane: int -> int -> float) h w side y x =
    let source size target =
        let at = max 0.0 ((float target + 0.5) * float size / float side - 0.5)
        let low = min (int at) (size - 1)
        low, min (low + 1) (size - 1), at - float low

    let top, bottom, v = source h y
    let left, right, u = source w x

    (1.0 - v) * ((1.0 - u) * plane top left + u * plane top right)
    + v * ((1.0 - u) * plane bottom left + u * plane bottom right)

let private equationTests = [
    property "eq. (5), (6): residual maps" (fun level ->
        close (numbers ((residualMap level).sum(1L))) [| for p in level.Positions -> residual level p |] "phi summed over channels")

    property "eq. (7): the loss of a level is the mean over positions of the sum over channels" (fun level ->
        close (numbers (HfaeEquations.LevelLoss(residualMap level))) [| level.Positions |> List.averageBy (residual level) |] "L_k")

    property "eq. (8): the loss is the mean over levels" (fun level ->
        let phi = residualMap level
        let weights = [ 1.0; 2.0; 6.0 ]
        let losses = [| for weight in weights -> phi * torch.tensor weight |]
        close (numbers (HfaeEquations.Loss losses)) [| 3.0 * (level.Positions |> List.averageBy (residual level)) |] "L")

    property "eq. (9): maps are divided by their positions and resized bilinearly; the plain sum leaves the division out" (fun level ->
        let side = 7

        let literal divisor = [|
            for n in 0 .. level.N - 1 do
                let plane y x = residual level (n, y, x) / divisor

                for y in 0 .. side - 1 do
                    for x in 0 .. side - 1 -> bilinear plane level.H level.W side y x
        |]

        let positions = float (level.H * level.W)
        close (numbers (HfaeEquations.ResizedMap(residualMap level, int64 side))) (literal positions) "phi'"
        close (numbers (HfaeEquations.ResizedMap(residualMap level, int64 side, false))) (literal 1.0) "phi' of the plain sum")

    property "eq. (11): the image score is the largest value of its map" (fun level ->
        let map = HfaeEquations.ResizedMap(residualMap level, 5L)
        let values = numbers map
        close (numbers (HfaeEquations.ImageScore map)) [| for n in 0 .. level.N - 1 -> Array.max values[n * 25 .. n * 25 + 24] |] "A")
]

let private filterTests = [
    for sigma in [ 0.7; 2.0 ] do
        testCase $"eq. (10): the Gaussian filter with sigma {sigma} is the literal double sum" (fun () ->
            use _ = torch.NewDisposeScope()
            let side = 9
            let map = torch.rand ([| 2L; 1L; int64 side; int64 side |])
            let values = numbers map
            let radius = int (ceil (4.0 * sigma))
            let weight d = exp (-float(d * d) / (2.0 * sigma * sigma))
            let total = Seq.sum [ for d in -radius .. radius -> weight d ]
            let within i = max 0 (min (side - 1) i)

            let literal = [|
                for n in 0..1 do
                    for y in 0 .. side - 1 do
                        for x in 0 .. side - 1 ->
                            Seq.sum [
                                for dy in -radius .. radius do
                                    for dx in -radius .. radius ->
                                        weight dy * weight dx * values[(n * side + within (y + dy)) * side + within (x + dx)]
                            ]
                            / (total * total)
            |]

            close (numbers (HfaeEquations.GaussianFilter(map, sigma))) literal "G")

    testCase "eq. (10): the map is the filtered sum of all resized maps" (fun () ->
        use _ = torch.NewDisposeScope()
        let maps = [ for _ in 1..3 -> torch.rand ([| 1L; 1L; 8L; 8L |]) ]
        let expected = HfaeEquations.GaussianFilter(maps[0] + maps[1] + maps[2], 4.0)
        close (numbers (HfaeEquations.AnomalyMap(maps, 4.0))) (numbers expected) "f_a")

    testCase "eq. (10): sigma 0 leaves the map as it is" (fun () ->
        use _ = torch.NewDisposeScope()
        let map = torch.rand ([| 1L; 1L; 4L; 4L |])
        close (numbers (HfaeEquations.GaussianFilter(map, 0.0))) (numbers map) "f_a")
]

let private gradientTest =
    testCase "the gradient of the loss is that of finite differences" (fun () ->
        use _ = torch.NewDisposeScope()
        let shapes = [ [| 2L; 3L; 4L; 4L |]; [| 2L; 5L; 2L; 2L |] ]
        let random shape = torch.randn ((shape: int64[]), torch.ScalarType.Float64)
        let encoded = shapes |> List.map random
        let decoded = shapes |> List.map (fun shape -> (random shape).requires_grad_())

        let loss (decoded: torch.Tensor list) =
            HfaeEquations.Loss([| for e, d in List.zip encoded decoded -> HfaeEquations.ResidualMap(e, d) |])

        (loss decoded).backward()
        let step = 1e-5

        for level, tensor in List.indexed decoded do
            let gradient = numbers (nonNull tensor.grad)
            let values = numbers (tensor.detach ())

            let shifted i by =
                let moved = Array.copy values
                moved[i] <- moved[i] + by

                let changed =
                    decoded |> List.mapi (fun k d -> if k = level then torch.tensor(moved).reshape(shapes[level]) else d.detach ())

                (numbers (loss changed))[0]

            for i in 0 .. values.Length - 1 do
                let difference = (shifted i step - shifted i -step) / (2.0 * step)
                Expect.floatClose { absolute = 1e-8; relative = 1e-6 } gradient[i] difference $"level {level + 1}, element {i}")

[<Tests>]
let tests = testSequenced (testList "hfae equations" (equationTests @ filterTests @ [ gradientTest ]))
