/// Charts as files: SVG drawn by plotly.js in a headless browser from the same figures that the page shows.
module Reproduction.Analysis.Figures

open System.IO
open System.Text.RegularExpressions
open Plotly.NET

/// plotly.js as scripts/setup.sh fetched it; None where npm was not there.
let plotlySource (root: string) =
    let path = Path.Combine(root, "build", "plotly.min.js")
    if File.Exists path then Some(File.ReadAllText path) else None

/// A figure as the text of a script element: no "<" can end it.
let toJson (figure: ReportFigure) =
    (GenericChart.toFigureJson figure.Chart).Replace("<", "\\u003c")

let private width = 860

// plotly.js names what a figure refers to by random numbers; the same ones each time keep files equal from run to run.
let private drawing =
    """(async () => {
  for (const figure of FIGURES) {
    let random = 1;
    Math.random = () => (random = random * 16807 % 2147483647) / 2147483647;
    const layout = Object.assign({
      font: {family: 'DejaVu Sans, sans-serif', size: 12}, paper_bgcolor: '#ffffff', plot_bgcolor: '#ffffff',
      margin: {l: 10, r: 20, t: 30, b: 40}, xaxis: {}, yaxis: {}
    }, figure.layout);
    layout.xaxis.automargin = layout.yaxis.automargin = true;
    const options = {format: 'svg', width: WIDTH, height: figure.layout.height || 440};
    const image = await Plotly.toImage({data: figure.data, layout}, options);
    const holder = document.createElement('pre');
    holder.className = 'figure';
    holder.textContent = btoa(unescape(encodeURIComponent(decodeURIComponent(image.slice(image.indexOf(',') + 1)))));
    document.body.append(holder);
  }
})();"""

let private page plotly (figures: ReportFigure list) =
    let json = figures |> List.map toJson |> String.concat ",\n"
    let script = drawing.Replace("FIGURES", $"[{json}]").Replace("WIDTH", string width)
    $"<!doctype html><meta charset=\"utf-8\"><body><script>{plotly}</script><script>{script}</script>"

let private draw (browser: string) (plotly: string) (folder: string) (figures: ReportFigure list) =
    let html = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".html")

    try
        File.WriteAllText(html, page plotly figures)

        let dom =
            Browser.run browser [ "--virtual-time-budget=60000"; "--dump-dom"; $"file://{html}" ]

        let drawn = [ for found in Regex.Matches(dom, "<pre class=\"figure\">([^<]*)</pre>") -> found.Groups[1].Value ]

        if drawn.Length <> figures.Length then
            raise (AnalysisError $"{browser} drew {drawn.Length} of {figures.Length} figures")

        Directory.CreateDirectory folder |> ignore

        for figure, svg in List.zip figures drawn do
            File.WriteAllBytes(Path.Combine(folder, figure.Id + ".svg"), System.Convert.FromBase64String svg)
    finally
        File.Delete html

/// Writes <folder>/<figure>.svg for every figure and gives the paths.
/// Where they cannot be drawn, say is told why, and a report goes without them.
let write (say: string -> unit) (root: string) (folder: string) (figures: ReportFigure list) : string list =
    match Browser.find (), plotlySource root with
    | None, _ ->
        say "no figure was drawn: chromium is missing; scripts/setup.sh installs it"
        []
    | _, None ->
        say "no figure was drawn: build/plotly.min.js is missing; scripts/setup.sh fetches it with npm"
        []
    | Some browser, Some plotly ->
        try
            draw browser plotly folder figures
            [ for figure in figures -> Path.Combine(folder, figure.Id + ".svg") ]
        with AnalysisError problem ->
            say $"no figure was drawn: {problem}"
            []
