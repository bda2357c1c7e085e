/// A run's report: report.md with figures beside it, and index.html.
module Reproduction.Analysis.Report

open System.IO

/// The two files of a report with the text that the run's records give.
let private texts run (data: ReportData) = [
    Path.Combine(run, "report.md"), Markdown.render data
    Path.Combine(run, "index.html"), Page.render data
]

/// Writes the report into the run's folder and gives the paths of what it wrote.
/// say is told what is left out and how to have it.
let write (say: string -> unit) (root: string) (run: string) : string list =
    let data = ReportData.gather (Path.Combine(root, "papers")) run

    Figures.write say (Path.Combine(run, "figures")) data.Figures |> ignore

    [
        for path, text in texts run data do
            File.WriteAllText(path, text)
            path
    ]

/// The folders under results that have records and a report.
let committed (root: string) : string list =
    let results = Path.Combine(root, "results")

    [
        if Directory.Exists results then
            for run in Directory.EnumerateDirectories results |> Seq.sort do
                if Directory.Exists(Path.Combine(run, "runs")) && File.Exists(Path.Combine(run, "report.md")) then
                    Path.GetRelativePath(Directory.GetCurrentDirectory(), run)
    ]

/// The files of a report that differ from what the run's records give, or are missing.
/// Only report.md is looked at where the page was never made.
let outdated (root: string) (run: string) : string list =
    let data = ReportData.gather (Path.Combine(root, "papers")) run

    [
        for path, text in texts run data do
            if File.Exists path then
                if File.ReadAllText path <> text then path
            elif path.EndsWith ".md" then
                path
    ]
