/// How a report writes numbers.
module Reproduction.Tests.AnalysisPrinting

open Expecto
open Reproduction.Analysis
open Reproduction.Tests.Measurements

[<Tests>]
let tests =
    testList "analysis.printing" [
        testTheory "a published number keeps its digits" [
            "0.97", "fraction", "97"
            "0.970", "fraction", "97.0"
            "96.7", "percent", "96.7"
            "97", "percent", "97"
        ]
        <| fun (text, unit, printed) ->
            let value = float text / (if unit = "percent" then 100.0 else 1.0)
            Expect.equal (Text.published { number "resnet18" "bottle" value None with Text = text; Unit = unit }) printed "printed"

        testCase "an undefined rate is a dash" <| fun () -> Expect.equal (Text.percent nan) "–" "dash"
        testCase "a difference has its sign"
        <| fun () -> Expect.equal (Text.points 0.0123, Text.points -0.02) ("+1.2", "−2.0") "signs"
    ]
