/// The index over all runs: intervals, totals, links from a number to its record, files, and the page in a browser.
module Reproduction.Tests.AllRuns

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Microsoft.Playwright
open Reproduction.Analysis
open Reproduction.Tests.Chromium

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private scored (good: float list) (anomalous: float list) : ImageScore list = [
    for i, score in List.indexed good do
        { Image = $"good/{i}.png"; IsAnomalous = false; Score = score }
    for i, score in List.indexed anomalous do
        { Image = $"crack/{i}.png"; IsAnomalous = true; Score = score }
]

let private intervals =
    testList "intervals" [
        testCase "classes that are apart have a bootstrap without width"
        <| fun () ->
            match Interval.overImages [ [ scored [ 0.1; 0.2 ] [ 0.8; 0.9 ] ] ] with
            | Some found -> Expect.equal (found.Low, found.High, found.Of) (1.0, 1.0, OverImages) "interval"
            | None -> failtest "none"

        testCase "a bootstrap over images is as wide as DeLong's standard error says, and the same each time"
        <| fun () ->
            let random = Random 5
            let draw count shift = [ for _ in 1..count -> random.NextDouble() + random.NextDouble() + shift ]
            let good, anomalous = draw 150 0.0, draw 150 0.5
            let scores = scored good anomalous

            let error =
                // Against a method that separates nothing and never varies: the error is the first's alone.
                match Statistics.deLong [| for score in anomalous -> score, 1.0 |] [| for score in good -> score, 1.0 |] with
                | Some test -> test.StandardError
                | None -> failtest "DeLong"

            match Interval.overImages [ [ scores ] ] with
            | Some found ->
                Expect.isLessThan (abs ((found.High - found.Low) / (2.0 * 1.96 * error) - 1.0)) 0.12 "width"
                let auroc = Statistics.auroc (Array.ofList anomalous) (Array.ofList good)
                Expect.isTrue (found.Low < auroc && auroc < found.High) "around the AUROC"
                Expect.equal (Interval.overImages [ [ scores ] ]) (Some found) "again"
            | None -> failtest "none"

        testCase "seeds on the same images are drawn together: repeating a cell makes its interval no narrower"
        <| fun () ->
            let scores = scored [ 0.1; 0.4; 0.35; 0.8 ] [ 0.3; 0.7; 0.9; 0.5 ]
            Expect.equal (Interval.overImages [ [ scores; scores; scores ] ]) (Interval.overImages [ [ scores ] ]) "three times the same"

        testCase "a mean over categories is narrower than each of them"
        <| fun () ->
            let scores = scored [ 0.1; 0.4; 0.35; 0.8 ] [ 0.3; 0.7; 0.9; 0.5 ]
            let other = scored [ 0.2; 0.4; 0.6; 0.8 ] [ 0.3; 0.5; 0.7; 0.9 ]
            let width categories = Interval.overImages categories |> Option.map (fun found -> found.High - found.Low) |> Option.get
            Expect.isLessThan (width [ [ scores ]; [ other ] ]) (width [ [ scores ] ]) "mean of two"

        testCase "over seeds it is Student's t"
        <| fun () ->
            match Interval.overRepetitions [ 0.1; 0.2; 0.3 ] with
            | Some found ->
                Expect.floatClose Accuracy.medium found.High (0.2 + 4.302653 * 0.1 / sqrt 3.0) "upper end"
                Expect.equal found.Of OverRepetitions "kind"
            | None -> failtest "none"

            Expect.isNone (Interval.overRepetitions [ 0.5 ]) "one seed"

        testCase "scores of one kind of image give none"
        <| fun () ->
            Expect.isNone (Interval.overImages [ [ scored [ 0.1 ] [] ] ]) "no defect"
            Expect.isNone (Interval.overImages [ [ [] ] ]) "no scores"
    ]

let private curves =
    testList "curves" [
        testCase "a ROC curve has its corners only, ties are a slope"
        <| fun () ->
            Expect.equal (IndexCells.roc 48 (scored [ 0.1; 0.2 ] [ 0.8; 0.9 ])) [ 0; 0; 0; 1000; 1000; 1000 ] "perfect"
            Expect.equal (IndexCells.roc 48 (scored [ 0.5; 0.5 ] [ 0.5 ])) [ 0; 0; 1000; 1000 ] "a tie"
            Expect.equal (IndexCells.roc 48 (scored [ 0.1; 0.7 ] [ 0.5; 0.9 ])) [ 0; 0; 0; 500; 500; 500; 500; 1000; 1000; 1000 ] "a turn"

        testCase "a histogram counts every image once"
        <| fun () ->
            let (low, high), good, bad = IndexCells.histogram 4 (scored [ 0.0; 0.1; 0.5 ] [ 0.9; 1.0 ])
            Expect.equal (low, high) (0.0, 1.0) "range"
            Expect.equal (good, bad) ([ 2; 0; 1; 0 ], [ 0; 0; 0; 2 ]) "counts"
    ]

