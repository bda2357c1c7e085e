/// A real Chromium for tests of pages and figures.
module Reproduction.Tests.Chromium

open System.Threading.Tasks
open Expecto
open Microsoft.Playwright
open Reproduction.Analysis

let wait (task: Task) = task.GetAwaiter().GetResult()
let await (task: Task<'T>) = task.GetAwaiter().GetResult()

/// Works with a browser that is closed afterwards; the test is skipped where there is none.
let withChromium (work: IBrowser -> 'T) : 'T =
    match Browser.find () with
    | None -> skiptest Browser.missing
    | Some chromium ->
        use playwright = Playwright.CreateAsync() |> await

        let browser =
            playwright.Chromium.LaunchAsync(BrowserTypeLaunchOptions(ExecutablePath = chromium, Args = [ "--no-sandbox"; "--disable-gpu" ]))
            |> await

        try
            work browser
        finally
            browser.CloseAsync() |> wait
