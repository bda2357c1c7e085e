/// Many `repro` commands in one process apart from the tests': `Tests.dll --commands FILE` runs the lines of a file and writes the answers
/// beside it. What ends that process ends it alone, and the command that did it is the one without an answer.
module Reproduction.Tests.ManyCommands

open System
open System.IO
open System.Text.Json
open Repro

/// The argument that makes the test program such a process.
[<Literal>]
let Argument = "--commands"

/// The exit code of a command and all that it printed.
type Answer = { Code: int; Told: string }

let private answers file = file + ".answers"

/// Runs the commands of a file, each a line with a JSON array of arguments.
let answer (file: string) =
    for line in File.ReadLines file do
        use output = new StringWriter()
        use error = new StringWriter()
        let code = CommandLine.Run(nonNull (JsonSerializer.Deserialize<string[]> line), output, error)
        let told = output.ToString() + error.ToString()
        File.AppendAllText(answers file, JsonSerializer.Serialize { Code = code; Told = told } + "\n")

/// Has another process run the commands; where it ends early, the command that ended it and those after it have the words of its end.
let run (folder: string) (environment: (string * string) list) (commands: string list list) =
    let file = Path.Combine(folder, "commands")
    File.WriteAllLines(file, [ for command in commands -> JsonSerializer.Serialize(List.toArray command) ])

    let arguments = [ Path.Combine(AppContext.BaseDirectory, "Tests.dll"); Argument; file ]
    let child = AwaitedProcess.call [ for name, value in environment -> name, Some value ] Environment.CurrentDirectory "dotnet" arguments

    let given =
        if File.Exists(answers file) then
            [ for line in File.ReadLines(answers file) -> nonNull (JsonSerializer.Deserialize<Answer> line) ]
        else
            []

    let ended = { Code = child.ExitCode; Told = $"the process ended, exit code {child.ExitCode}: {child.Error}" }
    given @ List.replicate (commands.Length - given.Length) ended
