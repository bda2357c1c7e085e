/// Deedle and Plotly.NET, where the analysis leans on them.
module Reproduction.Tests.AnalysisFrames

open System.Text.Json.Nodes
open Deedle
open Expecto
open Plotly.NET
open Reproduction.Analysis

type Row = { Kind: string; Level: int; Value: float }

let private frame =
    Frame.ofRecords [
        { Kind = "a"; Level = 1; Value = 1.0 }
        { Kind = "b"; Level = 1; Value = 5.0 }
        { Kind = "a"; Level = 1; Value = 2.0 }
        { Kind = "a"; Level = 2; Value = 9.0 }
    ]

let private frames =
    testList "deedle" [
        testCase "groups come in order of appearance, one row each"
        <| fun () ->
            let means = frame |> Frame.aggregateRowsBy [ "Kind"; "Level" ] [ "Value" ] (Stats.mean: Series<int, float> -> float)

            Expect.equal
                [ for row in means.Rows.Values -> row.GetAs<string> "Kind", row.GetAs<int> "Level", row.GetAs<float> "Value" ]
                [ "a", 1, 1.5; "b", 1, 5.0; "a", 2, 9.0 ]
                "means"

        testProperty "mean and deviation are those of the values"
        <| fun (values: FsCheck.NonEmptyArray<FsCheck.NormalFloat>) ->
            let values = [ for value in values.Get -> value.Get % 1e6 ]
            let series = Series([ 0 .. values.Length - 1 ], values)
            let reference = MathNet.Numerics.Statistics.DescriptiveStatistics values
            Expect.floatClose Accuracy.medium (Stats.mean series) reference.Mean "mean"

            if values.Length > 1 then
                Expect.floatClose { absolute = 1e-6; relative = 1e-6 } (Stats.stdDev series) reference.StandardDeviation "deviation"

        testCase "a column that is not there is an error"
        <| fun () -> Expect.throws (fun () -> frame.GetColumn<float> "Other" |> ignore) "Other"

        testCase "two values under one key are an error"
        <| fun () -> Expect.throws (fun () -> Series([ 1; 1 ], [ 2.0; 3.0 ]) |> ignore) "key 1"
    ]

let private figure chart =
    match JsonNode.Parse(Figures.toJson { Id = ""; Title = ""; Description = ""; Chart = chart }) with
    | null -> failtest "no JSON"
    | node -> node

let private text (node: JsonNode) (path: string) =
    (node, path.Split '/')
    ||> Array.fold (fun node step ->
        let child =
            match System.Int32.TryParse step with
            | true, index -> node[index]
            | _ -> node[step]

        match child with
        | null -> failtestf "no %s in %s" step (node.ToJsonString())
        | child -> child)
    |> _.ToJsonString()

let private charts =
    testList "plotly" [
        testCase "combined charts keep their traces and styles"
        <| fun () ->
            let figure =
                [
                    Chart.Line([ 1; 2 ], [ 0.5; nan ], Name = "first", ShowMarkers = true)
                    Chart.Point([ 1; 2 ], [ 3.0; 4.0 ], Name = "second") |> Chart.withYErrorStyle (Array = [ 0.1; 0.2 ])
                ]
                |> Chart.combine
                |> Chart.withXAxisStyle (TitleText = "level", AxisType = StyleParam.AxisType.Log)
                |> Chart.withSize (Height = 300)
                |> figure

            Expect.equal (text figure "data/0/mode") "\"lines\\u002Bmarkers\"" "a line with markers"
            Expect.equal (text figure "data/0/y") "[0.5,null]" "not a number is a gap"
            Expect.equal (text figure "data/1/error_y/array") "[0.1,0.2]" "error bars of one trace"
            Expect.equal (text figure "layout/xaxis/type") "\"log\"" "axis type"
            Expect.equal (text figure "layout/xaxis/title/text") "\"level\"" "axis title"
            Expect.equal (text figure "layout/height") "300" "height"

        testCase "numbers that are none are gaps, texts that look like them stay"
        <| fun () ->
            let figure =
                [
                    Chart.Point([ 1.0; infinity ], [ -infinity; 2.0 ], Name = "NaN")
                    Chart.Bar([ nan; 1.0 ], Keys = [ "NaN"; "Infinity" ])
                    Chart.Line([ 1; 2 ], [ nanf; 0.5f ]) |> Chart.withYErrorStyle (Array = [ nan; 0.1 ])
                ]
                |> Chart.combine
                |> Chart.withXAxisStyle (TitleText = "a < b")
                |> figure

            Expect.equal (text figure "data/0/x") "[1.0,null]" "infinite"
            Expect.equal (text figure "data/0/y") "[null,2.0]" "negative infinite"
            Expect.equal (text figure "data/0/name") "\"NaN\"" "a name"
            Expect.equal (text figure "data/1/x") "[null,1.0]" "a bar's length"
            Expect.equal (text figure "data/1/y") "[\"NaN\",\"Infinity\"]" "categories"
            Expect.equal (text figure "data/2/y") "[null,0.5]" "single precision"
            Expect.equal (text figure "data/2/error_y/array") "[null,0.1]" "error bars"
            Expect.equal (text figure "layout/xaxis/title/text") "\"a \\u003C b\"" "what could end the script element"

        testCase "colours and width are left to the page"
        <| fun () ->
            let layout = (figure (Chart.Line([ 1; 2 ], [ 1.0; 2.0 ])))["layout"] |> nonNull
            Expect.isNull layout["template"] "template"
            Expect.isNull layout["width"] "width"
    ]

[<Tests>]
let tests = testList "analysis packages" [ frames; charts ]
