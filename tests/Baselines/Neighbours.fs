/// Nearest neighbours, the greedy coreset, and the equations of patchcore and spade against loops over plain arrays.
module Reproduction.Tests.Baselines.Neighbours

open System
open Expecto
open Reproduction
open Reproduction.Baselines.PatchCore
open Reproduction.Baselines.Spade
open Reproduction.Methods
open Reproduction.Tests.Numbers
open TorchSharp

let private scoped name body =
    testCase name (fun () ->
        use _scope = torch.NewDisposeScope()
        body ())

/// The index of the least value, the first of several.
let private argmin (values: float[]) = Array.findIndex ((=) (Array.min values)) values

let private productTests = [
    scoped "rows by rows are the product with the transposed matrix, plus the offset"
    <| fun () ->
        let left, right, offset = random 1 [ 7; 5 ], random 2 [ 9; 5 ], random 3 [ 9 ]
        let expected = left.mm(right.t ()).add offset
        close 1e-6 (numbers (left.RowProducts(right, offset))) (numbers expected) "with an offset"
        close 1e-6 (numbers (left.RowProducts right)) (numbers (left.mm (right.t ()))) "without"

    scoped "the nearest of a bank, over several blocks of queries and bank"
    <| fun () ->
        let queries, bank = random 4 [ 1030; 3 ], random 5 [ 1100; 3 ]
        let struct (distances, indices) = NearestNeighbours.Nearest(queries, bank)
        let bankRows = rows bank
        let expected = rows queries |> Array.map (fun query -> bankRows |> Array.map (squaredDistance query))
        Expect.sequenceEqual (indices.data<int64>().ToArray() |> Array.map int) (Array.map argmin expected) "which"
        close 1e-6 (numbers distances) (Array.map Array.min expected) "how far"

    scoped "far from the origin the distance of close neighbours is still exact"
    <| fun () ->
        // |q|^2 is 1e6 and the distance 1e-2: the sum of products alone would have no digit right.
        let bank = torch.zeros (1L, 4L) + torch.tensor 500f
        let query = bank + torch.tensor 0.05f
        let struct (distance, _) = NearestNeighbours.Nearest(query, bank)
        let expected = squaredDistance (numbers query) (numbers bank)
        close 1e-6 (numbers distance) [| expected |] "squared"

    // Above the sizes from which an index bounds distances; vectors near a plane of few dimensions, as features are.
    testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 10 } "an index finds what the search of all finds"
    <| fun (seed: uint16) ->
        use _scope = torch.NewDisposeScope()
        let seed = int seed
        let inner = 2 + seed % 150
        let points n = (random (seed + n) [ n; inner ]).mm(random seed [ inner; 160 ]) + torch.tensor 3f
        // Some queries are members of the bank, some rows of it are there twice: the first is told.
        let bank = let some = points 2500 in torch.cat ([| some; some.narrow (0L, 100L, 50L) |], 0L)
        let queries = torch.cat ([| points 300; bank.narrow (0L, 80L, 60L) |], 0L)
        use index = new NeighbourIndex(bank)
        let struct (distances, rows) = index.Nearest queries
        let all = torch.cdist (queries.double (), bank.double ())
        let struct (nearest, _) = all.min 1L
        let told = all.gather(1L, rows.unsqueeze 1L).squeeze 1L
        close 1e-5 (numbers told) (numbers nearest) "no row is nearer"
        close 1e-4 (numbers (distances.sqrt ())) (numbers nearest) "how far"
        let own = rows.narrow(0L, 300L, 60L).data<int64>().ToArray()
        Expect.sequenceEqual own [| 80L .. 139L |] "a member is its own neighbour, the first of two"

    scoped "an index whose bounds say nothing still finds the nearest"
    <| fun () ->
        // As much variance in every direction: hardly any row is ruled out.
        let queries, bank = random 8 [ 130; 512 ], random 9 [ 2100; 512 ]
        use index = new NeighbourIndex(bank)
        let struct (distances, rows) = index.Nearest queries
        let struct (expected, expectedRows) = NearestNeighbours.Nearest(queries, bank)
        Expect.sequenceEqual (rows.data<int64>().ToArray()) (expectedRows.data<int64>().ToArray()) "which"
        close 1e-6 (numbers distances) (numbers expected) "how far"

    scoped "all distances, and none below 0"
    <| fun () ->
        let queries, bank = random 6 [ 4; 6 ], torch.cat ([| random 6 [ 4; 6 ]; random 7 [ 3; 6 ] |], 0L)
        let found = NearestNeighbours.SquaredDistances(queries, bank)
        let expected = rows queries |> Array.collect (fun query -> rows bank |> Array.map (squaredDistance query))
        close 1e-5 (numbers found) expected "squared"
        Expect.isTrue (numbers found |> Array.forall (fun value -> value >= 0.0)) "not negative"
]

