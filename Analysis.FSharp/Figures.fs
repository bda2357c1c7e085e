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
let toJson (figure: Figure) =
    (GenericChart.toFigureJson figure.Chart).Replace("<", "\\u003c")

let private width = 860

let private drawing =
    """(async () => {
  for (const figure of FIGURES) {
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

let private page plotly (figures: Figure list) =
    let json = figures |> List.map toJson |> String.concat ",\n"
    let script = drawing.Replace("FIGURES", $"[{json}]").Replace("WIDTH", string width)
    $"<!doctype html><meta charset=\"utf-8\"><body><script>{plotly}</script><script>{script}</script>"

/// plotly.js names what a figure refers to by a random number; a fixed one keeps files equal from run to run.
let private withoutRandomNames (svg: string) =
    match Regex.Match(svg, "defs-([0-9a-f]+)") with
    | found when found.Success -> svg.Replace(found.Groups[1].Value, "0")
    | _ -> svg

/// Writes <folder>/<figure>.svg for every figure.
let write (browser: string) (plotly: string) (folder: string) (figures: Figure list) =
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
            let text = System.Text.Encoding.UTF8.GetString(System.Convert.FromBase64String svg)
            File.WriteAllText(Path.Combine(folder, figure.Id + ".svg"), withoutRandomNames text + "\n")
    finally
        File.Delete html
