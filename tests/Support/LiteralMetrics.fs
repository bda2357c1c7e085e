/// The metrics word by word from their definitions, over all pairs and all thresholds: slow, and plain enough to be believed.
module Reproduction.Tests.LiteralMetrics

open System

/// Scores with their classes; both classes present.
type Samples = { Scores: float32[]; Labels: byte[] }

/// Anomaly maps [N, H, W] with their masks; at least one anomalous and one normal pixel.
type Maps = { Values: float32[]; Masks: byte[]; Count: int; Height: int; Width: int }

let private split samples =
    let anomalous, normal = Array.zip samples.Scores samples.Labels |> Array.partition (fun (_, label) -> label <> 0uy)
    Array.map fst anomalous, Array.map fst normal

/// The share of pairs of which the anomalous sample scores higher; ties count one half.
let auroc samples =
    let anomalous, normal = split samples

    Array.allPairs anomalous normal
    |> Array.averageBy (fun (a, n) ->
        if a > n then 1.0
        elif a = n then 0.5
        else 0.0)

/// (threshold, true positives, false positives) at every distinct score, from the highest.
let private confusions samples =
    let anomalous, normal = split samples
    let atOrAbove (t: float32) = Array.filter (fun s -> s >= t) >> Array.length >> float

    samples.Scores
    |> Array.distinct
    |> Array.sortDescending
    |> Array.map (fun t -> t, atOrAbove t anomalous, atOrAbove t normal)

let averagePrecision samples =
    let positives = samples.Labels |> Array.filter ((<>) 0uy) |> Array.length |> float
    let points = confusions samples |> Array.map (fun (_, tp, fp) -> tp / positives, tp / (tp + fp))

    Array.pairwise (Array.append [| 0.0, 1.0 |] points)
    |> Array.sumBy (fun ((recall, _), (next, precision)) -> (next - recall) * precision)

/// The highest F1 with its highest threshold.
let f1Max samples =
    let positives = samples.Labels |> Array.filter ((<>) 0uy) |> Array.length |> float

    confusions samples |> Array.map (fun (t, tp, fp) -> 2.0 * tp / (positives + tp + fp), t) |> Array.maxBy fst

/// Regions of one mask as lists of pixel indices, by flood fill.
let regions connectivity height width (mask: byte[]) =
    let seen = Array.create mask.Length false

    let neighbours p = [
        for dy in -1 .. 1 do
            for dx in -1 .. 1 do
                let y, x = p / width + dy, p % width + dx

                if (connectivity = 8 || dy * dx = 0) && y >= 0 && y < height && x >= 0 && x < width then y * width + x
    ]

    [
        for start in 0 .. mask.Length - 1 do
            if mask[start] <> 0uy && not seen[start] then
                seen[start] <- true
                let region = Collections.Generic.List [ start ]
                let mutable next = 0

                while next < region.Count do
                    for q in neighbours region[next] do
                        if mask[q] <> 0uy && not seen[q] then
                            seen[q] <- true
                            region.Add q

                    next <- next + 1

                List.ofSeq region
    ]

/// (FPR, mean overlap) at every distinct score, from (0, 0).
let proCurve connectivity maps =
    let size = maps.Height * maps.Width

    let all = [
        for image in 0 .. maps.Count - 1 do
            for region in regions connectivity maps.Height maps.Width maps.Masks[image * size .. (image + 1) * size - 1] do
                region |> List.map (fun p -> maps.Values[image * size + p])
    ]

    let normal = Array.zip maps.Values maps.Masks |> Array.filter (fun (_, m) -> m = 0uy) |> Array.map fst
    let share (t: float32) scores = scores |> Seq.averageBy (fun s -> if s >= t then 1.0 else 0.0)

    [
        0.0, 0.0
        for t in maps.Values |> Array.distinct |> Array.sortDescending do
            share t normal, all |> List.averageBy (share t)
    ]

/// Area under the PRO curve to the limit, divided by it.
let aupro connectivity limit maps =
    proCurve connectivity maps
    |> List.pairwise
    |> List.sumBy (fun ((x0, y0), (x1, y1)) ->
        if x0 >= limit then
            0.0
        elif x1 <= limit then
            (x1 - x0) * (y0 + y1) / 2.0
        else
            let y = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            (limit - x0) * (y0 + y) / 2.0)
    |> fun area -> area / limit
