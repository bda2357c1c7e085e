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

/// What scripts/*.fsx run: each returns the process's exit code (0 success, 1 failure, 2 wrong arguments).
module Commands =

    /// The call as a script sees it: its folder and fsi.CommandLineArgs.
    let script (folder: string) (commandLine: string[]) : Script = {
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
    let private command known (usage: string) args (run: Map<string, string list> -> int) =
        match parse known args with
        | Error problem ->
            eprintfn "%s\n%s" problem usage
            2
        | Ok options when options.ContainsKey "--help" ->
            printfn "%s" usage
            0
        | Ok options -> guarded (fun () -> run options)

    /// scripts/report.fsx: writes a run's report, or checks it against its records.
    let report (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/report.fsx -- [--run DIR [DIR ...]] [--check] [--means]\n\
             Writes DIR/report.md, DIR/figures/*.svg and DIR/index.html from the run records in DIR/runs.\n\
             Without --run: of every folder under results that has a report.\n\
             --check writes nothing; it fails when a report differs from what its records give.\n\
             --means prints the mean over the cells of each method on each data set, too."

        command [ "--run"; "--check"; "--means"; "--help" ] usage script.Arguments (fun options ->
            let runs = options.TryFind "--run" |> Option.defaultWith (fun () -> Report.committed root)

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

                    if options.ContainsKey "--means" then
                        let records = RunRecord.readAll run
                        printfn "\n%d cells measured" records.Length
                        Text.means records |> List.iter (printfn "%s")

                0)

    /// Runs scripts/repro with the terminal as its own, so that its progress shows. Cells that fail leave the others to be shown.
    let private repro root (arguments: string list) =
        let start = ProcessStartInfo(Path.Combine(root, "scripts", "repro"), arguments)

        match Process.Start start with
        | null -> raise (AnalysisError "scripts/repro could not be started")
        | started ->
            started.WaitForExit()

            if started.ExitCode <> 0 then
                eprintfn "scripts/repro ended with exit code %d; what follows shows the cells that are finished" started.ExitCode

    /// The profile under which most of these records were made; the paper's where there are none.
    let private commonest (records: RunRecord list) =
        match records |> List.countBy _.Profile with
        | [] -> "paper"
        | counts -> counts |> List.maxBy (fun (profile, count) -> count, profile) |> fst

    /// Runs what is missing of an ablation and prints its table; with --write it goes with its chart into the run's folder.
    let private show title paper (variants: string list) build (script: Script) =
        let list = String.concat " " variants

        let usage =
            $"{title}\n\
              dotnet fsi scripts/{script.Name}.fsx -- [--data DIR --weights DIR] [--dataset NAME] [--category C ...] [--profile paper|quick] [--seed N ...] [--out DIR] [--write]\n\
              Prints the finished cells of {paper} in DIR (results/{paper}) of these variants:\n{list}\n\
              --variant V ... shows others, --dataset another data set than mvtec, --profile another profile than the one with the most records.\n\
              --write also writes the table and its chart into DIR. With --data and --weights it runs the missing cells first;\n\
              a finished cell is not run again."

        command
            [ "--data"; "--weights"; "--dataset"; "--category"; "--variant"; "--profile"; "--seed"; "--out"; "--write"; "--help" ]
            usage
            script.Arguments
            (fun options ->
                let values option = options.TryFind option |> Option.defaultValue []
                let run = values "--out" |> List.tryHead |> Option.defaultValue (Path.Combine(script.Root, "results", paper))
                let dataset = values "--dataset" |> List.tryHead |> Option.defaultValue "mvtec"
                let variants = if (values "--variant").IsEmpty then variants else values "--variant"

                let finished () =
                    RunRecord.readAll run
                    |> List.filter (fun record ->
                        record.Paper = paper
                        && record.Dataset = dataset
                        && List.contains record.Variant variants
                        && ((values "--category").IsEmpty || List.contains record.Category (values "--category")))

                let profile = values "--profile" |> List.tryHead |> Option.defaultWith (fun () -> commonest (finished ()))

                if not (values "--data").IsEmpty then
                    [ "run"; "--paper"; paper; "--out"; run; "--profile"; profile; "--variant" ]
                    @ variants
                    @ [
                        for option in [ "--data"; "--weights"; "--category"; "--seed" ] do
                            if options.ContainsKey option then
                                option
                                yield! values option
                    ]
                    |> repro script.Root

                let records = finished () |> List.filter (fun record -> record.Profile = profile)

                match variants |> List.filter (fun variant -> not (records |> List.exists (fun record -> record.Variant = variant))) with
                | [] -> ()
                | missing ->
                    let missing = String.concat ", " missing
                    eprintfn $"not run yet on {dataset} under the {profile} profile: {missing}; --data DIR --weights DIR runs them"

                if records.IsEmpty then
                    raise (
                        AnalysisError $"{run} has no record of these variants on {dataset} under the {profile} profile: nothing to show"
                    )

                let ablation: Ablation = build script.Name title variants records
                printfn "%s" (Ablation.toText ablation)

                if options.ContainsKey "--write" then
                    for file in Ablation.write (eprintfn "%s") script.Root run ablation do
                        printfn "%s" file

                0)

    /// Variants of one paper beside one another, a column per metric; runs the missing cells where it is given data.
    let ablate title paper (variants: string list) (metrics: string list) (script: Script) : int =
        show title paper variants (Ablation.byMetric metrics) script

    /// Variants of one paper beside one another category by category, a row per metric and category, with a chart for each metric.
    let ablateCategories title paper (variants: string list) (metrics: string list) (script: Script) : int =
        show title paper variants (Ablation.byCategory metrics) script

    /// The levels of a sum beside one another, a column per variant.
    let ablateLevels title paper (variants: string list) (script: Script) : int = show title paper variants Ablation.byLevel script

    /// The rates that n-sigma thresholds promise and achieve.
    let calibrate title paper (variants: string list) (script: Script) : int = show title paper variants Ablation.workingPoint script

    /// All methods on the same images: for each network of each the variant that is nearest to the paper, with accuracy and time.
    let comparePapers (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/compare-papers.fsx -- [--run DIR ...] [--dataset NAME] [--category C ...] [--profile paper|quick] [--out DIR] [--write]\n\
             Sets all methods with records in the run folders (all under results/) beside one another, category by category, each on each of its networks by its\n\
             most faithful finished variant; the rule, which looks at no score, is printed with the table. --profile takes the records of one profile only.\n\
             --write writes compare-papers.md with its charts into DIR (results/)."

        command [ "--run"; "--dataset"; "--category"; "--profile"; "--out"; "--write"; "--help" ] usage script.Arguments (fun options ->
            let values option = options.TryFind option |> Option.defaultValue []
            let single option otherwise = values option |> List.tryHead |> Option.defaultValue otherwise
            let runs = if (values "--run").IsEmpty then Index.runs root else values "--run"

            let records =
                runs
                |> List.collect RunRecord.readAll
                |> List.filter (fun record ->
                    record.Dataset = single "--dataset" "mvtec"
                    && record.Profile <> "smoke"
                    && ((values "--profile").IsEmpty || List.contains record.Profile (values "--profile"))
                    && ((values "--category").IsEmpty || List.contains record.Category (values "--category")))

            if records.IsEmpty then
                raise (
                    AnalysisError
                        "no run folder has a record of that data set and profile; name folders with --run, or run cells with scripts/repro"
                )

            let comparison = BetweenPapers.table (Published.readAll (Path.Combine(root, "papers"))) "compare-papers" records
            printfn "%s" (Ablation.toText comparison)

            if options.ContainsKey "--write" then
                for file in Ablation.write (eprintfn "%s") root (single "--out" (Path.Combine(root, "results"))) comparison do
                    printfn "%s" file

            0)

    /// scripts/index.fsx: every number of every run under results/.
    let index (script: Script) : int =
        let usage =
            "dotnet fsi scripts/index.fsx -- [--write | --check]\n\
             Prints how many printed numbers are measured and met, paper by paper, from the records of all folders under results/.\n\
             --write makes results/index.md, index.html, tables/ and figures/index-*.svg, each run's cells.md, and the line of totals in README.md.\n\
             --check writes nothing; it fails when one of them differs from what the records give."

        command [ "--write"; "--check"; "--help" ] usage script.Arguments (fun options ->
            let index = Index.gather script.Root
            IndexText.standings index |> Text.columns |> List.iter (printfn "%s")
            printfn "%s" (IndexText.totals index)

            if options.ContainsKey "--check" then
                match IndexFiles.outdated index with
                | [] -> 0
                | files ->
                    for file in files do
                        eprintfn $"{file} differs from what the run records give; make it again with scripts/index.fsx -- --write"

                    1
            else
                if options.ContainsKey "--write" then IndexFiles.write index |> List.iter (printfn "%s")

                0)

    /// scripts/orthogonality.fsx: figures 8 and 9 of ssae from their measurements, which are made first where data is named.
    let orthogonality (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/orthogonality.fsx -- [--data DIR [--category C ...] [--variant V] [--profile paper|quick] [--seed N]] [--out DIR] [--write]\n\
             Prints what orthogonality.csv and moments.csv in DIR (results/ssae) say: figures 8 and 9 of ssae. --write also writes orthogonality.md with its charts.\n\
             With --data it fits V (objective1) on the category and measures them first. The moments are also those of Surfaces, whose textures fulfil what\n\
             Proposition 2 assumes; 'scripts/repro data surfaces --out DIR' makes data where there are none."

        command
            [ "--data"; "--category"; "--variant"; "--profile"; "--seed"; "--out"; "--write"; "--help" ]
            usage
            script.Arguments
            (fun options ->
                let single option otherwise = options.TryFind option |> Option.bind List.tryHead |> Option.defaultValue otherwise
                let run = single "--out" (Path.Combine(root, "results", "ssae"))
                let file name = Path.Combine(run, name)

                match options.TryFind "--data" |> Option.bind List.tryHead with
                | None -> ()
                | Some data ->
                    let generated = Directory.CreateTempSubdirectory("surfaces-").FullName

                    try
                        repro root [ "data"; "surfaces"; "--out"; generated; "--test-good"; "0"; "--per-defect"; "0" ]
                        repro root [ "data"; "moments"; data; generated; "--out"; file Orthogonality.moments ]

                        repro root [
                            "orthogonality"
                            "--paper"
                            "ssae"
                            "--variant"
                            single "--variant" "objective1"
                            "--data"
                            data
                            "--profile"
                            single "--profile" "quick"
                            "--seed"
                            single "--seed" "0"
                            "--out"
                            file Orthogonality.measurements
                            if options.ContainsKey "--category" then
                                "--category"
                                yield! options["--category"]
                        ]
                    finally
                        Directory.Delete(generated, true)

                let text, drawn = Orthogonality.render run
                printf "%s" text

                if options.ContainsKey "--write" then
                    for file in Orthogonality.write (eprintfn "%s") run (text, drawn) do
                        printfn "%s" file

                0)

    /// favae's toy study: runs it where it is given weights, then writes its table and charts.
    let toyDistribution (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/toy-distribution.fsx -- [--variant V [--weights DIR] [--seed N]] [--out DIR] [--write]\n\
             Prints the table of favae's figure 1 from the scores in DIR/toy (results/favae/toy). --write also writes toy-distribution.md with its histograms.\n\
             With --variant it runs the study first ('scripts/repro toy', some minutes), its features from favae's variant V (resnet18_cntk needs no\n\
             weights)."

        command [ "--weights"; "--variant"; "--seed"; "--out"; "--write"; "--help" ] usage script.Arguments (fun options ->
            let run = options.TryFind "--out" |> Option.bind List.tryHead |> Option.defaultValue (Path.Combine(root, "results", "favae"))
            let scores = Path.Combine(run, "toy")

            if options.ContainsKey "--variant" then
                [ "toy"; "--out"; scores ]
                @ [
                    for option in [ "--weights"; "--variant"; "--seed" ] do
                        if options.ContainsKey option then
                            option
                            yield! options[option]
                ]
                |> repro root

            let results = ToyStudy.read scores
            printfn "%s" (ToyStudy.toText results)

            if (ToyStudy.table results).Length < 2 then raise (AnalysisError $"{scores} has no score: nothing to show")

            if options.ContainsKey "--write" then
                for file in ToyStudy.write (eprintfn "%s") root run results do
                    printfn "%s" file

            0)
