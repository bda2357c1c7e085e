/// AUROC, DeLong's test, Student's, means and their errors: against their definitions.
module Reproduction.Tests.AnalysisStatistics

open System
open Expecto
open Reproduction.Analysis

/// Scores with many ties, both classes present.
let private asScores (values: int list) = values |> List.map (fun value -> float (value % 7)) |> Array.ofList

let private naiveAuroc (anomalous: float[]) (normal: float[]) =
    let wins =
        Array.allPairs anomalous normal
        |> Array.sumBy (fun (a, n) ->
            if a > n then 1.0
            elif a = n then 0.5
            else 0.0)

    wins / float (anomalous.Length * normal.Length)

/// The definition of DeLong, DeLong & Clarke-Pearson (1988), term by term.
let private naiveDeLong (anomalous: (float * float)[]) (normal: (float * float)[]) =
    let kernel a n =
        if a > n then 1.0
        elif a = n then 0.5
        else 0.0

    let differenceAt (a1, a2) (n1, n2) = kernel a1 n1 - kernel a2 n2
    let overNormal a = normal |> Array.averageBy (differenceAt a)
    let overAnomalous n = anomalous |> Array.averageBy (fun a -> differenceAt a n)

    let variance (values: float[]) =
        let mean = Array.average values
        (values |> Array.sumBy (fun value -> (value - mean) ** 2.0)) / float (values.Length - 1)

    sqrt (
        variance (Array.map overNormal anomalous) / float anomalous.Length
        + variance (Array.map overAnomalous normal) / float normal.Length
    )

let private normal (random: Random) = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())

/// Two correlated methods of different power on the same 100 anomalous and 200 normal images.
let private twoMethods seed =
    let random = Random(seed: int)

    let draw count label =
        Array.init count (fun _ ->
            let shared = normal random
            let score power = shared + normal random + power * label
            score 1.5, score 1.0)

    draw 100 1.0, draw 200 0.0

let private deLong (anomalous, normal) =
    match Statistics.deLong anomalous normal with
    | Some test -> test
    | None -> failtest "both classes have two images"

[<Tests>]
let tests =
    testList "analysis.statistics" [
        testProperty "auroc counts won pairs, ties as one half"
        <| fun (a: FsCheck.NonEmptyArray<FsCheck.PositiveInt>) (b: FsCheck.NonEmptyArray<FsCheck.PositiveInt>) ->
            let scores (values: FsCheck.NonEmptyArray<FsCheck.PositiveInt>) = asScores [ for value in values.Get -> value.Get ]
            Expect.floatClose Accuracy.high (Statistics.auroc (scores a) (scores b)) (naiveAuroc (scores a) (scores b)) "auroc"

        testProperty "DeLong's standard error is the definition's"
        <| fun (seed: int) ->
            let random = Random seed
            let draw count shift = Array.init count (fun _ -> float (random.Next 9) + shift, float (random.Next 9) + shift)
            let anomalous, normal = draw (random.Next(2, 20)) 2.0, draw (random.Next(2, 20)) 0.0

            match Statistics.deLong anomalous normal with
            | Some test ->
                Expect.floatClose Accuracy.medium test.StandardError (naiveDeLong anomalous normal) "standard error"
                Expect.floatClose Accuracy.high test.First (naiveAuroc (Array.map fst anomalous) (Array.map fst normal)) "first"
                Expect.floatClose Accuracy.high test.Second (naiveAuroc (Array.map snd anomalous) (Array.map snd normal)) "second"
            | None -> failtest "both classes have two images"

        testCase "two equal methods do not differ"
        <| fun () ->
            let twice = Array.map (fun score -> score, score)

            match Statistics.deLong (twice [| 3.0; 1.0; 4.0 |]) (twice [| 1.0; 2.0 |]) with
            | Some test -> Expect.equal test.PValue 1.0 "p"
            | None -> failtest "both classes have two images"

        testCase "a single image of a class gives no test"
        <| fun () -> Expect.isNone (Statistics.deLong [| 1.0, 1.0 |] [| 0.0, 0.0; 1.0, 0.0 |]) "one defective image"

        testCase "the paired t-test is Student's"
        <| fun () ->
            // scipy.stats.ttest_rel([1,2,3,4,5.5], [0,0,0,0,0]) gives p = 0.016550539701028162
            let p = Statistics.pairedT [ 1.0, 0.0; 2.0, 0.0; 3.0, 0.0; 4.0, 0.0; 5.5, 0.0 ] |> Option.defaultValue nan
            Expect.floatClose { absolute = 1e-6; relative = 0.0 } p 0.016550539701028162 "p"

        testCase "mean, deviation and standard error"
        <| fun () ->
            let summary = Statistics.summarise [ 1.0; 2.0; 3.0; 4.0 ]
            Expect.floatClose Accuracy.high summary.Mean 2.5 "mean"
            Expect.floatClose Accuracy.high summary.Deviation (sqrt (5.0 / 3.0)) "n - 1"
            Expect.floatClose Accuracy.high summary.StandardError (sqrt (5.0 / 12.0)) "standard error"
            Expect.isNaN (Statistics.summarise [ 1.0 ]).Deviation "a single value has no deviation"

        testCase "DeLong's standard error is the bootstrap's"
        <| fun () ->
            let anomalous, normal = twoMethods 3
            let random = Random 4
            let drawn (images: _[]) = Array.init images.Length (fun _ -> images[random.Next images.Length])

            // 2,000 resamples of each class give a standard deviation to within 5% (three standard errors).
            let differences = [
                for _ in 1..2000 ->
                    let a, n = drawn anomalous, drawn normal
                    let auroc method = Statistics.auroc (Array.map method a) (Array.map method n)
                    auroc fst - auroc snd
            ]

            let bootstrap = (Statistics.summarise differences).Deviation
            let test = deLong (anomalous, normal)
            Expect.isLessThan (abs (test.StandardError / bootstrap - 1.0)) 0.08 $"DeLong {test.StandardError}, bootstrap {bootstrap}"

        testCase "DeLong's test is symmetric, finds a real difference and no false ones"
        <| fun () ->
            let anomalous, normals = twoMethods 5
            let test = deLong (anomalous, normals)
            let swap = Array.map (fun (a, b) -> b, a)
            Expect.equal (deLong (swap anomalous, swap normals)).PValue test.PValue "p"
            Expect.isLessThan test.PValue 0.01 "the stronger method is found"

            let rejected =
                Seq.init 400 (fun seed ->
                    let random = Random(1000 + seed)
                    let scores count label = Array.init count (fun _ -> normal random + label, normal random + label)
                    if (deLong (scores 40 1.0, scores 80 0.0)).PValue < 0.05 then 1.0 else 0.0)
                |> Seq.average
            // 5% within four standard errors.
            Expect.isLessThan (abs (rejected - 0.05)) 0.044 $"{rejected} of equally good pairs are told apart"
    ]
