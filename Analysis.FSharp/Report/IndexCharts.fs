/// The index's charts as SVG: every number a point that leads to its row. Drawn here and not by plotly.js, so that the page stays small
/// enough to be committed and follows its theme.
module Reproduction.Analysis.IndexCharts

open System
open System.Globalization
open System.Net

/// A picture of its own width and height: its title is in it, a legend stands above the data.
type IndexChart = { Id: string; Title: string; Description: string; Width: int; Height: int; Body: string }

let private encode (text: string) = WebUtility.HtmlEncode text
let private f (value: float) = value.ToString("0.#", CultureInfo.InvariantCulture)

/// Circle for a paper, square for a baseline, diamond for what is printed.
let private mark (kind: string) (series: int) (x: float) (y: float) (href: string) (title: string) =
    let shape =
        match kind with
        | "square" -> $"""<rect x="{f (x - 4.0)}" y="{f (y - 4.0)}" width="8" height="8"/>"""
        | "diamond" -> $"""<path d="M{f x} {f (y - 5.5)}L{f (x + 5.5)} {f y}L{f x} {f (y + 5.5)}L{f (x - 5.5)} {f y}Z"/>"""
        | _ -> $"""<circle cx="{f x}" cy="{f y}" r="4.5"/>"""

    let colour = if series < 0 then "printed" else $"c{series % Style.colours.Length}"
    let drawn = $"""<g class="mark {colour}">{shape}<title>{encode title}</title></g>"""
    if href = "" then drawn else $"""<a href="{encode href}">{drawn}</a>"""

let private text (x: float) (y: float) (anchor: string) (cssClass: string) (words: string) =
    $"""<text x="{f x}" y="{f y}" text-anchor="{anchor}" class="{cssClass}">{encode words}</text>"""

let private line cssClass (x1: float) (y1: float) (x2: float) (y2: float) =
    $"""<line class="{cssClass}" x1="{f x1}" y1="{f y1}" x2="{f x2}" y2="{f y2}"/>"""

/// About the width of a text of 12 pixels.
let private widthOf (words: string) = 6.9 * float words.Length

/// A legend from (8, top) in rows of at most the width: its SVG and its height.
let private legend (width: float) (top: float) (entries: (string * int * string) list) =
    let mutable x, y = 8.0, top + 10.0

    let drawn = [
        for kind, series, name in entries do
            let size = 24.0 + widthOf name

            if x + size > width then
                x <- 8.0
                y <- y + 18.0

            (mark kind series (x + 6.0) y "" name).Replace("class=\"mark ", "class=\"key ")
            text (x + 16.0) (y + 4.0) "start" "label" name
            x <- x + size
    ]

    let height = y + 12.0 - top
    $"""<g class="legend">{String.concat "" drawn}</g>""", height

/// Round numbers between two, about five.
let private ticks (low: float) (high: float) =
    let rough = (high - low) / 5.0
    let step = [ 0.5; 1.0; 2.0; 5.0; 10.0; 20.0; 25.0 ] |> List.tryFind (fun step -> step >= rough) |> Option.defaultValue 50.0
    [ for i in ceil (low / step - 1e-9) .. floor (high / step + 1e-9) -> i * step ]

let private measuredRows (rows: IndexRow list) = [
    for row in rows do
        match row.Compared.Measured with
        | Some measured when row.Compared.IsMeasured -> row, measured
        | _ -> ()
]

let private title (row: IndexRow) (measured: Measured) =
    let published = row.Compared.Published

    $"{published.Paper} {published.Variant}, {published.Category}, {Text.metric published.Metric}: published {Text.published published}, "
    + $"measured {Text.measured measured} with {measured.Variant}"

/// Colour and shape of each method: papers in circles, baselines in squares.
let private series (index: AllRuns) =
    [
        for i, paper in List.indexed index.Papers do
            paper.Id, ("circle", i)
        for i, paper in List.indexed index.Baselines do
            paper.Id, ("square", i)
    ]
    |> Map.ofList

