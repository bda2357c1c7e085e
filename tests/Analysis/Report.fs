/// The report: the same records give the same files, the page asks the network for nothing, and it works in a real browser.
module Reproduction.Tests.Report

open System
open System.IO
open Expecto
open Microsoft.Playwright
open Reproduction.Analysis
open Reproduction.Tests.Chromium

let private root =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"No Reproduction.sln above {AppContext.BaseDirectory}: run the tests from the checkout."
        | folder when File.Exists(Path.Combine(folder.FullName, "Reproduction.sln")) -> folder.FullName
        | folder -> upwards folder.Parent

    upwards (DirectoryInfo AppContext.BaseDirectory)

/// One grey pixel.
let private png =
    Convert.FromBase64String "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

let private writeCell run paper variant category (auroc: float) hasGallery =
    let cell = $"{paper}.{variant}.mvtec.{category}.seed0.paper"
    let folder = Path.Combine(run, "runs")
    Directory.CreateDirectory folder |> ignore

    File.WriteAllText(
        Path.Combine(folder, cell + ".json"),
        $$$"""{"schema":1,"cell":"{{{cell}}}","paper":"{{{paper}}}","variant":"{{{variant}}}","dataset":"mvtec",
"category":"{{{category}}}","seed":0,
"profile":"paper","settings":{},"data_fingerprint":"ab","weights":[{"name":"resnet18","sha256":"00","architecture":"resnet18"}],
"environment":{"libtorch":"1.13.1","device":"cpu","threads":2,"processor":"test","commit":"0123456789abcdef"},
"seconds":{"features":1,"fit":2,"score":3,"metrics":4},"metrics":{"image_auroc":{{{auroc}}},"pixel_auroc":0.96},"undefined":{},
"counts":{"train":10,"test_good":3,"test_anomalous":4},"finished":"2026-01-01T00:00:00Z"}"""
    )

    File.WriteAllText(
        Path.Combine(folder, cell + ".scores.csv"),
        "image,label,score\ngood/0.png,0,0.1\ngood/1.png,0,0.7\ngood/2.png,0,0.2\n\
         crack/0.png,1,0.9\ncrack/1.png,1,0.5\nscratch/0.png,1,0.8\nscratch/1.png,1,0.6\n"
    )

    if hasGallery then
        let pictures = Path.Combine(run, "gallery", cell)
        Directory.CreateDirectory pictures |> ignore
        File.WriteAllBytes(Path.Combine(pictures, "0.png"), png)

        let entry image defect label score =
            $$"""{"image":"{{image}}","defect":"{{defect}}","label":{{label}},
"score":{{score}},"input":"0.png","mask":null,"map":"0.png","overlay":"0.png"}"""

        File.WriteAllText(
            Path.Combine(pictures, "gallery.json"),
            $"""[{entry "crack/0.png" "crack" 1 0.9},{entry "crack/1.png" "crack" 1 0.5},{entry "good/1.png" "good" 0 0.7}]"""
        )

/// A run folder of four cells, gone afterwards.
let private withRun (test: string -> unit) =
    let run = Directory.CreateTempSubdirectory("reproduction-report-").FullName

    try
        writeCell run "hfae" "resnet18" "bottle" 0.998 true
        writeCell run "hfae" "resnet18" "pill" 0.90 false
        writeCell run "dfr" "made-up <variant> & co" "bottle" 0.93 true
        writeCell run "hfae" "resnet50_v1" "bottle" 0.97 false
        test run
    finally
        Directory.Delete(run, true)

