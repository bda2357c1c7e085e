/// The index as one page without plotly.js: results/index.html. A click on a measured number shows its cells: record, scores, command,
/// curves.
module Reproduction.Analysis.IndexPage

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Html

/// A ROC curve's corners in thousandths, at most so many: false positive rate and true positive rate by turns.
let roc most (scores: ImageScore list) : int list =
    let good = scores |> List.filter (_.IsAnomalous >> not) |> List.length
    let anomalous = scores.Length - good

    if good = 0 || anomalous = 0 then
        []
    else
        let corners = [
            0, 0
            let mutable falsePositives, truePositives = 0, 0

            for _, equal in scores |> List.sortByDescending _.Score |> List.groupBy _.Score do
                for score in equal do
                    if score.IsAnomalous then truePositives <- truePositives + 1 else falsePositives <- falsePositives + 1

                falsePositives, truePositives
        ]

        // Where neither rate turns there is no corner.
        let turns =
            corners
            |> List.indexed
            |> List.filter (fun (i, (x, y)) ->
                i = 0
                || i = corners.Length - 1
                || (let (px, py), (nx, ny) = corners[i - 1], corners[i + 1]
                    (x - px) * (ny - y) <> (nx - x) * (y - py)))
            |> List.map snd
            |> Array.ofList

        let kept = if turns.Length <= most then turns else [| for i in 0 .. most - 1 -> turns[i * (turns.Length - 1) / (most - 1)] |]

        [
            for x, y in kept do
                int (Math.Round(1000.0 * float x / float good))
                int (Math.Round(1000.0 * float y / float anomalous))
        ]

/// Counts of good and of defective images in equal bins from the lowest score to the highest.
let histogram bins (scores: ImageScore list) : (float * float) * int list * int list =
    if scores.IsEmpty then
        (0.0, 0.0), [], []
    else
        let low, high = scores |> List.map _.Score |> List.min, scores |> List.map _.Score |> List.max
        let width = (high - low) / float bins
        let bin (score: float) = if width = 0.0 then 0 else min (bins - 1) (int ((score - low) / width))

        let counts isAnomalous =
            let found = scores |> List.filter (fun score -> score.IsAnomalous = isAnomalous) |> List.countBy (_.Score >> bin) |> Map.ofList
            [ for i in 0 .. bins - 1 -> found.TryFind i |> Option.defaultValue 0 ]

        (low, high), counts false, counts true

let private rounded (value: float) = JsonNode.Parse(value.ToString("G4", CultureInfo.InvariantCulture))

let private ints (values: int list) = String.Join(' ', values)

/// Everything that the page tells of a cell.
let private cell (index: AllRuns) (record: RunRecord) =
    let run = index.Runs[record.Cell]
    let scores = RunRecord.readScores (Path.Combine(index.Root, "results", run)) record.Cell
    let (low, high), good, bad = histogram 24 scores
    let file = $"{run}/runs/{Uri.EscapeDataString record.Cell}"
    let rates = JsonObject()

    for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
        match record.Metrics.TryFind metric with
        | Some value -> rates[Text.metric metric] <- JsonNode.Parse(value.ToString("0.####", CultureInfo.InvariantCulture))
        | None -> ()

    JsonObject [
        Collections.Generic.KeyValuePair("id", JsonValue.Create record.Cell :> JsonNode | null)
        Collections.Generic.KeyValuePair("file", JsonValue.Create file :> JsonNode | null)
        Collections.Generic.KeyValuePair("paper", JsonValue.Create record.Paper :> JsonNode | null)
        Collections.Generic.KeyValuePair("network", JsonValue.Create(RunRecord.network record) :> JsonNode | null)
        Collections.Generic.KeyValuePair(
            "images",
            JsonValue.Create $"{record.TrainImages} / {record.TestGood} / {record.TestAnomalous}" :> JsonNode | null
        )
        Collections.Generic.KeyValuePair("seconds", rounded (record.Seconds |> Map.toSeq |> Seq.sumBy snd))
        Collections.Generic.KeyValuePair("command", JsonValue.Create(Index.command record) :> JsonNode | null)
        Collections.Generic.KeyValuePair("rates", rates :> JsonNode | null)
        if not scores.IsEmpty then
            Collections.Generic.KeyValuePair("roc", JsonValue.Create(ints (roc 48 scores)) :> JsonNode | null)
            Collections.Generic.KeyValuePair("low", rounded low)
            Collections.Generic.KeyValuePair("high", rounded high)
            Collections.Generic.KeyValuePair("good", JsonValue.Create(ints good) :> JsonNode | null)
            Collections.Generic.KeyValuePair("bad", JsonValue.Create(ints bad) :> JsonNode | null)
    ]

