/// Split conformal thresholds: the order statistic, the interval, and that both hold whatever the scores' distribution.
module Reproduction.Tests.ConformalThresholds

open System
open Expecto
open Reproduction
open Reproduction.Metrics

let private at rate (scores: float32 list) = Conformal.AtFalsePositiveRate(ResizeArray scores, rate)
let private hundred = [ for i in 1..100 -> float32 i ]

[<Tests>]
let tests =
    testList "conformal thresholds" [
        testCase "the threshold is just above the ceil((n + 1)(1 - rate))-th smallest score"
        <| fun () ->
            for n in [ 1; 2; 19; 59; 60; 99; 100; 199; 500 ] do
                for rate in [ 0.0; 0.001; 0.01; 0.02; 0.05; 0.07; 0.1; 0.5; 0.9 ] do
                    let scores = [ for i in 1..n -> float32 i ]
                    let found = at rate scores
                    // In decimals, where 0.07 is 0.07.
                    let rank = int (ceil (decimal (n + 1) * (1m - decimal rate)))

                    let expected = float32 (max 1 (min rank n))
                    Expect.equal (MathF.BitDecrement found.Value) expected $"n {n}, rate {rate}"
                    Expect.equal found.Above (n - int expected) $"n {n}, rate {rate}: above"
                    Expect.equal found.IsPromised (rank <= n) $"n {n}, rate {rate}: promised"

        testCase "equal scores are on one side"
        <| fun () ->
            let found = at 0.1 [ for i in 1..20 -> if i < 10 then 1f else 2f ]
            Expect.equal found.Above 0 "all eleven at the top lie below"

        testCase "none of 60 above: with 95 % confidence at most 4.9 %"
        <| fun () ->
            Expect.floatClose Accuracy.high (Conformal.Rate(0, 60).Upper) (1.0 - Math.Pow(0.05, 1.0 / 60.0)) "the closed form"
            Expect.equal $"{100.0 * Conformal.Rate(0, 60).Upper:f1}" "4.9" "as it is told"
            // Clopper and Pearson's own example: 10 of 100, 95 % at both ends together, so 97.5 % at each.
            Expect.floatClose Accuracy.low (Conformal.Rate(10, 100, 0.975).Upper) 0.17622 "upper end"
            Expect.equal (Conformal.Rate(5, 5).Upper) 1.0 "all above"

        testCase "the beta-binomial law adds up to one and has its mean"
        <| fun () ->
            let unseen, above, count = 30, 2, 40
            let atLeast = [ for k in 0 .. unseen + 1 -> if k > unseen then 0.0 else Conformal.AtLeast(k, unseen, above, count) ]
            Expect.equal atLeast[0] 1.0 "at least none"
            Expect.isTrue (List.pairwise atLeast |> List.forall (fun (a, b) -> a >= b)) "falling"
            // The sum of the tails is the mean, n a / (a + b).
            Expect.floatClose Accuracy.medium (List.sum (List.tail atLeast)) (float (unseen * (above + 1)) / float (count + 1)) "mean"

        testCase "new products exceed the threshold as rarely as is said, whatever the distribution"
        <| fun () ->
            let random = SplitMix64.For(1uL, "conformal")

            for draw in
                [
                    (fun () -> float32 (random.NextDouble()))
                    (fun () -> float32 (exp (3.0 * LiteralFilters.normal random)))
                    (fun () -> -float32(random.NextDouble() ** 8.0))
                ] do
                let trials, unseen = 400, 200

                let rates, inside =
                    List.unzip [
                        for _ in 1..trials ->
                            let found = at 0.05 (List.sort [ for _ in 1..59 -> draw () ])
                            let above = Seq.length (Seq.filter (fun score -> score >= found.Value) (Seq.init unseen (fun _ -> draw ())))
                            float above / float unseen, Conformal.AtLeast(above, unseen, found.Above, 59) >= 0.05
                    ]

                // 3 of 60 in the mean; its spread over 400 trials of 200 is 0.0016.
                Expect.isLessThan (abs (List.average rates - 0.05)) 0.005 "the mean rate is the accepted one"
                Expect.isGreaterThan (List.length (List.filter id inside)) (trials * 93 / 100) "inside"

        testCase "no scores and rates that are no shares are refused"
        <| fun () ->
            for rate, scores in [ 0.1, []; -0.1, hundred; 1.0, hundred; nan, hundred ] do
                Expect.throwsT<UserError> (fun () -> at rate scores |> ignore) $"{rate} of {scores.Length}"
    ]
