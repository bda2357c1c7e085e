/// What scripts/*.fsx run: each returns the process's exit code (0 success, 1 failure, 2 wrong arguments).
module Reproduction.Analysis.Commands

open System
open System.Diagnostics
open System.IO

/// The values after each --option; options that stand alone have none.
let private parse (known: string list) (args: string[]) =
    let rec read (args: string list) found =
        match args with
        | [] -> Ok found
        | name :: rest when List.contains name known ->
            let values = rest |> List.takeWhile (fun value -> not (value.StartsWith "--"))
            read (List.skip values.Length rest) (Map.add name (Map.tryFind name found |> Option.defaultValue [] |> fun old -> old @ values) found)
        | unknown :: _ -> Error $"unknown argument '{unknown}'; the options are {String.Join(' ', known)}"

    read (List.ofArray args |> List.filter ((<>) "--")) Map.empty

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

/// scripts/report.fsx: writes a run's report, or checks it against its records.
let report (root: string) (args: string[]) : int =
    let usage =
        "dotnet fsi scripts/report.fsx -- --run DIR [DIR ...] [--check]\n\
         Writes DIR/report.md, DIR/figures/*.svg and DIR/index.html from the run records in DIR/runs.\n\
         --check writes nothing; it fails when a report differs from what its records give."

    match parse [ "--run"; "--check"; "--help" ] args with
    | Ok options when options.ContainsKey "--help" ->
        printfn "%s" usage
        0
    | Ok options when options.TryFind "--run" |> Option.exists (List.isEmpty >> not) ->
        guarded (fun () ->
            let runs = options["--run"]

            if options.ContainsKey "--check" then
                match runs |> List.collect (Report.outdated root) with
                | [] ->
                    printfn "%d reports are what their records give" runs.Length
                    0
                | files ->
                    for file in files do
                        eprintfn "%s differs from what its run records give; make it again with scripts/report.fsx" file

                    1
            else
                for run in runs do
                    for file in Report.write (eprintfn "%s") root run do
                        printfn "%s" file

                0)
    | Ok _ ->
        eprintfn "--run is missing\n%s" usage
        2
    | Error problem ->
        eprintfn "%s\n%s" problem usage
        2

/// Starts scripts/repro with the terminal as its own, so that its progress shows.
let private repro root (arguments: string list) =
    let start = ProcessStartInfo(Path.Combine(root, "scripts", "repro"), arguments)

    match Process.Start start with
    | null -> raise (AnalysisError "scripts/repro could not be started")
    | started ->
        started.WaitForExit()

        if started.ExitCode <> 0 then
            raise (AnalysisError $"scripts/repro {String.Join(' ', arguments)} failed with exit code {started.ExitCode}")

/// Runs what is missing of an ablation, prints its table and writes it with its chart into the run's folder.
/// name: of the script, without ablate-; variants: record variants in the order in which they are shown.
let ablate (root: string) (name: string) (title: string) (paper: string) (variants: string[]) (metrics: string[]) (args: string[]) : int =
    let usage =
        $"{title}\n\
          dotnet fsi scripts/{name}.fsx -- [--data DIR --weights DIR] [--category C ...] [--profile paper|quick] [--seed N] [--out DIR]\n\
          Shows the finished cells of {paper} in DIR (results/{paper}): {String.Join(' ', variants)}.\n\
          With --data and --weights it runs the missing ones first; a finished cell is never run again."

    match parse [ "--data"; "--weights"; "--category"; "--profile"; "--seed"; "--out"; "--help" ] args with
    | Error problem ->
        eprintfn "%s\n%s" problem usage
        2
    | Ok options when options.ContainsKey "--help" ->
        printfn "%s" usage
        0
    | Ok options ->
        guarded (fun () ->
            let values option = options.TryFind option |> Option.defaultValue []
            let run = values "--out" |> List.tryHead |> Option.defaultValue (Path.Combine(root, "results", paper))

            if not (values "--data").IsEmpty then
                [ "run"; "--paper"; paper; "--out"; run ]
                @ (if (values "--profile").IsEmpty then [ "--profile"; "paper" ] else [])
                @ [ for variant in variants do
                        yield! [ "--variant"; variant ] ]
                @ [ for option in [ "--data"; "--weights"; "--category"; "--profile"; "--seed" ] do
                        for value in values option do
                            yield! [ option; value ] ]
                |> repro root

            let records =
                RunRecord.readAll run
                |> List.filter (fun record -> record.Paper = paper && Array.contains record.Variant variants)
                |> List.filter (fun record -> (values "--category").IsEmpty || List.contains record.Category (values "--category"))

            match variants |> Array.filter (fun variant -> not (records |> List.exists (fun record -> record.Variant = variant))) with
            | [||] -> ()
            | missing -> eprintfn "not run yet: %s; run them with --data DIR --weights DIR" (String.Join(", ", missing))

            let ablation = Ablation.ofRecords name title (List.ofArray variants) (List.ofArray metrics) records
            printfn "%s" (Ablation.toMarkdown ablation)

            for file in Ablation.write (eprintfn "%s") root run ablation do
                printfn "%s" file

            0)
