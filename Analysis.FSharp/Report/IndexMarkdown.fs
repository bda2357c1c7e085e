/// The index as Markdown: results/index.md, and for each run the list of its cells, where every number of the index leads.
module Reproduction.Analysis.IndexMarkdown

open System
open System.Text
open System.Text.RegularExpressions

let private anchor (cell: string) = Regex.Replace(cell, @"[^\w]+", "-")

/// From results/: a cell's line in the list of its run.
let private cellLink (index: AllRuns) (record: RunRecord) = $"{index.Runs[record.Cell]}/cells.md#{anchor record.Cell}"

let private linked (index: AllRuns) (records: RunRecord list) (text: string) =
    match records with
    | [] -> text
    | first :: _ -> $"[{text}]({cellLink index first})"

let private sheetLink (index: AllRuns) prefix (paper: string) (text: string) =
    match index.Sheets.TryFind paper with
    | None -> text
    | Some sheet ->
        let anchor = if sheet.Anchor = "" then "" else "#" + sheet.Anchor
        $"[{text}]({prefix}{sheet.Path}{anchor})"

let private table header rows = String.concat "\n" (Markdown.lines header rows) + "\n"

let private picture (chart: IndexCharts.IndexChart) = $"![{chart.Description}](figures/{chart.Id}.svg)\n"

let private numbers (index: AllRuns) (rows: IndexRow list) =
    [
        for row in rows do
            match row.Compared.Measured with
            | Some measured ->
                let published = row.Compared.Published

                [
                    Text.metric published.Metric
                    published.Category
                    published.Variant
                    IndexText.networks measured
                    Text.published published
                    linked index measured.Records (Text.measured measured)
                    row.Compared.Delta |> Option.map Text.points |> Option.defaultValue ""
                    string (IndexText.repetitions measured)
                    IndexText.interval row.Interval
                    $"{Text.sign row.Compared.Verdict} {Comparison.describe row.Compared.Verdict}"
                    sheetLink index "" published.Paper (IndexText.differences row.Compared)
                ]
            | None -> ()
    ]
    |> table [
        "metric"
        "category"
        "printed variant"
        "our network"
        "published"
        "measured"
        "difference"
        "n"
        "95 % interval"
        "verdict"
        "differs in"
    ]

let private floors (index: AllRuns) =
    [
        for floor in index.Floors do
            let record = floor.Records.Head

            [
                record.Dataset + " " + record.Category
                sheetLink index "" record.Paper record.Paper
                record.Variant
                RunRecord.network record
            ]
            @ [
                for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
                    match floor.Metrics |> List.tryFind (fun (name, _, _) -> name = metric) with
                    | Some(_, summary, _) -> linked index floor.Records (Text.summary summary)
                    | None -> "–"
            ]
            @ [
                string floor.Records.Length
                match floor.Metrics |> List.tryFind (fun (name, _, _) -> name = "image_auroc") with
                | Some(_, _, interval) -> IndexText.interval interval
                | None -> "–"
            ]
    ]
    |> table [
        "category"
        "floor"
        "variant"
        "network"
        "image AUROC"
        "pixel AUROC"
        "AUPRO"
        "n"
        "95 % interval of the image AUROC"
    ]

/// results/index.md.
let render (index: AllRuns) : string =
    let text = StringBuilder()
    let add (line: string) = text.Append(line).Append('\n') |> ignore

    let section level (paper: Paper) =
        let rows = index.RowsOf paper.Id
        let standing = Standing.ofPaper (List.map _.Compared rows) paper.Id
        add $"{level} {paper.Id}\n\n{sheetLink index String.Empty paper.Id (index.Title paper.Id)}\n"

        if rows |> List.exists _.Compared.Measured.IsSome then
            add $"{standing.Measured} of {standing.Printed} printed numbers are measured.\n"
            add (numbers index rows)
        else
            add $"None of {standing.Printed} printed numbers was measured.\n"

    add "# Every number: published and measured\n"
    add (IndexText.totals index + "\n")
    add (table (IndexText.standings index).Head (IndexText.standings index).Tail)

    add (
        "A number that is met lies within the spread of its runs or within one point. All rates are percent, differences percentage "
        + $"points. {IndexText.intervalNote} {Text.spreads}\n"
    )

    add (
        "Each measured number leads to its cell in its run's list, and from there to the record, the scores and the command that makes it "
        + "again; what it differs in leads to the sheet that says why. The same as a page with curves: [index.html](index.html). As files: "
        + "[tables/numbers.csv](tables/numbers.csv), [tables/totals.csv](tables/totals.csv), "
        + (index.Papers @ index.Baselines
           |> List.filter (fun paper -> index.RowsOf paper.Id |> List.exists _.Compared.Measured.IsSome)
           |> List.map (fun paper -> $"[{paper.Id}.tex](tables/{paper.Id}.tex)")
           |> String.concat ", ")
        + ".\n"
    )

    for chart in IndexCharts.scatters index do
        add (picture chart)

    for paper in index.Papers do
        section "##" paper

    if not index.Baselines.IsEmpty then
        add "## Baselines\n"

        add
            "Other methods' columns of the papers' tables, run here. The printed variant names the network of the paper, ours stands \
             beside it.\n"

        for paper in index.Baselines do
            section "###" paper

    if not index.Floors.IsEmpty then
        add "## Floors\n"
        add "What learns nothing and is printed nowhere.\n"
        add (floors index)

    add "## Category by category\n"

    for chart in IndexCharts.categories index do
        add (picture chart)

    add "`dotnet fsi scripts/index.fsx -- --write` makes this page again from the run records, `--check` says whether it is what they give."
    text.ToString()

/// results/<run>/cells.md: a line for each record.
let cells (index: AllRuns) (run: string) : string =
    let rate name (record: RunRecord) = record.Metrics.TryFind name |> Option.map Text.percent |> Option.defaultValue "–"

    let rows = [
        for record in index.Records |> List.filter (fun record -> index.Runs[record.Cell] = run) do
            let file = "runs/" + Uri.EscapeDataString record.Cell

            [
                $"<a id=\"{anchor record.Cell}\"></a>{record.Cell}"
                rate "image_auroc" record
                rate "pixel_auroc" record
                rate "aupro" record
                $"[record]({file}.json)"
                $"[scores]({file}.scores.csv)"
                sheetLink index "../" record.Paper "sheet"
                $"`{Index.command record}`"
            ]
    ]

    String.concat "\n" [
        $"# Cells of {run}\n"
        "Percent. DATA is the folder of the data set, WEIGHTS that of the weights; the command writes the same record beside, "
        + "`scripts/repro verify` compares.\n"
        table [ "cell"; "image AUROC"; "pixel AUROC"; "AUPRO"; "record"; "scores"; "differences"; "made again by" ] rows
    ]
