/// Numbers and names as both forms of the report print them. All rates are in percent.
module Reproduction.Analysis.Text

open System
open System.Globalization

let private invariant (value: float) (format: string) = value.ToString(format, CultureInfo.InvariantCulture)

/// A metric's name as it is read: "image_auroc.level_4" as "image AUROC level 4".
let metric (name: string) =
    [ "auroc", "AUROC"; "aupro", "AUPRO"; "_ap", " AP"; "f1_max", "F1 max"; "fpr", "FPR"; "tpr", "TPR"; "_", " "; ".", " " ]
    |> List.fold (fun (text: string) (code, words) -> text.Replace((code: string), words)) name

/// "table1" as "Table 1"; "hfae-table1", another paper's, as "Table 1 of hfae".
let rec table (name: string) =
    match name.Split '-' with
    | [| paper; own |] -> $"{table own} of {paper}"
    | _ ->

        let digits = name |> Seq.takeWhile Char.IsLetter |> Seq.length
        $"{Char.ToUpperInvariant name[0]}{name[1 .. digits - 1]} {name[digits..]}".TrimEnd()

/// A measured fraction as percent with one decimal; "–" for NaN.
let percent (fraction: float) = if Double.IsNaN fraction then "–" else invariant (100.0 * fraction) "0.0"

/// A mean over seeds or folds with its standard deviation where there is one; only where no other spread stands beside it.
let summary (summary: Summary) =
    if Double.IsNaN summary.Deviation then percent summary.Mean else $"{percent summary.Mean} ± {percent summary.Deviation}"

/// What a spread is, as it stands behind it.
let private kind =
    function
    | Deviation -> "sd"
    | ErrorOfMean -> "SEM"

/// A measured number with its spread and what that is.
let measured (measured: Measured) =
    match measured.Spread with
    | Some spread -> $"{percent measured.Mean} ± {percent spread.Size} {kind spread.Kind}"
    | None -> percent measured.Mean

/// A published number with the digits that the paper prints, and what its spread is.
let published (number: PublishedNumber) =
    let decimals =
        let printed = if number.Text.Contains '.' then number.Text.Length - number.Text.IndexOf '.' - 1 else 0
        if number.Unit = "fraction" then max 0 (printed - 2) else printed

    let digits (value: float) = (100.0 * value).ToString($"F{decimals}", CultureInfo.InvariantCulture)

    match number.Spread with
    | Some spread -> $"{digits number.Value} ± {digits spread.Size} {kind spread.Kind}"
    | None -> digits number.Value

/// A difference of fractions in percentage points, with its sign.
let points (difference: float) = invariant (100.0 * difference) "+0.0;−0.0;0.0"

let pValue (p: float) = if p < 0.001 then "< 0.001" else invariant p "0.000"

/// What is said above the table of Floor.against.
let againstFloor =
    "Each method by its variant with the highest image AUROC on the category, against detectors that learn nothing (mean of the training "
    + "images, principal components of their pixels, of frozen features): their image AUROC, by how much the method is above it, and "
    + "DeLong's p on the same images."

/// A floor's cell: its AUROC, the difference, p; "–" where it was not run.
let floorCell (row: AgainstFloor) (floor: string) =
    match row.Floors |> List.tryFind (fun test -> test.Floor.Paper = floor) with
    | None -> "–"
    | Some { Test = test } -> $"{percent test.Second}: {points (test.First - test.Second)} (p {pValue test.PValue})"

/// What is said beside a variant that cannot be told from chance, and of the training behind it.
let nearChance (row: NearChance) =
    let trained =
        match row.Steps with
        | Some steps when row.Record.Profile <> "paper" ->
            let count, seconds = invariant steps "0", invariant row.Seconds "0"
            $": {row.Record.Profile} trains {count} steps in {seconds} s, --profile paper as the paper does"
        | _ -> ""

    let place = if row.Interval.High < 0.5 then "below chance" else "not told from chance"
    $"{place} (95 %%: {percent row.Interval.Low} to {percent row.Interval.High}){trained}"

