/// The page of `score` in a real Chromium.
module Reproduction.Tests.ResultPages

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Microsoft.Playwright
open Repro
open Reproduction.Analysis
open Reproduction.Imaging
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.Chromium
open Reproduction.Tests.ReproProcess


/// A scored folder of a method that localises and of one that does not, with a name that is no HTML.
let private bench =
    sharedFolder (fun at ->
        let write (name: string) split (defect: string) index =
            let photograph = cloth split defect index

            // A few images of a short training find only what nobody misses.
            if defect <> "good" then
                for y in 100..139 do
                    Array.fill photograph.Pixels (3 * (y * photograph.Width + 100)) 120 12uy

            writePicture at[name] photograph

        for index in 0..11 do
            write $"train/{index}.png" "train" "good" index

        for index in 0..7 do
            write $"new/good/{index}.png" "test" "good" index
            write $"new/hole/<b>&{index} #?.png" "test" "hole" index

        File.WriteAllText(at["new/hole/torn.png"], "no picture")

        for method, variant in [ "dfr", "resnet18_cntk+image_size=64"; "gaussian", "resnet18_cntk-mahalanobis+image_size=64" ] do
            let model = at[$"{method}.model"]
            let fit = [ "fit"; "--method"; method; "--variant"; variant; "--profile"; "smoke"; "--train"; at["train"] ]
            let code, output = told (fit @ [ "--weights"; packaged; "--out"; model ])
            if code <> 0 then failwith output
            let score = [ "score"; "--model"; model; "--weights"; packaged; at["new"]; "--recursive"; "--labels"; "folders" ]
            let code, output = told (score @ [ "--out"; at[method] ])
            if code <> 1 then failwith output)

/// Opens the page of a method at a width, and gives what the browser complained about or asked the network for.
let private inBrowser method width dark (test: IPage -> unit) =
    withChromium (fun browser ->
        let bench = bench.Value
        let scheme = if dark then ColorScheme.Dark else ColorScheme.Light

        let page =
            browser.NewPageAsync(BrowserNewPageOptions(ViewportSize = ViewportSize(Width = width, Height = 900), ColorScheme = scheme))
            |> await

        let complaints = complaintsOf page
        page.RequestFailed.Add(fun request -> complaints.Add $"not there: {request.Url}")
        page.GotoAsync $"file://{bench[method]}/index.html" |> await |> ignore
        page.WaitForLoadStateAsync(LoadState.NetworkIdle) |> wait
        test page
        Expect.isEmpty complaints "no complaint, no request")

let private text (page: IPage) (selector: string) = page.Locator(selector).First.InnerTextAsync() |> await
let private count (page: IPage) (selector: string) = page.Locator(selector).CountAsync() |> await

let private scores method = [|
    for line in File.ReadAllLines(bench.Value[method + "/scores.csv"])[1..] do
        let row = line.Split ','
        if row[1] <> "" then float row[1], row[6]
|]

let private overflow (page: IPage) =
    page.EvaluateAsync<int> "document.documentElement.scrollWidth - document.documentElement.clientWidth" |> await

