/// The index's files: results/index.md and index.html, its figures and tables, the lists of cells, and the line of totals in README.md.
module Reproduction.Analysis.IndexFiles

open System.IO

/// What stands around the line of totals in README.md.
let marks = "<!-- totals: scripts/index.fsx writes this line -->", "<!-- /totals -->"

/// A README with its line of totals made new. Raises AnalysisError where it has no marks.
let withTotals (index: AllRuns) (readme: string) : string =
    let first, last = marks

    match readme.IndexOf first, readme.IndexOf last with
    | from, till when from >= 0 && till > from ->
        readme.Substring(0, from + first.Length)
        + $"\n{IndexText.totals index} [Every number, with its record](results/index.md).\n"
        + readme.Substring till
    | _ -> raise (AnalysisError $"README.md has no line between '{first}' and '{last}' to write the totals into")

/// Every file with the text that the records give.
let texts (index: AllRuns) : (string * string) list =
    let results = Path.Combine(index.Root, "results")
    let at (path: string) = Path.Combine(results, path)
    let readme = Path.Combine(index.Root, "README.md")

    [
        at "index.md", IndexMarkdown.render index
        at "index.html", IndexPage.render index
        for chart in IndexCharts.scatters index @ IndexCharts.categories index do
            at $"figures/{chart.Id}.svg", IndexCharts.asFile chart
        at "tables/numbers.csv", IndexText.numbersCsv index
        at "tables/totals.csv", IndexText.totalsCsv index
        for paper in index.Papers @ index.Baselines do
            if index.RowsOf paper.Id |> List.exists _.Compared.Measured.IsSome then
                at $"tables/{paper.Id}.tex", IndexText.latexTable index paper
        for run in index.Runs.Values |> Seq.distinct |> Seq.sort do
            at $"{run}/cells.md", IndexMarkdown.cells index run
        if File.Exists readme then readme, withTotals index (File.ReadAllText readme)
    ]

/// Writes them and gives the paths.
let write (index: AllRuns) : string list = [
    for path, text in texts index do
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
        File.WriteAllText(path, text)
        path
]

/// Those that differ from what the records give, or are missing.
let outdated (index: AllRuns) : string list = [
    for path, text in texts index do
        if not (File.Exists path) || File.ReadAllText path <> text then path
]
