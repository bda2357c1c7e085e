/// padim, spade, patchcore and the floors against scikit-learn and SciPy (tests/golden/baselines).
module Reproduction.Tests.Baselines.Golden

open System.IO
open System.Text.Json
open Expecto
open Reproduction.Baselines.Floor
open Reproduction.Baselines.Padim
open Reproduction.Baselines.PatchCore
open Reproduction.Baselines.Spade
open Reproduction.Methods
open Reproduction.Tests.Numbers
open TorchSharp

let private golden (part: string) (name: string) =
    use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "baselines", "golden.json")))
    document.RootElement.GetProperty(part).GetProperty(name).Clone()

/// All numbers below an element, in their order.
let rec private flat (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.Array -> [|
        for item in element.EnumerateArray() do
            yield! flat item
      |]
    | _ -> [| element.GetDouble() |]

/// make.py's samples: the numbers of its generator as float32.
let private samples (seed: uint32) (shape: int64 list) =
    let mutable state = seed

    let values =
        Array.init (int (List.reduce (*) shape)) (fun _ ->
            state <- 1664525u * state + 1013904223u
            float32 (float state / 4294967296.0))

    torch.tensor(values).reshape(List.toArray shape)

let private scoped name body =
    testCase name (fun () ->
        use _scope = torch.NewDisposeScope()
        body ())

[<Tests>]
let tests =
    testList "baselines and scikit-learn" [
        scoped "padim: Mahalanobis distances at every position (EmpiricalCovariance)"
        <| fun () ->
            use gaussians = PositionGaussians.Empty(6L, 4L, torch.CPU)
            gaussians.Add(samples 1u [ 6L; 9L; 4L ])
            let factor = PadimEquations.InverseFactor(gaussians.Scatter, gaussians.Count, 0.01)
            let found = PadimEquations.Mahalanobis(samples 2u [ 6L; 4L; 3L ] - gaussians.Mean.unsqueeze 2L, factor)
            close 1e-4 (numbers found) (flat (golden "padim" "distances")) "distances"

        scoped "spade: images among images, positions among a gallery (NearestNeighbors)"
        <| fun () ->
            let struct (scores, nearest) = SpadeEquations.ImageScore(samples 4u [ 5L; 6L ], samples 3u [ 20L; 6L ], 4)
            close 1e-5 (numbers scores) (flat (golden "spade" "scores")) "scores"
            Expect.sequenceEqual (numbers nearest) (flat (golden "spade" "nearest")) "neighbours"
            let positions = SpadeEquations.PositionScore(samples 6u [ 12L; 5L ], samples 5u [ 40L; 5L ])
            close 1e-5 (numbers positions) (flat (golden "spade" "positions")) "positions"

        scoped "patchcore: nearest patches (NearestNeighbors), the reweighted score (softmax), the greedy coreset (pairwise_distances)"
        <| fun () ->
            let bank, patches = samples 7u [ 1300L; 8L ], samples 8u [ 30L; 8L ]
            let struct (squares, index) = NearestNeighbours.Nearest(patches, bank)
            close 1e-5 (numbers (squares.sqrt ())) (flat (golden "patchcore" "distances")) "distances"
            Expect.sequenceEqual (numbers index) (flat (golden "patchcore" "indices")) "patches of the bank"
            let farthest = (golden "patchcore" "farthest").GetInt64()
            Expect.equal (squares.argmax().item<int64>()) farthest "the farthest patch"
            let neighbourhood = torch.tensor(flat (golden "patchcore" "neighbourhood") |> Array.map float32).unsqueeze 0L
            let score = PatchCoreEquations.Reweighted(squares.sqrt().narrow(0L, farthest, 1L), neighbourhood)
            close 1e-5 (numbers score) (flat (golden "patchcore" "score")) "score"
            let struct (chosen, radius) = GreedyCoreset.Select(bank, 60, 3L)
            Expect.sequenceEqual (Array.map float chosen) (flat (golden "patchcore" "coreset")) "coreset"
            close 1e-5 [| radius |] (flat (golden "patchcore" "radius")) "radius"

        scoped "the floors: what three principal components leave of a vector (PCA)"
        <| fun () ->
            let training = samples 9u [ 25L; 7L ]
            let mean = training.mean ([| 0L |], keepdim = true)
            let axes = FloorEquations.AxesOfFew(training - mean, 3)
            let residual = FloorEquations.Residual(samples 10u [ 6L; 7L ] - mean, axes)
            close 1e-5 (numbers residual) (flat (golden "floors" "residuals")) "residuals"
    ]