[<Tests>]
let tests =
    testSequenced
    <| testList "result page" [
        testCase "the slider rejudges all pictures at once, by keyboard; filter, sort and the confusion follow"
        <| fun () ->
            inBrowser "dfr" 1280 false (fun page ->
                let all = scores "dfr"
                let above threshold = all |> Array.filter (fun (score, _) -> score >= threshold) |> Array.length
                Expect.equal (text page "#count") $"17 images, {above 1.0} judged defective, 1 not judged" "as score judged"
                Expect.equal (count page "#main > li.defective") (above 1.0) "cards"
                page.Locator("#slider").FocusAsync() |> wait
                let before = page.Locator("#slider").InputValueAsync() |> await |> float

                for _ in 1..40 do
                    page.Keyboard.PressAsync "ArrowLeft" |> wait

                let after = page.Locator("#slider").InputValueAsync() |> await |> float
                Expect.isLessThan after before "the arrow key moves it"
                Expect.equal (text page "#count") $"17 images, {above after} judged defective, 1 not judged" "rejudged"
                Expect.equal (count page "#main > li.defective") (above after) "all cards"

                for threshold in [ -1000.0; 0.25; 1.5; 1000.0 ] do
                    page.Locator("#threshold").FillAsync(string threshold) |> wait
                    page.Locator("#threshold").PressAsync "Enter" |> wait
                    let kind label reach = all |> Seq.filter (fun (score, is) -> is = label && (score >= threshold) = reach) |> Seq.length
                    Expect.equal (text page "#tp") (string (kind "defective" true)) "found"
                    Expect.equal (text page "#fp") (string (kind "good" true)) "false alarms"
                    Expect.equal (text page "#tn") (string (kind "good" false)) "passed"
                    Expect.equal (text page "#fn") (string (kind "defective" false)) "missed"

                page.Locator("#own").ClickAsync() |> wait
                Expect.stringStarts (text page "#count") $"17 images, {above 1.0} judged" "the model's own"

                for filter, wanted in [ "defective", above 1.0; "good", 16 - above 1.0; "unreadable", 1; "all", 17 ] do
                    page.Locator($"input[name=filter][value={filter}]").CheckAsync() |> wait
                    Expect.equal (count page "#main > li") wanted filter

                page.Locator("#sort").SelectOptionAsync("low") |> await |> ignore
                let told = page.Locator("#main > li:not(.unreadable) p:nth-of-type(2)").AllInnerTextsAsync() |> await
                let found = [ for each in told -> float (Regex.Match(each, "score (-?[0-9.e-]+)").Groups[1].Value) ]
                Expect.equal found (List.sort found) "lowest first")

        testCase "photograph beside overlay, boxes, milliseconds, links; names are text"
        <| fun () ->
            inBrowser "dfr" 1280 true (fun page ->
                Expect.equal (count page "#main img[alt^=photograph]") 16 "photographs"
                Expect.equal (count page "#main img[alt^='heat map']") 16 "heat maps"
                Expect.equal (count page "#main b") 0 "a name is no HTML"
                Expect.isTrue ((text page "#main").Contains "<b>&0 #?.png") "but is told as it is"
                Expect.isGreaterThan (count page "svg.box rect.over") 0 "boxes"
                Expect.isTrue (Regex.IsMatch(text page "#main", @"[0-9.]+ ms")) "milliseconds"
                let links = page.EvaluateAsync<string[]> "[...document.querySelectorAll('#main p a')].map(a => a.href)" |> await
                Expect.hasLength links 17 "links"

                for link in links do
                    Expect.isTrue (File.Exists(Uri(link).LocalPath)) $"{link} leads to its file"

                let loaded =
                    page.EvaluateAsync<int>
                        "Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode().then(() => 1, () => 0); }))
                             .then(all => all.reduce((a, b) => a + b, 0))"
                    |> await

                Expect.equal loaded 32 "all pictures are there"
                page.Locator("#boxes").UncheckAsync() |> wait
                Expect.equal (page.Locator("svg.box").First.IsVisibleAsync() |> await) false "boxes go")

        testCase "a phone's width, light and dark: nothing is cut off, everything is reached by Tab"
        <| fun () ->
            for dark in [ false; true ] do
                inBrowser "dfr" 390 dark (fun page ->
                    Expect.isLessThanOrEqual (overflow page) 0 "no sideways scrolling"

                    let reached =
                        set [
                            for _ in 1..12 do
                                page.Keyboard.PressAsync "Tab" |> wait
                                page.EvaluateAsync<string> "document.activeElement.id || document.activeElement.name" |> await
                        ]

                    for name in [ "slider"; "threshold"; "own"; "filter"; "sort"; "boxes" ] do
                        Expect.isTrue (reached.Contains name) $"{name} is reached: {reached}"

                    let unnamed =
                        page.EvaluateAsync<int>
                            "[...document.querySelectorAll('input, select, button, img')]
                                 .filter(e => !(e.labels?.length || e.ariaLabel || e.textContent || e.alt)).length"
                        |> await

                    Expect.equal unnamed 0 "every control has a name")

        testCase "a method that localises nothing shows its photographs and says so"
        <| fun () ->
            inBrowser "gaussian" 1280 false (fun page ->
                Expect.stringContains (text page "#note") "localises nothing" "told"
                Expect.equal (count page "#main img[alt^=photograph]") 16 "photographs"
                Expect.equal (count page "#main img[alt^='heat map']") 0 "no heat maps"
                Expect.equal (page.Locator("#boxes").IsVisibleAsync() |> await) false "no boxes")
    ]
