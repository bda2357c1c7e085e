/// Thresholds and bootstrap intervals.
module Reproduction.Tests.MetricsStatistics

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Papers.Gaussian
open Reproduction.Tests.LiteralMetrics

let private config = { FsCheckConfig.defaultConfig with maxTest = 200; arbitrary = [ typeof<MetricArbitraries> ] }

let private property name (body: Samples -> unit) = testPropertyWithConfig config name body

let private close actual expected message = Expect.floatClose { absolute = 1e-12; relative = 1e-12 } actual expected message

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "metrics", "golden.json")

let private normal (random: Random) = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())

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
                let actual = GaussianEquations.Threshold(degrees, rate)
                Expect.floatClose { absolute = 0.0; relative = 1e-7 } actual expected $"D = {degrees}, rate {rate}"

        testCase "the chi-square threshold accepts the rate on Gaussian data"
        <| fun () ->
            let random = Random(7)
            let threshold = GaussianEquations.Threshold(10, 0.05)
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

        testCase "a bootstrap interval holds the estimate, repeats with its seed and narrows with the images"
        <| fun () ->
            let random = Random 9
            let labels = Array.init 300 (fun i -> if i % 3 = 0 then 1uy else 0uy)
            let scores = labels |> Array.map (fun label -> float32 (normal random + normal random + 1.5 * float label))

            let interval (count: int) seed =
                Statistics.BootstrapAuroc(ReadOnlyMemory(scores, 0, count), ReadOnlyMemory(labels, 0, count), 1000, 0.95, seed).Value

            let estimate = Roc.Auroc(scores, labels).Value.Value
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
            let middle = Array.average values
            let half = 1.96 * sqrt ((values |> Array.averageBy (fun value -> (value - middle) ** 2.0)) / 400.0)
            Expect.isLessThan (abs (interval.Lower - (middle - half))) (0.1 * half) "lower"
            Expect.isLessThan (abs (interval.Upper - (middle + half))) (0.1 * half) "upper"

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
