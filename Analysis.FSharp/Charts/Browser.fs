/// Chromium or Chrome without a window.
module Reproduction.Analysis.Browser

open System
open System.Diagnostics
open System.IO

/// How to get what find does not find.
let missing = "there is no Chromium or Chrome on the PATH; 'apt-get install chromium' installs one"

/// The browser's program, where one is on the PATH.
let find () =
    [ "chromium"; "chromium-browser"; "google-chrome"; "google-chrome-stable"; "chrome" ]
    |> List.collect (fun name -> [
        for folder in (Environment.GetEnvironmentVariable "PATH" |> Option.ofObj |> Option.defaultValue "").Split ':' ->
            Path.Combine(folder, name)
    ])
    |> List.tryFind File.Exists

/// Arguments that keep the browser off the network, away from the user's profile and usable as root.
let quietArguments profile = [
    "--headless"
    "--no-sandbox"
    "--disable-gpu"
    "--disable-dev-shm-usage"
    "--disable-background-networking"
    "--disable-component-update"
    "--disable-sync"
    "--no-first-run"
    "--hide-scrollbars"
    $"--user-data-dir={profile}"
]

/// Runs the browser with a fresh profile and gives its standard output. Raises AnalysisError when it fails or takes over a minute.
let run (program: string) (arguments: string list) =
    let profile = Directory.CreateTempSubdirectory "reproduction-browser-"

    try
        let start = ProcessStartInfo(program, quietArguments profile.FullName @ arguments)
        start.RedirectStandardOutput <- true
        start.RedirectStandardError <- true

        match Process.Start start with
        | null -> raise (AnalysisError $"{program} could not be started")
        | browser ->
            use browser = browser
            browser.ErrorDataReceived.Add ignore
            browser.BeginErrorReadLine()
            let output = browser.StandardOutput.ReadToEndAsync()

            if not (output.Wait(TimeSpan.FromMinutes 1.0)) then
                browser.Kill true
                raise (AnalysisError $"{program} did not answer within a minute")

            browser.WaitForExit()

            if browser.ExitCode <> 0 then raise (AnalysisError $"{program} failed with exit code {browser.ExitCode}")

            output.Result
    finally
        profile.Delete true
