/// The report as one self-contained page: no request leaves it.
module Reproduction.Analysis.Page

open System
open System.IO
open System.Net

let private encode (text: string) = WebUtility.HtmlEncode text

let private verdictClass verdict =
    match verdict with
    | WithinSpread -> "within"
    | WithinPoint -> "point"
    | Above -> "above"
    | Below -> "below"
    | NotComparable _
    | NotRun -> "other"

/// A verdict's words without the reason behind the colon.
let private shortVerdict verdict = (Comparison.describe verdict).Split(':')[0]

/// A verdict as a coloured label.
let chip verdict =
    $"""<span class="verdict {verdictClass verdict}" title="{encode (Comparison.describe verdict)}">{Text.sign verdict} {shortVerdict verdict}</span>"""

let private lines (parts: string seq) = String.concat "\n" parts

/// Column titles with their classes: "number" is right-aligned, "wide" is not on a phone.
let headings (columns: (string * string) list) =
    [
        for title, cssClass in columns -> $"<th scope=\"col\" class=\"{cssClass}\"><button type=\"button\">{encode title}</button></th>"
    ]
    |> String.concat ""

/// Column titles; numeric ones are right-aligned.
let private sortable (columns: (string * bool) list) =
    headings [ for title, isNumber in columns -> title, (if isNumber then "number" else "") ]

let private number (sort: float) text =
    let key = if Double.IsNaN sort then "" else sort.ToString("r", Globalization.CultureInfo.InvariantCulture)
    $"<td class=\"number\" data-sort=\"{key}\">{encode text}</td>"

let options all (values: string seq) =
    lines [
        $"<option value=\"\">{encode all}</option>"
        for value in values |> Seq.distinct |> Seq.sort do
            $"<option value=\"{encode (value.Replace(' ', '_'))}\">{encode value}</option>"
    ]

/// How many of a paper's numbers have which verdict, as a bar.
let standingBar (standing: Standing) =
    let segment name (count: int) title =
        if count = 0 then "" else $"<i class=\"{name}\" style=\"flex:{count}\" title=\"{count} {title}\"></i>"

    $"""<div><b>{encode standing.Paper}</b><div class="bar" role="img" aria-label="{encode standing.Paper}: {standing.WithinSpread} within the spread, {standing.WithinPoint} within one point, {standing.Above} above, {standing.Below} below, {standing.NotComparable} not comparable, {standing.NotRun} not run">{segment "within" standing.WithinSpread "within the spread"}{segment "point" standing.WithinPoint "within one point"}{segment "above" standing.Above "above"}{segment "below" standing.Below "below"}{segment "other" standing.NotComparable "not comparable"}<i style="flex:{standing.NotRun}" title="{standing.NotRun} not run"></i></div><span class="count">{standing.Measured} of {standing.Printed} measured</span></div>"""

let private standing (data: ReportData) =
    let legend =
        [ WithinSpread; WithinPoint; Above; Below; NotComparable "only some of a mean's categories were run"; NotRun ]
        |> List.map (fun verdict -> $"<li>{chip verdict}</li>")
        |> lines

    let bars =
        if data.HasComparisons then
            $"""<div class="standing">{data.Standings |> List.map standingBar |> lines}</div>
<ul class="legend">{legend}</ul>"""
        else
            ""

    $"""<section id="standing"><p>{encode (Text.standing data)}</p>
{bars}</section>"""

let private numbers (data: ReportData) =
    let measured =
        data.Compared
        |> List.choose (fun compared -> compared.Measured |> Option.map (fun measured -> compared, measured))
        |> List.sortBy (fun (compared, _) -> not compared.IsMeasured, not compared.Differences.IsEmpty)

    let row (compared: Compared, measured: Measured) =
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

        $"""<tr data-paper="{published.Paper}" data-verdict="{verdict.Replace(' ', '_')}" data-category="{published.Category}" data-likeness="{likeness}"><th scope="row">{published.Paper}</th><td class="wide">{Text.table published.Table}</td><td class="wide">{encode published.Variant}</td><td>{published.Category}</td><td class="whole">{Text.metric published.Metric}</td>{number published.Value (Text.published published)}{number measured.Mean (Text.measured measured)}{delta}<td>{chip compared.Verdict}</td><td class="wide">{encode differences}</td></tr>"""

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

    $"""<section id="numbers"><h2>Published and measured</h2>
<p class="note">Percent. {Text.spreads} A number counts as like for like when data, network and settings are the paper's.</p>
<form class="filters" data-target="#numbers tbody tr">
<label>paper <select name="paper">{options "all" (measured |> List.map (fun (c, _) -> c.Published.Paper))}</select></label>
<label>category <select name="category">{options "all" (measured |> List.map (fun (c, _) -> c.Published.Category))}</select></label>
<label>verdict <select name="verdict">{options "all" verdicts}</select></label>
<label>likeness <select name="likeness"><option value="">all</option><option value="like_for_like">like for like</option><option value="differs">something differs</option></select></label>
<label>find <input type="search" name="find" placeholder="variant, table, metric"></label>
<output></output></form>
<div class="scroll tall" tabindex="0" role="region" aria-label="Published and measured numbers"><table><thead><tr>{headings columns}</tr></thead><tbody>
{measured |> List.map row |> lines}
</tbody></table></div></section>"""