let private write (folder: string) (path: string) (lines: string list) =
    let file = Path.Combine(folder, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    File.WriteAllText(file, String.concat "\n" lines + "\n")

let private writeCell folder run paper variant category seed (auroc: float) =
    let cell = $"{paper}.{variant}.mvtec.{category}.seed{seed}.paper"

    write folder $"results/{run}/runs/{cell}.json" [
        $$$"""{"schema":1,"cell":"{{{cell}}}","paper":"{{{paper}}}","variant":"{{{variant}}}","dataset":"mvtec",
"category":"{{{category}}}","seed":{{{seed}}},
"profile":"paper","settings":{"epochs":5},"data_fingerprint":"ab","weights":[{"name":"resnet18","sha256":"00","architecture":"resnet18"}],
"environment":{"libtorch":"2","device":"cpu","threads":2,"processor":"test","commit":"0123456789abcdef"},
"seconds":{"features":1,"fit":2,"score":3,"metrics":4},"metrics":{"image_auroc":{{{auroc}}},"pixel_auroc":0.96},"undefined":{},
"counts":{"train":10,"test_good":3,"test_anomalous":4},"finished":"2026-01-01T00:00:00Z"}"""
    ]

    write folder $"results/{run}/runs/{cell}.scores.csv" [
        "image,label,score"
        "good/0.png,0,0.1"
        "good/1.png,0,0.7"
        "good/2.png,0,0.2"
        "crack/0.png,1,0.9"
        "crack/1.png,1,0.5"
    ]

/// A repository of one paper that this one does not know, a baseline, a floor and their records; gone afterwards.
let private withRepository (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("reproduction-index-").FullName
    let columns = "table,method,variant,category,metric,value,spread,spread_kind,unit"

    try
        write folder "papers/README.md" [ "[kriging](kriging/README.md)" ]

        write folder "papers/kriging/README.md" [
            "# Krige: A Statistical Approach"
            "## Where kriging and we differ"
            "| point | paper | here |"
            "| --- | --- | --- |"
            "| schedule | 700 epochs | 5 epochs |"
            "| colour | grey | RGB |"
            "## Results"
        ]

        write folder "papers/kriging/schedule.csv" [ "setting,value,given,variants,data"; "epochs,700,yes,," ]

        write folder "papers/kriging/published/table1.csv" [
            columns
            "table1,kriging,plain,bottle,image_auroc,93.4,,,percent"
            "table1,kriging,plain,bottle,pixel_auroc,90.0,,,percent"
            "table1,kriging,plain,mean,image_auroc,93.0,,,percent"
            "table1,kriging,plain,pill,image_auroc,95.0,,,percent"
        ]

        write folder "papers/baselines/README.md" [ "[variogram](variogram/README.md)" ]
        write folder "papers/baselines/variogram/README.md" [ "# Variogram" ]

        write folder "papers/baselines/variogram/published/table.csv" [
            columns
            "kriging-table1,variogram,plain,bottle,image_auroc,80.0,,,percent"
        ]

        write folder "papers/baselines/nothing/README.md" [ "# A floor" ]
        write folder "README.md" [ "# Title"; ""; fst IndexFiles.marks; snd IndexFiles.marks; ""; "Rest." ]

        for seed, auroc in [ 0, 0.93; 1, 0.94 ] do
            writeCell folder "kriging" "kriging" "plain" "bottle" seed auroc

        writeCell folder "others" "variogram" "plain" "bottle" 0 0.85
        writeCell folder "others" "nothing" "default" "bottle" 0 0.5
        test folder
    finally
        Directory.Delete(folder, true)

/// The links of a Markdown text: what is shown, and where it leads.
let private links (markdown: string) = [
    for found in Regex.Matches(markdown, @"\[([^\]]*)\]\(([^)\s]+)\)") -> found.Groups[1].Value, found.Groups[2].Value
]

/// Fails unless a link leads to a file that is there, and to an anchor in it.
let private follow (from: string) (target: string) =
    let parts = target.Split '#'
    let path = if parts[0] = "" then from else Path.Combine(nonNull (Path.GetDirectoryName from), Uri.UnescapeDataString parts[0])
    Expect.isTrue (File.Exists path) $"{target} of {from} leads to a file"

    if parts.Length > 1 then
        let text = File.ReadAllText path

        let headings = [
            for line in text.Split '\n' do
                if line.StartsWith "#" then Index.slug (line.TrimStart '#')
        ]

        Expect.isTrue (text.Contains $"id=\"{parts[1]}\"" || List.contains parts[1] headings) $"{target} of {from} leads to an anchor"

    path

let private files =
    testList "files" [
        testCase "a sixth paper, its baseline and a floor appear by themselves, with totals, intervals and networks"
        <| fun () ->
            withRepository (fun folder ->
                let index = Index.gather folder
                let markdown = IndexMarkdown.render index

                Expect.stringStarts
                    (IndexText.totals index)
                    "Of 4 numbers that 1 papers print of their own methods, 2 are measured: 1 met"
                    "totals"

                Expect.stringContains markdown "| kriging | 4 | 2 | 1 | 1 | 0 | 0 | 1 | 1 |" "its totals"
                Expect.stringContains markdown "| variogram | 1 | 1 | 0 | 1 | 0 | 1 | 0 | 0 |" "the baseline's"

                Expect.isMatch
                    markdown
                    @"\| image AUROC \| bottle \| plain \| resnet18 \| 93\.4 \| \[93\.5 ± 0\.7 sd\].* \| 2 \| \d+\.\d to 100\.0 i \|"
                    "its number"

                Expect.isMatch
                    markdown
                    @"\| pixel AUROC \| bottle \| plain \| resnet18 \| 90\.0 .* \| 96\.0 to 96\.0 r \| ▲ above"
                    "over seeds"

                Expect.stringContains markdown "◌ not comparable: 1 of 15 categories" "a mean of which a part was run"
                Expect.isMatch markdown @"\| mvtec bottle \| \[nothing\].* \| \[50\.0\]" "the floor")

        testCase "from every measured number two clicks lead to its record, its scores, its command and the sheet's differences"
        <| fun () ->
            withRepository (fun folder ->
                let index = Index.gather folder
                IndexFiles.write index |> ignore
                let page = Path.Combine(folder, "results", "index.md")

                for _, target in links (File.ReadAllText page) do
                    follow page target |> ignore

                let numbers = links (File.ReadAllText page) |> List.filter (fun (_, target) -> target.Contains "cells.md#")
                Expect.hasLength numbers 6 "three of the paper, one of the baseline, two of the floor"

                for _, target in numbers do
                    let cells = follow page target
                    let anchor = target.Split('#')[1]
                    let line = File.ReadAllLines cells |> Array.find (fun line -> line.Contains $"id=\"{anchor}\"")
                    let targets = links line |> List.map (fun (shown, target) -> shown, follow cells target)
                    Expect.equal (List.map fst targets) [ "record"; "scores"; "sheet" ] "a cell's links"
                    Expect.stringContains line "`scripts/repro run --paper" "its command"
                    let record = RunRecord.parse "" (File.ReadAllText(snd targets[0]))
                    Expect.stringContains line record.Cell "the record of this cell")

        testCase "the index is what the records give, until one changes"
        <| fun () ->
            withRepository (fun folder ->
                IndexFiles.write (Index.gather folder) |> ignore
                Expect.isEmpty (IndexFiles.outdated (Index.gather folder)) "right after writing"
                Expect.stringContains (File.ReadAllText(Path.Combine(folder, "README.md"))) "2 are measured: 1 met" "the line in README.md"
                writeCell folder "kriging" "kriging" "plain" "pill" 0 0.95
                let outdated = IndexFiles.outdated (Index.gather folder) |> List.map (fun path -> Path.GetRelativePath(folder, path))

                for file in
                    [ "README.md"; "results/index.md"; "results/index.html"; "results/tables/numbers.csv"; "results/kriging/cells.md" ] do
                    Expect.contains outdated file "outdated")

        testCase "the tables as files: every printed number, fractions, and LaTeX that compiles its signs"
        <| fun () ->
            withRepository (fun folder ->
                IndexFiles.write (Index.gather folder) |> ignore
                let table = Path.Combine(folder, "results", "tables", "numbers.csv")
                let rows = Csv.read [ "paper"; "published"; "measured"; "n"; "low"; "high"; "verdict"; "cells" ] table

                Expect.equal
                    [ for row in rows -> row "verdict" ]
                    [ "within the spread"; "not comparable: 1 of 15 categories"; "not run"; "above"; "above" ]
                    "all rows"

                Expect.equal (rows.Head "published", rows.Head "measured", rows.Head "n") ("0.934", "0.935", "2") "fractions"
                let latex = File.ReadAllText(Path.Combine(folder, "results", "tables", "kriging.tex"))
                Expect.stringContains latex @"93.5 $\pm$ 0.7 sd" "plus-minus"
                Expect.isNotMatch latex @"[^\\][_%](?!.*needs the packages)" "escaped")

        testCase "a README without marks is told what it lacks"
        <| fun () ->
            withRepository (fun folder ->
                write folder "README.md" [ "# Title" ]
                Expect.throwsT<AnalysisError> (fun () -> IndexFiles.outdated (Index.gather folder) |> ignore) "no marks")

        testCase "a difference leads to the sheet's line about it"
        <| fun () ->
            let sheet =
                Index.readSheet
                    "s"
                    "## Where they differ\n| point | here |\n| --- | --- |\n| schedule | 5 epochs |\n| colour | RGB |\n## Next\n| x | y |\n"

            Expect.equal (sheet.Anchor, sheet.Lines.Length) ("where-they-differ", 2) "the section's table"
            Expect.equal [ for line in Index.linesAbout sheet "epochs 20, not 700" -> line.Point ] [ "schedule" ] "by its setting"
            Expect.equal [ for line in Index.linesAbout sheet "our batch size, colour" -> line.Point ] [ "colour" ] "one of ours"

        testCase "the committed index, its tables, its figures and README's totals are what the records give"
        <| fun () -> Expect.isEmpty (IndexFiles.outdated (Index.gather root)) "make them again with dotnet fsi scripts/index.fsx -- --write"
    ]

/// Opens the index of the made-up repository and fails on whatever the browser complains about or asks the network for.
let private onPage (test: IPage -> string -> unit) =
    withChromium (fun browser ->
        withRepository (fun folder ->
            IndexFiles.write (Index.gather folder) |> ignore
            let page = browser.NewPageAsync() |> await
            let complaints = complaintsOf page
            page.GotoAsync $"file://{folder}/results/index.html" |> await |> ignore
            test page folder
            Expect.isEmpty complaints "console errors and requests"))

let private page =
    testSequenced
    <| testList "page" [
        testCase "a click on a number shows its cells with curves, command, the sheet's words; a second one opens the record"
        <| fun () ->
            onPage (fun page folder ->
                page.Locator("#numbers tbody tr:not([hidden]) a.tell").First.ClickAsync() |> wait
                let text = page.Locator("dialog").InnerTextAsync() |> await

                for words in
                    [
                        "kriging.plain.mvtec.bottle.seed0.paper"
                        "seed1"
                        "scripts/repro run --paper kriging"
                        "epochs 5, not 700"
                        "schedule: 700 epochs | 5 epochs"
                        "pixel maps are not kept"
                    ] do
                    Expect.stringContains text words "dialog"

                Expect.equal (page.Locator("dialog .roc").CountAsync() |> await) 2 "a curve a seed"
                let links = page.EvaluateAsync<string[]> "[...document.querySelectorAll('dialog a')].map(a => a.href)" |> await
                Expect.hasLength links 5 "the sheet, two records, two scores"

                for link in links do
                    Expect.isTrue (File.Exists(Uri(link).LocalPath)) $"{link} is there"

                page.Keyboard.PressAsync "Escape" |> wait
                Expect.isFalse (page.Locator("dialog").IsVisibleAsync() |> await) "closed")

        testCase "a point of a chart leads to its row"
        <| fun () ->
            onPage (fun page _ ->
                page.Locator("#numbers select[name=metric]").SelectOptionAsync "pixel_auroc" |> await |> ignore

                page.EvaluateAsync "document.querySelector('#scatters a').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
                |> await
                |> ignore

                let row = (page.EvaluateAsync<string> "location.hash" |> await).Substring 1
                page.Locator($"#{row}").WaitForAsync() |> wait)

        testCase "a phone shows published, measured and verdict, in light and dark, and nothing runs out of its width"
        <| fun () ->
            onPage (fun page _ ->
                page.SetViewportSizeAsync(360, 740) |> wait

                for scheme in [ ColorScheme.Light; ColorScheme.Dark ] do
                    page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = scheme)) |> wait

                    let overflow =
                        page.EvaluateAsync<int> "document.documentElement.scrollWidth - document.documentElement.clientWidth" |> await

                    Expect.isLessThanOrEqual overflow 0 $"{scheme}"

                for title in [ "published"; "measured"; "verdict" ] do
                    let right =
                        page.EvaluateAsync<float>
                            $"[...document.querySelectorAll('#numbers th')].find(th => th.textContent.trim() === '{title}')\
                              .getBoundingClientRect().right"
                        |> await

                    Expect.isLessThanOrEqual right 360.0 $"{title} is in sight"
                    Expect.isTrue (page.Locator($"#numbers th:has-text('{title}')").First.IsVisibleAsync() |> await) title)
    ]

[<Tests>]
let tests = testList "index" [ intervals; curves; files; page ]
