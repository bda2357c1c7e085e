namespace Reproduction.Analysis

open System.IO
open System.Text.RegularExpressions

/// The network or scales whose records stand for a published variant that was not run.
type Substitute = {
    /// Start of the published variant's name.
    Published: string
    /// What stands in its place.
    Measured: string
    /// What differs, as a report says it.
    Difference: string
}

/// A setting of a paper's schedule: one that a profile may reduce, or that the paper leaves open.
type ScheduleSetting = {
    Setting: string
    /// What the profile `paper` has, as run records write it.
    Value: string
    /// Whether the paper gives it; where it does not, it is our choice.
    IsGiven: bool
    /// The variants that it is about, "*" for any letters; empty for all.
    Variants: string
    /// A data set, "dataset.category", or "textures" for those of MVTec AD; empty for all.
    Data: string
}

/// Images that are not as published: how those of a fingerprint differ. An empty fingerprint is that of records without one.
type ChangedData = { Dataset: string; Category: string; Fingerprint: string; Difference: string }

/// What a run is held against where it is asked whether it is the paper's.
type Schedule = {
    /// Where several are about a record, the first counts. Empty where it is not known.
    Settings: ScheduleSetting list
    ChangedData: ChangedData list
}

/// A folder of papers/ with published numbers: the list of such folders is the list of papers.
type Paper = {
    Id: string
    Folder: string
    /// The sheet's first line; the id where there is no sheet.
    Title: string
    Substitutes: Substitute list
    Schedule: Schedule
    /// The methods of its tables that are variants here: its own, under its id, and baselines that the authors ran themselves.
    OwnMethods: string list
}

module Papers =
    /// Files of a paper's folder beside its sheet and its published tables.
    let substitutes, ownMethods, schedule = "substitutes.csv", "own-methods.csv", "schedule.csv"

    /// Beside the papers' folders and that of the baselines: the data of our records that are not as published.
    let changedData = "changed-data.csv"

    let private rows columns (file: string) = if File.Exists file then Csv.read columns file else []

    let private title id (sheet: string) =
        if not (File.Exists sheet) then
            id
        else
            File.ReadLines sheet |> Seq.tryHead |> Option.defaultValue id |> _.TrimStart('#', ' ')

    let private readPaper (folder: string) =
        let id = DirectoryInfo(folder).Name
        let file name = Path.Combine(folder, name)

        {
            Id = id
            Folder = folder
            Title = title id (file "README.md")
            Substitutes = [
                for row in rows [ "published"; "measured"; "difference" ] (file substitutes) ->
                    { Published = row "published"; Measured = row "measured"; Difference = row "difference" }
            ]
            Schedule = {
                Settings = [
                    for row in rows [ "setting"; "value"; "given"; "variants"; "data" ] (file schedule) ->
                        {
                            Setting = row "setting"
                            Value = row "value"
                            IsGiven = row "given" = "yes"
                            Variants = row "variants"
                            Data = row "data"
                        }
                ]
                ChangedData = [
                    for up in [ ".."; Path.Combine("..", "..") ] do
                        for row in rows [ "dataset"; "category"; "fingerprint"; "difference" ] (Path.Combine(folder, up, changedData)) do
                            {
                                Dataset = row "dataset"
                                Category = row "category"
                                Fingerprint = row "fingerprint"
                                Difference = row "difference"
                            }
                ]
            }
            OwnMethods = id :: [ for row in rows [ "method" ] (file ownMethods) -> row "method" ]
        }

    /// The papers of a folder papers/, those first that its README.md links to, in its order.
    let read (folder: string) : Paper list =
        let linked =
            match Path.Combine(folder, "README.md") with
            | index when File.Exists index -> [
                for link in Regex.Matches(File.ReadAllText index, @"\]\(([^)/]+)/README\.md\)") -> link.Groups[1].Value
              ]
            | _ -> []

        let place id = linked |> List.tryFindIndex ((=) id) |> Option.defaultValue linked.Length

        if not (Directory.Exists folder) then
            raise (AnalysisError $"{folder} does not exist: the published numbers come with the repository; run from its checkout")

        Directory.EnumerateDirectories folder
        |> Seq.filter (fun paper -> Directory.Exists(Path.Combine(paper, "published")))
        |> Seq.map readPaper
        |> Seq.sortBy (fun paper -> place paper.Id, paper.Id)
        |> List.ofSeq

    /// The papers, then the baselines of papers/baselines/, which have the same form: other methods' columns of the papers' tables.
    let readAll (folder: string) : Paper list =
        let baselines = Path.Combine(folder, "baselines")
        read folder @ (if Directory.Exists baselines then read baselines else [])