let private publishedTables (data: ReportData) =
    let cell (cell: TableCell) =
        match cell.Published with
        | None -> "<td></td>"
        | Some published ->
            let ours =
                match
                    cell.Compared |> Option.bind (fun compared -> compared.Measured |> Option.map (fun measured -> compared, measured))
                with
                | None -> ""
                | Some(compared, measured) ->
                    let differences =
                        if compared.Differences.IsEmpty then "like for like" else "differs in " + String.concat "; " compared.Differences

                    $"""<span class="ours {verdictClass compared.Verdict}" title="measured: {encode (Comparison.describe compared.Verdict)}; {encode differences}">{Text.sign compared.Verdict} {Text.measured measured}</span>"""

            $"<td class=\"number\">{encode (Text.published published)}{ours}</td>"

    let table (table: PublishedTable) =
        let header =
            table.Columns |> List.map (fun column -> $"<th scope=\"col\" class=\"number\">{encode column}</th>") |> String.concat ""

        let rows = [
            for name, cells in table.Rows -> $"""<tr><th scope="row">{encode name}</th>{cells |> List.map cell |> String.concat ""}</tr>"""
        ]

        let title = $"{Text.table table.Table}, {Text.metric table.Metric}"
        let state = if table.HasMeasured then " open" else ""
        let note = if table.HasMeasured then "ours below the published number" else "nothing of it was run"

        $"""<details{state}><summary>{encode title} <small>{note}</small></summary><div class="scroll tall" tabindex="0" role="region" aria-label="{encode table.Paper} {encode title}"><table><thead><tr><th scope="col">{table.RowTitle}</th>{header}</tr></thead><tbody>{lines rows}</tbody></table></div></details>"""

    let paper (id: string, tables: PublishedTable list) =
        $"<h3 id=\"{id}\">{encode (data.Title id)}</h3>\n{tables |> List.map table |> lines}"

    let wasRun (id: string, _: PublishedTable list) = data.Records |> List.exists (fun record -> record.Paper = id)
    let run, others = PublishedTable.ofData data |> List.groupBy _.Paper |> List.partition wasRun

    // Those of which nothing was run take one line until someone asks for them.
    let papers =
        List.map paper run
        @ (if others.IsEmpty then
               []
           else
               let names = others |> List.map fst |> String.concat ", "

               [
                   $"<details><summary>Not run here: {encode names}</summary><div class=\"others\">{others |> List.map paper |> lines}</div></details>"
               ])

    $"""<section id="tables"><h2>The papers' tables</h2>
<p class="note">Every number as printed, in percent; where the paper's own method was run, ours stands below with its verdict.</p>
{lines papers}</section>"""

let private charts (data: ReportData) =
    let figure (figure: ReportFigure) =
        $"""<figure class="chart"><figcaption><strong>{encode figure.Title}</strong><br>{encode figure.Description}</figcaption><div class="plot" id="{figure.Id}" data-chart role="img" aria-label="{encode figure.Description}" style="min-height:10rem"></div><script type="application/json" id="data-{figure.Id}">{Figures.toJson figure}</script></figure>"""

    $"""<section id="charts"><h2>Charts</h2>
{data.Figures |> List.map figure |> lines}</section>"""

