/// How a series looks in every chart, and how far a percent axis reaches.
module Reproduction.Analysis.Style

open System
open Plotly.NET

/// Ten colours that differ from each other; contrast of at least 3 on white and 3 on near black.
let colours = [ "#3b82c4"; "#d9822b"; "#2a9d6f"; "#9a6fd0"; "#c8503c"; "#1aa3b8"; "#a08a1e"; "#d36ba6"; "#8c6d5a"; "#6b8f23" ]

let grey = Color.fromHex "#8a8f98"

let colour i = Color.fromHex colours[i % colours.Length]

let private dashes = [
    StyleParam.DrawingStyle.Solid
    StyleParam.DrawingStyle.Dash
    StyleParam.DrawingStyle.Dot
    StyleParam.DrawingStyle.DashDot
    StyleParam.DrawingStyle.LongDash
]

/// Ten series differ in colour and lines of like colours in their dashes; further ones have a colour again with another dash.
let dash i = dashes[(i + i / colours.Length) % dashes.Length]

let private symbols = [
    StyleParam.MarkerSymbol.Circle
    StyleParam.MarkerSymbol.Square
    StyleParam.MarkerSymbol.Diamond
    StyleParam.MarkerSymbol.TriangleUp
    StyleParam.MarkerSymbol.Cross
    StyleParam.MarkerSymbol.X
    StyleParam.MarkerSymbol.TriangleDown
    StyleParam.MarkerSymbol.Star
    StyleParam.MarkerSymbol.Pentagon
    StyleParam.MarkerSymbol.Hexagon
]

/// A marker of its own for each of ten series; with another colour from the eleventh on.
let symbol i = symbols[(i + i / colours.Length) % symbols.Length]

/// A line with markers, the i-th of its chart.
let line (name: string) i (x: #seq<#IConvertible>) (y: float seq) =
    Chart.Line(
        x = x,
        y = y,
        Name = name,
        ShowMarkers = true,
        LineColor = colour i,
        LineDash = dash i,
        MarkerColor = colour i,
        MarkerSymbol = symbol i
    )

/// Points of an axis that it shows at least: what differs by less looks alike, as it should.
let leastPoints = 5.0

/// From where to where an axis with these percentages goes: all of them, a margin, leastPoints at least, and little beyond 100.
let percentRange (values: float seq) =
    let values = values |> Seq.filter Double.IsFinite |> List.ofSeq

    if values.IsEmpty then
        0.0, 100.0
    else
        let low, high = List.min values, List.max values
        let margin = max (0.04 * (high - low)) (0.5 * (leastPoints - (high - low)))
        // What the margin would put beyond 100 goes below.
        let over = max 0.0 (high + margin - max high 100.0 - 0.04 * (high - low + 2.0 * margin))
        low - margin - over, high + margin - over
