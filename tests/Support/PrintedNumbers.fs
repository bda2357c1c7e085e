/// The published numbers (papers/*/published/*.csv) as they are printed, digits and all.
module Reproduction.Tests.PrintedNumbers

open System
open System.Globalization
open System.IO
open Expecto
open Reproduction.Analysis

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

let papersFolder =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"No Reproduction.sln above {AppContext.BaseDirectory}: run the tests from the checkout."
        | folder when File.Exists(Path.Combine(folder.FullName, "Reproduction.sln")) -> Path.Combine(folder.FullName, "papers")
        | folder -> upwards folder.Parent

    upwards (DirectoryInfo AppContext.BaseDirectory)

let contract = [ "table"; "method"; "variant"; "category"; "metric"; "value"; "spread"; "spread_kind"; "unit" ]

let papers = Papers.read papersFolder |> List.map _.Id

let tablesOf paper = Directory.GetFiles(Path.Combine(papersFolder, paper, "published"), "*.csv") |> Array.sort |> List.ofArray

let readTable paper file =
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

let published =
    lazy
        [
            for paper in papers do
                for file in tablesOf paper do
                    yield! readTable paper file
        ]

let number (printed: string) = Decimal.Parse(printed, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)

let digits (printed: string) =
    match printed.IndexOf '.' with
    | -1 -> 0
    | point -> printed.Length - point - 1

/// How far a number may lie from what is printed with so many digits behind the point.
let rounding digits = 0.5 * Math.Pow(10.0, -float digits)

/// Guards comparisons of decimal fractions against the last bit of a float.
let floatError = 1e-9

/// A column of a table: every category of one method, variant and metric.
let columns rows = rows |> List.groupBy (fun row -> row.Paper, row.Table, row.Method, row.Variant, row.Metric) |> List.map snd

/// The lines of a committed list without their last column, which is a remark for the reader.
let listed name = [
    for line in File.ReadLines(Path.Combine(papersFolder, name)) |> Seq.tail do
        let fields = Csv.fields line
        List.take (fields.Length - 1) fields
]

let expectListed name found =
    let listed = listed name
    let show lines = lines |> List.map (String.concat ",") |> String.concat "\n"
    Expect.equal (show (List.except listed found)) "" $"found in the tables but missing in papers/{name}"
    Expect.equal (show (List.except found listed)) "" $"listed in papers/{name} but not found in the tables"

let valueOf paper table method variant metric category =
    published.Value
    |> List.filter (fun row ->
        (row.Paper, row.Table, row.Method, row.Variant, row.Metric, row.Category) = (paper, table, method, variant, metric, category))
    |> List.exactlyOne
    |> _.Value

let asFloat printed = float (number printed)
