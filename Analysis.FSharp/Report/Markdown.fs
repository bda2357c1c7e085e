/// The report as Markdown, for code hosts.
module Reproduction.Analysis.Markdown

open System
open System.Text

let private escape (text: string) = text.Replace("|", "\\|")

/// A table's lines.
let lines (header: string list) (rows: string list list) =
    let line cells = "| " + String.Join(" | ", cells |> List.map escape) + " |"
    line header :: line (header |> List.map (fun _ -> "---")) :: List.map line rows

let private table header rows = String.concat "\n" (lines header rows) + "\n"

let private standings (data: ReportData) =
    data.Standings @ [ data.Total ]
    |> List.map (fun standing -> [
        standing.Paper
        string standing.Printed
        string standing.Measured
        string standing.LikeForLike
        string standing.WithinSpread
        string standing.WithinPoint
        string standing.Above
        string standing.Below
        string standing.NotComparable
        string standing.NotRun
    ])
    |> table [
        "paper"
        "printed"
        "measured"
        "like for like"
        "= within the spread"
        "≈ within 1 point"
        "▲ above"
        "▼ below"
        "◌ not comparable"
        "· not run"
    ]

let private numbers (compared: Compared list) =
    [
        for number in compared do
            match number.Measured with
            | Some measured -> [
                Text.table number.Published.Table
                number.Published.Variant
                number.Published.Category
                Text.metric number.Published.Metric
                Text.published number.Published
                Text.measured measured
                number.Delta |> Option.map Text.points |> Option.defaultValue ""
                $"{Text.sign number.Verdict} {Comparison.describe number.Verdict}"
                if number.Differences.IsEmpty then "nothing" else String.concat "; " number.Differences
              ]
            | None -> ()
    ]
    |> table [ "table"; "variant"; "category"; "metric"; "published"; "measured"; "difference"; "verdict"; "differs in" ]

let private figure (figure: ReportFigure) = $"![{figure.Title}. {figure.Description}](figures/{figure.Id}.svg)\n"

let private measurements (data: ReportData) =
    let metrics = [ "image_auroc"; "pixel_auroc"; "aupro"; "image_ap"; "image_f1_max" ]

    let whenRemarked text = if data.NearChance.IsEmpty then [] else [ text ]

    let rows =
        RunRecord.toFrame data.Records
        |> Statistics.overRepetitions
        |> List.groupBy (fun row -> row.Paper, row.Variant, row.Dataset, row.Category, row.Profile)

    [
        for (paper, variant, dataset, category, profile), found in rows ->
            [ paper; variant; dataset; category; profile ]
            @ [
                for metric in metrics ->
                    match found |> List.tryFind (fun row -> row.Metric = metric) with
                    | Some row -> Text.summary row.Summary
                    | None -> "–"
            ]
            @ whenRemarked (Text.remark data.NearChance (paper, variant, dataset, category, profile))
    ]
    |> table ([ "paper"; "variant"; "dataset"; "category"; "profile" ] @ List.map Text.metric metrics @ whenRemarked "remark")

let private significance (data: ReportData) =
    [
        for best, other, test in data.AgainstBest ->
            [
                $"{best.Dataset} {best.Category}"
                $"{best.Paper} · {best.Variant}"
                Text.percent test.First
                $"{other.Paper} · {other.Variant}"
                Text.percent test.Second
                Text.points (test.First - test.Second)
                Text.pValue test.PValue
            ]
    ]
    |> table [ "category"; "best"; "image AUROC"; "other"; "image AUROC"; "difference"; "p (DeLong)" ]

let private floors (data: ReportData) =
    [
        for row in data.AgainstFloor ->
            [
                $"{row.Record.Dataset} {row.Record.Category}"
                $"{row.Record.Paper} · {row.Record.Variant}"
                row.Record.Metrics["image_auroc"] |> Text.percent
                for floor in Floor.methods do
                    Text.floorCell row floor
            ]
    ]
    |> table ([ "category"; "method"; "image AUROC" ] @ Floor.methods)

/// The whole report; the same records give the same text.
let render (data: ReportData) =
    let text = StringBuilder()
    let add (line: string) = text.Append(line).Append('\n') |> ignore
    let figures predicate = data.Figures |> List.filter (fun (figure: ReportFigure) -> predicate figure.Id) |> List.iter (figure >> add)
    let finished = data.Records |> List.map _.Finished |> List.max

    add $"# Published and measured: {data.Run}\n"
    add $"{Text.standing data}\n"
    if data.HasComparisons then add (standings data)

    add $"All rates are percent, differences percentage points. {Text.spreads}\n"

    figures _.StartsWith("overview")

    for paper in data.Papers |> List.map _.Id do
        let own = data.Compared |> List.filter (fun number -> number.Published.Paper = paper && number.Measured.IsSome)

        if not own.IsEmpty then
            add $"## {paper}\n\n{data.Title paper}\n"
            add (numbers own)
            figures _.StartsWith(paper + "-")

    figures _.StartsWith("working-point")
    add "## All measurements\n\n± is the standard deviation over seeds or folds.\n"
    add (measurements data)

    for sentence in Text.lostRegions data.Records do
        add $"{sentence}\n"

    if not data.AgainstBest.IsEmpty then
        add "## Which differences are more than chance\n"
        add "Each variant against the one with the highest image AUROC on that category; both scored the same images.\n"
        add (significance data)

    if not data.AgainstFloor.IsEmpty then
        add "## What is gained over no training\n"
        add $"{Text.againstFloor}\n"
        add (floors data)

    add "## Where and how long\n"
    Text.environments data.Records |> List.iter (fun line -> add $"- {line}")
    add ""
    figures (fun id -> id = "seconds")

    add (
        $"{data.Records.Length} run records, the last finished {finished}. `dotnet fsi scripts/report.fsx -- --run results/{data.Run}` "
        + "makes this report again from them."
    )

    text.ToString()