let private files =
    testList "files" [
        testCase "a report is what its records give, until they change"
        <| fun () ->
            withRun (fun run ->
                Report.write ignore root run |> ignore
                Expect.isEmpty (Report.outdated root run) "right after writing"
                writeCell run "hfae" "resnet18" "bottle" 0.95 true
                Expect.hasLength (Report.outdated root run) 2 "after a record changed")

        testCase "every committed report is what its records give"
        <| fun () ->
            for run in Report.committed root do
                let reports = Report.outdated root run |> List.filter (fun file -> file.EndsWith ".md")
                Expect.isEmpty reports "make it again with dotnet fsi scripts/report.fsx"

        testCase "a sixth paper is a folder in papers/: its title, its numbers and its substitutes are in the report"
        <| fun () ->
            withRun (fun run ->
                let papers = Path.Combine(run, "papers")

                let write (path: string) (lines: string list) =
                    let file = Path.Combine(papers, path)
                    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
                    File.WriteAllLines(file, lines)

                write "kriging/README.md" [ "# Krige: A Statistical Approach"; ""; "Text." ]
                write "kriging/substitutes.csv" [ "published,measured,difference"; "large,small,a small one" ]
                write "kriging/own-methods.csv" [ "method"; "nugget" ]

                write "kriging/published/table1.csv" [
                    "table,method,variant,category,metric,value,spread,spread_kind,unit"
                    "table1,kriging,plain,bottle,image_auroc,93.4,,,percent"
                    "table1,nugget,large,bottle,image_auroc,92.0,,,percent"
                    "table1,others,large,bottle,image_auroc,99.0,,,percent"
                ]

                writeCell run "kriging" "plain" "bottle" 0.931 false
                writeCell run "kriging" "small" "bottle" 0.925 false
                let data = ReportData.gather papers run
                let markdown = Markdown.render data
                Expect.stringContains markdown "## kriging\n\nKrige: A Statistical Approach" "its title"
                Expect.stringContains markdown "| Table 1 | plain | bottle | image AUROC | 93.4 | 93.1 | −0.3 |" "its number"
                Expect.stringContains markdown "a small one" "what stands in its baseline's place"
                Expect.equal [ for standing in data.Standings -> standing.Paper, standing.Printed ] [ "kriging", 2 ] "no other's numbers")

        testCase "a report that was never made is outdated"
        <| fun () -> withRun (fun run -> Expect.equal (Report.outdated root run) [ Path.Combine(run, "report.md") ] "report.md")

        testCase "an empty run is told how to be filled"
        <| fun () ->
            let run = Directory.CreateTempSubdirectory "reproduction-empty-"

            try
                Expect.throwsT<AnalysisError> (fun () -> Report.write ignore root run.FullName |> ignore) "no runs folder"
            finally
                run.Delete true

        testCase "the standing comes first and names every verdict"
        <| fun () ->
            withRun (fun run ->
                let markdown = ReportData.gather (Path.Combine(root, "papers")) run |> Markdown.render
                let standing = markdown.IndexOf "numbers of their own methods"
                Expect.isTrue (standing > 0 && standing < markdown.IndexOf "| paper |") "summary before tables"

                Expect.stringContains
                    markdown
                    "| Table 1 | resnet18 | bottle | image AUROC | 100.0 | 99.8 | −0.2 | ≈ within 1 point | nothing |"
                    "like for like"

                Expect.stringContains markdown "ResNet-50 v1, not wide ResNet-50-2" "another network is said"
                Expect.isNotMatch markdown @"!\[\]" "every figure has alt text")

        testCase "the gallery begins with the best find and the worst error"
        <| fun () ->
            withRun (fun run ->
                let errors =
                    (ReportData.gather (Path.Combine(root, "papers")) run).Gallery
                    |> List.map (fun panel -> panel.Image, Math.Round(panel.WorstError, 3))
                // The good image outscores two of four defective ones; one good image of three outscores crack/1.
                Expect.equal errors [ "crack/0.png", 0.0; "good/1.png", 0.5; "crack/1.png", 0.333 ] "errors")

        testCase "the gallery shows the same images of all methods side by side, however many cells it has to leave out"
        <| fun () ->
            withRun (fun run ->
                for i in 1..200 do
                    writeCell run "dfr" $"v{i}" "bottle" 0.9 true

                // Of 200 cells four images are left each; the drawn ones have three.
                let gallery = (ReportData.gather (Path.Combine(root, "papers")) run).Gallery
                Expect.equal (gallery |> List.map _.Images.Length) [ 202; 202; 202 ] "all methods on each image")

        testCase "the page refers to nothing outside itself"
        <| fun () ->
            withRun (fun run ->
                let whole = ReportData.gather (Path.Combine(root, "papers")) run |> Page.render
                Expect.stringContains whole Figures.plotly.Value "plotly.js is in it"
                // Its own text names addresses of maps; that it asks for none, the tests in the browser see.
                let page = whole.Replace(Figures.plotly.Value, "")
                Expect.isNotMatch page @"(src|href)\s*=\s*[""'](https?:)?//" "no address"
                Expect.isNotMatch page @"@import|url\((?!data:)" "no style from elsewhere"
                Expect.isFalse (page.Contains "made-up <variant>") "names are escaped"
                Expect.stringContains page "made-up &lt;variant&gt; &amp; co" "and shown")
    ]


