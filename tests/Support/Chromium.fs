/// A real Chromium for tests of pages and figures.
module Reproduction.Tests.Chromium

open System.Text.RegularExpressions
open System.Threading.Tasks
open Expecto
open Microsoft.Playwright
open Reproduction.Analysis

let wait (task: Task) = task.GetAwaiter().GetResult()
let await (task: Task<'T>) = task.GetAwaiter().GetResult()

/// What a page complains of from now on: errors of its scripts, and requests that leave the machine.
let complaintsOf (page: IPage) =
    let complaints = ResizeArray<string>()
    page.Console.Add(fun message -> if message.Type = "error" then complaints.Add message.Text)
    page.PageError.Add complaints.Add
    page.Request.Add(fun request -> if not (Regex.IsMatch(request.Url, "^(file|data|blob):")) then complaints.Add request.Url)
    complaints

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
