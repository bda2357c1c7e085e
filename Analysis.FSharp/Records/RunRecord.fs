namespace Reproduction.Analysis

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Deedle

/// A trained network that a run used.
type WeightsUsed = { Name: string; Sha256: string; Architecture: string }

/// What became of the masks' regions when they were resized to the maps.
type MaskRegions = { Whole: int; Lost: int }

/// What `repro run` keeps of a finished cell (DESIGN.md, "Run record"). Metrics are fractions in [0, 1].
type RunRecord = {
    Cell: string
    Paper: string
    /// Name of the variant; settings that depart from it follow as +name=value.
    Variant: string
    Dataset: string
    Category: string
    /// "seed 0" or "fold 3".
    Repetition: string
    Profile: string
    Settings: (string * string) list
    Weights: WeightsUsed list
    /// Of the images and masks that it ran on; empty in records of older versions.
    DataFingerprint: string
    /// libtorch, device, threads, processor, commit.
    Environment: Map<string, string>
    /// Wall-clock seconds: features, fit, score, metrics.
    Seconds: Map<string, float>
    /// Defined metrics by name; that of a part or an operating point follows after a dot.
    Metrics: Map<string, float>
    /// Why a metric is undefined, by name.
    Undefined: Map<string, string>
    /// What the method told about its fit.
    Fit: Map<string, float>
    TrainImages: int
    TestGood: int
    TestAnomalous: int
    /// Regions of the masks at their own size, and those that have no pixel left at the maps' size; None without masks, or in records
    /// of older versions.
    Regions: MaskRegions option
    /// UTC, ISO 8601.
    Finished: string
} with

    /// Number of levels that the method's settings ask for, where it has levels.
    member this.LevelsWanted =
        this.Settings
        |> List.tryFind (fun (name, _) -> name = "levels")
        |> Option.map (fun (_, list) -> if list = "[]" then 0 else list.Split(',').Length)

/// One metric of one record: a row of the frame that all statistics start from.
type MetricRow = {
    Paper: string
    Variant: string
    Dataset: string
    Category: string
    Profile: string
    Repetition: string
    Metric: string
    Value: float
}

/// One test image's score.
type ImageScore = {
    Image: string
    /// Whether the image shows a defect.
    IsAnomalous: bool
    Score: float
}

module RunRecord =
    let private text (node: JsonNode | null) =
        match node with
        | null -> ""
        | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String -> value.GetValue<string>()
        | node -> node.ToJsonString()

    let private members (node: JsonNode | null) =
        match node with
        | :? JsonObject as object -> [ for KeyValue(name, value) in object -> name, value ]
        | _ -> []

    let private numbers node =
        Map.ofList [
            for name, value in members node do
                match value with
                | null -> ()
                | value -> name, value.GetValue<float>()
        ]

    /// Reads a record's JSON. Raises AnalysisError naming the file when a field is missing or the file is not JSON.
    let parse (path: string) (json: string) : RunRecord =
        let fail problem = raise (AnalysisError $"{path} is not a whole run record: {problem}. Delete it and run its cell again.")

        let field (object: JsonNode) (name: string) =
            match object[name] with
            | null -> fail $"it has no '{name}'"
            | value -> value

        try
            match JsonNode.Parse json with
            | :? JsonObject as record ->
                let required = field record
                let schema = text (required "schema")

                if schema <> "1" then fail $"its schema is {schema} and this program reads 1"

                let count name = (field (required "counts") name).GetValue<int>()

                {
                    Cell = text (required "cell")
                    Paper = text (required "paper")
                    Variant = text (required "variant")
                    Dataset = text (required "dataset")
                    Category = text (required "category")
                    Repetition =
                        match record["fold"], record["seed"] with
                        | null, seed -> $"seed {text seed}"
                        | fold, _ -> $"fold {text fold}"
                    Profile = text (required "profile")
                    Settings = [ for name, value in members record["settings"] -> name, text value ]
                    Weights =
                        match record["weights"] with
                        | :? JsonArray as weights -> [
                            for entry in weights do
                                match entry with
                                | null -> ()
                                | entry -> {
                                    Name = text (field entry "name")
                                    Sha256 = text (field entry "sha256")
                                    Architecture = text (field entry "architecture")
                                  }
                          ]
                        | _ -> []
                    DataFingerprint = text record["data_fingerprint"]
                    Environment = Map.ofList [ for name, value in members record["environment"] -> name, text value ]
                    Seconds = numbers record["seconds"]
                    Metrics = numbers (required "metrics")
                    Undefined = Map.ofList [ for name, value in members record["undefined"] -> name, text value ]
                    Fit = numbers record["fit"]
                    TrainImages = count "train"
                    TestGood = count "test_good"
                    TestAnomalous = count "test_anomalous"
                    Regions =
                        match record["regions"] with
                        | null -> None
                        | regions ->
                            let number name = (field regions name).GetValue<int>()
                            Some { Whole = number "whole"; Lost = number "lost" }
                    Finished = text (required "finished")
                }
            | _ -> fail "it is not a JSON object"
        with
        | :? JsonException as e -> fail (e.Message.TrimEnd '.')
        | :? InvalidOperationException as e -> fail (e.Message.TrimEnd '.')
        | :? FormatException as e -> fail (e.Message.TrimEnd '.')

    /// All records of a run's folder, in the order of their cells' ids.
    let readAll (run: string) : RunRecord list =
        let folder = Path.Combine(run, "runs")

        if not (Directory.Exists folder) then
            raise (AnalysisError $"{folder} does not exist: name the folder that 'repro run --out' wrote, or run cells into it first")

        [
            for path in Directory.EnumerateFiles(folder, "*.json") |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
                // What a Mac's archive leaves beside a file (._x.json) is no record.
                if not (FileInfo(path).Name.StartsWith '.') then parse path (File.ReadAllText path)
        ]

    /// The image scores of a cell; empty when the run folder has none for it.
    let readScores (run: string) (cell: string) : ImageScore list =
        let path = Path.Combine(run, "runs", cell + ".scores.csv")

        if not (File.Exists path) then
            []
        else
            [
                for row in Csv.read [ "image"; "label"; "score" ] path ->
                    {
                        Image = row "image"
                        IsAnomalous = row "label" <> "0"
                        Score = Double.Parse(row "score", CultureInfo.InvariantCulture)
                    }
            ]

    /// What the repetitions of a cell share: paper, variant, data set, category and profile.
    let series (record: RunRecord) = record.Paper, record.Variant, record.Dataset, record.Category, record.Profile

    /// The trained networks of a record as they are shown: "resnet18", or "none".
    let network (record: RunRecord) =
        match record.Weights with
        | [] -> "none"
        | weights -> weights |> List.map _.Architecture |> List.distinct |> String.concat ", "

    /// One row per defined metric of every record.
    let toFrame (records: RunRecord list) : Frame<int, string> =
        Frame.ofRecords [
            for record in records do
                for KeyValue(metric, value) in record.Metrics do
                    {
                        Paper = record.Paper
                        Variant = record.Variant
                        Dataset = record.Dataset
                        Category = record.Category
                        Profile = record.Profile
                        Repetition = record.Repetition
                        Metric = metric
                        Value = value
                    }
        ]
