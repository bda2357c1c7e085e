/// The gallery of a run's page: pictures, masks and anomaly maps.
module Reproduction.Analysis.PageGallery

open System
open System.Globalization
open System.IO
open Html

let private picture alt (path: string) =
    let kind = if path.EndsWith ".png" then "png" else "jpeg"

    if File.Exists path then
        let data = Convert.ToBase64String(File.ReadAllBytes path)
        $"""<img loading="lazy" alt="{encode alt}" src="data:image/{kind};base64,{data}">"""
    else
        "<div class=\"none\">no picture</div>"

let private pictureOf (image: GalleryImage) (name, path) =
    $"""<figure>{picture $"{name} of {image.Record.Paper}" path}<figcaption>{encode name}</figcaption></figure>"""

/// What a method makes of a picture: its map, and where its score lies among the others.
let private byMethod (image: GalleryImage) =
    let share = (100.0 * image.Error).ToString("0", CultureInfo.InvariantCulture)

    let error = if image.IsAnomalous then $"{share}%% of good images score higher" else $"higher than {share}%% of defective images"

    let pictures = [ "map", image.Map; "over the input", image.Overlay ] |> List.map (pictureOf image) |> joined

    joined [
        $"""<figure class="method"><div class="pictures">{pictures}</div>"""
        $"<figcaption><strong>{encode image.Record.Paper} · {encode image.Record.Variant}</strong><br>"
        $"""score {image.Score.ToString("0.###", CultureInfo.InvariantCulture)}: {error}</figcaption></figure>"""
    ]

/// The maps that a method's map is a sum of.
let private parts (image: GalleryImage) =
    let pictures = image.Parts |> List.map (fun (name, path) -> pictureOf image (Text.metric name, path)) |> joined

    joined [
        $"<p><strong>{encode image.Record.Paper} · {encode image.Record.Variant}</strong></p>"
        $"""<div class="pictures">{pictures}</div>"""
    ]

/// A picture as all methods see it.
let private panel (shown: GalleryPanel) =
    let images = shown.Images
    let first = images.Head
    let kind = if first.IsAnomalous then $"defect: {first.Defect}" else "good"

    let mask =
        match first.Mask with
        | Some path -> picture "mask of the defect" path
        | None -> "<div class=\"none\">no defect</div>"

    let defect = if first.IsAnomalous then first.Defect else "good"
    let papers = images |> List.map _.Record.Paper |> List.distinct |> String.concat " "

    joined [
        $"""<article class="panel" data-category="{encode (shown.Category.Replace(' ', '_'))}" """
        $"""data-defect="{encode (defect.Replace(' ', '_'))}" data-paper="{encode papers}">"""
        $"<h3>{encode shown.Category} <small>{encode kind} · {encode shown.Dataset} {encode shown.Image}</small></h3>"
        "<div class=\"pictures\">"
        $"""<figure>{picture $"input, {kind}" first.Input}<figcaption>input</figcaption></figure>"""
        $"<figure>{mask}<figcaption>mask</figcaption></figure>"
        lines (images |> List.map byMethod)
        "</div>"
        // Beside one another the methods' maps count; what a map is a sum of is there for those who ask.
        if images |> List.exists (fun image -> not image.Parts.IsEmpty) then
            "<details><summary>Partial maps</summary>"

            lines [
                for image in images do
                    if not image.Parts.IsEmpty then parts image
            ]

            "</details>"
        "</article>"
    ]

/// The whole gallery; empty where the run has no pictures.
let gallery (data: ReportData) =
    let note =
        "Input, ground truth, and for each method its map and the map over the input, the defect's outline drawn in. Finds and errors in "
        + "turn: the defect that the methods find best, then the image that one of them gets most wrong, and so on."

    let drawn = data.Gallery |> List.collect _.Images
    let defects = drawn |> List.map (fun image -> if image.IsAnomalous then image.Defect else "good")

    if drawn.IsEmpty then
        ""
    else
        $"""<section id="gallery"><h2>Gallery of anomaly maps</h2>
<p class="note">{note}</p>
<form class="filters" data-target="#gallery .panel">
<label>category <select name="category">{options "all" (data.Gallery |> List.map _.Category)}</select></label>
<label>defect <select name="defect">{options "all" defects}</select></label>
<label>paper <select name="paper">{options "all" (drawn |> List.map _.Record.Paper)}</select></label>
<output></output></form>
<div class="panels">
{data.Gallery |> List.map panel |> lines}
</div></section>"""
