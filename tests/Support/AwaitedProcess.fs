/// A program as a process of its own, awaited to its end.
module Reproduction.Tests.AwaitedProcess

open System
open System.Diagnostics
open Expecto

/// What a process left behind.
type Ended = { ExitCode: int; Output: string; Error: string }

/// Runs a program in a folder to its end; a variable of the environment without a value is taken out of it. A process that takes twenty
/// minutes is killed and the test fails.
let call (environment: (string * string option) list) (folder: string) (program: string) (arguments: string list) =
    let start =
        ProcessStartInfo(program, arguments, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in environment do
        match value with
        | Some value -> start.Environment[name] <- value
        | None -> start.Environment.Remove name |> ignore

    use running = nonNull (Process.Start start)
    let output, error = running.StandardOutput.ReadToEndAsync(), running.StandardError.ReadToEndAsync()

    if not (running.WaitForExit(TimeSpan.FromMinutes 20.0)) then
        running.Kill true
        failtest $"{program} {arguments} did not end: {output.Result} {error.Result}"

    { ExitCode = running.ExitCode; Output = output.Result; Error = error.Result }

/// The same where only success will do: its standard output.
let succeeds environment folder program arguments =
    let ended = call environment folder program arguments
    Expect.equal ended.ExitCode 0 $"{program} {arguments}: {ended.Output} {ended.Error}"
    ended.Output
