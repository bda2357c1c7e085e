namespace Plotly.NET

open System
open System.Globalization
open System.Text.Json.Nodes

/// Building blocks of plotly.js objects.
module internal Json =
    let ofConvertible (value: IConvertible) : JsonNode | null =
        match value.GetTypeCode() with
        | TypeCode.String
        | TypeCode.Char -> JsonValue.Create(value.ToString CultureInfo.InvariantCulture)
        | TypeCode.Boolean -> JsonValue.Create(value.ToBoolean CultureInfo.InvariantCulture)
        | TypeCode.DateTime -> JsonValue.Create(value.ToDateTime(CultureInfo.InvariantCulture).ToString "s")
        | _ ->
            match value.ToDouble CultureInfo.InvariantCulture with
            | number when Double.IsFinite number -> JsonValue.Create number
            // JSON has no NaN; plotly.js leaves a gap at null.
            | _ -> null

    let ofSeq (values: seq<#IConvertible>) : JsonNode =
        JsonArray [| for value in values -> ofConvertible value |]

    let text (value: obj) : JsonNode = nonNull (JsonValue.Create(string value))
    let flag (value: bool) : JsonNode = JsonValue.Create value
    let number (value: float) : JsonNode = JsonValue.Create value
    let colour (value: Color) : JsonNode = text value.Value

    /// An object of the members that are given.
    let ofOptions (members: (string * JsonNode option) list) =
        let object = JsonObject()

        for name, value in members do
            value |> Option.iter (fun value -> object[name] <- value)

        object

    /// The members of two objects, nested ones merged, the second one's values winning.
    let rec merge (first: JsonObject) (second: JsonObject) : JsonObject =
        let result = first.DeepClone().AsObject()

        for KeyValue(name, value) in second do
            match result[name], value with
            | (:? JsonObject as old), (:? JsonObject as update) -> result[name] <- merge old update
            | _, null -> result[name] <- null
            | _, value -> result[name] <- value.DeepClone()

        result

/// One or more traces with their layout.
type GenericChart internal (traces: JsonObject list, layout: JsonObject) =
    member internal _.Traces = traces
    member internal _.Layout = layout

    static member internal mapTraces (update: JsonObject) (gChart: GenericChart) =
        GenericChart(gChart.Traces |> List.map (fun trace -> Json.merge trace update), gChart.Layout)

    static member internal mapLayout (update: JsonObject) (gChart: GenericChart) =
        GenericChart(gChart.Traces, Json.merge gChart.Layout update)

    /// All traces in one chart; of layouts that contradict each other the last wins.
    static member combine(gCharts: seq<GenericChart>) =
        let charts = List.ofSeq gCharts
        GenericChart(charts |> List.collect _.Traces, charts |> List.map _.Layout |> List.fold Json.merge (JsonObject()))

    /// {"data": [traces], "layout": {...}, "frames": []}
    static member toFigureJson(gChart: GenericChart) =
        let figure = JsonObject()
        figure["data"] <- JsonArray [| for trace in gChart.Traces -> trace.DeepClone() |]
        figure["layout"] <- gChart.Layout.DeepClone()
        figure["frames"] <- JsonArray()
        figure.ToJsonString()
