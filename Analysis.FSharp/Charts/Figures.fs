/// Charts as files: SVG drawn by plotly.js in a headless browser from the same figures that the page shows.
module Reproduction.Analysis.Figures

open System
open System.IO
open System.Linq
open System.Text.RegularExpressions
open Newtonsoft.Json
open Newtonsoft.Json.Linq
open Plotly.NET

/// The source of plotly.js, which Plotly.NET's assembly carries.
let plotly: Lazy<string> =
    lazy
        (let assembly = typeof<GenericChart>.Assembly
         let name = assembly.GetManifestResourceNames() |> Array.find _.EndsWith(".min.js")
         use reader = new StreamReader(nonNull (assembly.GetManifestResourceStream name))
         reader.ReadToEnd())

/// A chart without what Plotly.NET adds by itself, a width of 600 pixels and a template of colours: the page has its own, and the template
/// takes seconds to write.
let private plain (chart: GenericChart) =
    let figure = GenericChart.toFigure chart
    let layout = Layout()
    figure.Layout.ShallowCopyDynamicPropertiesTo layout

    for name in [ "template"; "width" ] do
        layout.RemoveProperty name |> ignore

    Figure.create figure.Data layout

/// Title and legend stand above the data, never on it: a legend that is tied to the plot's upper edge pushes it down by its own height, and
/// its title with it. Numbers are written out, without the k, m and µ of SI.
let private arrange (figure: ReportFigure) (json: JObject) =
    let child (parent: JObject) (name: string) =
        match parent[name] with
        | :? JObject as found -> found
        | _ ->
            let made = JObject()
            parent[name] <- made
            made

    let layout = child json "layout"

    for axis in [ "xaxis"; "yaxis" ] do
        let axis = child layout axis
        axis["exponentformat"] <- JValue "none"
        // One label a decade.
        if string axis["type"] = "log" then axis["dtick"] <- JValue 1

    layout["showlegend"] <- JValue true

    layout["legend"] <-
        JObject(
            JProperty("orientation", "h"),
            JProperty("x", 0),
            JProperty("xanchor", "left"),
            JProperty("y", 1),
            JProperty("yanchor", "bottom"),
            JProperty("title", JObject(JProperty("text", $"<b>{figure.Title}</b>"), JProperty("side", "top")))
        )

/// A figure as the text of a script element: no "<" can end it. A value that is no finite number is null, a gap in the chart; Plotly.NET
/// writes it as a text, like a category of that name.
let toJson (figure: ReportFigure) =
    let json = JObject.FromObject(plain figure.Chart, JsonSerializer.Create Globals.JSON_CONFIG)

    for value in json.Descendants().OfType<JValue>() do
        if value.Type = JTokenType.Float && not (Double.IsFinite(Convert.ToDouble value.Value)) then value.Value <- null

    arrange figure json
    json.ToString(Formatting.None).Replace("<", "\\u003c")

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

let private page (figures: ReportFigure list) =
    let json = figures |> List.map toJson |> String.concat ",\n"
    let script = drawing.Replace("FIGURES", $"[{json}]").Replace("WIDTH", string width)
    $"<!doctype html><meta charset=\"utf-8\"><body><script>{plotly.Value}</script><script>{script}</script>"

let private draw (browser: string) (folder: string) (figures: ReportFigure list) =
    let html = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".html")

    try
        File.WriteAllText(html, page figures)

        let dom = Browser.run browser [ "--virtual-time-budget=60000"; "--dump-dom"; $"file://{html}" ]

        let drawn = [ for found in Regex.Matches(dom, "<pre class=\"figure\">([^<]*)</pre>") -> found.Groups[1].Value ]

        if drawn.Length <> figures.Length then
            raise (AnalysisError $"{browser} drew {drawn.Length} of {figures.Length} figures")

        Directory.CreateDirectory folder |> ignore

        for figure, svg in List.zip figures drawn do
            File.WriteAllBytes(Path.Combine(folder, figure.Id + ".svg"), Convert.FromBase64String svg)
    finally
        File.Delete html

/// Writes <folder>/<figure>.svg for every figure and gives the paths.
/// Where they cannot be drawn, say is told why, and a report goes without them.
let write (say: string -> unit) (folder: string) (figures: ReportFigure list) : string list =
    match Browser.find () with
    | None ->
        say $"no figure was drawn as SVG: {Browser.missing}"
        []
    | Some browser ->
        try
            draw browser folder figures
            [ for figure in figures -> Path.Combine(folder, figure.Id + ".svg") ]
        with AnalysisError problem ->
            say $"no figure was drawn: {problem}"
            []