/// That, of a RunRecord.series; "" where there is nothing to say.
let remark (near: NearChance list) series =
    near
    |> List.tryFind (fun row -> RunRecord.series row.Record = series)
    |> Option.map nearChance
    |> Option.defaultValue ""

/// A table's rows as aligned columns, for a terminal.
let columns (rows: string list list) =
    let widths = rows |> List.transpose |> List.map (List.map String.length >> List.max)

    [
        for row in rows -> (List.map2 (fun (cell: string) (width: int) -> cell.PadRight width) row widths |> String.concat "  ").TrimEnd()
    ]

/// What stands behind the numbers of a comparison.
let spreads =
    "± sd is the standard deviation over seeds or folds (in a paper: over its runs), ± SEM a standard error: of our means over categories, "
    + "that over seeds or folds; what a paper prints beside a mean over categories is over the categories."

/// "1 category", "2 categories".
let categories (count: int) = if count = 1 then "1 category" else $"{count} categories"

let seconds (value: float) = invariant value "0.0"

/// A one-letter sign that says a verdict without colour.
let sign verdict =
    match verdict with
    | WithinSpread -> "="
    | WithinPoint -> "≈"
    | Above -> "▲"
    | Below -> "▼"
    | NotComparable _ -> "◌"
    | NotRun -> "·"

/// Where the measurements were made, one line per distinct environment.
let environments (records: RunRecord list) =
    records
    |> List.map (fun record ->
        let value name = record.Environment.TryFind name |> Option.defaultValue "?"

        let libtorch, device, threads, processor, commit =
            value "libtorch", value "device", value "threads", value "processor", value "commit"

        $"libtorch {libtorch} on {device}, {threads} threads, {processor}; commit {commit.Substring(0, min 12 commit.Length)}")
    |> List.countBy id
    |> List.map (fun (line, cells) -> $"{line} ({cells} cells)")

/// What closes a run in a terminal: a line for each data set and metric, with the mean over the cells of each method on it.
let means (records: RunRecord list) = [
    for metric, name in [ "image_auroc", "image AUROC"; "pixel_auroc", "pixel AUROC" ] do
        for dataset, cells in records |> List.groupBy _.Dataset do
            let measured = [
                for paper, own in cells |> List.groupBy _.Paper do
                    match own |> List.choose (fun record -> record.Metrics.TryFind metric) with
                    | [] -> ()
                    | values -> $"""{paper} {invariant (List.average values) "0.000"} ({values.Length})"""
            ]

            if not measured.IsEmpty then $"""mean {name} on {dataset} (cells): {String.concat " " measured}"""
]

/// The regions of defects that are in the masks but, at the maps' size, in no pixel metric: a sentence for each category where some are.
let lostRegions (records: RunRecord list) = [
    for (dataset, category), cells in records |> List.groupBy (fun record -> record.Dataset, record.Category) do
        match cells |> List.choose _.Regions |> List.sortByDescending _.Lost with
        | regions :: _ when regions.Lost > 0 ->
            $"{dataset} {category}: {regions.Lost} of {regions.Whole} regions of the masks have no pixel left at the maps' size, so that "
            + "pixel AUROC and AUPRO do not know them."
        | _ -> ()
]

/// The standing in a few sentences.
let standing (data: ReportData) =
    let total = data.Total
    let papers = data.Standings |> List.map _.Paper |> String.concat ", "
    let datasets = data.Records |> List.map _.Dataset |> List.distinct |> String.concat ", "

    if not data.HasComparisons then
        $"This run measured {data.Records.Length} cells of {papers} on {datasets}. The papers print no numbers for these data with "
        + $"these networks, so nothing stands beside what was measured; "
        + $"with their data and weights, {total.Printed} printed numbers can be set beside ours."
    else

        $"The papers run here ({papers}) print {total.Printed} numbers of their own methods that a run can measure. "
        + $"{total.Measured} of them are measured: "
        + $"{total.WithinSpread} within the spread, {total.WithinPoint} within one point, {total.Above} above, {total.Below} below what "
        + $"is published; "
        + $"{total.LikeForLike} of these are like for like (same data, network and settings). "
        + $"{total.NotComparable} more are means over categories of which only some were run, and {total.NotRun} were not run."