/// How far rounding moves a squared distance of points in -1..1.
let private rounding = 1e-5

/// Equation (5) as a loop: all points meet each choice, which must be one of those that are farthest when its turn comes. Gives the radius
/// that remains.
let private follow (points: float[][]) (closest: float[]) (chosen: int list) =
    let distances = Array.copy closest

    for turn, index in List.indexed chosen do
        if not (Double.IsInfinity distances[index]) then
            let farthest = Array.max distances
            Expect.isGreaterThanOrEqual distances[index] (farthest - rounding) $"choice {turn} is among the farthest"

        for i in 0 .. points.Length - 1 do
            distances[i] <- min distances[i] (squaredDistance points[i] points[index])

        distances[index] <- -1.0

    sqrt (max 0.0 (Array.max distances))

let private check (points: torch.Tensor) count first (closest: torch.Tensor | null) =
    let struct (chosen, radius) = GreedyCoreset.Select(points, count, int64 first, closest)
    let chosen = chosen |> Array.map int |> List.ofArray
    Expect.hasLength (List.distinct chosen) count "as many as were asked for, none twice"
    if first >= 0 then Expect.equal chosen.Head first "the first"

    let start =
        match closest with
        | null -> Array.create (int points.shape[0]) infinity
        | known -> numbers known

    Expect.isTrue (abs (radius - follow (rows points) start chosen) < sqrt rounding) "radius"

let private coresetTests = [
    testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 50 } "every choice is the plain loop's"
    <| fun (seed: uint16) ->
        use _scope = torch.NewDisposeScope()
        let draw = Random(int seed)
        let n, d = draw.Next(2, 120), draw.Next(1, 6)
        check (random (int seed) [ n; d ]) (draw.Next(1, n + 1)) (draw.Next n) null

    scoped "every choice is the plain loop's where only a part of the points is followed, over many rounds"
    <| fun () ->
        check (random 11 [ 6000; 2 ]) 700 17 null
        check (random 14 [ 5000; 24 ]) 400 0 null

    scoped "without ties the choices are the plain loop's, number by number"
    <| fun () ->
        // On a line at 0, 1, 3, 7, ...: the farthest is always clear, and whole numbers know no rounding.
        let points = torch.tensor([| for i in 0..9 -> float32 ((1 <<< i) - 1) |]).reshape(10L, 1L)
        let struct (chosen, radius) = GreedyCoreset.Select(points, 5, 0L)
        Expect.equal (List.ofArray chosen) [ 0L; 9L; 8L; 7L; 6L ] "from far to near"
        Expect.equal radius 31.0 "from 32 - 1 to 0"

    scoped "choices go on from earlier ones"
    <| fun () ->
        let points, bank = random 12 [ 300; 3 ], random 13 [ 5; 3 ]
        let struct (closest, _) = NearestNeighbours.Nearest(points, bank)
        check points 40 -1 closest

    scoped "points that coincide are each chosen once"
    <| fun () ->
        let struct (chosen, radius) = GreedyCoreset.Select(torch.zeros (6L, 3L), 6, 2L)
        Expect.equal (Array.sort chosen) [| 0L .. 5L |] "all of them"
        Expect.equal radius 0.0 "nothing is far"
]

/// The value of a plane between its pixels, borders repeated.
let private bilinear (plane: int -> int -> float) side target y x =
    let source at =
        let place = max 0.0 ((float at + 0.5) * float side / float target - 0.5)
        let low = min (int place) (side - 1)
        low, min (low + 1) (side - 1), place - float low

    let top, bottom, v = source y
    let left, right, u = source x

    (1.0 - v) * ((1.0 - u) * plane top left + u * plane top right)
    + v * ((1.0 - u) * plane bottom left + u * plane bottom right)

