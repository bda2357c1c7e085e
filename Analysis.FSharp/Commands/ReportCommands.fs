/// What those of scripts/*.fsx run that set the records of whole runs beside published numbers; each returns the process's exit code.
module Reproduction.Analysis.ReportCommands

open System.IO

/// scripts/report.fsx: writes a run's report, or checks it against its records.
let report (script: Script) : int =
    let root = script.Root

    let usage =
        "dotnet fsi scripts/report.fsx -- [--run DIR [DIR ...]] [--check] [--means]\n\
         Writes DIR/report.md, DIR/figures/*.svg and DIR/index.html from the run records in DIR/runs.\n\
         Without --run: of every folder under results that has a report.\n\
         --check writes nothing; it fails when a report differs from what its records give.\n\
         --means prints the mean over the cells of each method on each data set, too."

    Script.command [ "--run"; "--check"; "--means"; "--help" ] usage script.Arguments (fun options ->
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

/// All methods on the same images: for each network of each the variant that is nearest to the paper, with accuracy and time.
let comparePapers (script: Script) : int =
    let root = script.Root

    let usage =
        "dotnet fsi scripts/compare-papers.fsx -- [--run DIR ...] [--dataset NAME] [--category C ...] [--profile paper|quick] \
         [--out DIR] [--write]\n\
         Sets all methods with records in the run folders (all under results/) beside one another, category by category, \
         each on each of its networks by its\n\
         most faithful finished variant; the rule, which looks at no score, is printed with the table. --profile takes the records \
         of one profile only.\n\
         --write writes compare-papers.md with its charts into DIR (results/)."

    Script.command [ "--run"; "--dataset"; "--category"; "--profile"; "--out"; "--write"; "--help" ] usage script.Arguments (fun options ->
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
         --write makes results/index.md, index.html, tables/ and figures/index-*.svg, each run's cells.md, and the line of totals \
         in README.md.\n\
         --check writes nothing; it fails when one of them differs from what the records give."

    Script.command [ "--write"; "--check"; "--help" ] usage script.Arguments (fun options ->
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
