/// The tables of a run's page: published and measured, the papers' own, differences, floors, cells.
module Reproduction.Analysis.PageTables

open Html

/// A row of published numbers beside ours.
let private comparedRow (compared: Compared, measured: Measured) =
    let published = compared.Published
    let verdict = shortVerdict compared.Verdict

    let differences =
        [
            yield! compared.Differences
            match compared.Verdict with
            | NotComparable reason -> reason
            | _ -> ()
        ]
        |> function
            | [] -> "nothing"
            | several -> String.concat "; " several

    let delta =
        (number (defaultArg compared.Delta nan) (compared.Delta |> Option.map Text.points |> Option.defaultValue ""))
            .Replace("class=\"number\"", "class=\"number wide\"")

    let likeness = if compared.Differences.IsEmpty then "like_for_like" else "differs"

    joined [
        $"""<tr data-paper="{published.Paper}" data-verdict="{verdict.Replace(' ', '_')}" """
        $"""data-category="{published.Category}" data-likeness="{likeness}">"""
        $"""<th scope="row">{published.Paper}</th><td class="wide">{Text.table published.Table}</td>"""
        $"""<td class="wide">{encode published.Variant}</td><td>{published.Category}</td>"""
        $"""<td class="whole">{Text.metric published.Metric}</td>"""
        number published.Value (Text.published published)
        number measured.Mean (Text.measured measured)
        delta
        $"""<td>{chip compared.Verdict}</td><td class="wide">{encode differences}</td></tr>"""
    ]

/// Every measured number beside the published one.
let numbers (data: ReportData) =
    let measured =
        data.Compared
        |> List.choose (fun compared -> compared.Measured |> Option.map (fun measured -> compared, measured))
        |> List.sortBy (fun (compared, _) -> not compared.IsMeasured, not compared.Differences.IsEmpty)

    let columns = [
        "paper", ""
        "table", "wide"
        "variant", "wide"
        "category", ""
        "metric", ""
        "published", "number"
        "measured", "number"
        "difference", "number wide"
        "verdict", ""
        "differs in", "wide"
    ]

    let verdicts = measured |> List.map (fun (compared, _) -> shortVerdict compared.Verdict)

    let likeness =
        [ "", "all"; "like_for_like", "like for like"; "differs", "something differs" ]
        |> List.map (fun (value, title) -> $"<option value=\"{value}\">{title}</option>")
        |> joined

    $"""<section id="numbers"><h2>Published and measured</h2>
<p class="note">Percent. {Text.spreads} A number counts as like for like when data, network and settings are the paper's.</p>
<form class="filters" data-target="#numbers tbody tr">
<label>paper <select name="paper">{options "all" (measured |> List.map (fun (c, _) -> c.Published.Paper))}</select></label>
<label>category <select name="category">{options "all" (measured |> List.map (fun (c, _) -> c.Published.Category))}</select></label>
<label>verdict <select name="verdict">{options "all" verdicts}</select></label>
<label>likeness <select name="likeness">{likeness}</select></label>
<label>find <input type="search" name="find" placeholder="variant, table, metric"></label>
<output></output></form>
{table "Published and measured numbers" (headings columns) (measured |> List.map comparedRow)}</section>"""

/// A cell of a paper's table, ours below the printed number.
let private publishedCell (cell: TableCell) =
    match cell.Published with
    | None -> "<td></td>"
    | Some published ->
        let ours =
            match cell.Compared |> Option.bind (fun compared -> compared.Measured |> Option.map (fun measured -> compared, measured)) with
            | None -> ""
            | Some(compared, measured) ->
                let differences =
                    if compared.Differences.IsEmpty then "like for like" else "differs in " + String.concat "; " compared.Differences

                joined [
                    $"""<span class="ours {verdictClass compared.Verdict}" """
                    $"""title="measured: {encode (Comparison.describe compared.Verdict)}; {encode differences}">"""
                    $"{Text.sign compared.Verdict} {Text.measured measured}</span>"
                ]

        $"<td class=\"number\">{encode (Text.published published)}{ours}</td>"

/// A table as its paper prints it.
let private publishedTable (table: PublishedTable) =
    let header = joined [ for column in table.Columns -> $"<th scope=\"col\" class=\"number\">{encode column}</th>" ]

    let rows = [
        for name, cells in table.Rows -> $"""<tr><th scope="row">{encode name}</th>{cells |> List.map publishedCell |> joined}</tr>"""
    ]

    let title = $"{Text.table table.Table}, {Text.metric table.Metric}"
    let state = if table.HasMeasured then " open" else ""
    let note = if table.HasMeasured then "ours below the published number" else "nothing of it was run"

    joined [
        $"<details{state}><summary>{encode title} <small>{note}</small></summary>"
        $"""<div class="scroll tall" tabindex="0" role="region" aria-label="{encode table.Paper} {encode title}">"""
        $"""<table><thead><tr><th scope="col">{table.RowTitle}</th>{header}</tr></thead>"""
        $"<tbody>{lines rows}</tbody></table></div></details>"
    ]

