namespace Plotly.NET

open System
open System.Text.Json.Nodes

/// Charts and how they are styled; styling functions are made for pipelines.
type Chart =
    static member private scatter(mode, x: seq<#IConvertible>, y: seq<#IConvertible>, name, multiText, marker, line) =
        let trace =
            [ "type", Some(Json.text "scatter")
              "mode", Some(Json.text mode)
              "x", Some(Json.ofSeq x)
              "y", Some(Json.ofSeq y)
              "name", name |> Option.map Json.text
              "text", multiText
              "marker", Some marker
              "line", line ]

        GenericChart([ Json.ofOptions trace ], JsonObject())

    static member private marker(color, symbol) : JsonNode =
        Json.ofOptions [ "color", color |> Option.map Json.colour; "symbol", symbol |> Option.map Json.text ]

    /// Points at (x, y).
    static member Point
        (
            x: seq<#IConvertible>,
            y: seq<#IConvertible>,
            ?Name: string,
            ?MultiText: seq<#IConvertible>,
            ?MarkerColor: Color,
            ?MarkerSymbol: StyleParam.MarkerSymbol
        ) =
        Chart.scatter ("markers", x, y, Name, MultiText |> Option.map Json.ofSeq, Chart.marker (MarkerColor, MarkerSymbol), None)

    /// A line through (x, y).
    static member Line
        (
            x: seq<#IConvertible>,
            y: seq<#IConvertible>,
            ?ShowMarkers: bool,
            ?Name: string,
            ?MultiText: seq<#IConvertible>,
            ?MarkerColor: Color,
            ?MarkerSymbol: StyleParam.MarkerSymbol,
            ?LineColor: Color,
            ?LineWidth: float,
            ?LineDash: StyleParam.DrawingStyle
        ) =
        let line: JsonNode =
            Json.ofOptions
                [ "color", LineColor |> Option.map Json.colour
                  "width", LineWidth |> Option.map Json.number
                  "dash", LineDash |> Option.map Json.text ]

        let mode = if ShowMarkers = Some true then "lines+markers" else "lines"
        Chart.scatter (mode, x, y, Name, MultiText |> Option.map Json.ofSeq, Chart.marker (MarkerColor, MarkerSymbol), Some line)

    /// Horizontal bars: a value per key.
    static member Bar(values: seq<#IConvertible>, ?Keys: seq<#IConvertible>, ?Name: string, ?MultiText: seq<#IConvertible>, ?MarkerColor: Color) =
        let trace =
            [ "type", Some(Json.text "bar")
              "orientation", Some(Json.text "h")
              "x", Some(Json.ofSeq values)
              "y", Keys |> Option.map Json.ofSeq
              "name", Name |> Option.map Json.text
              "text", MultiText |> Option.map Json.ofSeq
              "marker", Some(Chart.marker (MarkerColor, None)) ]

        GenericChart([ Json.ofOptions trace ], JsonObject())

    static member combine(gCharts: seq<GenericChart>) = GenericChart.combine gCharts

    static member private errors(array: seq<#IConvertible> option, color: Color option) : JsonNode =
        Json.ofOptions
            [ "array", array |> Option.map Json.ofSeq
              "color", color |> Option.map Json.colour ]

    /// Symmetric error bars along x.
    static member withXErrorStyle(?Array: seq<#IConvertible>, ?Color: Color) =
        GenericChart.mapTraces (Json.ofOptions [ "error_x", Some(Chart.errors (Array, Color)) ])

    /// Symmetric error bars along y.
    static member withYErrorStyle(?Array: seq<#IConvertible>, ?Color: Color) =
        GenericChart.mapTraces (Json.ofOptions [ "error_y", Some(Chart.errors (Array, Color)) ])

    static member withMarkerStyle(?Color: Color, ?Size: int, ?Symbol: StyleParam.MarkerSymbol) =
        let marker: JsonNode =
            Json.ofOptions
                [ "color", Color |> Option.map Json.colour
                  "size", Size |> Option.map (float >> Json.number)
                  "symbol", Symbol |> Option.map Json.text ]

        GenericChart.mapTraces (Json.ofOptions [ "marker", Some marker ])

    static member private axis(name, title: string option, axisType: StyleParam.AxisType option, range: (#IConvertible * #IConvertible) option) =
        let axis: JsonNode =
            Json.ofOptions
                [ "title", title |> Option.map (fun text -> Json.ofOptions [ "text", Some(Json.text text) ] :> JsonNode)
                  "type", axisType |> Option.map Json.text
                  "range", range |> Option.map (fun (low, high) -> JsonArray(Json.ofConvertible low, Json.ofConvertible high) :> JsonNode) ]

        GenericChart.mapLayout (Json.ofOptions [ name, Some axis ])

    static member withXAxisStyle(?TitleText: string, ?AxisType: StyleParam.AxisType, ?MinMax: #IConvertible * #IConvertible) =
        Chart.axis ("xaxis", TitleText, AxisType, MinMax)

    static member withYAxisStyle(?TitleText: string, ?AxisType: StyleParam.AxisType, ?MinMax: #IConvertible * #IConvertible) =
        Chart.axis ("yaxis", TitleText, AxisType, MinMax)

    static member withTitle(title: string) =
        GenericChart.mapLayout (Json.ofOptions [ "title", Some(Json.ofOptions [ "text", Some(Json.text title) ] :> JsonNode) ])

    /// Pixels.
    static member withSize(?Width: int, ?Height: int) =
        GenericChart.mapLayout (
            Json.ofOptions [ "width", Width |> Option.map (float >> Json.number); "height", Height |> Option.map (float >> Json.number) ]
        )

    static member withLegendStyle(?Orientation: StyleParam.Orientation, ?X: float, ?Y: float) =
        let legend: JsonNode =
            Json.ofOptions
                [ "orientation", Orientation |> Option.map Json.text
                  "x", X |> Option.map Json.number
                  "y", Y |> Option.map Json.number ]

        GenericChart.mapLayout (Json.ofOptions [ "legend", Some legend ])

    static member withLayoutStyle(?ShowLegend: bool, ?BarMode: StyleParam.BarMode) =
        GenericChart.mapLayout (
            Json.ofOptions [ "showlegend", ShowLegend |> Option.map Json.flag; "barmode", BarMode |> Option.map Json.text ]
        )