/// The cells that the page's numbers are made of, with their places in its list.
let private cells (index: AllRuns) =
    [
        for row in index.Rows do
            match row.Compared.Measured with
            | Some measured -> yield! measured.Records
            | None -> ()
        for floor in index.Floors do
            yield! floor.Records
    ]
    |> List.distinctBy _.Cell
    |> Array.ofList

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

/// What the dialog shows of the sheets: the link, and the lines about each difference.
let private sheets (index: AllRuns) =
    let sheets = JsonObject()

    for KeyValue(paper, sheet) in index.Sheets do
        if index.Records |> List.exists (fun record -> record.Paper = paper) then
            let entry = JsonObject()
            entry["href"] <- JsonValue.Create(sheet.Path + (if sheet.Anchor = "" then "" else "#" + sheet.Anchor))
            sheets[paper] <- entry

            let known = index.RowsOf paper |> List.collect _.Compared.Differences |> List.distinct |> List.sort

            let found = JsonObject()

            for difference in known do
                match Index.linesAbout sheet difference with
                | [] -> ()
                | about ->
                    let text =
                        about |> List.truncate 3 |> List.map (fun line -> JsonValue.Create $"{line.Point}: {line.Text}" :> JsonNode | null)

                    found[difference] <- JsonArray(Array.ofList text)

            entry["lines"] <- found

    sheets

let private json (node: JsonNode) = node.ToJsonString(JsonSerializerOptions(WriteIndented = false)).Replace("<", "\\u003c")

/// The whole page.
let render (index: AllRuns) : string =
    let known = cells index
    let places = known |> Array.mapi (fun place record -> record.Cell, place) |> readOnlyDict
    let data = JsonArray(known |> Array.Parallel.map (fun record -> cell index record :> JsonNode | null))

    let sections =
        [
            "totals", "Totals", totals index
            "scatters", "Scatter", charts "scatters" "Published against measured" (IndexCharts.scatters index)
            "numbers", "Numbers", numbers places index
            "floors", "Floors", floors places index
            "categories", "Categories", charts "categories" "Category by category" (IndexCharts.categories index)
        ]
        |> List.filter (fun (_, _, html) -> html <> "")

    let navigation = sections |> List.map (fun (id, title, _) -> $"<li><a href=\"#{id}\">{title}</a></li>") |> lines
    let colours = Style.colours |> List.mapi (fun i colour -> $".c{i} {{ fill: {colour}; stroke: {colour}; }}") |> String.concat " "

    let origin =
        "Made from the run records by <code>dotnet fsi scripts/index.fsx -- --write</code>; with <code>--check</code> it says whether this "
        + "page is what they give."

    $"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Every number: published and measured</title>
<link rel="icon" href="data:,">
<style>
{Resource.read "page.css"}
{Resource.read "index.css"}
{colours}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<nav aria-label="Sections"><ul>
{navigation}
<li><button type="button" id="theme">Dark</button></li>
</ul></nav>
<main id="main">
<h1>Every number: published and measured</h1>
{sections |> List.map (fun (_, _, html) -> html) |> lines}
<footer><p>{origin}</p></footer>
</main>
<dialog id="cell" aria-label="Cells of a number"><form method="dialog"><button aria-label="Close">Close</button></form><div></div></dialog>
<script type="application/json" id="cells">{json data}</script>
<script type="application/json" id="sheets">{json (sheets index)}</script>
<script>
{Resource.read "page.js"}
{Resource.read "index.js"}</script>
</body>
</html>
"""
