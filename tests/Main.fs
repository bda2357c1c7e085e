/// Runs every value marked [<Tests>] of this assembly; the last line of the output is `N passed, N failed`.
module Reproduction.Tests.Main

open System
open System.IO
open Expecto
open Expecto.Impl
open Repro.Verbs

let private printSlowest (summary: TestRunSummary) =
    let slow =
        summary.results
        |> List.filter (fun (_, result) -> result.meanDuration >= 1000.0)
        |> List.sortByDescending (fun (_, result) -> result.meanDuration)
        |> List.truncate 10

    if not slow.IsEmpty then System.Console.WriteLine "slowest:"

    for test, result in slow do
        System.Console.WriteLine $"  %6.1f{result.meanDuration / 1000.0} s  {test.fullName JoinWith.Dot.asString}"

let private runTests args =
    // As the command does it before the first convolution: its processes and this one then compute alike, to the bit.
    ProcessorCheck.Settle(Path.Combine(AppContext.BaseDirectory, "repro.dll"))
    let mutable summary = None
    let remember = Append_Summary_Handler(SummaryHandler(fun result -> summary <- Some result))
    let exitCode = runTestsInAssemblyWithCLIArgs [ remember; if System.Console.IsOutputRedirected then Colours 0 ] args

    match summary with
    | None -> exitCode
    | Some summary ->
        printSlowest summary
        let failed = summary.failed.Length + summary.errored.Length
        let skipped = if summary.ignored.IsEmpty then "" else $", {summary.ignored.Length} skipped"

        if summary.results.IsEmpty then
            eprintfn "No test was run: no full name starts with what --filter gives; --list-tests prints them."

        System.Console.WriteLine $"{summary.passed.Length} passed, {failed} failed{skipped}"
        if summary.results.IsEmpty then 1 else exitCode

[<EntryPoint>]
let main args =
    match args with
    | [| SavedModels.Argument; folder |] ->
        SavedModels.score folder
        0
    | [| ManyCommands.Argument; file |] ->
        ManyCommands.answer file
        0
    | _ -> runTests args
