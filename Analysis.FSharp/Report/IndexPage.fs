/// The index as one page without plotly.js: results/index.html. A click on a measured number shows its cells: record, scores, command,
/// curves.
module Reproduction.Analysis.IndexPage

open System
open System.Globalization
open System.Text.Json
open System.Text.Json.Nodes
open Html

let private tell (places: Collections.Generic.IReadOnlyDictionary<string, int>) (index: AllRuns) (records: RunRecord list) (text: string) =
    let list = records |> List.map (fun record -> string places[record.Cell]) |> String.concat " "
    let first = records.Head
    let record = $"{index.Runs[first.Cell]}/runs/{Uri.EscapeDataString first.Cell}.json"
    $"<a class=\"tell\" data-cells=\"{list}\" href=\"{record}\">{encode text}</a>"

let private number (sort: float) html =
    let key = if Double.IsNaN sort then "" else sort.ToString("0.######", CultureInfo.InvariantCulture)
    $"<td class=\"number\" data-sort=\"{key}\">{html}</td>"

let private state (compared: Compared) =
    match compared.Verdict with
    | NotRun -> "not_run"
    | NotComparable _ -> "not_comparable"
    | Above -> "above"
    | Below -> "below"
    | _ -> "met"

let private row places (index: AllRuns) (row: IndexRow) =
    let published = row.Compared.Published

    let ours, delta, repetitions, network =
        match row.Compared.Measured with
        | Some measured ->
            number measured.Mean (tell places index measured.Records (Text.measured measured)),
            number (defaultArg row.Compared.Delta nan) (row.Compared.Delta |> Option.map Text.points |> Option.defaultValue ""),
            string (IndexText.repetitions measured),
            IndexText.networks measured
        | None -> "<td></td>", "<td class=\"wide\"></td>", "", ""

    let interval = if row.Compared.Measured.IsSome then IndexText.interval row.Interval else ""
    let measuredOrNot = if row.Compared.IsMeasured then "measured " else ""
    let delta = delta.Replace("class=\"number\"", "class=\"number wide\"")
    let likeness = if row.Compared.IsMeasured && row.Compared.Differences.IsEmpty then "like_for_like" else "differs"

    joined [
        $"""<tr id="{row.Id}" data-paper="{published.Paper}" data-category="{published.Category}" data-metric="{published.Metric}" """
        $"""data-state="{measuredOrNot}{state row.Compared}" data-likeness="{likeness}">"""
        $"""<th scope="row">{published.Paper}</th><td>{published.Category}</td><td class="whole">{Text.metric published.Metric}</td>"""
        number published.Value (encode (Text.published published))
        ours
        $"<td>{chip row.Compared.Verdict}</td>"
        delta
        $"""<td class="number wide">{repetitions}</td>"""
        for cell in [ interval; encode published.Variant; encode network; encode (IndexText.differences row.Compared) ] do
            $"""<td class="wide">{cell}</td>"""
        "</tr>"
    ]

let private columns = [
    "paper", ""
    "category", ""
    "metric", ""
    "published", "number"
    "measured", "number"
    "verdict", ""
    "difference", "number wide"
    "n", "number wide"
    "95 % interval", "wide"
    "printed variant", "wide"
    "our network", "wide"
    "differs in", "wide"
]

let private numbers places (index: AllRuns) =
    let published = index.Rows |> List.map _.Compared.Published

    let clicks =
        "A click on a measured number shows its cells: record, scores, command, curves, and what the sheet says about the differences."

    let states =
        [
            "measured", "measured"
            "met", "met"
            "above", "above"
            "below", "below"
            "not_comparable", "not comparable"
            "not_run", "not run"
        ]
        |> List.map (fun (value, title) ->
            let selected = if value = "measured" then " selected" else ""
            $"<option value=\"{value}\"{selected}>{title}</option>")

    let states = joined ("<option value=\"\">all printed</option>" :: states)

    $"""<section id="numbers"><h2>Numbers</h2>
<p class="note">Percent. {IndexText.intervalNote} {clicks}</p>
<form class="filters" data-target="#numbers tbody tr">
<label>paper <select name="paper">{options "all" (published |> List.map _.Paper)}</select></label>
<label>category <select name="category">{options "all" (published |> List.map _.Category)}</select></label>
<label>metric <select name="metric">{options "all" (published |> List.map _.Metric)}</select></label>
<label>verdict <select name="state">{states}</select></label>
<label>likeness <select name="likeness"><option value="">all</option><option value="like_for_like">like for like</option></select></label>
<label>find <input type="search" name="find" placeholder="variant, network"></label>
<output></output></form>
{table "Published and measured numbers" (headings columns) (index.Rows |> List.map (row places index))}</section>"""

