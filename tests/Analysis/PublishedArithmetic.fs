/// The published numbers (papers/*/published/*.csv) against their contract and against their own arithmetic; the links of the papers'
/// sheets.
module Reproduction.Tests.Published

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Expecto
open MathNet.Numerics.Statistics
open Reproduction.Analysis
open Reproduction.Analysis.Published

/// One printed number. Value and Spread keep the paper's digits, because the last one says how far rounding reaches.
type Printed = {
    Paper: string
    Table: string
    Method: string
    Variant: string
    Category: string
    Metric: string
    Value: string
    Spread: string
    SpreadKind: string
    Unit: string
} with

    override row.ToString() = $"{row.Paper} {row.Table} {row.Method} {row.Variant} {row.Category} {row.Metric}"

/// The categories whose mean a printed aggregate is; none for a category of its own.
let private partsOf aggregate =
    match aggregate with
    | "textures" -> textures
    | "objects" -> objects
    | "mean"
    | "total" -> textures @ objects
    | _ -> []

let private papersFolder =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"No Reproduction.sln above {AppContext.BaseDirectory}: run the tests from the checkout."
        | folder when File.Exists(Path.Combine(folder.FullName, "Reproduction.sln")) -> Path.Combine(folder.FullName, "papers")
        | folder -> upwards folder.Parent

    upwards (DirectoryInfo AppContext.BaseDirectory)

let private contract = [ "table"; "method"; "variant"; "category"; "metric"; "value"; "spread"; "spread_kind"; "unit" ]

let private papers = Papers.read papersFolder |> List.map _.Id

let private tablesOf paper = Directory.GetFiles(Path.Combine(papersFolder, paper, "published"), "*.csv") |> Array.sort |> List.ofArray

let private readTable paper file =
    Expect.equal (File.ReadLines file |> Seq.head |> Csv.fields) contract $"the columns of {file}"

    [
        for row in Csv.read contract file do
            Expect.equal (row "table" + ".csv") (FileInfo file).Name $"the table column of {file} is its file's name"

            {
                Paper = paper
                Table = row "table"
                Method = row "method"
                Variant = row "variant"
                Category = row "category"
                Metric = row "metric"
                Value = row "value"
                Spread = row "spread"
                SpreadKind = row "spread_kind"
                Unit = row "unit"
            }
    ]

let private published =
    lazy
        [
            for paper in papers do
                for file in tablesOf paper do
                    yield! readTable paper file
        ]

let private number (printed: string) = Decimal.Parse(printed, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)

let private digits (printed: string) =
    match printed.IndexOf '.' with
    | -1 -> 0
    | point -> printed.Length - point - 1

/// How far a number may lie from what is printed with so many digits behind the point.
let private rounding digits = 0.5 * Math.Pow(10.0, -float digits)

/// Guards comparisons of decimal fractions against the last bit of a float.
let private floatError = 1e-9

// ---- arithmetic

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

/// A column of a table: every category of one method, variant and metric.
let private columns rows = rows |> List.groupBy (fun row -> row.Paper, row.Table, row.Method, row.Variant, row.Metric) |> List.map snd

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

/// The lines of a committed list without their last column, which is a remark for the reader.
let private listed name = [
    for line in File.ReadLines(Path.Combine(papersFolder, name)) |> Seq.tail do
        let fields = Csv.fields line
        List.take (fields.Length - 1) fields
]

let private expectListed name found =
    let listed = listed name
    let show lines = lines |> List.map (String.concat ",") |> String.concat "\n"
    Expect.equal (show (List.except listed found)) "" $"found in the tables but missing in papers/{name}"
    Expect.equal (show (List.except found listed)) "" $"listed in papers/{name} but not found in the tables"

// ---- disagreements

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

// ---- the tests

let private valueOf paper table method variant metric category =
    published.Value
    |> List.filter (fun row ->
        (row.Paper, row.Table, row.Method, row.Variant, row.Metric, row.Category) = (paper, table, method, variant, metric, category))
    |> List.exactlyOne
    |> _.Value

let private asFloat printed = float (number printed)

let private contractTests = [
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
            for paper in papers -> paper, published.Value |> List.filter (fun row -> row.Paper = paper) |> List.countBy _.Table |> List.sort
        ]

        Expect.equal (List.sort counts) expected "rows in each table"

        for column in columns published.Value do
            let perCategory = column |> List.filter (fun row -> List.contains row.Category (textures @ objects))
            let complete = [ 0; textures.Length; textures.Length + objects.Length ]
            let expectedHere = if column.Head.Table = "text" then [ 0; 1 ] else complete
            Expect.contains expectedHere perCategory.Length $"categories in the column of {column.Head}"
]

let private arithmeticTests = [
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

let private disagreementTests = [
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

[<Tests>]
let tests =
    testList "published" [
        testList "contract" contractTests
        testList "arithmetic" arithmeticTests
        testList "disagreements" disagreementTests
    ]
