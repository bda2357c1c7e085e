/// What is said of several cells together: means, lost regions, repetitions.
module Reproduction.Tests.AnalysisRepetitions

open System
open Expecto
open Reproduction.Analysis
open Reproduction.Data
open Reproduction.Tests.Measurements

[<Tests>]
let tests =
    testList "analysis.repetitions" [
        testCase "a run's closing lines: the mean over a method's cells, data sets apart"
        <| fun () ->
            let records = [
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9; "pixel_auroc", 0.5 ]
                record "resnet18" "pill" 0 "paper" [ "image_auroc", 0.7 ]
                { record "resnet18" "woven" 0 "paper" [ "image_auroc", 1.0 ] with Dataset = "surfaces" }
                { record "x" "bottle" 0 "paper" [ "image_auroc", 0.25 ] with Paper = "other" }
            ]

            let own = records.Head.Paper

            Expect.equal
                (Text.means records)
                [
                    $"mean image AUROC on mvtec (cells): {own} 0.800 (2) other 0.250 (1)"
                    $"mean image AUROC on surfaces (cells): {own} 1.000 (1)"
                    $"mean pixel AUROC on mvtec (cells): {own} 0.500 (1)"
                ]
                "lines"

        testCase "regions that the maps' size loses are told, once a category, and only where there are some"
        <| fun () ->
            let cell category seed lost = {
                record "resnet18" category seed "paper" [] with
                    Regions = lost |> Option.map (fun lost -> { Whole = 9; Lost = lost })
            }

            let told = Text.lostRegions [ cell "bottle" 0 (Some 0); cell "pill" 0 (Some 2); cell "pill" 1 (Some 2); cell "screw" 0 None ]
            Expect.hasLength told 1 "one category"
            Expect.stringContains told.Head "mvtec pill: 2 of 9 regions of the masks have no pixel left" "which"

        testCase "reports and methods have the same 15 categories of MVTec AD, five of them textures"
        <| fun () ->
            Expect.equal Published.textures [ "carpet"; "grid"; "leather"; "tile"; "wood" ] "textures"
            Expect.equal (List.sort (Published.textures @ Published.objects)) (List.ofSeq MvtecAd.Categories) "all categories"
            Expect.hasLength Published.objects 10 "objects"

            for category in MvtecAd.Categories do
                Expect.equal (MvtecAd.IsTexture("mvtec", category)) (List.contains category Published.textures) category

        testCase "repetitions are averaged within a category, never across"
        <| fun () ->
            let rows =
                [
                    record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
                    record "resnet18" "bottle" 1 "paper" [ "image_auroc", 1.0 ]
                    record "resnet18" "pill" 0 "paper" [ "image_auroc", 0.5 ]
                ]
                |> RunRecord.toFrame
                |> Statistics.overRepetitions
                |> List.map (fun row -> row.Category, Math.Round(row.Summary.Mean, 6), row.Summary.Count)

            Expect.equal rows [ "bottle", 0.95, 2; "pill", 0.5, 1 ] "rows"
    ]
