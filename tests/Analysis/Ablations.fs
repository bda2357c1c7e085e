/// Variants beside one another: by metric, category, level, working point, and between papers.
module Reproduction.Tests.AnalysisAblations

open Expecto
open Reproduction.Analysis
open Reproduction.Tests.Measurements

[<Tests>]
let tests =
    testList "analysis.ablations" [
        testCase "variants are averaged over the categories that all of them ran"
        <| fun () ->
            let ablation =
                [
                    record "level1" "bottle" 0 "paper" [ "image_auroc", 0.8 ]
                    record "level2" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
                    record "level2" "pill" 0 "paper" [ "image_auroc", 0.1 ]
                ]
                |> Ablation.byMetric [ "image_auroc"; "aupro" ] "name" "title" [ "level2"; "level3"; "level1" ]

            Expect.equal ablation.Table [ [ "variant"; "image AUROC" ]; [ "level2"; "90.0" ]; [ "level1"; "80.0" ] ] "table"
            Expect.stringContains ablation.Note "No p values" "one pair"

        testCase "variants are tested against the first, pair by pair"
        <| fun () ->
            let cells variant aurocs = aurocs |> List.mapi (fun seed auroc -> record variant "bottle" seed "paper" [ "aupro", auroc ])

            let ablation =
                cells "level1" [ 0.1; 0.2; 0.3; 0.4; 0.55 ] @ cells "level2" [ 0.0; 0.0; 0.0; 0.0; 0.0 ]
                |> Ablation.byMetric [ "aupro" ] "name" "title" [ "level1"; "level2" ]

            Expect.equal (ablation.Table |> List.map List.last) [ "p"; ""; "0.017" ] "p"

        testCase "a line per category runs over the variants, objects and textures apart"
        <| fun () ->
            let ablation =
                [
                    record "f1-4" "tile" 0 "paper" [ "aupro", 0.7 ]
                    record "f1-4" "bottle" 0 "paper" [ "aupro", 0.8; "pixel_auroc", 0.9 ]
                    record "f1-8" "bottle" 0 "paper" [ "aupro", 0.9 ]
                ]
                |> Ablation.byCategory [ "pixel_auroc"; "aupro" ] "name" "title" [ "f1-2"; "f1-4"; "f1-8" ]

            Expect.equal
                ablation.Table
                [
                    [ "metric"; "category"; "f1-4"; "f1-8" ]
                    [ "pixel AUROC"; "bottle"; "90.0"; "–" ]
                    [ "AUPRO"; "bottle"; "80.0"; "90.0" ]
                    [ "AUPRO"; "tile"; "70.0"; "–" ]
                ]
                "table"

            Expect.equal
                (ablation.Figures |> List.map _.Id)
                [ "name-pixel_auroc-objects"; "name-aupro-objects"; "name-aupro-textures" ]
                "figures"

        testCase "levels are rows in the order of their depth, the sum last"
        <| fun () ->
            let levels = [ for level in [ 10; 2; 1 ] -> $"image_auroc.level_{level}", float level / 10.0 ]

            let ablation =
                [ record "sed" "bottle" 0 "paper" (("image_auroc", 0.99) :: levels) ] |> Ablation.byLevel "name" "title" [ "sed" ]

            Expect.equal ablation.Table.Tail [ [ "1"; "10.0" ]; [ "2"; "20.0" ]; [ "10"; "100.0" ]; [ "sum"; "99.0" ] ] "rows"

        testCase "a working point is taken at level 7, or at the deepest level"
        <| fun () ->
            let rates levels = [ for level in levels -> $"achieved_fpr.level_{level}.sigma3", float level / 100.0 ]

            let ablation =
                [ record "nine" "bottle" 0 "paper" (rates [ 6; 7; 9 ]); record "five" "bottle" 0 "paper" (rates [ 3; 5 ]) ]
                |> Ablation.workingPoint "name" "title" [ "nine"; "five" ]

            Expect.equal ablation.Table[3] [ "3"; "0.26998"; "7.0"; "–"; "5.0"; "–" ] "three sigma"

        testCase "four pairs have no p value"
        <| fun () ->
            let cells variant aurocs = aurocs |> List.mapi (fun seed auroc -> record variant "bottle" seed "paper" [ "aupro", auroc ])

            let ablation =
                cells "level1" [ 0.1; 0.2; 0.3; 0.4 ] @ cells "level2" [ 0.0; 0.0; 0.0; 0.0 ]
                |> Ablation.byMetric [ "aupro" ] "name" "title" [ "level1"; "level2" ]

            Expect.equal ablation.Table.Head [ "variant"; "AUPRO" ] "no column p"

        testCase "each method and network is represented by its most faithful variant, whatever it scores"
        <| fun () ->
            let on network record = { record with Weights = [ { Name = network; Sha256 = ""; Architecture = network } ] }

            let published = [
                number "resnet18" "bottle" 0.9 None
                { number "resnet18" "bottle" 0.9 None with Paper = "dfr"; Method = "dfr" }
            ]

            let records = [
                record "level1" "bottle" 0 "paper" [ "image_auroc", 0.99 ] |> on "resnet18"
                record "resnet18" "bottle" 0 "quick" [ "image_auroc", 0.98 ] |> on "resnet18"
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.7 ] |> on "resnet18"
                record "resnet18+epochs=1" "bottle" 0 "paper" [ "image_auroc", 1.0 ] |> on "resnet18"
                record "resnet18_cntk" "bottle" 0 "quick" [ "image_auroc", 0.6 ] |> on "resnet18_cntk"
                { record "f1-8" "bottle" 0 "paper" [ "image_auroc", 0.8 ] with Paper = "dfr" }
            ]

            let rows (records: RunRecord list) = [
                for row in (BetweenPapers.table published "name" records).Table.Tail -> row[1], row[2], row[3], row[4], row[5]
            ]

            let chosen = [
                "hfae", "resnet18", "resnet18", "paper", "70.0"
                "hfae", "resnet18_cntk", "resnet18_cntk", "quick", "60.0"
                "dfr", "none", "f1-8", "paper", "80.0"
            ]

            Expect.equal (rows records) chosen "chosen"

            let mirrored = records |> List.map (fun cell -> { cell with Metrics = cell.Metrics |> Map.map (fun _ value -> 1.0 - value) })
            let names = List.map (fun (paper, network, variant, profile, _) -> paper, network, variant, profile)
            Expect.equal (names (rows mirrored)) (names chosen) "the same with all scores turned round"

        testCase "seconds count features that other cells left in the cache"
        <| fun () ->
            let cell seed features = {
                record "resnet18" "bottle" seed "paper" [ "image_auroc", 0.9 ] with
                    Seconds = Map.ofList [ "features", features; "fit", 2.0 ]
            }

            let seconds cells =
                let table = (BetweenPapers.table [] "name" cells).Table
                let column = table.Head |> List.findIndex ((=) "seconds")
                table.Tail |> List.map (List.item column)

            Expect.equal (seconds [ cell 0 10.0; cell 1 0.5 ]) [ "12.0" ] "ten seconds of features in both"

            let cached = { cell 0 0.01 with Weights = [ { Name = "resnet18"; Sha256 = ""; Architecture = "resnet18" } ] }
            Expect.equal (seconds [ cached ]) [ "≥ 2.0" ] "300 images in 10 milliseconds were read"
    ]
