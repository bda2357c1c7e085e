namespace Reproduction.Analysis

open System.IO

/// How many published numbers of a paper have which verdict.
type Standing = {
    Paper: string
    Printed: int
    LikeForLike: int
    WithinSpread: int
    WithinPoint: int
    Above: int
    Below: int
    NotComparable: int
    NotRun: int
} with

    /// Within the spread or within one point.
    member this.Met = this.WithinSpread + this.WithinPoint

    /// With a measured number beside it that can be compared.
    member this.Measured = this.Met + this.Above + this.Below

module Standing =
    /// Of the numbers of one paper.
    let ofPaper (compared: Compared list) (paper: string) : Standing =
        let own = compared |> List.filter (fun number -> number.Published.Paper = paper)
        let count predicate = own |> List.filter predicate |> List.length

        {
            Paper = paper
            Printed = own.Length
            LikeForLike = count (fun number -> number.IsMeasured && number.Differences.IsEmpty)
            WithinSpread = count _.Verdict.IsWithinSpread
            WithinPoint = count _.Verdict.IsWithinPoint
            Above = count _.Verdict.IsAbove
            Below = count _.Verdict.IsBelow
            NotComparable = count _.Verdict.IsNotComparable
            NotRun = count _.Verdict.IsNotRun
        }

    let total (name: string) (standings: Standing list) : Standing =
        let sum count = standings |> List.sumBy count

        {
            Paper = name
            Printed = sum _.Printed
            LikeForLike = sum _.LikeForLike
            WithinSpread = sum _.WithinSpread
            WithinPoint = sum _.WithinPoint
            Above = sum _.Above
            Below = sum _.Below
            NotComparable = sum _.NotComparable
            NotRun = sum _.NotRun
        }

/// Everything that a report shows, gathered once for both of its forms.
type ReportData = {
    /// Name of the run folder.
    Run: string
    Papers: Paper list
    Records: RunRecord list
    Published: PublishedNumber list
    Compared: Compared list
    Figures: ReportFigure list
    /// (best variant, other variant, DeLong's test of their difference).
    AgainstBest: (RunRecord * RunRecord * PairedAuroc) list
    /// By how much each method beats what no training gives.
    AgainstFloor: AgainstFloor list
    /// What cannot be told from chance.
    NearChance: NearChance list
    Gallery: GalleryPanel list
} with

    /// A paper's title; its id where it has no folder in papers/.
    member this.Title paper = this.Papers |> List.tryFind (fun known -> known.Id = paper) |> Option.map _.Title |> Option.defaultValue paper

    /// Of the papers that the run has records of.
    member this.Standings = [
        let hasRecords paper = this.Records |> List.exists (fun record -> record.Paper = paper)

        for paper in this.Papers |> List.map _.Id |> List.filter hasRecords do
            Standing.ofPaper this.Compared paper
    ]

    /// The standing of all papers together.
    member this.Total = Standing.total "all" this.Standings

    /// Whether any printed number has a measured one beside it, comparable or not.
    member this.HasComparisons = this.Compared |> List.exists (fun number -> not number.Verdict.IsNotRun)

module ReportData =
    /// Of a category at most, so that a page of many cells stays one that a browser opens.
    let private panelsPerCategory cells = max 4 (min 24 (600 / max 1 cells))

    /// Reads a run's records and sets them beside the published numbers.
    let gather (papers: string) (run: string) : ReportData =
        let records = RunRecord.readAll run

        if records.IsEmpty then
            raise (AnalysisError $"{run} holds no run record: run cells with 'scripts/repro run --out {run}' first")

        let published = Published.readAll papers
        let compared = Comparison.compare records published

        let first = records |> List.groupBy RunRecord.series |> List.map (fun (_, repetitions) -> repetitions |> List.minBy _.Repetition)

        {
            Run = DirectoryInfo(run).Name
            Papers = Papers.readAll papers
            Records = records
            Published = published
            Compared = compared
            Figures = Charts.all records compared
            AgainstBest = Comparison.againstBest run records
            AgainstFloor = Floor.against run records
            NearChance = records |> Chance.near (fun record -> RunRecord.readScores run record.Cell)
            Gallery = Gallery.panels panelsPerCategory run first
        }
