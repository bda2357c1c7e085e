namespace Reproduction.Analysis

open System
open System.IO
open System.Text.RegularExpressions

/// A line of the table in a sheet that says where paper and this repository differ.
type SheetLine = { Point: string; Text: string }

/// A paper's sheet, as an index refers to it.
type Sheet = {
    /// Relative to results/.
    Path: string
    /// Anchor of the section about differences; empty where the sheet has none.
    Anchor: string
    Lines: SheetLine list
}

/// A printed number with what stands beside it.
type IndexRow = {
    /// Of its row in the page.
    Id: string
    Compared: Compared
    Interval: Interval option
}

/// A measured row of a method that no paper prints.
type FloorRow = { Records: RunRecord list; Metrics: (string * Summary * Interval option) list }

/// Every number of every run under results/, gathered once for all forms of the index.
type AllRuns = {
    Root: string
    Papers: Paper list
    Baselines: Paper list
    /// The run folder's name of each cell.
    Runs: Map<string, string>
    Records: RunRecord list
    Rows: IndexRow list
    Floors: FloorRow list
    Sheets: Map<string, Sheet>
} with

    member this.Title paper =
        this.Papers @ this.Baselines
        |> List.tryFind (fun known -> known.Id = paper)
        |> Option.map _.Title
        |> Option.defaultValue paper

    member private this.Standings(papers: Paper list) =
        let compared = this.Rows |> List.map _.Compared
        papers |> List.map (fun paper -> Standing.ofPaper compared paper.Id)

    member this.PaperStandings = this.Standings this.Papers
    member this.BaselineStandings = this.Standings this.Baselines
    /// Of the papers' own numbers; those of the baselines are copies of what the papers print of others.
    member this.Total = Standing.total "all papers" this.PaperStandings
    member this.BaselineTotal = Standing.total "all baselines" this.BaselineStandings
    member this.RowsOf paper = this.Rows |> List.filter (fun row -> row.Compared.Published.Paper = paper)