/// Published against measured, every number of a metric a point; on the diagonal the two agree, the band is one point to each side.
let private scatter (index: AllRuns) (metric: string) : IndexChart option =
    let points = index.Rows |> List.filter (fun row -> row.Compared.Published.Metric = metric) |> measuredRows

    if points.IsEmpty then
        None
    else
        let series = series index
        let width = 560.0

        let methods = [
            for paper in index.Papers @ index.Baselines do
                if points |> List.exists (fun (row, _) -> row.Compared.Published.Paper = paper.Id) then paper.Id
        ]

        let keys, keysHeight = legend width 30.0 [ for id in methods -> fst series[id], snd series[id], id ]
        let left, top, side = 56.0, 34.0 + keysHeight, 470.0

        let values = [
            for row, measured in points do
                100.0 * row.Compared.Published.Value
                100.0 * measured.Mean
        ]

        let low, high = Style.percentRange values
        let at value = (value - low) / (high - low) * side
        let x value = left + at value
        let y value = top + side - at value

        let inside value = max low (min high value)

        let band =
            let corners =
                [ low, inside (low + 1.0); high - 1.0, high; high, high; high, high - 1.0; inside (low + 1.0), low; low, low ]
                |> List.map (fun (across, up) -> $"{f (x across)} {f (y up)}")
                |> String.concat "L"

            $"<path class=\"band\" d=\"M{corners}Z\"/>"

        Some {
            Id = $"index-scatter-{metric}"
            Title = $"{Text.metric metric}: published and measured"
            Description =
                $"{points.Length} numbers, each a point: {Text.metric metric} in percent as published against ours. On the diagonal "
                + "the two agree; the band is one point to each side; below it we are below."
            Width = int width
            Height = int (top + side + 46.0)
            Body =
                String.concat "\n" [
                    text 8.0 20.0 "start" "title" $"{Text.metric metric}: published and measured"
                    keys
                    band
                    for tick in ticks low high do
                        line "grid" (x tick) top (x tick) (top + side)
                        line "grid" left (y tick) (left + side) (y tick)
                        text (x tick) (top + side + 16.0) "middle" "label" (f tick)
                        text (left - 6.0) (y tick + 4.0) "end" "label" (f tick)
                    line "diagonal" (x low) (y low) (x high) (y high)
                    text (left + side / 2.0) (top + side + 36.0) "middle" "label" "published (%)"
                    $"<text transform=\"translate(14 {f (top + side / 2.0)}) rotate(-90)\" "
                    + "text-anchor=\"middle\" class=\"label\">measured (%)</text>"
                    for row, measured in points do
                        let kind, i = series[row.Compared.Published.Paper]
                        mark kind i (x (100.0 * row.Compared.Published.Value)) (y (100.0 * measured.Mean)) $"#{row.Id}" (title row measured)
                ]
        }

/// One row of a category's chart: a method, with what is printed and what is measured, by metric.
type private Method = {
    Label: string
    Kind: string
    Series: int
    Marks: Map<string, (float * string) option * (float * Interval option * string * string)>
}

/// "b0-large" beside "b4-large" as "b0".
let private withoutCommonEnd (other: string) (name: string) =
    let parts, others = name.Split '-' |> List.ofArray |> List.rev, other.Split '-' |> List.ofArray |> List.rev

    let rec differing (parts: string list) (others: string list) =
        match parts, others with
        | part :: (_ :: _ as rest), other :: others when part = other -> differing rest others
        | parts, _ -> parts

    differing parts others |> List.rev |> String.concat "-"

let private methodsOn (index: AllRuns) category : Method list =
    let series = series index

    let compared =
        index.Rows
        |> List.filter (fun row -> row.Compared.Published.Category = category && not (row.Compared.Published.Variant.Contains '/'))
        |> measuredRows
        |> List.groupBy (fun (row, measured) ->
            let published = row.Compared.Published
            let source = if published.Table.Contains '-' then $" (in {published.Table.Split('-')[0]})" else ""
            let ours = if measured.Variant = published.Variant then "" else $" by {withoutCommonEnd published.Variant measured.Variant}"
            published.Paper, $"{published.Paper} {published.Variant}{ours}{source}")

    [
        for (paper, label), rows in compared do
            {
                Label = label
                Kind = fst series[paper]
                Series = snd series[paper]
                Marks =
                    Map.ofList [
                        for row, measured in rows ->
                            row.Compared.Published.Metric,
                            (Some(row.Compared.Published.Value, title row measured),
                             (measured.Mean, row.Interval, $"#{row.Id}", title row measured))
                    ]
            }
        for i, floor in List.indexed index.Floors do
            if floor.Records.Head.Category = category then
                let record = floor.Records.Head

                {
                    Label = $"{record.Paper} {record.Variant}"
                    Kind = "square"
                    Series = 6
                    Marks =
                        Map.ofList [
                            for metric, summary, interval in floor.Metrics ->
                                metric,
                                (None,
                                 (summary.Mean,
                                  interval,
                                  $"#f{i + 1}",
                                  $"{record.Paper} {record.Variant}: {Text.summary summary}, printed nowhere"))
                        ]
                }
    ]

