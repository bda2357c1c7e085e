/// Charts as they are drawn: legends beside the data, titles, axes, colours.
module Reproduction.Tests.Legends

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Microsoft.Playwright
open Plotly.NET
open Reproduction.Analysis
open Reproduction.Tests.Chromium

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// Ten long names, so that the legend takes several rows.
let private ten: ReportFigure = {
    Id = "ten"
    Title = "Ten lines"
    Description = "Ten lines that all pass the upper corners."
    Chart =
        [
            for i in 0..9 -> Style.line $"a variant with a long name, number {i}" i [ "a"; "b"; "c" ] [ 99.0; 90.0 + float i; 99.0 ]
        ]
        |> Chart.combine
        |> Charts.percentY "%" [ 90.0; 99.0 ]
        |> Chart.withSize (Height = 300)
}

let private one: ReportFigure = {
    ten with
        Id = "one"
        Title = "One point, many decimals"
        Chart =
            Chart.Point([ 98.25; 98.26 ], [ "x"; "y" ], Name = "only")
            |> Charts.percentX "%" [ 98.25; 98.26 ]
            |> Chart.withSize (Height = 200)
}

let private measure =
    """() => {
  const box = element => element.getBoundingClientRect();
  const legends = [...document.querySelectorAll('g.legend')].map(legend => box(legend.querySelector('rect.bg') || legend));
  const shapes = '.scatterlayer .point, .barlayer .point, .scatterlayer .js-line, g.mark';
  const markers = [...document.querySelectorAll(shapes)].map(box);
  const under = markers.filter(m => legends.some(l => m.right > l.left && m.left < l.right && m.bottom > l.top && m.top < l.bottom));
  const tall = legends.filter(l => l.height > 0);
  return [legends.length, markers.length, under.length, tall.length];
}"""

let private committed =
    Directory.EnumerateFiles(Path.Combine(root, "results"), "*.svg", SearchOption.AllDirectories)
    |> Seq.filter (fun path -> not (path.Contains "gallery"))
    |> Seq.sort
    |> List.ofSeq

/// Legends, markers, markers that lie under a legend, legends with a height.
let private measured (files: string list) =
    withChromium (fun browser ->
        let page = browser.NewPageAsync() |> await

        [
            for file in files do
                page.SetContentAsync("<!doctype html><body style='margin:0'>" + File.ReadAllText file) |> wait
                file, (page.EvaluateAsync<int[]> measure |> await)
        ])

let private expectClear results =
    for file, counts in results do
        match counts with
        | [| legends; markers; under; tall |] ->
            Expect.equal legends 1 $"{file} has one legend"
            Expect.equal tall 1 $"{file}'s legend is drawn"
            Expect.isGreaterThan markers 0 $"{file} has markers"
            Expect.equal under 0 $"{file}: markers under the legend"
        | _ -> failtest "measure"

[<Tests>]
let tests =
    testSequenced
    <| testList "legends" [
        testCase "no marker lies under a legend, with ten long names and with one point"
        <| fun () ->
            let folder = Directory.CreateTempSubdirectory "reproduction-legends-"

            try
                let files = Figures.write (fun problem -> skiptest problem) folder.FullName [ ten; one ]
                Expect.hasLength files 2 "drawn"
                expectClear (measured files)
            finally
                folder.Delete true

        testCase "no marker of a committed figure lies under its legend"
        <| fun () ->
            Expect.isGreaterThan committed.Length 80 "figures"
            expectClear (measured committed)

        testCase "every committed figure has its title in it, and no number with a prefix of SI"
        <| fun () ->
            for file in committed do
                let text = File.ReadAllText file
                Expect.isMatch text "class=\"(legendtitletext|title)\"" $"{file} has a title"
                Expect.isNotMatch text @"class=""[xy]tick""[^§]{0,200}?>−?[\d.]+[kmµμMG]<" $"{file} writes its numbers out"

        testCase "ten series differ in colour, in marker and from twin colours in their dashes"
        <| fun () ->
            let styles = [ for i in 0..9 -> Style.colours[i], string (Style.symbol i) ]
            Expect.hasLength (styles |> List.map fst |> List.distinct) 10 "colours"
            Expect.hasLength (styles |> List.map snd |> List.distinct) 10 "markers"
            let combined = [ for i in 0..49 -> i % 10, string (Style.dash i) ]
            Expect.hasLength (List.distinct combined) 50 "fifty lines differ in colour or dash"

        testProperty "an axis shows all its percentages, at least five points, and little beyond 100"
        <| fun (first: FsCheck.NonNegativeInt) (second: FsCheck.NonNegativeInt) ->
            let values = [ float (first.Get % 10001) / 100.0; float (second.Get % 10001) / 100.0 ]
            let low, high = Style.percentRange values
            let above, below = List.max values, List.min values
            low <= below && above <= high && high - low >= Style.leastPoints - 1e-9 && high <= 100.0 + 0.1 * (high - low) + 1e-9

        testCase "a line of the working point runs once from left to right, a line a profile"
        <| fun () ->
            let record profile : RunRecord =
                RunRecord.parse
                    "made up"
                    $$"""{"schema":1,"cell":"c","paper":"p","variant":"net-model","dataset":"d","category":"c","seed":0,
"profile":"{{profile}}","settings":{},
"metrics":{"achieved_fpr.level_4.sigma1":0.4,"achieved_fpr.level_4.sigma2":0.3,"achieved_fpr.level_4.sigma3":0.2},
"counts":{"train":1,"test_good":1,"test_anomalous":1},"finished":""}"""

            match Charts.workingPoints [ record "paper"; record "quick" ] with
            | [ figure ] ->
                let json = Text.Json.JsonDocument.Parse(Figures.toJson figure)
                let traces = [ for trace in json.RootElement.GetProperty("data").EnumerateArray() -> trace ]
                let name (trace: Text.Json.JsonElement) = trace.GetProperty("name").GetString()
                Expect.equal (List.map name traces) [ "net-model"; "net-model (quick)"; "as promised" ] "lines"

                for trace in traces do
                    let x = [ for value in trace.GetProperty("x").EnumerateArray() -> value.GetDouble() ]
                    Expect.isAscending x $"{name trace}"
                    Expect.equal x (List.distinct x) "each place once"
            | figures -> failtest $"{figures.Length} figures"
    ]
