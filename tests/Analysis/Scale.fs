/// What the full study costs: how a cell's seconds follow from records, and that what papers say of their cost is about their settings.
module Reproduction.Tests.Scale

open System.IO
open Expecto
open Reproduction.Analysis
open Reproduction.Methods
open Reproduction.Papers

let private papers = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "papers"))

let private cell variant settings : ScaleCell = {
    Paper = "p"
    Variant = variant
    Category = "bottle"
    Repetition = 0
    Settings = Map.ofList settings
    TrainImages = 100
    TestImages = 10
    IsDefault = true
}

let private timed seconds (cell: ScaleCell) : TimedCell = {
    Cell = cell
    Seconds = Map.ofList [ "fit", seconds; "score", 2.0; "metrics", 1.0 ]
    Steps = 50.0
    Threads = "2"
    Libtorch = "2.10.0"
}

let private grows part by power value variants : Growth = { Part = part; By = by; Power = power; Value = value; Variants = variants }

let private networks = Map.ofList [ "net", { Billions = 2.0; Side = 100.0; Measured = "net" } ]

/// A second a billion multiplications.
let private cost rows records = Scale.cost (Map.ofList [ "p", rows ]) networks (fun _ -> 1.0) records

let private fit rows records wanted = (cost rows records wanted |> Option.get).Fit
let private close actual expected = Expect.floatClose Accuracy.high actual expected

[<Tests>]
let tests =
    testList "scale" [
        testCase "a fit grows with settings, each to its power, from the least disturbed record"
        <| fun () ->
            let rows = [ grows "fit" "epochs" 1.0 "" ""; grows "fit" "width" 2.0 "" ""; grows "fit" "train_images" 1.0 "" "" ]
            let quick = cell "a" [ "epochs", "5"; "width", "0.25" ]
            let records = [ timed 30.0 quick; timed 20.0 quick; timed 90.0 { quick with TrainImages = 200 } ]
            close (fit rows records quick) 20.0 "the record itself"
            close (fit rows records (cell "a" [ "epochs", "50"; "width", "0.5" ])) 800.0 "ten times the epochs, twice the width"
            close (fit rows records { quick with TrainImages = 50 }) 10.0 "half of the images"

        testCase "a setting of 0 is what the paper says that it means, a list counts by its mean or its length"
        <| fun () ->
            let rows = [ grows "fit" "positions" 1.0 "4096" ""; grows "fit" "crops" 2.0 "" ""; grows "fit" "#parts" 1.0 "" "" ]
            let measured = cell "a" [ "positions", "1024"; "crops", "[1]"; "parts", "[\"x\"]" ]
            let wanted = cell "a" [ "positions", "0"; "crops", "[1,0.5]"; "parts", "[\"x\",\"y\"]" ]
            close (fit rows [ timed 8.0 measured ] wanted) (8.0 * 4.0 * 0.625 * 2.0) "4,096 positions, mean of 1 and 1/4, two parts"

        testCase "a variant without a record is as the one that stands for it, by what its own rows say"
        <| fun () ->
            let rows = [ grows "fit" "channels" 2.0 "8" "b*"; grows "fit" "channels" 2.0 "4" ""; grows "" "like" 1.0 "a" "b*" ]
            let records = [ timed 10.0 (cell "a" []) ]
            close (fit rows records (cell "b1" [])) 40.0 "twice the channels"
            Expect.isNone (cost rows records (cell "c" [])) "nothing stands for it"
            let sum = [ cell "a" []; cell "b1" []; cell "c" [] ] |> List.map (cost rows records) |> Scale.sum
            Expect.equal (sum.Cells, sum.Unknown) (3, 1) "cells"
            close sum.WithoutCache (10.0 + 40.0 + 2.0 * 3.0) "fits, scores and metrics"
            close sum.LongestCpu 43.0 "the longest"

        testCase "features are computed once with the cache, and anew for each repetition that draws its own images"
        <| fun () ->
            let rows = [ grows "fit" "train_images" 1.0 "" ""; grows "features" "augmentation" 1.0 "1" "" ]
            let plain = cell "a" [ "network", "net"; "image_size", "200"; "augmentation", "0" ]
            let records = [ timed 0.0 plain ]

            let both cells =
                let sum = cells |> List.map (cost rows records) |> Scale.sum in sum.WithoutCache - 3.0 * 2.0, sum.WithCache - 3.0 * 2.0
            // Eight billion multiplications at twice the side; 110 images.
            Expect.equal (both [ plain; { plain with Repetition = 1 } ]) (1760.0, 880.0) "shared"
            let drawn = { plain with Settings = plain.Settings.Add("augmentation", "10") }
            let without, withCache = both [ drawn; { drawn with Repetition = 1 } ]
            Expect.equal without withCache "not shared"

        testCase "a GPU takes a step's least time where its arithmetic takes less"
        <| fun () ->
            let rows = [ grows "fit" "train_images" 1.0 "" ""; grows "steps" "train_images" 1.0 "" "" ]
            let wanted = cell "a" []
            let gpu seconds = (Scale.sum [ cost rows [ timed seconds wanted ] wanted ]).Gpu - 2.0 / Scale.gpuSpeed - 1.0
            close (gpu 4.0) (50.0 * Scale.gpuStep) "50 steps"
            close (gpu 4000.0) 100.0 "arithmetic"

        for KeyValue(paper, rows) in Scale.readGrowth papers do
            testCase $"{paper}: its cost grows with settings that it has, and the variants that stand for others are its own"
            <| fun () ->
                let method = Registry.Find paper

                let known =
                    set [
                        for variant in method.Variants do
                            for KeyValue(name, _) in method.Configure(Request(variant.Name, Profile.Paper, "bottle", "mvtec")).ToJson() do
                                name
                    ]

                for row in rows do
                    if row.By = "like" then
                        Expect.exists method.Variants (fun variant -> variant.Name = row.Value) $"{row.Value} is a variant"
                    elif row.By <> "train_images" && row.Value = "" then
                        Expect.contains known (row.By.TrimStart '#') "a setting"

        testCase "tables stand between their marks"
        <| fun () ->
            Expect.equal
                (Scale.withTables [ "t", [ "| new |" ] ] "a\n<!-- t -->\n| old |\n<!-- end -->\nb\n")
                "a\n<!-- t -->\n| new |\n<!-- end -->\nb\n"
                "text"
    ]