/// All methods on one category, a line each, a panel for each metric: what is printed and what is measured, with its 95 % interval.
let private onCategory (index: AllRuns) (category: string) : IndexChart option =
    let methods = methodsOn index category

    let metrics =
        [ "image_auroc"; "pixel_auroc"; "aupro" ]
        |> List.filter (fun metric -> methods |> List.exists (fun row -> row.Marks.ContainsKey metric))

    if metrics.IsEmpty then
        None
    else
        let methods = methods |> List.filter (fun row -> metrics |> List.exists row.Marks.ContainsKey)
        let width = 1000.0
        let left = 20.0 + (methods |> List.map (_.Label >> widthOf) |> List.max) |> min 480.0

        let keys, keysHeight =
            legend width 30.0 [
                "diamond", -1, "published"
                "circle", 0, "a paper's, measured"
                "square", 0, "a baseline or floor, measured"
            ]

        let top, step, gap = 54.0 + keysHeight, 20.0, 22.0
        let panel = (width - left - gap * float metrics.Length) / float metrics.Length
        let bottom = top + step * float methods.Length

        Some {
            Id = $"index-category-{category}"
            Title = $"{category}: all methods, published and measured"
            Description =
                $"{methods.Length} rows of methods on {category}, in percent: diamonds are published, the others measured, "
                + "their bars 95 % intervals."
            Width = int width
            Height = int (bottom + 36.0)
            Body =
                String.concat "\n" [
                    text 8.0 20.0 "start" "title" $"{category}: all methods, published and measured"
                    keys
                    for row, shown in List.indexed methods do
                        let y = top + step * (float row + 0.5)
                        text (left - 10.0) (y + 4.0) "end" "label" shown.Label
                        line "grid" left y (width - 8.0) y
                    for place, metric in List.indexed metrics do
                        let from = left + float place * (panel + gap)

                        let values = [
                            for shown in methods do
                                match shown.Marks.TryFind metric with
                                | Some(printed, (mean, _, _, _)) ->
                                    100.0 * mean
                                    yield! printed |> Option.map (fst >> (*) 100.0) |> Option.toList
                                | None -> ()
                        ]

                        let low, high = Style.percentRange values
                        let x value = from + (max low (min high value) - low) / (high - low) * panel
                        text (from + panel / 2.0) (top - 6.0) "middle" "label strong" $"{Text.metric metric} (%%)"

                        for tick in ticks low high do
                            line "grid" (x tick) top (x tick) bottom
                            text (x tick) (bottom + 16.0) "middle" "label" (f tick)

                        for row, shown in List.indexed methods do
                            let y = top + step * (float row + 0.5)

                            match shown.Marks.TryFind metric with
                            | None -> ()
                            | Some(printed, (mean, interval, href, words)) ->
                                match interval with
                                | Some interval ->
                                    line $"interval c{shown.Series}" (x (100.0 * interval.Low)) y (x (100.0 * interval.High)) y
                                | None -> ()

                                match printed with
                                | Some(value, words) -> mark "diamond" -1 (x (100.0 * value)) y href words
                                | None -> ()

                                mark shown.Kind shown.Series (x (100.0 * mean)) y href words
                ]
        }

/// Scatters, one a metric.
let scatters (index: AllRuns) = Index.metrics |> List.choose (scatter index)

/// One chart a category that has a measured number.
let categories (index: AllRuns) =
    [
        for row, _ in measuredRows index.Rows do
            row.Compared.Published.Category
        for floor in index.Floors do
            floor.Records.Head.Category
    ]
    |> List.distinct
    |> List.sort
    |> List.choose (onCategory index)

let private open' (chart: IndexChart) =
    $"""<svg xmlns="http://www.w3.org/2000/svg" class="index-chart" viewBox="0 0 {chart.Width} {chart.Height}" """
    + $"""width="{chart.Width}" height="{chart.Height}" role="img" aria-label="{encode chart.Description}">"""

/// For a page that has its colours and marks.
let inPage (chart: IndexChart) = $"{open' chart}\n{chart.Body}\n</svg>"

/// What a chart's classes look like outside the page.
let private rules =
    String.concat "" [
        "text{font:12px 'DejaVu Sans',sans-serif;fill:#1d2126;stroke:none}"
        ".title{font-size:15px;font-weight:600}"
        ".strong{font-weight:600}"
        ".grid{stroke:#e2e3df}"
        ".diagonal{stroke:#8a8f98;stroke-dasharray:5 4}"
        ".band{fill:#8a8f98;opacity:.18}"
        ".printed{fill:#fff;stroke:#6f7782;stroke-width:1.5}"
        ".interval{stroke-width:2;opacity:.55}"
    ]

/// For a file: on white, without links, which lead into the page.
let asFile (chart: IndexChart) =
    let colours = Style.colours |> List.mapi (fun i colour -> $".c{i}{{fill:{colour};stroke:{colour}}}") |> String.concat ""
    let body = Text.RegularExpressions.Regex.Replace(chart.Body, "</?a( [^>]*)?>", "")

    $"""{open' chart}
<style>{rules}{colours}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
{body}
</svg>
"""
