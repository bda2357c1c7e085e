namespace Reproduction.Analysis

open System
open System.Diagnostics
open System.IO

/// A call of one of scripts/*.fsx.
type Script = {
    /// The repository.
    Root: string
    /// The script's name without its extension.
    Name: string
    /// What stands after it and "--".
    Arguments: string list
}

/// What all of scripts/*.fsx do: read their options, tell their usage, and end with an exit code (0 success, 1 failure, 2 wrong arguments).
module Script =

    /// The call as a script sees it: its folder and fsi.CommandLineArgs.
    let ofCall (folder: string) (commandLine: string[]) : Script = {
        Root = Path.GetFullPath(Path.Combine(folder, ".."))
        Name = Path.GetFileNameWithoutExtension commandLine[0] |> string
        Arguments = commandLine |> List.ofArray |> List.tail |> List.filter ((<>) "--")
    }

    /// The values after each --option; options that stand alone have none.
    let private parse (known: string list) (args: string list) =
        let rec read (args: string list) found =
            match args with
            | [] -> Ok found
            | name :: rest when List.contains name known ->
                let values = rest |> List.takeWhile (fun value -> not (value.StartsWith "--"))

                read
                    (List.skip values.Length rest)
                    (Map.add name (Map.tryFind name found |> Option.defaultValue [] |> fun old -> old @ values) found)
            | unknown :: _ -> Error $"unknown argument '{unknown}'; the options are {String.Join(' ', known)}"

        read args Map.empty

    let private guarded (action: unit -> int) =
        try
            action ()
        with
        | AnalysisError message ->
            eprintfn "%s" message
            1
        | :? IOException as e ->
            eprintfn "%s" e.Message
            1

    /// Runs a command with its options, or answers --help and wrong arguments with its usage.
    let command known (usage: string) args (run: Map<string, string list> -> int) =
        match parse known args with
        | Error problem ->
            eprintfn "%s\n%s" problem usage
            2
        | Ok options when options.ContainsKey "--help" ->
            printfn "%s" usage
            0
        | Ok options -> guarded (fun () -> run options)

    /// Runs scripts/repro with the terminal as its own, so that its progress shows. Cells that fail leave the others to be shown.
    let repro root (arguments: string list) =
        let start = ProcessStartInfo(Path.Combine(root, "scripts", "repro"), arguments)

        match Process.Start start with
        | null -> raise (AnalysisError "scripts/repro could not be started")
        | started ->
            started.WaitForExit()

            if started.ExitCode <> 0 then
                eprintfn "scripts/repro ended with exit code %d; what follows shows the cells that are finished" started.ExitCode