let private significance (data: ReportData) =
    let row (best: RunRecord, other: RunRecord, test: PairedAuroc) =
        $"""<tr><th scope="row">{encode best.Dataset} {encode best.Category}</th><td>{encode best.Paper} · {encode best.Variant}</td>{number test.First (Text.percent test.First)}<td>{encode other.Paper} · {encode other.Variant}</td>{number test.Second (Text.percent test.Second)}{number (test.First - test.Second) (Text.points (test.First - test.Second))}{number test.PValue (Text.pValue test.PValue)}</tr>"""

    let columns = [
        "category", false
        "best", false
        "image AUROC", true
        "other", false
        "image AUROC", true
        "difference", true
        "p (DeLong)", true
    ]

    if data.AgainstBest.IsEmpty then
        ""
    else
        $"""<section id="significance"><h2>Which differences are more than chance</h2>
<p class="note">Each variant against the one with the highest image AUROC on that category. Both scored the same images; DeLong's test, two-sided, not corrected for the number of comparisons.</p>
<div class="scroll tall" tabindex="0" role="region" aria-label="Differences between variants"><table><thead><tr>{sortable columns}</tr></thead><tbody>
{data.AgainstBest |> List.map row |> lines}
</tbody></table></div></section>"""

let private floors (data: ReportData) =
    let row (row: AgainstFloor) =
        let auroc = row.Record.Metrics["image_auroc"]
        let cells = String.concat "" [ for floor in Floor.methods -> $"<td>{encode (Text.floorCell row floor)}</td>" ]

        $"""<tr><th scope="row">{encode row.Record.Dataset} {encode row.Record.Category}</th><td>{encode row.Record.Paper} · {encode row.Record.Variant}</td>{number auroc (Text.percent auroc)}{cells}</tr>"""

    let columns = [ "category", false; "method", false; "image AUROC", true ] @ [ for floor in Floor.methods -> floor, false ]

    if data.AgainstFloor.IsEmpty then
        ""
    else
        $"""<section id="floors"><h2>What is gained over no training</h2>
<p class="note">{encode Text.againstFloor}</p>
<div class="scroll tall" tabindex="0" role="region" aria-label="Methods against floors"><table><thead><tr>{sortable columns}</tr></thead><tbody>
{data.AgainstFloor |> List.map row |> lines}
</tbody></table></div></section>"""

let private picture alt (path: string) =
    let kind = if path.EndsWith ".png" then "png" else "jpeg"

    if File.Exists path then
        $"""<img loading="lazy" alt="{encode alt}" src="data:image/{kind};base64,{Convert.ToBase64String(File.ReadAllBytes path)}">"""
    else
        "<div class=\"none\">no picture</div>"

let private gallery (data: ReportData) =
    let panels =
        data.Gallery
        |> List.groupBy (fun image -> image.Record.Dataset, image.Record.Category, image.Image)
        |> List.sortByDescending (fun (_, images) -> images |> List.map _.Error |> List.max)

    let panel ((dataset: string, category: string, name: string), images: GalleryImage list) =
        let first = images.Head
        let kind = if first.IsAnomalous then $"defect: {first.Defect}" else "good"

        let pictureOf (image: GalleryImage) (name, path) =
            $"""<figure>{picture $"{name} of {image.Record.Paper}" path}<figcaption>{encode name}</figcaption></figure>"""

        let methods = [
            for image in images ->
                let share = (100.0 * image.Error).ToString("0", Globalization.CultureInfo.InvariantCulture)

                let error =
                    if image.IsAnomalous then $"{share}%% of good images score higher" else $"higher than {share}%% of defective images"

                let pictures = [ "map", image.Map; "over the input", image.Overlay ] |> List.map (pictureOf image) |> String.concat ""

                $"""<figure class="method"><div class="pictures">{pictures}</div><figcaption><strong>{encode image.Record.Paper} · {encode image.Record.Variant}</strong><br>score {image.Score.ToString("0.###", Globalization.CultureInfo.InvariantCulture)}: {error}</figcaption></figure>"""
        ]

        // Beside one another the methods' maps count; what a map is a sum of is there for those who ask.
        let parts = [
            for image in images do
                if not image.Parts.IsEmpty then
                    let pictures =
                        image.Parts |> List.map (fun (name, path) -> pictureOf image (Text.metric name, path)) |> String.concat ""

                    $"""<details><summary>Partial maps of {encode image.Record.Paper} · {encode image.Record.Variant}</summary><div class="pictures" tabindex="0" role="region" aria-label="Partial maps of {encode image.Record.Paper}">{pictures}</div></details>"""
        ]

        let mask =
            match first.Mask with
            | Some path -> picture "mask of the defect" path
            | None -> "<div class=\"none\">no defect</div>"

        let defect = if first.IsAnomalous then first.Defect else "good"
        let papers = images |> List.map _.Record.Paper |> List.distinct |> String.concat " "

        $"""<article class="panel" data-category="{encode (category.Replace(' ', '_'))}" data-defect="{encode (defect.Replace(' ', '_'))}" data-paper="{encode papers}"><h3>{encode category} <small>{encode kind} · {encode dataset} {encode name}</small></h3><div class="pictures" tabindex="0" role="region" aria-label="Pictures of {encode name}"><figure>{picture $"input, {kind}" first.Input}<figcaption>input</figcaption></figure><figure>{mask}<figcaption>mask</figcaption></figure>{lines methods}</div>{lines parts}</article>"""

    if panels.IsEmpty then
        ""
    else
        $"""<section id="gallery"><h2>Gallery of anomaly maps</h2>
<p class="note">Input, ground truth, and for each method its map and the map over the input, the defect's outline drawn in. The worst false positives and false negatives come first.</p>
<form class="filters" data-target="#gallery .panel">
<label>category <select name="category">{options "all" (data.Gallery |> List.map _.Record.Category)}</select></label>
<label>defect <select name="defect">{options "all" (data.Gallery |> List.map (fun image -> if image.IsAnomalous then image.Defect else "good"))}</select></label>
<label>paper <select name="paper">{options "all" (data.Gallery |> List.map _.Record.Paper)}</select></label>
<output></output></form>
<div class="panels">
{panels |> List.map panel |> lines}
</div></section>"""

