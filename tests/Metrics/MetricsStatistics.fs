/// Thresholds, means, bootstrap intervals and DeLong's test.
module Reproduction.Tests.MetricsStatistics

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Tests.LiteralMetrics

let private config = { FsCheckConfig.defaultConfig with maxTest = 200; arbitrary = [ typeof<MetricArbitraries> ] }

let private property name (body: Samples -> unit) = testPropertyWithConfig config name body

let private close actual expected message = Expect.floatClose { absolute = 1e-12; relative = 1e-12 } actual expected message

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "metrics", "golden.json")

let private normal (random: Random) = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())

/// Two correlated methods of different power on the same 300 images, a third of them anomalous.
let private twoMethods seed =
    let random = Random(seed)
    let labels = Array.init 300 (fun i -> if i % 3 = 0 then 1uy else 0uy)

    let scores =
        labels
        |> Array.map (fun label ->
            let shared = normal random
            let score power = float32 (shared + normal random + power * float label)
            score 1.5, score 1.0)

    Array.map fst scores, Array.map snd scores, labels

let private deLong (first: float32[]) (second: float32[]) (labels: byte[]) = Statistics.DeLong(first, second, labels)

/// The variance of the difference of two AUROCs from the placements of every sample, over all pairs.
let private literalDeLongError (first: float32[]) (second: float32[]) (labels: byte[]) =
    let anomalous, normal = [| 0 .. labels.Length - 1 |] |> Array.partition (fun i -> labels[i] <> 0uy)

    let kernel (s: float32[]) a n =
        if s[a] > s[n] then 1.0
        elif s[a] = s[n] then 0.5
        else 0.0

    let difference a n = kernel first a n - kernel second a n
    let mean = Array.allPairs anomalous normal |> Array.averageBy (fun (a, n) -> difference a n)
    let variance values = (values |> Array.sumBy (fun v -> (v - mean) ** 2.0)) / float (values.Length - 1) / float values.Length

    sqrt (
        variance (anomalous |> Array.map (fun a -> normal |> Array.averageBy (fun n -> difference a n)))
        + variance (normal |> Array.map (fun n -> anomalous |> Array.averageBy (fun a -> difference a n)))
    )

