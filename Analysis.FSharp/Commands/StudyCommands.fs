/// What those of scripts/*.fsx run that show one study: ablations, the working point, orthogonality, the toy distribution; each returns
/// the process's exit code.
module Reproduction.Analysis.StudyCommands

open System.IO

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
          dotnet fsi scripts/{script.Name}.fsx -- [--data DIR --weights DIR] [--dataset NAME] [--category C ...] \
          [--profile paper|quick] [--seed N ...] [--out DIR] [--write]\n\
          Prints the finished cells of {paper} in DIR (results/{paper}) of these variants:\n{list}\n\
          --variant V ... shows others, --dataset another data set than mvtec, --profile another profile than the one with the most \
          records.\n\
          --write also writes the table and its chart into DIR. With --data and --weights it runs the missing cells first;\n\
          a finished cell is not run again."

    Script.command
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
                |> Script.repro script.Root

            let records = finished () |> List.filter (fun record -> record.Profile = profile)

            match variants |> List.filter (fun variant -> not (records |> List.exists (fun record -> record.Variant = variant))) with
            | [] -> ()
            | missing ->
                let missing = String.concat ", " missing
                eprintfn $"not run yet on {dataset} under the {profile} profile: {missing}; --data DIR --weights DIR runs them"

            if records.IsEmpty then
                raise (AnalysisError $"{run} has no record of these variants on {dataset} under the {profile} profile: nothing to show")

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

/// scripts/orthogonality.fsx: figures 8 and 9 of ssae from their measurements, which are made first where data is named.
let orthogonality (script: Script) : int =
    let root = script.Root

    let usage =
        "dotnet fsi scripts/orthogonality.fsx -- [--data DIR [--category C ...] [--variant V] [--profile paper|quick] [--seed N]] \
         [--out DIR] [--write]\n\
         Prints what orthogonality.csv and moments.csv in DIR (results/ssae) say: figures 8 and 9 of ssae. --write also writes \
         orthogonality.md with its charts.\n\
         With --data it fits V (objective1) on the category and measures them first. The moments are also those of Surfaces, whose \
         textures fulfil what\n\
         Proposition 2 assumes; 'scripts/repro data surfaces --out DIR' makes data where there are none."

    Script.command
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
                    Script.repro root [ "data"; "surfaces"; "--out"; generated; "--test-good"; "0"; "--per-defect"; "0" ]
                    Script.repro root [ "data"; "moments"; data; generated; "--out"; file Orthogonality.moments ]

                    Script.repro root [
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
         Prints the table of favae's figure 1 from the scores in DIR/toy (results/favae/toy). --write also writes \
         toy-distribution.md with its histograms.\n\
         With --variant it runs the study first ('scripts/repro toy', some minutes), its features from favae's variant V \
         (resnet18_cntk needs no\n\
         weights)."

    Script.command [ "--weights"; "--variant"; "--seed"; "--out"; "--write"; "--help" ] usage script.Arguments (fun options ->
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
            |> Script.repro root

        let results = ToyStudy.read scores
        printfn "%s" (ToyStudy.toText results)

        if (ToyStudy.table results).Length < 2 then raise (AnalysisError $"{scores} has no score: nothing to show")

        if options.ContainsKey "--write" then
            for file in ToyStudy.write (eprintfn "%s") root run results do
                printfn "%s" file

        0)
