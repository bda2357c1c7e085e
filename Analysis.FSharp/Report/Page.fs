/// The report as one self-contained page: no request leaves it.
module Reproduction.Analysis.Page

open Html

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

let private charts (data: ReportData) =
    let figure (figure: ReportFigure) =
        joined [
            $"""<figure class="chart"><figcaption><strong>{encode figure.Title}</strong><br>{encode figure.Description}</figcaption>"""
            $"""<div class="plot" id="{figure.Id}" data-chart role="img" aria-label="{encode figure.Description}" """
            """style="min-height:10rem"></div>"""
            $"""<script type="application/json" id="data-{figure.Id}">{Figures.toJson figure}</script></figure>"""
        ]

    $"""<section id="charts"><h2>Charts</h2>
{data.Figures |> List.map figure |> lines}</section>"""

/// The whole page. What was run comes first where the papers print nothing to set beside it, as on generated data.
let render (data: ReportData) =
    let published = [
        "numbers", "Numbers", (if data.HasComparisons then PageTables.numbers data else "")
        "tables", "Tables", PageTables.published data
    ]

    let measured = [
        "charts", "Charts", charts data
        "significance", "Significance", PageTables.significance data
        "floors", "Over no training", PageTables.floors data
        "gallery", "Gallery", PageGallery.gallery data
    ]

    let cells = [ "cells", "Cells", PageTables.cells data ]

    let sections =
        [ "standing", "Standing", standing data ]
        @ (if data.HasComparisons then published @ measured @ cells else measured @ cells @ published)

    let last = data.Records |> List.map _.Finished |> List.max

    let before =
        lines [
            "<h1>Five papers on visual anomaly detection, measured again</h1>"
            $"""<p class="note">Run <code>{encode data.Run}</code>, {data.Records.Length} cells, the last finished {last}</p>"""
        ]

    let footer =
        $"Made from the run records by <code>dotnet fsi scripts/report.fsx -- --run results/{encode data.Run}</code>; with "
        + "<code>--check</code> it says whether this page is what the records give."

    let scripts = lines [ $"<script>{Figures.plotly.Value}</script>"; "<script>"; $"""{Resource.read "page.js"}</script>""" ]

    page $"{encode data.Run}: published and measured" (Resource.read "page.css") before sections footer scripts
