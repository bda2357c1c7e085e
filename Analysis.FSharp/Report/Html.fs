/// Pieces of HTML that the pages share.
module Reproduction.Analysis.Html

open System
open System.Globalization
open System.Net

let encode (text: string) = nonNull (WebUtility.HtmlEncode text)

/// Parts one below the other.
let lines (parts: string seq) = String.concat "\n" parts

/// Parts with nothing between them.
let joined (parts: string seq) = String.concat "" parts

let verdictClass verdict =
    match verdict with
    | WithinSpread -> "within"
    | WithinPoint -> "point"
    | Above -> "above"
    | Below -> "below"
    | NotComparable _
    | NotRun -> "other"

/// A verdict's words without the reason behind the colon.
let shortVerdict verdict = (Comparison.describe verdict).Split(':')[0]

/// A verdict as a coloured label.
let chip verdict =
    $"""<span class="verdict {verdictClass verdict}" title="{encode (Comparison.describe verdict)}">"""
    + $"{Text.sign verdict} {shortVerdict verdict}</span>"

/// Column titles with their classes: "number" is right-aligned, "wide" is not on a phone.
let headings (columns: (string * string) list) =
    joined [
        for title, cssClass in columns -> $"<th scope=\"col\" class=\"{cssClass}\"><button type=\"button\">{encode title}</button></th>"
    ]

/// Column titles; numeric ones are right-aligned.
let sortable (columns: (string * bool) list) = headings [ for title, isNumber in columns -> title, (if isNumber then "number" else "") ]

/// A table that scrolls within itself, as a screen reader calls it, and its rows.
let table title heads (rows: string list) =
    joined [
        $"""<div class="scroll tall" tabindex="0" role="region" aria-label="{title}">"""
        $"<table><thead><tr>{heads}</tr></thead><tbody>\n{lines rows}\n</tbody></table></div>"
    ]

/// A cell with a number and what its column is sorted by; NaN for none.
let number (sort: float) text =
    let key = if Double.IsNaN sort then "" else sort.ToString("r", CultureInfo.InvariantCulture)
    $"<td class=\"number\" data-sort=\"{key}\">{encode text}</td>"

/// The choices of a filter.
let options all (values: string seq) =
    lines [
        $"<option value=\"\">{encode all}</option>"
        for value in values |> Seq.distinct |> Seq.sort do
            $"<option value=\"{encode (value.Replace(' ', '_'))}\">{encode value}</option>"
    ]

/// How many of a paper's numbers have which verdict, as a bar.
let standingBar (standing: Standing) =
    let segments = [
        "within", standing.WithinSpread, "within the spread"
        "point", standing.WithinPoint, "within one point"
        "above", standing.Above, "above"
        "below", standing.Below, "below"
        "other", standing.NotComparable, "not comparable"
    ]

    let spoken = [ for _, count, title in segments @ [ "", standing.NotRun, "not run" ] -> $"{count} {title}" ] |> String.concat ", "

    joined [
        $"""<div><b>{encode standing.Paper}</b><div class="bar" role="img" aria-label="{encode standing.Paper}: {spoken}">"""
        for name, count, title in segments do
            if count > 0 then $"<i class=\"{name}\" style=\"flex:{count}\" title=\"{count} {title}\"></i>"
        $"""<i style="flex:{standing.NotRun}" title="{standing.NotRun} not run"></i></div>"""
        $"""<span class="count">{standing.Measured} of {standing.Printed} measured</span></div>"""
    ]

/// A page that makes no request, its sections (id, title, content; none where that is empty) one below the other and linked at its top.
/// `before` and `footer` stand around them, `behind` stands after all that is read: dialogs and scripts.
let page title styles before (sections: (string * string * string) list) footer behind =
    let shown = sections |> List.filter (fun (_, _, html) -> html <> "")
    let navigation = lines [ for id, title, _ in shown -> $"<li><a href=\"#{id}\">{title}</a></li>" ]

    $"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{styles}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<nav aria-label="Sections"><ul>
{navigation}
<li><button type="button" id="theme">Dark</button></li>
</ul></nav>
<main id="main">
{before}
{lines [ for _, _, html in shown -> html ]}
<footer><p>{footer}</p></footer>
</main>
{behind}
</body>
</html>
"""
