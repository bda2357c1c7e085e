/// The published numbers against their contract: files, fields, units, and that no table lacks a row.
module Reproduction.Tests.PublishedContract

open System
open System.Text.RegularExpressions
open Expecto
open Reproduction.Analysis.Published
open Reproduction.Tests.PrintedNumbers

[<Tests>]
let tests =
    testList "published.contract" [
        testCase "every file parses, and every field is well formed"
        <| fun () ->
            for row in published.Value do
                let matches pattern (text: string) what = Expect.isTrue (Regex.IsMatch(text, pattern)) $"{what} '{text}' of {row}"
                matches @"^\d+(\.\d+)?$" row.Value "value"
                matches @"^(\d+\.\d+)?$" row.Spread "spread"
                matches @"^(sd|sem)?$" row.SpreadKind "spread_kind"
                matches @"^([a-z][a-z0-9_]*|-)$" row.Category "category"
                matches @"^[a-z0-9_]+$" row.Metric "metric"
                matches @"\S" row.Method "method"
                Expect.equal (row.Spread = "") (row.SpreadKind = "") $"a spread has a kind, and only a spread has one: {row}"

        testCase "no number is there twice"
        <| fun () ->
            let twice = published.Value |> List.countBy string |> List.filter (fun (_, count) -> count > 1)
            Expect.isEmpty twice "a table, method, variant, category and metric name one number"

        testCase "every number is plausible in its unit"
        <| fun () ->
            for row in published.Value do
                let value = number row.Value
                let whole = value = Decimal.Truncate value

                let plausible =
                    match row.Unit with
                    | "fraction" -> value <= 1m && digits row.Value >= 2
                    | "percent" -> value <= 100m
                    | "percent_relative"
                    | "points"
                    | "frames_per_second" -> value > 0m
                    | "count" when row.Metric = "features" -> value > 0m
                    | "count"
                    | "pixels"
                    | "factor"
                    | "index" -> whole && value > 0m
                    | _ -> false

                Expect.isTrue plausible $"{row.Value} {row.Unit} for {row}"

                if List.contains row.Metric [ "image_auroc"; "pixel_auroc"; "aupro"; "target_fpr"; "achieved_fpr"; "achieved_tpr" ] then
                    Expect.isTrue (row.Unit = "fraction" || row.Unit = "percent") $"{row} is a fraction or a percentage"

        testCase "every table is complete"
        <| fun () ->
            let expected = [
                "dfr", [ "table1", 16; "table2", 112; "table3", 112; "table4", 20; "table5", 8; "table6", 15; "table7", 64; "text", 1 ]
                "favae", [ "figure3b", 12; "table1", 80; "table2", 17; "table3", 144; "text", 5 ]
                "gaussian",
                [
                    "table1", 30
                    "table2", 80
                    "table3", 60
                    "table4", 49
                    "table5", 14
                    "table6", 43
                    "table7", 18
                    "table8", 160
                    "text", 11
                ]
                "hfae", [ "table1", 112; "table2", 21; "table3", 128; "table4", 128; "text", 3 ]
                "ssae", [ "table1", 95; "table2", 234; "table3", 234; "table4", 30; "text", 1 ]
            ]

            let counts = [
                for paper in papers ->
                    paper, published.Value |> List.filter (fun row -> row.Paper = paper) |> List.countBy _.Table |> List.sort
            ]

            Expect.equal (List.sort counts) expected "rows in each table"

            for column in columns published.Value do
                let perCategory = column |> List.filter (fun row -> List.contains row.Category (textures @ objects))
                let complete = [ 0; textures.Length; textures.Length + objects.Length ]
                let expectedHere = if column.Head.Table = "text" then [ 0; 1 ] else complete
                Expect.contains expectedHere perCategory.Length $"categories in the column of {column.Head}"
    ]
