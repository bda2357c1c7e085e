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

/// A folder of papers/ with published numbers: the list of such folders is the list of papers.
type Paper = {
    Id: string
    Folder: string
    /// The sheet's first line; the id where there is no sheet.
    Title: string
    Substitutes: Substitute list
    /// The methods of its tables that are variants here: its own, under its id, and baselines that the authors ran themselves.
    OwnMethods: string list
}

module Papers =
    /// Files of a paper's folder beside its sheet and its published tables.
    let substitutes, ownMethods = "substitutes.csv", "own-methods.csv"

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
