/// How measurements are judged beside published numbers.
module Reproduction.Tests.AnalysisJudgement

open Expecto
open Reproduction.Analysis
open Reproduction.Tests.Measurements

[<Tests>]
let tests =
    testList "analysis.judgement" [
        testTheory "verdict by distance" [
            0.95, Some 0.03, [ 0.93 ], WithinSpread
            0.95, None, [ 0.90; 1.00 ], WithinSpread
            0.95, None, [ 0.955 ], WithinPoint
            0.95, None, [ 0.95 ], WithinPoint
            0.95, None, [ 0.97 ], Above
            0.95, None, [ 0.90 ], Below
        ]
        <| fun (value, spread, measured, verdict) ->
            let records = measured |> List.mapi (fun seed auroc -> record "resnet18" "bottle" seed "paper" [ "image_auroc", auroc ])
            let compared = judge records (number "resnet18" "bottle" value spread)
            Expect.equal compared.Verdict verdict "verdict"
            Expect.isEmpty compared.Differences "like for like"

        testCase "a mean needs all of its categories"
        <| fun () ->
            let compared = judge [ record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ] ] (number "resnet18" "objects" 0.9 None)
            Expect.equal compared.Verdict (NotComparable "1 of 10 categories") "verdict"

        testCase "a mean over all of its categories is comparable"
        <| fun () ->
            let records = Published.objects |> List.map (fun category -> record "resnet18" category 0 "paper" [ "image_auroc", 0.9 ])
            Expect.equal (judge records (number "resnet18" "objects" 0.905 None)).Verdict WithinPoint "verdict"

        testTheory "how far categories differ excuses no difference of a mean" [ None; Some 0.2 ]
        <| fun printed ->
            // Categories from 0.5 to 0.95 deviate by 0.15; the mean is known to the point from one seed, and 0.04 is beside it.
            let records =
                Published.objects
                |> List.mapi (fun i category -> record "resnet18" category 0 "paper" [ "image_auroc", 0.5 + 0.05 * float i ])

            let compared = judge records (number "resnet18" "objects" 0.765 printed)
            Expect.equal compared.Verdict Below "verdict"
            Expect.isNone (compared.Measured |> Option.bind _.Spread) "one seed has no spread"

        testCase "a mean's spread is the standard error over seeds of the mean"
        <| fun () ->
            // Categories go apart from seed to seed and their mean does not: only its own movement counts, 0.01 / sqrt 2.
            let records = [
                for i, category in List.indexed Published.objects do
                    for seed in 0..1 do
                        let apart = if (i + seed) % 2 = 0 then 0.1 else -0.1
                        record "resnet18" category seed "paper" [ "image_auroc", 0.8 + apart + 0.01 * float seed ]
            ]

            let compared = judge records (number "resnet18" "objects" 0.809 None)
            let spread = compared.Measured |> Option.bind _.Spread |> Option.get
            Expect.equal spread.Kind ErrorOfMean "kind"
            Expect.floatClose Accuracy.high spread.Size 0.005 "0.01 / sqrt 2 / sqrt 2"
            Expect.equal compared.Verdict WithinSpread "0.004 from the mean of 0.805"
            Expect.equal (judge records (number "resnet18" "objects" 0.812 None)).Verdict WithinPoint "0.007 from it"

        testCase "seeds that not every category ran are no repetition of the mean"
        <| fun () ->
            let cells = [ Map.ofList [ "seed 0", 0.8; "seed 1", 0.9 ]; Map.ofList [ "seed 0", 0.7; "seed 2", 0.9 ] ]
            Expect.isNone (Statistics.errorOfMean cells) "one shared seed"

        testTheory "a spread has its kind behind it" [ Deviation, "95.0 ± 2.0 sd"; ErrorOfMean, "95.0 ± 2.0 SEM" ]
        <| fun (kind, printed) ->
            let published = { number "resnet18" "bottle" 0.95 None with Text = "0.950"; Spread = Some { Size = 0.02; Kind = kind } }
            Expect.equal (Text.published published) printed "published"

            let measured = {
                Mean = 0.95
                Spread = published.Spread
                Variant = ""
                Profile = ""
                Networks = []
                Categories = []
                Records = []
            }

            Expect.equal (Text.measured measured) printed "measured"

        testCase "beside a printed standard error stands ours"
        <| fun () ->
            let records = [ for seed, auroc in [ 0, 0.90; 1, 0.94 ] -> record "resnet18" "bottle" seed "paper" [ "image_auroc", auroc ] ]
            let published = { number "resnet18" "bottle" 0.95 None with Spread = Some { Size = 0.001; Kind = ErrorOfMean } }
            let spread = (judge records published).Measured |> Option.bind _.Spread |> Option.get
            Expect.equal spread.Kind ErrorOfMean "kind"
            Expect.floatClose Accuracy.high spread.Size 0.02 "0.04 / sqrt 2 / sqrt 2"

        testCase "a shorter schedule and another network are said"
        <| fun () ->
            let compared =
                judge [ record "resnet50_v1" "bottle" 0 "quick" [ "image_auroc", 0.9 ] ] (number "wide_resnet50_2" "bottle" 0.9 None)

            Expect.equal compared.Differences [ "ResNet-50 v1, not wide ResNet-50-2"; "quick schedule" ] "differences"

        testTheory "what differs from the schedule is said setting by setting, and what is ours" [
            "quick", [ "epochs", "20"; "batch_size", "4" ], [ "epochs 20, not 700"; "our batch size" ]
            "quick", [ "epochs", "7e2"; "batch_size", "8" ], [ "batch size 8, not 4" ]
            "quick", [ "epochs", "700" ], []
            "paper", [ "epochs", "150" ], [ "epochs 150, not 700" ]
        ]
        <| fun (profile, settings, differences) ->
            let schedule = [
                { Setting = "epochs"; Value = "3"; IsGiven = true; Variants = ""; Data = "mnist" }
                { Setting = "epochs"; Value = "5"; IsGiven = true; Variants = "*-fast"; Data = "" }
                { Setting = "epochs"; Value = "700"; IsGiven = true; Variants = ""; Data = "" }
                { Setting = "batch_size"; Value = "4"; IsGiven = false; Variants = "resnet*"; Data = "mvtec.bottle" }
            ]

            let cell = { record "resnet18" "bottle" 0 profile [ "image_auroc", 0.9 ] with Settings = settings }
            let published = { number "resnet18" "bottle" 0.9 None with Schedule = { Settings = schedule; ChangedData = [] } }
            Expect.equal (judge [ cell ] published).Differences differences "differences"

        testCase "images that are not as published are said"
        <| fun () ->
            let reduced = { Dataset = "mvtec"; Category = "bottle"; Fingerprint = "ab"; Difference = "reduced" }
            let schedule = { Settings = []; ChangedData = [ reduced; { reduced with Category = "pill"; Difference = "other" } ] }
            let cell = record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
            let published = { number "resnet18" "bottle" 0.9 None with Schedule = schedule }
            Expect.equal (judge [ cell ] published).Differences [ "reduced" ] "of this fingerprint"
            Expect.isEmpty (judge [ { cell with DataFingerprint = "cd" } ] published).Differences "of another"

        testCase "the paper's own network and schedule win over substitutes"
        <| fun () ->
            let records = [
                record "resnet50_v1" "bottle" 0 "paper" [ "image_auroc", 0.8 ]
                record "wide_resnet50_2" "bottle" 0 "quick" [ "image_auroc", 0.85 ]
                record "wide_resnet50_2" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
            ]

            Expect.equal (judge records (number "wide_resnet50_2" "bottle" 0.9 None)).Verdict WithinPoint "verdict"

        testCase "a sum over fewer levels than the paper's is said, a single level is not"
        <| fun () ->
            let cell = {
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9; "image_auroc.level_1", 0.9 ] with
                    Settings = [ "levels", """["maxpool","layer1","layer2"]""" ]
                    Fit = Map.ofList [ "levels", 2.0 ]
            }

            Expect.equal (judge [ cell ] (number "resnet18" "bottle" 0.9 None)).Differences [ "2 of 3 levels" ] "sum"
            Expect.isEmpty (judge [ cell ] (number "resnet18/level_1" "bottle" 0.9 None)).Differences "level 1"

        testCase "a smoke run says nothing about a method"
        <| fun () ->
            let compared = judge [ record "resnet18" "bottle" 0 "smoke" [ "image_auroc", 0.9 ] ] (number "resnet18" "bottle" 0.9 None)
            Expect.equal compared.Verdict NotRun "verdict"

        testCase "a part and a working point are part of the metric's name"
        <| fun () ->
            let record = { record "resnet18-mahalanobis" "bottle" 0 "paper" [ "achieved_fpr.level_4.sigma3", 0.2 ] with Paper = "gaussian" }

            let number = {
                number "resnet18-mahalanobis/level_4/sigma3" "bottle" 0.2 None with
                    Paper = "gaussian"
                    Method = "gaussian"
                    Metric = "achieved_fpr"
            }

            Expect.equal (judge [ record ] number).Verdict WithinPoint "verdict"

        testCase "the vanilla VAE of favae is a variant of ours"
        <| fun () ->
            let cell = { record "vanilla" "bottle" 0 "paper" [ "image_auroc", 0.9 ] with Paper = "favae" }
            let number = { number "vanilla" "bottle" 0.9 None with Paper = "favae"; Method = "VAE" }
            Expect.equal (judge [ cell ] number).Verdict WithinPoint "verdict"

        testCase "a baseline's number is not ours to judge"
        <| fun () ->
            Expect.isEmpty (Comparison.compare [] [ { number "" "bottle" 0.9 None with Method = "SPADE"; IsOwn = false } ]) "compared"
    ]