let private patchTests = [
    scoped "equations (1) to (3): means over the neighbours that are there, the coarse level between its positions"
    <| fun () ->
        let fine, coarse = random 21 [ 1; 2; 6; 6 ], random 22 [ 1; 3; 3; 3 ]
        let patches = PatchCoreEquations.Patches([| fine; coarse |], 3L)

        let averaged (level: torch.Tensor) side channel y x =
            let values = numbers level

            List.average [
                for row in max 0 (y - 1) .. min (side - 1) (y + 1) do
                    for column in max 0 (x - 1) .. min (side - 1) (x + 1) -> values[(channel * side + row) * side + column]
            ]

        let expected = [|
            for channel in 0..1 do
                for y in 0..5 do
                    for x in 0..5 -> averaged fine 6 channel y x
            for channel in 0..2 do
                for y in 0..5 do
                    for x in 0..5 -> bilinear (averaged coarse 3 channel) 3 6 y x
        |]

        Expect.equal patches.shape [| 1L; 5L; 6L; 6L |] "shape"
        close 1e-5 (numbers patches) expected "patches"

    scoped "channels are averaged with their neighbours to the wanted number"
    <| fun () ->
        let level = random 23 [ 2; 6; 4; 4 ]
        let reduced = PatchCoreEquations.Patches([| level |], 1L, 3L)
        let values = numbers level
        let at n channel position = values[(n * 6 + channel) * 16 + position]

        let expected = [|
            for n in 0..1 do
                for channel in 0..2 do
                    for position in 0..15 -> (at n (2 * channel) position + at n (2 * channel + 1) position) / 2.0
        |]

        close 1e-6 (numbers reduced) expected "pairs"

    scoped "equation (7), also where the exponentials overflow"
    <| fun () ->
        let nearest, around = [| 1.0; 2.5 |], [| [| 1.0; 1.5; 3.0 |]; [| 2.5; 2.5; 2.6 |] |]

        let expected = Array.map2 (fun s (neighbours: float[]) -> (1.0 - exp s / Array.sumBy exp neighbours) * s) nearest around

        let ask scale =
            let tensor (values: float[]) = torch.tensor (values |> Array.map (fun value -> float32 (value + scale)))
            numbers (PatchCoreEquations.Reweighted(tensor nearest, torch.stack [| for row in around -> tensor row |]))

        close 1e-5 (ask 0.0) expected "as the text reads"
        // A constant added to all distances leaves the fraction as it is.
        let moved = Array.map2 (fun value s -> value / s * (s + 500.0)) expected nearest
        close 1e-4 (ask 500.0) moved "far away"

    scoped "the projection is sparse and keeps squared lengths in the mean"
    <| fun () ->
        let channels, dimensions = 100, 400
        let projection = PatchCoreEquations.SparseProjection(channels, dimensions, 5)
        let values = numbers projection
        let size = sqrt (10.0 / float dimensions)
        let kinds = values |> Array.map (fun value -> round (value / size * 1e4) / 1e4) |> Array.distinct |> Array.sort
        Expect.equal kinds [| -1.0; 0.0; 1.0 |] "three values"
        let share = float (values |> Array.filter ((<>) 0.0) |> Array.length) / float values.Length
        Expect.isTrue (abs (share - 0.1) < 0.01) $"one in ten is not 0: {share}"
        let before = random 24 [ 200; channels ]
        let length (tensor: torch.Tensor) = numbers tensor |> Array.sumBy (fun value -> value * value)
        Expect.isTrue (abs (length (before.mm projection) / length before - 1.0) < 0.05) "squared lengths"
        Expect.sequenceEqual (numbers (PatchCoreEquations.SparseProjection(channels, dimensions, 5))) values "the seed's"
]

let private spadeTests = [
    scoped "an image's score is the mean of the squared distances to its K nearest"
    <| fun () ->
        let features, training = random 31 [ 3; 5 ], random 32 [ 8; 5 ]
        let struct (score, nearest) = SpadeEquations.ImageScore(features, training, 4)

        let sorted =
            rows features
            |> Array.map (fun own ->
                rows training |> Array.map (squaredDistance own) |> Array.indexed |> Array.sortBy snd |> Array.truncate 4)

        close 1e-5 (numbers score) (sorted |> Array.map (Array.averageBy snd)) "score"

        Expect.sequenceEqual
            (nearest.data<int64>().ToArray() |> Array.map int)
            (sorted |> Array.collect (Array.map fst))
            "which, nearest first"

    scoped "a position's score is its distance to the nearest of the gallery"
    <| fun () ->
        let positions, gallery = random 33 [ 6; 4 ], random 34 [ 10; 4 ]
        let expected = rows positions |> Array.map (fun own -> rows gallery |> Array.map (squaredDistance own) |> Array.min |> sqrt)
        close 1e-5 (numbers (SpadeEquations.PositionScore(positions, gallery))) expected "distance"

    scoped "levels meet on one grid: finer ones averaged, coarser ones interpolated"
    <| fun () ->
        let fine, coarse = random 35 [ 1; 1; 4; 4 ], random 36 [ 1; 1; 1; 1 ]
        let joined = FeaturePyramid.Concatenated([| fine; coarse |], 2L, 2L, torch.InterpolationMode.Bilinear)
        let values = numbers fine

        let expected = [|
            for y in 0..1 do
                for x in 0..1 ->
                    List.average [
                        for dy in 0..1 do
                            for dx in 0..1 -> values[(2 * y + dy) * 4 + 2 * x + dx]
                    ]
            for _ in 1..4 -> (numbers coarse)[0]
        |]

        close 1e-6 (numbers joined) expected "on two by two"
]

[<Tests>]
let tests =
    testList "baselines: neighbours" [
        testList "products" productTests
        testList "greedy coreset" coresetTests
        testList "patchcore" patchTests
        testList "spade" spadeTests
    ]