let private cells (data: ReportData) =
    let metric (record: RunRecord) name =
        let value = record.Metrics.TryFind name |> Option.defaultValue nan
        number value (Text.percent value)

    let row (record: RunRecord) =
        let seconds = record.Seconds |> Map.toSeq |> Seq.sumBy snd

        $"""<tr data-paper="{encode record.Paper}" data-category="{encode record.Category}"><th scope="row">{encode record.Paper}</th><td>{encode record.Variant}</td><td>{encode record.Dataset}</td><td>{encode record.Category}</td><td>{record.Repetition}</td><td>{record.Profile}</td><td>{encode (RunRecord.network record)}</td><td class="number">{record.TrainImages} / {record.TestGood} / {record.TestAnomalous}</td>{metric record "image_auroc"}{metric record "pixel_auroc"}{metric record "aupro"}{number seconds (Text.seconds seconds)}<td>{encode record.Finished}</td></tr>"""

    let columns = [
        "paper", false
        "variant", false
        "dataset", false
        "category", false
        "repetition", false
        "profile", false
        "network", false
        "train / good / defective", true
        "image AUROC", true
        "pixel AUROC", true
        "AUPRO", true
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
<div class="scroll tall" tabindex="0" role="region" aria-label="All cells"><table><thead><tr>{sortable columns}</tr></thead><tbody>
{data.Records |> List.map row |> lines}
</tbody></table></div></section>"""

/// The whole page. What was run comes first where the papers print nothing to set beside it, as on generated data.
let render (data: ReportData) =
    let published = [ "numbers", "Numbers", (if data.HasComparisons then numbers data else ""); "tables", "Tables", publishedTables data ]

    let measured = [
        "charts", "Charts", charts data
        "significance", "Significance", significance data
        "floors", "Over no training", floors data
        "gallery", "Gallery", gallery data
    ]

    let cells = [ "cells", "Cells", cells data ]

    let sections =
        [ "standing", "Standing", standing data ]
        @ (if data.HasComparisons then published @ measured @ cells else measured @ cells @ published)
        |> List.filter (fun (_, _, html) -> html <> "")

    let navigation = sections |> List.map (fun (id, title, _) -> $"<li><a href=\"#{id}\">{title}</a></li>") |> lines

    let body = sections |> List.map (fun (_, _, html) -> html) |> lines

    $"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{encode data.Run}: published and measured</title>
<link rel="icon" href="data:,">
<style>
{Resource.read "page.css"}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<nav aria-label="Sections"><ul>
{navigation}
<li><button type="button" id="theme">Dark</button></li>
</ul></nav>
<main id="main">
<h1>Five papers on visual anomaly detection, measured again</h1>
<p class="note">Run <code>{encode data.Run}</code>, {data.Records.Length} cells, the last finished {data.Records |> List.map _.Finished |> List.max}</p>
{body}
<footer><p>Made from the run records by <code>dotnet fsi scripts/report.fsx -- --run results/{encode data.Run}</code>; with <code>--check</code> it says whether this page is what the records give.</p></footer>
</main>
<script>{Figures.plotly.Value}</script>
<script>
{Resource.read "page.js"}</script>
</body>
</html>
"""
