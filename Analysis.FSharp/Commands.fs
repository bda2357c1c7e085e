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
            "dotnet fsi scripts/report.fsx -- [--run DIR [DIR ...]] [--check]\n\
             Writes DIR/report.md, DIR/figures/*.svg and DIR/index.html from the run records in DIR/runs.\n\
             Without --run: of every folder under results that has a report.\n\
             --check writes nothing; it fails when a report differs from what its records give."

        command [ "--run"; "--check"; "--help" ] usage script.Arguments (fun options ->
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

    /// The papers on the same images: for each category the variant of each paper with the given names, with accuracy and time.
    let comparePapers (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/compare-papers.fsx -- [--run DIR ...] [--dataset NAME] [--profile paper|quick] [--out DIR] [--write]\n\
             Sets all papers with records in the run folders (all under results/) beside one another on the categories that they share,\n\
             each by its variant with the highest mean image AUROC; under the profile with the most records where none is named.\n\
             --write writes compare-papers.md with a chart into DIR (results/)."

        command [ "--run"; "--dataset"; "--profile"; "--out"; "--write"; "--help" ] usage script.Arguments (fun options ->
            let single option otherwise = options.TryFind option |> Option.bind List.tryHead |> Option.defaultValue otherwise
            let results = Path.Combine(root, "results")

            let runs =
                match options.TryFind "--run" with
                | Some runs when not runs.IsEmpty -> runs
                | _ when Directory.Exists results -> [
                    for folder in Directory.EnumerateDirectories results |> Seq.sort do
                        if Directory.Exists(Path.Combine(folder, "runs")) then folder
                  ]
                | _ -> []

            let records =
                runs
                |> List.collect RunRecord.readAll
                |> List.filter (fun record -> record.Dataset = single "--dataset" "mvtec" && record.Profile <> "smoke")

            let profile = single "--profile" (commonest records)
            let records = records |> List.filter (fun record -> record.Profile = profile)

            if records.IsEmpty then
                raise (
                    AnalysisError
                        "no run folder has a record of that dataset and profile; name folders with --run, or run cells with scripts/repro"
                )

            let comparison = Ablation.betweenPapers "compare-papers" records
            printfn "%s" (Ablation.toText comparison)

            if options.ContainsKey "--write" then
                for file in Ablation.write (eprintfn "%s") root (single "--out" results) comparison do
                    printfn "%s" file

            0)

    /// scripts/orthogonality.fsx: figures 8 and 9 of ssae from their measurements, which are made first where there are none or data is
    /// named.
    let orthogonality (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/orthogonality.fsx -- [--data DIR] [--category C ...] [--variant V] [--profile paper|quick] [--seed N] [--out DIR]\n\
             Shows figures 8 and 9 of ssae from orthogonality.csv and moments.csv in DIR (results/ssae). With --data, or where they are missing, it fits V (objective1)\n\
             on the category and measures them first: on the data named, on ../shared/data/mvtec bottle, or on the generated Surfaces, whichever there is. The moments\n\
             are also those of Surfaces, whose textures fulfil what Proposition 2 assumes."

        command [ "--data"; "--category"; "--variant"; "--profile"; "--seed"; "--out"; "--help" ] usage script.Arguments (fun options ->
            let values option otherwise =
                match options.TryFind option with
                | Some(_ :: _ as given) -> given
                | _ -> otherwise

            let run = (values "--out" [ Path.Combine(root, "results", "ssae") ]).Head
            let file name = Path.Combine(run, name)

            if
                options.ContainsKey "--data"
                || not (File.Exists(file Orthogonality.measurements) && File.Exists(file Orthogonality.moments))
            then
                let generated = Directory.CreateTempSubdirectory("surfaces-").FullName

                try
                    let shared = Path.GetFullPath(Path.Combine(root, "..", "shared", "data", "mvtec"))
                    repro root [ "data"; "surfaces"; "--out"; generated; "--test-good"; "0"; "--per-defect"; "0" ]

                    let data, category =
                        match options.TryFind "--data" with
                        | Some(data :: _) -> data, values "--category" []
                        | _ when Directory.Exists shared -> shared, values "--category" [ "bottle" ]
                        | _ -> generated, values "--category" [ "woven" ]

                    repro root [ "data"; "moments"; yield! List.distinct [ data; generated ]; "--out"; file Orthogonality.moments ]

                    repro root [
                        "orthogonality"
                        "--paper"
                        "ssae"
                        "--variant"
                        (values "--variant" [ "objective1" ]).Head
                        "--data"
                        data
                        "--profile"
                        (values "--profile" [ "quick" ]).Head
                        "--seed"
                        (values "--seed" [ "0" ]).Head
                        "--out"
                        file Orthogonality.measurements
                        if not category.IsEmpty then
                            "--category"
                            yield! category
                    ]
                finally
                    Directory.Delete(generated, true)

            for file in Orthogonality.write (eprintfn "%s") root run do
                printfn "%s" file

            0)

    /// favae's toy study: runs it where it is given weights, then writes its table and charts.
    let toyDistribution (script: Script) : int =
        let root = script.Root

        let usage =
            "dotnet fsi scripts/toy-distribution.fsx -- [--variant V [--weights DIR] [--seed N]] [--out DIR]\n\
             Writes toy-distribution.md with the histograms of favae's figure 1 into DIR (results/favae) from the scores in DIR/toy.\n\
             With --variant it runs the study first ('scripts/repro toy', some minutes), its features from favae's variant V (resnet18_cntk needs no\n\
             weights)."

        command [ "--weights"; "--variant"; "--seed"; "--out"; "--help" ] usage script.Arguments (fun options ->
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

            for file in ToyStudy.write (eprintfn "%s") root run results do
                printfn "%s" file

            0)
