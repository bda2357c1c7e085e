/// What the index's page shows of the cells behind a number: records, curves, and what the sheets say about the differences.
module Reproduction.Analysis.IndexCells

open System
open System.Globalization
open System.IO
open System.Text.Json.Nodes

/// A ROC curve's corners in thousandths, at most so many: false positive rate and true positive rate by turns.
let roc most (scores: ImageScore list) : int list =
    let good = scores |> List.filter (_.IsAnomalous >> not) |> List.length
    let anomalous = scores.Length - good

    if good = 0 || anomalous = 0 then
        []
    else
        let corners = [
            0, 0
            let mutable falsePositives, truePositives = 0, 0

            for _, equal in scores |> List.sortByDescending _.Score |> List.groupBy _.Score do
                for score in equal do
                    if score.IsAnomalous then truePositives <- truePositives + 1 else falsePositives <- falsePositives + 1

                falsePositives, truePositives
        ]

        // Where neither rate turns there is no corner.
        let turns =
            corners
            |> List.indexed
            |> List.filter (fun (i, (x, y)) ->
                i = 0
                || i = corners.Length - 1
                || (let (px, py), (nx, ny) = corners[i - 1], corners[i + 1]
                    (x - px) * (ny - y) <> (nx - x) * (y - py)))
            |> List.map snd
            |> Array.ofList

        let kept = if turns.Length <= most then turns else [| for i in 0 .. most - 1 -> turns[i * (turns.Length - 1) / (most - 1)] |]

        [
            for x, y in kept do
                int (Math.Round(1000.0 * float x / float good))
                int (Math.Round(1000.0 * float y / float anomalous))
        ]

/// Counts of good and of defective images in equal bins from the lowest score to the highest.
let histogram bins (scores: ImageScore list) : (float * float) * int list * int list =
    if scores.IsEmpty then
        (0.0, 0.0), [], []
    else
        let low, high = scores |> List.map _.Score |> List.min, scores |> List.map _.Score |> List.max
        let width = (high - low) / float bins
        let bin (score: float) = if width = 0.0 then 0 else min (bins - 1) (int ((score - low) / width))

        let counts isAnomalous =
            let found = scores |> List.filter (fun score -> score.IsAnomalous = isAnomalous) |> List.countBy (_.Score >> bin) |> Map.ofList
            [ for i in 0 .. bins - 1 -> found.TryFind i |> Option.defaultValue 0 ]

        (low, high), counts false, counts true

let private rounded (value: float) = JsonNode.Parse(value.ToString("G4", CultureInfo.InvariantCulture))

let private ints (values: int list) = String.Join(' ', values)

/// Everything that the page tells of a cell.
let cell (index: AllRuns) (record: RunRecord) =
    let run = index.Runs[record.Cell]
    let scores = RunRecord.readScores (Path.Combine(index.Root, "results", run)) record.Cell
    let (low, high), good, bad = histogram 24 scores
    let file = $"{run}/runs/{Uri.EscapeDataString record.Cell}"
    let rates = JsonObject()

    for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
        match record.Metrics.TryFind metric with
        | Some value -> rates[Text.metric metric] <- JsonNode.Parse(value.ToString("0.####", CultureInfo.InvariantCulture))
        | None -> ()

    JsonObject [
        Collections.Generic.KeyValuePair("id", JsonValue.Create record.Cell :> JsonNode | null)
        Collections.Generic.KeyValuePair("file", JsonValue.Create file :> JsonNode | null)
        Collections.Generic.KeyValuePair("paper", JsonValue.Create record.Paper :> JsonNode | null)
        Collections.Generic.KeyValuePair("network", JsonValue.Create(RunRecord.network record) :> JsonNode | null)
        Collections.Generic.KeyValuePair(
            "images",
            JsonValue.Create $"{record.TrainImages} / {record.TestGood} / {record.TestAnomalous}" :> JsonNode | null
        )
        Collections.Generic.KeyValuePair("seconds", rounded (record.Seconds |> Map.toSeq |> Seq.sumBy snd))
        Collections.Generic.KeyValuePair("command", JsonValue.Create(Index.command record) :> JsonNode | null)
        Collections.Generic.KeyValuePair("rates", rates :> JsonNode | null)
        if not scores.IsEmpty then
            Collections.Generic.KeyValuePair("roc", JsonValue.Create(ints (roc 48 scores)) :> JsonNode | null)
            Collections.Generic.KeyValuePair("low", rounded low)
            Collections.Generic.KeyValuePair("high", rounded high)
            Collections.Generic.KeyValuePair("good", JsonValue.Create(ints good) :> JsonNode | null)
            Collections.Generic.KeyValuePair("bad", JsonValue.Create(ints bad) :> JsonNode | null)
    ]

/// The cells that the page's numbers are made of, with their places in its list.
let ofIndex (index: AllRuns) =
    [
        for row in index.Rows do
            match row.Compared.Measured with
            | Some measured -> yield! measured.Records
            | None -> ()
        for floor in index.Floors do
            yield! floor.Records
    ]
    |> List.distinctBy _.Cell
    |> Array.ofList

/// What the dialog shows of the sheets: the link, and the lines about each difference.
let sheets (index: AllRuns) =
    let sheets = JsonObject()

    for KeyValue(paper, sheet) in index.Sheets do
        if index.Records |> List.exists (fun record -> record.Paper = paper) then
            let entry = JsonObject()
            entry["href"] <- JsonValue.Create(sheet.Path + (if sheet.Anchor = "" then "" else "#" + sheet.Anchor))
            sheets[paper] <- entry

            let known = index.RowsOf paper |> List.collect _.Compared.Differences |> List.distinct |> List.sort

            let found = JsonObject()

            for difference in known do
                match Index.linesAbout sheet difference with
                | [] -> ()
                | about ->
                    let text =
                        about |> List.truncate 3 |> List.map (fun line -> JsonValue.Create $"{line.Point}: {line.Text}" :> JsonNode | null)

                    found[difference] <- JsonArray(Array.ofList text)

            entry["lines"] <- found

    sheets
