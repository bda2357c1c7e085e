/// The published numbers against their own arithmetic: printed means, spreads and totals.
module Reproduction.Tests.PublishedArithmetic

open System
open System.Globalization
open Expecto
open MathNet.Numerics.Statistics
open Reproduction.Analysis.Published
open Reproduction.Tests.PrintedNumbers

/// The categories whose mean a printed aggregate is; none for a category of its own.
let private partsOf aggregate =
    match aggregate with
    | "textures" -> textures
    | "objects" -> objects
    | "mean"
    | "total" -> textures @ objects
    | _ -> []

/// A printed aggregate and what its own rows give; Quantity is "value" for the mean and "spread" for its sd or SEM.
type private Recomputed = {
    Row: Printed
    Quantity: string
    Printed: string
    Exact: float
    Reach: float
} with

    member this.IsSlip = abs (this.Exact - float (number this.Printed)) > this.Reach + floatError

/// The mean, and the spread where one is printed, of an aggregate's parts. The reach is what rounding the parts and
/// the result can explain: an error of at most d in each part moves a mean by at most d, a standard error over n parts
/// by at most d / sqrt(n - 1), and a standard deviation pooled over runs (which errs in means and in spreads) by d sqrt 2.
let private recompute (aggregate: Printed) (parts: Printed list) =
    let values = parts |> List.map (fun part -> float (number part.Value))
    let partDigits = parts |> List.map (fun part -> digits part.Value) |> List.max
    let d = rounding partDigits

    [
        {
            Row = aggregate
            Quantity = "value"
            Printed = aggregate.Value
            Exact = List.average values
            Reach = d + rounding (digits aggregate.Value)
        }

        if aggregate.Spread <> "" then
            let exact, reach =
                match aggregate.SpreadKind with
                | "sem" ->
                    let n = float values.Length
                    Statistics.StandardDeviation values / sqrt n, d / sqrt (n - 1.0)
                | _ ->
                    let withinRuns =
                        parts |> List.averageBy (fun part -> if part.Spread = "" then 0.0 else float (number part.Spread) ** 2.0)

                    sqrt (Statistics.PopulationVariance values + withinRuns), d * sqrt 2.0

            {
                Row = aggregate
                Quantity = "spread"
                Printed = aggregate.Spread
                Exact = exact
                Reach = reach + rounding (digits aggregate.Spread)
            }
    ]

/// Every aggregate in a column with the rows that it aggregates; an aggregate whose rows are not printed is left out.
let private aggregates column = [
    for row in column do
        let parts = column |> List.filter (fun part -> List.contains part.Category (partsOf row.Category))

        if parts <> [] && parts.Length = (partsOf row.Category).Length then row, parts
]

let private recomputed =
    lazy
        [
            for column in columns published.Value do
                for aggregate, parts in aggregates column do
                    if aggregate.Category <> "total" then yield! recompute aggregate parts
        ]

let private slipLine (slip: Recomputed) =
    let shown = slip.Exact.ToString($"F{digits slip.Printed + 1}", CultureInfo.InvariantCulture)
    let row = slip.Row
    [ row.Paper; row.Table; row.Method; row.Variant; row.Category; row.Metric; slip.Quantity; slip.Printed; shown ]

[<Tests>]
let tests =
    testList "published.arithmetic" [
        testCase "the slips in printed means, sd and SEM are exactly the listed ones"
        <| fun () ->
            Expect.isGreaterThan recomputed.Value.Length 90 "aggregates that can be recomputed"
            recomputed.Value |> List.filter _.IsSlip |> List.map slipLine |> expectListed "arithmetic-slips.csv"

        testCase "a mean that is off by more than rounding is a slip"
        <| fun () ->
            let column = columns published.Value |> List.find (fun column -> column.Head.Paper = "ssae" && column.Head.Table = "table2")
            let aggregate, parts = aggregates column |> List.find (fun (row, _) -> row.Category = "mean")
            let moved by = { aggregate with Value = (number aggregate.Value + by).ToString CultureInfo.InvariantCulture }
            let isSlip row = recompute row parts |> List.exists _.IsSlip
            Expect.isFalse (isSlip aggregate) "as printed"
            Expect.isTrue (isSlip (moved 0.7m)) "moved up"
            Expect.isTrue (isSlip (moved -0.7m)) "moved down"

        testCase "printed totals are the sums of their rows"
        <| fun () ->
            for column in columns published.Value do
                for total, parts in aggregates column do
                    if total.Category = "total" then
                        Expect.equal (number total.Value) (parts |> List.sumBy (fun part -> number part.Value)) (string total)

            let images = valueOf "dfr" "text" "MVTec AD" "" "images" "total"
            let inTable metric = number (valueOf "dfr" "table7" "MVTec AD" "" metric "total")
            Expect.equal (number images) (inTable "train_images" + inTable "test_images") "the text's count of images"

        testCase "DFR's Tables II to VI agree with one another"
        <| fun () ->
            for table, metric in [ "table2", "pixel_auroc"; "table3", "aupro" ] do
                for group in [ "textures"; "objects" ] do
                    let mean = partsOf group |> List.averageBy (valueOf "dfr" table "dfr" "paper-f1-12-zero" metric >> asFloat)
                    let printed = valueOf "dfr" "table4" "dfr" "paper-f1-12-zero" metric group

                    Expect.isLessThanOrEqual
                        (abs (mean - asFloat printed))
                        (rounding 2 + rounding 3 + floatError)
                        $"{group} {metric} in Table IV"

                    Expect.equal
                        (valueOf "dfr" "table5" "dfr" "paper-f1-12-zero" metric group)
                        printed
                        $"{group} {metric}: Table V's zero padding is Table IV's"

                let reflection group = asFloat (valueOf "dfr" "table5" "dfr" "paper-f1-12-reflect" metric group)
                let mean = (5.0 * reflection "textures" + 10.0 * reflection "objects") / 15.0
                let printed = asFloat (valueOf "dfr" "table6" "dfr" "paper-f1-12-reflect" metric "mean")

                Expect.isLessThanOrEqual
                    (abs (mean - printed))
                    (2.0 * rounding 3 + floatError)
                    $"{metric} in Table VI is with reflection padding"

        testCase "HFAE's improvements are relative ones of its printed means"
        <| fun () ->
            for name, table, metric, against in
                [
                    "lowest/image_auroc_improvement", "table1", "image_auroc", "Patch-SVDD"
                    "highest/image_auroc_improvement", "table1", "image_auroc", "VAE-grad"
                    "highest/aupro_improvement", "table4", "aupro", "AE-SSIM"
                ] do
                let ours = asFloat (valueOf "hfae" table "hfae" "wide_resnet50_2" metric "mean")
                let theirs = asFloat (valueOf "hfae" table against "" metric "mean")
                let which, improvement = name.Split('/')[0], name.Split('/')[1]
                let printed = asFloat (valueOf "hfae" "text" "hfae" $"wide_resnet50_2/{which}" improvement "mean")
                Expect.equal (round (100.0 * (ours / theirs - 1.0))) printed $"{improvement} over {against}"
    ]