let private floors places (index: AllRuns) =
    let row i (floor: FloorRow) =
        let record = floor.Records.Head

        let cell metric =
            match floor.Metrics |> List.tryFind (fun (name, _, _) -> name = metric) with
            | Some(_, summary, _) -> number summary.Mean (tell places index floor.Records (Text.summary summary))
            | None -> "<td></td>"

        let interval =
            match floor.Metrics |> List.tryFind (fun (name, _, _) -> name = "image_auroc") with
            | Some(_, _, interval) -> IndexText.interval interval
            | None -> ""

        joined [
            $"""<tr id="f{i + 1}"><th scope="row">{encode record.Paper}</th><td>{encode record.Category}</td>"""
            $"""<td class="wide">{encode record.Variant}</td><td class="wide">{encode (RunRecord.network record)}</td>"""
            cell "image_auroc"
            cell "pixel_auroc"
            cell "aupro"
            $"""<td class="number wide">{floor.Records.Length}</td><td class="wide">{interval}</td></tr>"""
        ]

    let columns = [
        "floor", ""
        "category", ""
        "variant", "wide"
        "network", "wide"
        "image AUROC", "number"
        "pixel AUROC", "number"
        "AUPRO", "number"
        "n", "number wide"
        "95 % interval of the image AUROC", "wide"
    ]

    if index.Floors.IsEmpty then
        ""
    else
        $"""<section id="floors"><h2>Floors</h2>
<p class="note">What learns nothing, on the same images; no paper prints it.</p>
{table "Floors" (headings columns) (index.Floors |> List.mapi row)}</section>"""

let private charts id title (charts: IndexCharts.IndexChart list) =
    let figure (chart: IndexCharts.IndexChart) =
        joined [
            $"<figure class=\"chart\"><div class=\"scroll-x\">{IndexCharts.inPage chart}</div>"
            $"<figcaption>{encode chart.Description}</figcaption></figure>"
        ]

    if charts.IsEmpty then
        ""
    else
        $"<section id=\"{id}\"><h2>{title}</h2>\n<div class=\"charts {id}\">{List.map figure charts |> lines}</div></section>"

let private totals (index: AllRuns) =
    let rows = IndexText.standings index

    let cells tag (row: string list) =
        row
        |> List.mapi (fun i cell -> if i = 0 then $"<th scope=\"row\">{encode cell}</th>" else $"<{tag} class=\"number\">{cell}</{tag}>")
        |> String.concat ""

    let reports =
        index.Runs.Values
        |> Seq.distinct
        |> Seq.sort
        |> Seq.map (fun run -> $"<a href=\"{run}/report.md\">{run}</a>, <a href=\"{run}/cells.md\">its cells</a>")
        |> String.concat "; "

    let body = rows.Tail |> List.map (fun row -> "<tr>" + cells "td" row + "</tr>") |> lines

    let files =
        "As files: <a href=\"tables/numbers.csv\">numbers.csv</a>, <a href=\"tables/totals.csv\">totals.csv</a>, LaTeX tables beside them. "
        + $"Each run's own report: {reports}."

    $"""<section id="totals"><p>{encode (IndexText.totals index)}</p>
<div class="standing">{index.PaperStandings |> List.map standingBar |> lines}</div>
<div class="scroll" tabindex="0" role="region" aria-label="Totals"><table><thead><tr>{cells "th" rows.Head}</tr></thead><tbody>
{body}
</tbody></table></div>
<p class="note">{files}</p></section>"""

let private json (node: JsonNode) = node.ToJsonString(JsonSerializerOptions(WriteIndented = false)).Replace("<", "\\u003c")

/// The whole page.
let render (index: AllRuns) : string =
    let known = IndexCells.ofIndex index
    let places = known |> Array.mapi (fun place record -> record.Cell, place) |> readOnlyDict
    let data = JsonArray(known |> Array.Parallel.map (fun record -> IndexCells.cell index record :> JsonNode | null))

    let sections = [
        "totals", "Totals", totals index
        "scatters", "Scatter", charts "scatters" "Published against measured" (IndexCharts.scatters index)
        "numbers", "Numbers", numbers places index
        "floors", "Floors", floors places index
        "categories", "Categories", charts "categories" "Category by category" (IndexCharts.categories index)
    ]

    let colours = Style.colours |> List.mapi (fun i colour -> $".c{i} {{ fill: {colour}; stroke: {colour}; }}") |> String.concat " "
    let title = "Every number: published and measured"

    let footer =
        "Made from the run records by <code>dotnet fsi scripts/index.fsx -- --write</code>; with <code>--check</code> it says whether this "
        + "page is what they give."

    let behind =
        lines [
            "<dialog id=\"cell\" aria-label=\"Cells of a number\">"
            + "<form method=\"dialog\"><button aria-label=\"Close\">Close</button></form><div></div></dialog>"
            $"""<script type="application/json" id="cells">{json data}</script>"""
            $"""<script type="application/json" id="sheets">{json (IndexCells.sheets index)}</script>"""
            "<script>"
            Resource.read "page.js"
            $"""{Resource.read "index.js"}</script>"""
        ]

    page title (lines [ Resource.read "page.css"; Resource.read "index.css"; colours ]) $"<h1>{title}</h1>" sections footer behind
