/// Runs every value marked [<Tests>] of this assembly; the last line of the output is `N passed, N failed`.
module Reproduction.Tests.Main

open System
open System.IO
open Expecto
open Expecto.Impl
open Repro.Verbs
open Reproduction.Tests.Workers

let private shownSlowest, leastShown = 10, 1.0

/// As the command does it before the first convolution: its processes and this one then compute alike, to the bit.
let private settle () = ProcessorCheck.Settle(Path.Combine(AppContext.BaseDirectory, "repro.dll"))

let private ended (summary: TestRunSummary) = {
    Passed = summary.passed.Length
    Failed = summary.failed.Length + summary.errored.Length
    Skipped = [
        for _, result in summary.ignored do
            match result.result with
            | Ignored reason -> reason
            | _ -> ""
    ]
    Slow =
        summary.results
        |> List.map (fun (test, result) -> JoinWith.Dot.format test.name, result.meanDuration / 1000.0)
        |> List.filter (fun (_, seconds) -> seconds >= leastShown)
}

let private print ended =
    if not ended.Slow.IsEmpty then Console.WriteLine "slowest:"

    for name, seconds in ended.Slow |> List.sortByDescending snd |> List.truncate shownSlowest do
        Console.WriteLine $"  %6.1f{seconds} s  {name}"

    for reason, count in List.countBy id ended.Skipped do
        Console.WriteLine $"skipped {count}: {reason}"

    let skipped = if ended.Skipped.IsEmpty then "" else $", {ended.Skipped.Length} skipped"
    Console.WriteLine $"{ended.Passed} passed, {ended.Failed} failed{skipped}"

/// Runs tests with Expecto's arguments: its exit code, and how they ended where any was run.
let private runHere args test =
    let mutable summary = None
    let remember = Append_Summary_Handler(SummaryHandler(fun result -> summary <- Some(ended result)))
    let exitCode = runTestsWithCLIArgs [ remember; if Console.IsOutputRedirected then Colours 0 ] args test
    exitCode, summary

let private all () = testFromThisAssembly () |> Option.defaultValue (testList "" [])

let private lists () = Test.toTestCodeList (all ()) |> List.map (fun test -> List.head test.name) |> List.distinct

let private runList name =
    match runHere [| "--no-spinner" |] (Test.filter "." (fun path -> List.head path = name) (all ())) with
    | _, Some ended -> ended
    | _, None -> failwith $"no test of '{name}' was run"

let private runWithArguments args =
    settle ()

    match runHere args (all ()) with
    | exitCode, None -> exitCode
    | exitCode, Some ended ->
        if ended.Passed + ended.Failed + ended.Skipped.Length = 0 then
            eprintfn "No test was run: no full name starts with what --filter gives; --list-tests prints them."
            1
        else
            print ended
            exitCode

let private runOnWorkers () =
    settle ()
    let ended = Workers.run (lists ())
    print ended
    if ended.Failed > 0 then 1 else 0

[<EntryPoint>]
let main args =
    match args with
    | [| SavedModels.Argument; folder |] ->
        SavedModels.score folder
        0
    | [| ManyCommands.Argument; file |] ->
        ManyCommands.answer file
        0
    | [| Workers.Argument |] ->
        settle ()
        Workers.work runList
        0
    | [||] when Workers.count > 1 -> runOnWorkers ()
    | _ -> runWithArguments args