module Index =
    /// Metrics in the order in which a reader looks for them.
    let metrics = Published.measurable

    /// A heading as code hosts make an anchor of it.
    let slug (heading: string) = Regex.Replace(heading.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-')

    /// What a sheet says about differences: the rows of the first table under the heading that names them.
    let readSheet (path: string) (text: string) : Sheet =
        let lines = text.Split '\n' |> List.ofArray
        let isHeading (line: string) = line.StartsWith "## "

        match lines |> List.tryFindIndex (fun line -> isHeading line && line.Contains "differ") with
        | None -> { Path = path; Anchor = ""; Lines = [] }
        | Some at ->
            let rows =
                lines
                |> List.skip (at + 1)
                |> List.takeWhile (isHeading >> not)
                |> List.filter _.StartsWith("|")
                |> List.map (fun line -> line.Trim().Trim('|').Split '|' |> Array.map _.Trim() |> List.ofArray)

            {
                Path = path
                Anchor = slug (lines[at].TrimStart '#')
                Lines = [
                    // The first two are titles and the rule below them.
                    for cells in
                        rows |> List.truncate 1000 |> List.mapi (fun i cells -> i, cells) |> List.filter (fst >> (<) 1) |> List.map snd do
                        { Point = cells.Head; Text = String.concat " | " cells.Tail }
                ]
            }

    /// The lines of a sheet that are about a difference, found by its first words: "epochs 20, not 700" by "epochs".
    let linesAbout (sheet: Sheet) (difference: string) : SheetLine list =
        let parts = if difference.StartsWith "our " then difference.Substring(4).Split(", ") else [| difference |]

        let subject (part: string) =
            let words = part.Split ' ' |> Array.takeWhile (fun word -> word <> "not" && not (Seq.exists Char.IsDigit word))
            (String.concat " " words).TrimEnd(',').ToLowerInvariant()

        let isAbout (subject: string) (line: SheetLine) =
            subject.Length > 3 && (line.Point.ToLowerInvariant().Contains subject || line.Text.ToLowerInvariant().Contains subject)

        sheet.Lines |> List.filter (fun line -> parts |> Array.exists (fun part -> isAbout (subject part) line))

    /// The command that makes a cell again, beside its record.
    let command (record: RunRecord) =
        let quoted (text: string) = if Regex.IsMatch(text, @"^[\w.+=-]+$") then text else $"'{text}'"

        String.concat " " [
            "scripts/repro run --paper"
            record.Paper
            "--variant"
            quoted record.Variant
            "--data DATA"
            if not record.Weights.IsEmpty then "--weights WEIGHTS"
            "--category"
            quoted record.Category
            "--profile"
            record.Profile
            if record.Repetition.StartsWith "seed " then "--" + record.Repetition
            "--cell"
            quoted record.Cell
            "--out results/again"
        ]

    /// Of some folders those that git ignores, as what reproduce.sh writes by default; none where git or its repository is missing.
    let private ignored (root: string) (folders: string list) =
        try
            let start = Diagnostics.ProcessStartInfo("git", [ "-C"; root; "check-ignore" ] @ folders)
            start.RedirectStandardOutput <- true
            start.RedirectStandardError <- true

            match Diagnostics.Process.Start start with
            | null -> Set.empty
            | git ->
                use git = git
                git.ErrorDataReceived.Add ignore
                git.BeginErrorReadLine()
                let output = git.StandardOutput.ReadToEnd()
                git.WaitForExit()
                set (output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        with :? ComponentModel.Win32Exception ->
            Set.empty

    /// The folders under results that have records and are the repository's.
    let runs (root: string) =
        let results = Path.Combine(root, "results")

        let found = [
            if Directory.Exists results then
                for run in Directory.EnumerateDirectories results |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
                    if Directory.Exists(Path.Combine(run, "runs")) then run
        ]

        let ignored = if found.IsEmpty then Set.empty else ignored root found
        found |> List.filter (ignored.Contains >> not)

    let private sheets root (papers: string) = [
        for folder in
            Seq.append (Directory.EnumerateDirectories papers) [
                let baselines = Path.Combine(papers, "baselines")
                if Directory.Exists baselines then yield! Directory.EnumerateDirectories baselines
            ] do
            let sheet = Path.Combine(folder, "README.md")

            if File.Exists sheet then
                let path = "../" + Path.GetRelativePath(root, sheet).Replace('\\', '/')
                DirectoryInfo(folder).Name, readSheet path (File.ReadAllText sheet)
    ]

    /// A method's rows by metric, then by what they are about, then as printed.
    let private ordered (compared: Compared list) =
        let category (number: PublishedNumber) =
            let dataset, categories = Published.scope number.Category
            (dataset <> "mvtec"), categories.Length > 1, number.Category

        compared
        |> List.sortBy (fun number ->
            List.findIndex ((=) number.Published.Metric) metrics,
            number.Measured.IsNone,
            category number.Published,
            number.Published.Variant)

    let private floorRows scores (papers: Paper list) (records: RunRecord list) : FloorRow list = [
        let printed = papers |> List.map _.Id |> set

        for _, group in
            records
            |> List.filter (fun record -> not (printed.Contains record.Paper) && record.Profile <> "smoke")
            |> List.groupBy (fun record -> record.Dataset, record.Category, record.Paper, record.Variant, record.Profile)
            |> List.sortBy fst do
            {
                Records = group
                Metrics = [
                    for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
                        match group |> List.choose (fun record -> record.Metrics.TryFind metric) with
                        | [] -> ()
                        | values ->
                            let interval = if metric = "image_auroc" then Interval.overImages [ List.map scores group ] else None

                            metric, Statistics.summarise values, interval |> Option.orElseWith (fun () -> Interval.overRepetitions values)
                ]
            }
    ]

    /// Reads all runs of a repository and sets them beside all printed numbers.
    let gather (root: string) : AllRuns =
        let folder = Path.Combine(root, "papers")
        let papers = Papers.read folder
        let baselines = Papers.readAll folder |> List.filter (fun paper -> papers |> List.forall (fun other -> other.Id <> paper.Id))
        let found = [ for run in runs root -> run, RunRecord.readAll run ]
        let records = found |> List.collect snd

        if records.IsEmpty then raise (AnalysisError $"{root}/results has no run record: run cells with scripts/repro first")

        let runOf =
            Map.ofList [
                for run, records in found do
                    for record in records do
                        record.Cell, run
            ]

        let read = Collections.Concurrent.ConcurrentDictionary<string, ImageScore list>()
        let scores (record: RunRecord) = read.GetOrAdd(record.Cell, (fun cell -> RunRecord.readScores runOf[cell] cell))
        let compared = Comparison.compare records (Published.readAll folder)

        let rows =
            [
                for paper in papers @ baselines do
                    yield! compared |> List.filter (fun number -> number.Published.Paper = paper.Id) |> ordered
            ]
            |> Array.ofList
            |> Array.Parallel.map (fun number ->
                number,
                number.Measured
                |> Option.bind (fun measured ->
                    let _, metric = Comparison.recordNames number.Published
                    Interval.ofMeasured scores metric measured))

        {
            Root = root
            Papers = papers
            Baselines = baselines
            Runs = runOf |> Map.map (fun _ run -> DirectoryInfo(run).Name)
            Records = records
            Rows = [ for i, (number, interval) in Seq.indexed rows -> { Id = $"n{i + 1}"; Compared = number; Interval = interval } ]
            Floors = floorRows scores (papers @ baselines) records
            Sheets = Map.ofList (sheets root folder)
        }
