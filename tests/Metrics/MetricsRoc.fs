/// AUROC, average precision, F1-max, FPR at TPR: against their definitions over all pairs and thresholds, and against scikit-learn.
module Reproduction.Tests.MetricsRoc

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Tests.LiteralMetrics

let private config = { FsCheckConfig.defaultConfig with maxTest = 300; arbitrary = [ typeof<MetricArbitraries> ] }

let private property name (body: Samples -> unit) = testPropertyWithConfig config name body

let private close actual expected message = Expect.floatClose { absolute = 1e-12; relative = 1e-12 } actual expected message

let private value (metric: MetricValue) =
    Expect.equal metric.Undefined null "defined"
    metric.Value.Value

let private auroc (samples: Samples) = value (Roc.Auroc(samples.Scores, samples.Labels))
let private ap (samples: Samples) = value (Roc.AveragePrecision(samples.Scores, samples.Labels))
let private f1 (samples: Samples) = value (Roc.F1Max(samples.Scores, samples.Labels).Metric)

let private all samples = [ auroc samples; ap samples; f1 samples ]

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "metrics")

let private goldenSamples name = {
    Scores = Npy.Read<float32>(Path.Combine(golden, name + ".npy")).Values
    Labels = Npy.Read<byte>(Path.Combine(golden, "labels.npy")).Values
}

/// 200,000 samples, enough for the parallel radix sort, about half of them tied.
let private many seed =
    let random = Random(seed)

    let samples =
        Array.init 200_000 (fun _ ->
            let label = if random.NextDouble() < 0.03 then 1uy else 0uy
            let score = random.NextDouble() * 4.0 - 2.0 + float label
            (if random.Next 2 = 0 then float32 score else MathF.Round(float32 score, 1)), label)

    { Scores = Array.map fst samples; Labels = Array.map snd samples }

/// Mann-Whitney from midranks, O(N log N).
let private aurocFromRanks samples =
    let positives = samples.Labels |> Array.filter ((<>) 0uy) |> Array.length |> float
    let negatives = float samples.Labels.Length - positives

    let ranks, _ =
        Array.zip samples.Scores samples.Labels
        |> Array.groupBy fst
        |> Array.sortBy fst
        |> Array.fold
            (fun (sum, before) (_, group) ->
                let midrank = float before + (float group.Length + 1.0) / 2.0
                let anomalous = group |> Array.filter (fun (_, label) -> label <> 0uy) |> Array.length
                sum + midrank * float anomalous, before + group.Length)
            (0.0, 0)

    (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)

let private undefinedBy reason (metric: MetricValue) =
    Expect.isFalse metric.Value.HasValue "no number"
    Expect.stringContains (string metric.Undefined) reason "the reason"