[<Tests>]
let tests =
    testList "metrics.statistics" [
        property "the threshold at an accepted false positive rate is the lowest that keeps it" (fun s ->
            let shareFrom (t: float32) = s.Scores |> Array.averageBy (fun x -> if x >= t then 1.0 else 0.0)

            for rate in [ 0.0; 0.005; 0.07; 0.25; 0.5; 0.99 ] do
                let threshold = Thresholds.AtFalsePositiveRate(s.Scores, rate)
                Expect.isLessThanOrEqual (shareFrom threshold) rate $"accepted {rate}"
                Expect.isGreaterThan (shareFrom (MathF.BitDecrement threshold)) rate $"the next lower float exceeds {rate}"

            Expect.equal (Thresholds.AtFalsePositiveRate(s.Scores, 1.0)) (Array.min s.Scores) "accepting everything")

        testCase "7 of 100 normal scores are 7%, whatever 0.07 * 100 rounds to"
        <| fun () ->
            let threshold = Thresholds.AtFalsePositiveRate(ReadOnlySpan(Array.init 100 float32), 0.07)
            Expect.equal threshold (MathF.BitIncrement 92f) "just above the eighth highest"

        testCase "segmentation calls anomalous what is at or above the threshold"
        <| fun () -> Expect.equal (Thresholds.Segment(ReadOnlySpan [| 0.5f; 1f; 1.5f |], 1f)) [| 0uy; 1uy; 1uy |] "mask"

        testCase "chi-square working points are SciPy's"
        <| fun () ->
            use document = JsonDocument.Parse(File.ReadAllText golden)

            for entry in document.RootElement.GetProperty("mahalanobis").EnumerateArray() do
                let degrees, rate, expected = entry[0].GetInt32(), entry[1].GetDouble(), entry[2].GetDouble()
                let actual = Thresholds.MahalanobisAtFalsePositiveRate(degrees, rate)
                Expect.floatClose { absolute = 0.0; relative = 1e-9 } actual expected $"D = {degrees}, rate {rate}"

        testCase "n sigmas of one feature are a distance of n"
        <| fun () ->
            for sigmas in [ 0.5; 1.0; 2.0; 3.0; 5.0; 8.0 ] do
                Expect.floatClose { absolute = 0.0; relative = 1e-9 } (Thresholds.MahalanobisAtSigma(1, sigmas)) sigmas $"{sigmas} sigmas"

        testCase "the chi-square threshold accepts the rate on Gaussian data"
        <| fun () ->
            let random = Random(7)
            let threshold = Thresholds.MahalanobisAtFalsePositiveRate(10, 0.05)
            let distances = Array.init 40_000 (fun _ -> sqrt (Seq.sum (Seq.init 10 (fun _ -> normal random ** 2.0))))
            let rate = distances |> Array.averageBy (fun d -> if d >= threshold then 1.0 else 0.0)
            // Four standard errors of a share of 5% among 40,000.
            Expect.isLessThan (abs (rate - 0.05)) 0.0044 "measured rate"

        testCase "thresholds refuse what defines none"
        <| fun () ->
            let atRate (scores: float32[]) rate = Thresholds.AtFalsePositiveRate(scores, rate) |> ignore
            Expect.throwsT<UserError> (fun () -> atRate [||] 0.1) "no scores"
            Expect.throwsT<UserError> (fun () -> atRate [| nanf |] 0.1) "NaN"
            Expect.throwsT<UserError> (fun () -> atRate [| 1f |] 1.1) "rate above 1"
            Expect.throwsT<UserError> (fun () -> atRate [| 1f |] nan) "rate NaN"
            Expect.throwsT<UserError> (fun () -> Thresholds.MahalanobisAtFalsePositiveRate(3, 0.0) |> ignore) "rate 0"
            Expect.throwsT<UserError> (fun () -> Thresholds.MahalanobisAtFalsePositiveRate(0, 0.1) |> ignore) "no features"
            Expect.throwsT<UserError> (fun () -> Thresholds.MahalanobisAtSigma(3, 0.0) |> ignore) "0 sigmas"
            Expect.throwsT<UserError> (fun () -> Thresholds.MahalanobisAtSigma(3, 50.0) |> ignore) "50 sigmas"

        testCase "mean, standard deviation and standard error"
        <| fun () ->
            let summary = Statistics.Summarise(ReadOnlySpan [| 2.0; 4.0; 4.0; 4.0; 5.0; 5.0; 7.0; 9.0 |])
            close summary.Mean 5.0 "mean"
            close summary.StandardDeviation.Value (sqrt (32.0 / 7.0)) "deviation with n - 1"
            close summary.StandardError.Value (sqrt (32.0 / 7.0) / sqrt 8.0) "error of the mean"
            let single = Statistics.Summarise(ReadOnlySpan [| 3.0 |])
            Expect.isFalse (single.StandardDeviation.HasValue || single.StandardError.HasValue) "one value has no spread"
            let summarise (values: float[]) = Statistics.Summarise values |> ignore
            Expect.throwsT<UserError> (fun () -> summarise [||]) "no values"
            Expect.throwsT<UserError> (fun () -> summarise [| 1.0; nan |]) "NaN"

        property "DeLong's standard error is the placements' over all pairs" (fun s ->
            let labels = Array.append s.Labels [| 0uy; 1uy |]
            let first = Array.append s.Scores [| 0f; 1f |]
            let second = Array.rev first
            let test = deLong first second labels
            close test.First (LiteralMetrics.auroc { Scores = first; Labels = labels }) "first AUROC"
            close test.Second (LiteralMetrics.auroc { Scores = second; Labels = labels }) "second AUROC"
            let expected = literalDeLongError first second labels
            Expect.floatClose { absolute = 1e-9; relative = 1e-9 } test.StandardError expected "standard error")

        testCase "DeLong's standard error is the bootstrap's"
        <| fun () ->
            let first, second, labels = twoMethods 3
            let drawnFirst, drawnSecond, drawnLabels = Array.copy first, Array.copy second, Array.copy labels
            let differences = Collections.Generic.List()

            Statistics.Bootstrap(
                labels.Length,
                (fun drawn ->
                    for i in 0 .. drawn.Length - 1 do
                        let j = drawn.Span[i]
                        drawnFirst[i] <- first[j]
                        drawnSecond[i] <- second[j]
                        drawnLabels[i] <- labels[j]

                    let auroc (scores: float32[]) = Roc.Auroc(scores, drawnLabels).Value.Value
                    differences.Add(auroc drawnFirst - auroc drawnSecond)
                    MetricValue.Of(differences[differences.Count - 1])),
                2000
            )
            |> ignore

            let bootstrap = (Statistics.Summarise(differences.ToArray())).StandardDeviation.Value
            let test = deLong first second labels
            // 2,000 resamples give a standard deviation to within 5% (three standard errors).
            Expect.isLessThan (abs (test.StandardError / bootstrap - 1.0)) 0.08 $"DeLong {test.StandardError}, bootstrap {bootstrap}"

        testCase "DeLong's test is antisymmetric, finds a real difference and no false ones"
        <| fun () ->
            let first, second, labels = twoMethods 5
            let test, swapped = deLong first second labels, deLong second first labels
            close swapped.Z.Value -test.Z.Value "z"
            close swapped.PValue.Value test.PValue.Value "p"
            Expect.isLessThan test.PValue.Value 0.01 "the stronger method is found"

            let rejected =
                Seq.init 400 (fun seed ->
                    let random = Random(1000 + seed)
                    let labels = Array.init 120 (fun i -> if i % 3 = 0 then 1uy else 0uy)
                    let scores () = labels |> Array.map (fun l -> float32 (normal random + float l))
                    let test = deLong (scores ()) (scores ()) labels
                    if test.PValue.Value < 0.05 then 1.0 else 0.0)
                |> Seq.average
            // 5% within four standard errors.
            Expect.isLessThan (abs (rejected - 0.05)) 0.044 $"{rejected} of equally good pairs are told apart"

        testCase "a method against itself has no test, and DeLong refuses what it cannot test"
        <| fun () ->
            let first, _, labels = twoMethods 5
            let test = deLong first first labels
            Expect.isFalse (test.Z.HasValue || test.PValue.HasValue) "no z, no p"
            Expect.equal test.StandardError 0.0 "no error"
            Expect.throwsT<UserError> (fun () -> deLong first first[1..] labels |> ignore) "lengths"
            let three = [| 1f; 2f; 3f |]
            Expect.throwsT<UserError> (fun () -> deLong three three [| 1uy; 0uy; 0uy |] |> ignore) "one anomalous sample"
            let broken = Array.copy first
            broken[4] <- nanf
            Expect.throwsT<UserError> (fun () -> deLong first broken labels |> ignore) "NaN"

        testCase "a bootstrap interval holds the estimate, repeats with its seed and narrows with the images"
        <| fun () ->
            let first, _, labels = twoMethods 9

            let interval (count: int) seed =
                Statistics.BootstrapAuroc(ReadOnlyMemory(first, 0, count), ReadOnlyMemory(labels, 0, count), 1000, 0.95, seed).Value

            let estimate = Roc.Auroc(first, labels).Value.Value
            let all = interval 300 1
            Expect.isTrue (all.Lower < estimate && estimate < all.Upper) "holds the estimate"
            Expect.equal (interval 300 1) all "same seed"
            Expect.notEqual (interval 300 2) all "another seed"
            let few = interval 75 1
            Expect.isGreaterThan (few.Upper - few.Lower) (1.5 * (all.Upper - all.Lower)) "a quarter of the images, twice the width"

        testCase "a bootstrap interval of the mean is the normal one"
        <| fun () ->
            let random = Random(11)
            let values = Array.init 400 (fun _ -> normal random)
            let mean (drawn: ReadOnlyMemory<int>) = MetricValue.Of(drawn.ToArray() |> Array.averageBy (fun i -> values[i]))
            let interval = Statistics.Bootstrap(400, mean, 4000).Value
            let summary = Statistics.Summarise values
            let half = 1.96 * summary.StandardError.Value
            Expect.isLessThan (abs (interval.Lower - (summary.Mean - half))) (0.1 * half) "lower"
            Expect.isLessThan (abs (interval.Upper - (summary.Mean + half))) (0.1 * half) "upper"

        testCase "resamples without an anomalous image are left out and counted"
        <| fun () ->
            let labels = Array.init 5 (fun i -> if i = 0 then 1uy else 0uy)
            let interval = Statistics.BootstrapAuroc(ReadOnlyMemory(Array.init 5 float32), ReadOnlyMemory labels, 1000).Value
            // (4/5)^5 = 33% of the resamples miss the only anomalous image; four standard errors are 6%.
            Expect.isLessThan (abs (float interval.Defined / 1000.0 - 0.672)) 0.06 "share of defined resamples"
            let none = Statistics.BootstrapAuroc(ReadOnlyMemory [| 1f; 2f |], ReadOnlyMemory [| 0uy; 0uy |], 10)
            Expect.isFalse none.HasValue "no interval without an anomalous image"
            let noImages () = Statistics.BootstrapAuroc(ReadOnlyMemory [||], ReadOnlyMemory [||]) |> ignore
            Expect.throwsT<UserError> noImages "no images"
    ]
