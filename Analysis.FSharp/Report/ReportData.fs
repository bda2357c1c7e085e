namespace Reproduction.Analysis

open System.IO
open System.Text.Json.Nodes

/// A test image that `repro run` drew for one cell; paths are absolute.
type GalleryImage = {
    Record: RunRecord
    Image: string
    Defect: string
    IsAnomalous: bool
    Score: float
    /// For a good image the share of defective ones with a lower score, for a defective image the share of good ones with
    /// a higher score: 0 is right, 1 is as wrong as can be.
    Error: float
    Input: string
    Mask: string option
    Map: string
    Overlay: string
    /// Partial maps by name: levels of a sum, members of an ensemble.
    Parts: (string * string) list
}

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
    Gallery: GalleryImage list
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
    /// Panels of one cell at most, so that a page of many cells stays one that a browser opens.
    let private panelsPerCell cells = max 4 (min 24 (600 / max 1 cells))

    let private readGallery run (record: RunRecord) : GalleryImage list =
        let folder = Path.Combine(run, "gallery", record.Cell)
        let index = Path.Combine(folder, "gallery.json")

        if not (File.Exists index) then
            []
        else
            let scores = RunRecord.readScores run record.Cell

            let share among isWrong =
                let others = scores |> List.filter (fun score -> score.IsAnomalous = among)
                if others.IsEmpty then 0.0 else float (others |> List.filter isWrong |> List.length) / float others.Length

            match JsonNode.Parse(File.ReadAllText index) with
            | :? JsonArray as entries -> [
                for entry in entries do
                    match entry with
                    | :? JsonObject as entry ->
                        let text (name: string) = entry[name] |> Option.ofObj |> Option.map (fun node -> node.GetValue<string>())

                        let number (name: string) =
                            match entry[name] with
                            | null -> raise (AnalysisError $"{index} has an entry without '{name}'; run its cell again with --force")
                            | node -> node.GetValue<float>()

                        let path name = text name |> Option.map (fun file -> Path.Combine(folder, file))
                        let score, isAnomalous = number "score", number "label" <> 0.0

                        {
                            Record = record
                            Image = defaultArg (text "image") ""
                            Defect = defaultArg (text "defect") ""
                            IsAnomalous = isAnomalous
                            Score = score
                            Error =
                                if isAnomalous then
                                    share false (fun other -> other.Score > score)
                                else
                                    share true (fun other -> other.Score < score)
                            Input = defaultArg (path "input") ""
                            Mask = path "mask"
                            Map = defaultArg (path "map") ""
                            Overlay = defaultArg (path "overlay") ""
                            Parts =
                                match entry["parts"] with
                                | :? JsonObject as parts -> [
                                    for KeyValue(name, file) in parts do
                                        match file with
                                        | null -> ()
                                        | file -> name, Path.Combine(folder, file.GetValue<string>())
                                  ]
                                | _ -> []
                        }
                    | _ -> ()
              ]
            | _ -> []

    /// Reads a run's records and sets them beside the published numbers.
    let gather (papers: string) (run: string) : ReportData =
        let records = RunRecord.readAll run

        if records.IsEmpty then
            raise (AnalysisError $"{run} holds no run record: run cells with 'scripts/repro run --out {run}' first")

        let published = Published.readAll papers
        let compared = Comparison.compare records published

        let first =
            records
            |> List.groupBy (fun record -> record.Paper, record.Variant, record.Dataset, record.Category, record.Profile)
            |> List.map (fun (_, repetitions) -> repetitions |> List.minBy _.Repetition)

        let drawn = first |> List.map (readGallery run) |> List.filter (fun images -> not images.IsEmpty)

        // The same images of a category for all methods, so that their maps stand side by side: those that any method gets most wrong.
        let imageOf (image: GalleryImage) = image.Record.Dataset, image.Record.Category, image.Image

        let shown =
            set [
                for _, images in drawn |> List.concat |> List.groupBy (fun image -> image.Record.Dataset, image.Record.Category) do
                    yield!
                        images
                        |> List.groupBy imageOf
                        |> List.sortByDescending (snd >> List.map _.Error >> List.max)
                        |> List.truncate (panelsPerCell drawn.Length)
                        |> List.map fst
            ]

        {
            Run = DirectoryInfo(run).Name
            Papers = Papers.readAll papers
            Records = records
            Published = published
            Compared = compared
            Figures = Charts.all records compared
            AgainstBest = Comparison.againstBest run records
            AgainstFloor = Floor.against run records
            Gallery = [
                for images in drawn do
                    yield! images |> List.filter (imageOf >> shown.Contains) |> List.sortByDescending _.Error
            ]
        }
