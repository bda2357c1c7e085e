/// Where published numbers contradict one another, within a paper and between two.
module Reproduction.Tests.PublishedDisagreements

open Expecto
open Reproduction.Analysis.Published
open Reproduction.Tests.PrintedNumbers

let private scale unit = if unit = "percent" then 100.0 else 1.0

/// Whether no single number could have been rounded to both.
let private disagree quantity a b =
    let asFraction row = float (number (quantity row)) / scale row.Unit
    let reach row = rounding (digits (quantity row)) / scale row.Unit
    abs (asFraction a - asFraction b) > reach a + reach b - floatError

/// Pairs of printed values of the same method, category and metric that contradict each other: of one variant within a
/// paper, of whichever variant between two. A value that a paper prints more than once counts where it stands first.
let private disagreements rows =
    let inTable row = row.Paper, row.Table

    [
        for (method, category, metric), same in rows |> List.groupBy (fun row -> row.Method, row.Category, row.Metric) do
            for name, quantity in [ "value", _.Value; "spread", _.Spread ] do
                let distinct =
                    same
                    |> List.filter (fun row -> quantity row <> "")
                    |> List.sortBy inTable
                    |> List.distinctBy (fun row -> row.Paper, row.Variant, quantity row)

                for a, b in List.allPairs distinct distinct do
                    let comparable = a.Paper <> b.Paper || a.Variant = b.Variant

                    if inTable a < inTable b && comparable && disagree quantity a b then
                        [ method; category; metric; name ]
                        @ [
                            for row in [ a; b ] do
                                yield! [ row.Paper; row.Table; row.Variant; quantity row; row.Unit ]
                        ]
    ]

[<Tests>]
let tests =
    testList "published.disagreements" [
        testCase "the disagreements within and between papers are exactly the listed ones"
        <| fun () -> disagreements published.Value |> expectListed "disagreements.csv"

        testCase "HFAE's Patch-SVDD column of Table 4 is the ST p65 column of DFR's Table III"
        <| fun () ->
            let differing =
                textures @ objects
                |> List.filter (fun category ->
                    let inHfae = asFloat (valueOf "hfae" "table4" "Patch-SVDD" "" "aupro" category)
                    let inDfr = asFloat (valueOf "dfr" "table3" "ST" "p65" "aupro" category)
                    abs (inHfae - inDfr) > rounding 2 + rounding 3 + floatError)

            Expect.equal differing [ "zipper" ] "the one category where the two columns differ: DFR prints 0.99 for 0.933"

        testCase "SSAE's two VAE columns differ in one category only"
        <| fun () ->
            let differing =
                textures @ objects
                |> List.filter (fun category ->
                    valueOf "ssae" "table2" "VAE" "" "pixel_auroc" category <> valueOf "ssae" "table3" "VAE" "" "image_auroc" category)

            Expect.equal differing [ "cable" ] "pixel and image AUROC cannot be equal in fourteen categories by chance"

        testCase "the first three baselines of SSAE's Table 2 have bottle's values for cable"
        <| fun () ->
            for method in [ "AnoGAN"; "CNN-FD"; "VAE" ] do
                let value = valueOf "ssae" "table2" method "" "pixel_auroc"
                Expect.equal (value "cable") (value "bottle") method
    ]
