/// Words, tables and files that all forms of the index share.
module Reproduction.Analysis.IndexText

open System
open System.Globalization

/// The line about all papers that stands in README.md too.
let totals (index: AllRuns) =
    let total = index.Total

    $"Of {total.Printed} numbers that {index.Papers.Length} papers print of their own methods, {total.Measured} are measured: "
    + $"{total.Met} met (within the spread or one point), {total.Above} above, {total.Below} below; {total.LikeForLike} of them like for "
    + $"like. {total.NotComparable} more are means of which only some categories were run, {total.NotRun} were not run."

/// Titles of the totals' columns, and a row for each paper, their sum, each baseline and theirs.
let standings (index: AllRuns) : string list list =
    [ "paper"; "printed"; "measured"; "met"; "above"; "below"; "like for like"; "not comparable"; "not run" ]
    :: [
        for standing in
            index.PaperStandings
            @ [ index.Total ]
            @ (if index.Baselines.IsEmpty then [] else index.BaselineStandings @ [ index.BaselineTotal ]) ->
            standing.Paper
            :: [
                for count in
                    [
                        standing.Printed
                        standing.Measured
                        standing.Met
                        standing.Above
                        standing.Below
                        standing.LikeForLike
                        standing.NotComparable
                        standing.NotRun
                    ] -> string count
            ]
    ]

/// "95.9 to 99.1 i": over images, or r over repetitions.
let interval (interval: Interval option) =
    match interval with
    | None -> "–"
    | Some interval ->
        let over = if interval.Of = OverImages then "i" else "r"
        // A t interval of few seeds may reach beyond what a rate can be.
        $"{Text.percent (max 0.0 interval.Low)} to {Text.percent (min 1.0 interval.High)} {over}"

let intervalNote =
    "95 %: i is a bootstrap over the test images (both classes drawn anew, the same images for all seeds or folds, "
    + $"{Interval.resamples} times; where the classes are apart it has no width), r is Student's t over seeds or folds, n how many "
    + "there are. Pixel metrics have no bootstrap: records keep image scores, not pixel maps."

let networks (measured: Measured) = String.concat ", " measured.Networks

let differences (compared: Compared) =
    match compared.Measured, compared.Differences with
    | None, _ -> ""
    | _, [] -> "nothing"
    | _, several -> String.concat "; " several

let repetitions (measured: Measured) =
    let counts = measured.Records |> List.countBy _.Category |> List.map snd
    if counts.IsEmpty then 0 else List.min counts

let private plain (value: float) = value.ToString("0.######", CultureInfo.InvariantCulture)

let private csv (rows: string list list) =
    rows |> List.map (List.map Csv.quote >> String.concat ",") |> String.concat "\n" |> (fun text -> text + "\n")

/// Every printed number with what is measured, as fractions.
let numbersCsv (index: AllRuns) =
    csv (
        [
            "paper"
            "table"
            "method"
            "variant"
            "category"
            "metric"
            "published"
            "published_spread"
            "measured"
            "n"
            "low"
            "high"
            "interval"
            "verdict"
            "measured_variant"
            "profile"
            "networks"
            "differences"
            "cells"
        ]
        :: [
            for row in index.Rows do
                let published = row.Compared.Published

                [
                    published.Paper
                    published.Table
                    published.Method
                    published.Variant
                    published.Category
                    published.Metric
                    plain published.Value
                    published.Spread |> Option.map (_.Size >> plain) |> Option.defaultValue ""
                ]
                @ (match row.Compared.Measured with
                   | None -> [ ""; "0"; ""; ""; ""; "not run"; ""; ""; ""; ""; "" ]
                   | Some measured -> [
                       plain measured.Mean
                       string (repetitions measured)
                       row.Interval |> Option.map (_.Low >> plain) |> Option.defaultValue ""
                       row.Interval |> Option.map (_.High >> plain) |> Option.defaultValue ""
                       match row.Interval with
                       | Some { Of = OverImages } -> "images"
                       | Some { Of = OverRepetitions } -> "repetitions"
                       | None -> ""
                       Comparison.describe row.Compared.Verdict
                       measured.Variant
                       measured.Profile
                       networks measured
                       String.concat "; " row.Compared.Differences
                       measured.Records |> List.map _.Cell |> String.concat " "
                     ])
        ]
    )

let totalsCsv (index: AllRuns) = csv (standings index)

let private latex (text: string) =
    [
        "\\", "\\textbackslash{}"
        "&", "\\&"
        "%", "\\%"
        "_", "\\_"
        "#", "\\#"
        "$", "\\$"
        "{", "\\{"
        "}", "\\}"
        "~", "\\textasciitilde{}"
    ]
    |> List.fold
        (fun (text: string) (character, escaped) -> text.Replace((character: string), escaped))
        // Its braces must not be escaped again.
        (text.Replace("±", "+-").Replace("−", "-").Replace("–", "--"))
    |> _.Replace("\\textbackslash\\{\\}", "\\textbackslash{}")
    |> _.Replace("+-", "$\\pm$")

/// A paper's measured numbers as a longtable of booktabs.
let latexTable (index: AllRuns) (paper: Paper) =
    let rows = [
        for row in index.RowsOf paper.Id do
            match row.Compared.Measured with
            | Some measured ->
                let published = row.Compared.Published

                [
                    Text.metric published.Metric
                    published.Category
                    published.Variant
                    networks measured
                    Text.published published
                    Text.measured measured
                    string (repetitions measured)
                    interval row.Interval
                    Comparison.describe row.Compared.Verdict
                ]
            | None -> ()
    ]

    let line cells = (cells |> List.map latex |> String.concat " & ") + " \\\\"

    String.concat "\n" [
        $"%% {index.Title paper.Id}. Percent. Made by scripts/index.fsx; needs the packages booktabs and longtable."
        "\\begin{longtable}{llllrrrll}"
        "\\toprule"
        line [ "metric"; "category"; "variant"; "our network"; "published"; "measured"; "n"; "95 % interval"; "verdict" ]
        "\\midrule"
        "\\endhead"
        yield! List.map line rows
        "\\bottomrule"
        "\\end{longtable}"
        ""
    ]