[<Tests>]
let tests =
    testList "metrics.roc" [
        property "AUROC counts all pairs" (fun s -> close (auroc s) (LiteralMetrics.auroc s) "AUROC")

        property "average precision sums over all thresholds" (fun s -> close (ap s) (averagePrecision s) "AP")

        property "F1-max is the best of all thresholds, and its threshold the highest that reaches it" (fun s ->
            let point = Roc.F1Max(s.Scores, s.Labels)
            let expected, threshold = f1Max s
            close (value point.Metric) expected "F1"
            // Two thresholds can reach the maximum by different quotients that only rounding tells apart.
            let reached =
                let called = Array.zip s.Scores s.Labels |> Array.filter (fun (x, _) -> x >= point.Threshold.Value)
                let tp = called |> Array.filter (fun (_, label) -> label <> 0uy) |> Array.length
                let positives = s.Labels |> Array.filter ((<>) 0uy) |> Array.length
                2.0 * float tp / float (positives + called.Length)

            close reached expected "the threshold reaches it"
            Expect.isTrue (point.Threshold.Value >= threshold || abs (reached - expected) < 1e-15) "no higher one does")

        property "a strictly increasing transform changes nothing" (fun s ->
            // The ranks themselves: every strictly increasing transform gives the same ones.
            let order = s.Scores |> Array.distinct |> Array.sort
            let ranks = s.Scores |> Array.map (fun x -> float32 (Array.BinarySearch(order, x)))
            Expect.equal (all { s with Scores = ranks }) (all s) "ranks instead of scores"
            let stretched = ranks |> Array.map (fun x -> exp (x / 4f) - 7f)
            Expect.equal (all { s with Scores = stretched }) (all s) "exponential")

        property "AUROC(s) + AUROC(-s) = 1" (fun s -> close (auroc s + auroc { s with Scores = Array.map (~-) s.Scores }) 1.0 "sum")

        property "the order of the samples does not matter" (fun s ->
            let reversed = { Scores = Array.rev s.Scores; Labels = Array.rev s.Labels }

            Expect.equal (all reversed) (all s) "reversed")

        property "the ROC curve ends in (0, 0) and (1, 1), rises, and encloses the AUROC" (fun s ->
            let curve = Roc.Curve(s.Scores, s.Labels, 1_000_000)
            Expect.equal (curve[0].X, curve[0].Y, curve[curve.Count - 1].X, curve[curve.Count - 1].Y) (0.0, 0.0, 1.0, 1.0) "ends"
            let pairs = Seq.pairwise curve |> List.ofSeq
            Expect.all pairs (fun (a, b) -> a.X <= b.X && a.Y <= b.Y && a.Threshold > b.Threshold) "monotone"
            close (pairs |> List.sumBy (fun (a, b) -> (b.X - a.X) * (a.Y + b.Y) / 2.0)) (auroc s) "area")

        testCase "200,000 samples through the parallel sort"
        <| fun () ->
            let samples = many 1
            close (auroc samples) (aurocFromRanks samples) "AUROC"

        testCase "curves are thinned to what a chart can show, and keep their ends"
        <| fun () ->
            let samples = many 2
            let curve = Roc.Curve(samples.Scores, samples.Labels, 100)
            Expect.isLessThanOrEqual curve.Count 202 "at most 2 resolution + 2 vertices"
            Expect.equal (curve[0].X, curve[curve.Count - 1].Y) (0.0, 1.0) "ends"
            let gaps = Seq.pairwise curve |> Seq.map (fun (a, b) -> min (b.X - a.X) (b.Y - a.Y)) |> Seq.max
            Expect.isLessThan gaps 0.02 "no gap"

        testList "scikit-learn" [
            for name in [ "continuous"; "tied" ] do
                testCase name
                <| fun () ->
                    let samples = goldenSamples name
                    use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "golden.json")))
                    let expected (key: string) = document.RootElement.GetProperty(name).GetProperty(key).GetDouble()
                    let close actual key = Expect.floatClose { absolute = 1e-9; relative = 0.0 } actual (expected key) key
                    close (auroc samples) "auroc"
                    close (ap samples) "average_precision"
                    close (f1 samples) "f1_max"
                    close (float (Roc.F1Max(samples.Scores, samples.Labels).Threshold.Value)) "f1_max_threshold"
        ]

        testCase "zero and minus zero tie"
        <| fun () -> close (auroc { Scores = [| -0f; 0f |]; Labels = [| 0uy; 1uy |] }) 0.5 "AUROC"

        testCase "extreme floats keep their order"
        <| fun () ->
            let scores = [| -Single.MaxValue; -1f; -Single.Epsilon; 0f; Single.Epsilon; 1f; Single.MaxValue |]

            for k in 1..6 do
                let labels = Array.init 7 (fun i -> if i >= k then 1uy else 0uy)
                close (auroc { Scores = scores; Labels = labels }) 1.0 $"the highest {7 - k} are anomalous"

        testCase "what has no value says why"
        <| fun () ->
            let everywhere reason (scores: float32[]) (labels: byte[]) =
                undefinedBy reason (Roc.Auroc(scores, labels))
                undefinedBy reason (Roc.AveragePrecision(scores, labels))
                undefinedBy reason (Roc.F1Max(scores, labels).Metric)
                Expect.isEmpty (Roc.Curve(scores, labels)) "no curve"

            everywhere "no samples" [||] [||]
            everywhere "no sample is anomalous" [| 1f; 2f |] [| 0uy; 0uy |]
            everywhere "no sample is normal" [| 1f; 2f |] [| 1uy; 1uy |]
            everywhere "score 1 is NaN" [| 1f; nanf; 2f |] [| 1uy; 0uy; 0uy |]
            everywhere "score 2 is" [| 1f; 1f; infinityf |] [| 1uy; 0uy; 0uy |]
            let late = Array.init 200_000 (fun i -> if i >= 150_000 then -infinityf else 0f)
            everywhere "score 150000 is" late (Array.create 200_000 0uy)

        testCase "broken input is an error"
        <| fun () ->
            let auroc (scores: float32[]) (labels: byte[]) = Roc.Auroc(scores, labels) |> ignore
            Expect.throwsT<UserError> (fun () -> auroc [| 1f |] [| 1uy; 0uy |]) "lengths differ"
    ]