/// The papers' own tables.
let published (data: ReportData) =
    let paper (id: string, tables: PublishedTable list) =
        $"<h3 id=\"{id}\">{encode (data.Title id)}</h3>\n{tables |> List.map publishedTable |> lines}"

    let wasRun (id: string, _: PublishedTable list) = data.Records |> List.exists (fun record -> record.Paper = id)
    let run, others = PublishedTable.ofData data |> List.groupBy _.Paper |> List.partition wasRun

    // Those of which nothing was run take one line until someone asks for them.
    let papers = [
        yield! List.map paper run
        if not others.IsEmpty then
            let names = others |> List.map fst |> String.concat ", "

            joined [
                $"<details><summary>Not run here: {encode names}</summary>"
                $"<div class=\"others\">{others |> List.map paper |> lines}</div></details>"
            ]
    ]

    $"""<section id="tables"><h2>The papers' tables</h2>
<p class="note">Every number as printed, in percent; where the paper's own method was run, ours stands below with its verdict.</p>
{lines papers}</section>"""

/// DeLong's test of each variant against the best one.
let significance (data: ReportData) =
    let row (best: RunRecord, other: RunRecord, test: PairedAuroc) =
        joined [
            $"""<tr><th scope="row">{encode best.Dataset} {encode best.Category}</th>"""
            $"<td>{encode best.Paper} · {encode best.Variant}</td>"
            number test.First (Text.percent test.First)
            $"<td>{encode other.Paper} · {encode other.Variant}</td>"
            number test.Second (Text.percent test.Second)
            number (test.First - test.Second) (Text.points (test.First - test.Second))
            number test.PValue (Text.pValue test.PValue)
            "</tr>"
        ]

    let columns = [
        "category", false
        "best", false
        "image AUROC", true
        "other", false
        "image AUROC", true
        "difference", true
        "p (DeLong)", true
    ]

    let note =
        "Each variant against the one with the highest image AUROC on that category. Both scored the same images; DeLong's test, "
        + "two-sided, not corrected for the number of comparisons."

    if data.AgainstBest.IsEmpty then
        ""
    else
        $"""<section id="significance"><h2>Which differences are more than chance</h2>
<p class="note">{note}</p>
{table "Differences between variants" (sortable columns) (data.AgainstBest |> List.map row)}</section>"""

/// Each method beside what learns nothing.
let floors (data: ReportData) =
    let row (row: AgainstFloor) =
        let auroc = row.Record.Metrics["image_auroc"]

        joined [
            $"""<tr><th scope="row">{encode row.Record.Dataset} {encode row.Record.Category}</th>"""
            $"<td>{encode row.Record.Paper} · {encode row.Record.Variant}</td>"
            number auroc (Text.percent auroc)
            for floor in Floor.methods do
                $"<td>{encode (Text.floorCell row floor)}</td>"
            "</tr>"
        ]

    let columns = [ "category", false; "method", false; "image AUROC", true ] @ [ for floor in Floor.methods -> floor, false ]

    if data.AgainstFloor.IsEmpty then
        ""
    else
        $"""<section id="floors"><h2>What is gained over no training</h2>
<p class="note">{encode Text.againstFloor}</p>
{table "Methods against floors" (sortable columns) (data.AgainstFloor |> List.map row)}</section>"""

/// Every cell of the run.
let cells (data: ReportData) =
    let metric (record: RunRecord) name =
        let value = record.Metrics.TryFind name |> Option.defaultValue nan
        number value (Text.percent value)

    let row (record: RunRecord) =
        let seconds = record.Seconds |> Map.toSeq |> Seq.sumBy snd
        let remark = Text.remark data.NearChance (RunRecord.series record)

        joined [
            $"""<tr data-paper="{encode record.Paper}" data-category="{encode record.Category}">"""
            $"""<th scope="row">{encode record.Paper}</th><td>{encode record.Variant}</td><td>{encode record.Dataset}</td>"""
            $"<td>{encode record.Category}</td><td>{record.Repetition}</td><td>{record.Profile}</td>"
            metric record "image_auroc"
            if remark = "" then "<td></td>" else $"""<td class="remark">{encode remark}</td>"""
            metric record "pixel_auroc"
            metric record "aupro"
            $"<td>{encode (RunRecord.network record)}</td>"
            $"""<td class="number">{record.TrainImages} / {record.TestGood} / {record.TestAnomalous}</td>"""
            number seconds (Text.seconds seconds)
            $"<td>{encode record.Finished}</td></tr>"
        ]

    let columns = [
        "paper", false
        "variant", false
        "dataset", false
        "category", false
        "repetition", false
        "profile", false
        "image AUROC", true
        "remark", false
        "pixel AUROC", true
        "AUPRO", true
        "network", false
        "train / good / defective", true
        "seconds", true
        "finished", false
    ]

    let environments =
        Text.environments data.Records @ Text.lostRegions data.Records
        |> List.map (fun line -> $"<li>{encode line}</li>")
        |> lines

    $"""<section id="cells"><h2>All cells</h2>
<ul class="note">{environments}</ul>
<form class="filters" data-target="#cells tbody tr">
<label>paper <select name="paper">{options "all" (data.Records |> List.map _.Paper)}</select></label>
<label>category <select name="category">{options "all" (data.Records |> List.map _.Category)}</select></label>
<label>find <input type="search" name="find" placeholder="variant, network, profile"></label>
<output></output></form>
{table "All cells" (sortable columns) (data.Records |> List.map row)}</section>"""