/// Opens a run's page in Chromium and gives it with everything that the browser complained about or asked the network for.
let private inBrowser (test: IPage -> ResizeArray<string> -> unit) =
    withChromium (fun browser ->
        withRun (fun run ->
            let data = ReportData.gather (Path.Combine(root, "papers")) run
            File.WriteAllText(Path.Combine(run, "index.html"), Page.render data)
            let page = browser.NewPageAsync() |> await
            let complaints = complaintsOf page
            page.GotoAsync $"file://{run}/index.html" |> await |> ignore
            test page complaints))

let private texts (page: IPage) selector = page.Locator(selector).AllInnerTextsAsync() |> await |> Seq.map _.Trim() |> List.ofSeq

let private overflow (page: IPage) =
    page.EvaluateAsync<int> "document.documentElement.scrollWidth - document.documentElement.clientWidth" |> await

let private browser =
    testSequenced
    <| testList "browser" [
        testCase "the page opens from disk without a complaint or a request, and draws its charts"
        <| fun () ->
            inBrowser (fun page complaints ->
                let charts = page.Locator ".plot[data-chart]"

                for i in 0 .. (charts.CountAsync() |> await) - 1 do
                    charts.Nth(i).ScrollIntoViewIfNeededAsync() |> wait
                    charts.Nth(i).Locator("svg.main-svg").First.WaitForAsync() |> wait

                Expect.isEmpty complaints "console errors and requests")

        testCase "sorting by keyboard orders the rows and says so"
        <| fun () ->
            inBrowser (fun page _ ->
                let heading = page.Locator "#numbers th:has-text('measured')"
                let column = "#numbers tbody tr td:nth-child(7)"
                heading.Locator("button").FocusAsync() |> wait
                page.Keyboard.PressAsync "Enter" |> wait
                let values () = texts page column |> List.map (fun text -> float (text.Split(' ')[0]))
                let ascending = values ()
                Expect.isAscending ascending "first press"
                Expect.equal (heading.GetAttributeAsync "aria-sort" |> await) "ascending" "announced"
                page.Keyboard.PressAsync "Enter" |> wait
                Expect.sequenceEqual (values ()) (List.rev ascending) "second press")

        testCase "filters narrow tables and gallery"
        <| fun () ->
            inBrowser (fun page _ ->
                page.Locator("#numbers select[name=category]").SelectOptionAsync "pill" |> await |> ignore
                let categories = texts page "#numbers tbody tr:not([hidden]) td:nth-child(4)" |> List.distinct
                Expect.equal categories [ "pill" ] "categories"
                page.Locator("#gallery select[name=defect]").SelectOptionAsync "crack" |> await |> ignore
                Expect.hasLength (texts page "#gallery .panel:not([hidden])") 2 "both cracks"
                Expect.equal (texts page "#gallery output") [ "2 of 3" ] "count")

        testCase "nothing runs out of a phone's width, in light and dark"
        <| fun () ->
            inBrowser (fun page _ ->
                page.SetViewportSizeAsync(360, 740) |> wait

                for scheme in [ ColorScheme.Light; ColorScheme.Dark ] do
                    page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = scheme)) |> wait
                    Expect.isLessThanOrEqual (overflow page) 0 $"{scheme}"

                for title in [ "published"; "measured"; "verdict" ] do
                    let right =
                        page.EvaluateAsync<float>
                            $"[...document.querySelectorAll('#numbers th')].find(th => th.innerText.trim() === '{title}')\
                              ?.getBoundingClientRect().right ?? 1e9"
                        |> await

                    Expect.isLessThanOrEqual right 360.0 $"{title} is in sight"

                let background () = page.EvaluateAsync<string> "getComputedStyle(document.body).backgroundColor" |> await
                let dark = background ()
                page.Locator("#theme").ClickAsync() |> wait
                Expect.notEqual (background ()) dark "the button changes the theme")
    ]

[<Tests>]
let tests = testList "report" [ files; browser ]
