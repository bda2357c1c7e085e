namespace Reproduction.Analysis

open System.IO

/// A detector that learns nothing, beside one that does, on the same images.
type FloorTest = {
    /// Of the floor's variant with the highest image AUROC on the category.
    Floor: RunRecord
    /// DeLong's test; First is the method's AUROC.
    Test: PairedAuroc
}

/// A method's row: by how much it beats each of the floors.
type AgainstFloor = { Record: RunRecord; Floors: FloorTest list }

/// What no training gives, as rows that every method is set beside: papers/baselines/ has their sheets.
module Floor =
    let methods = [ "mean-image"; "pca-pixels"; "pca-features" ]

    /// The folder of the run that has the floors where a run has none of its own, beside that run's.
    let sibling = "baselines"

    let private auroc (record: RunRecord) = record.Metrics.TryFind "image_auroc"

    let private isFloor (record: RunRecord) = List.contains record.Paper methods

    let private best (records: RunRecord list) =
        records
        |> List.filter (fun record -> record.Profile <> "smoke" && (auroc record).IsSome)
        |> List.groupBy (fun record -> record.Variant, record.Profile)
        |> List.map (fun (_, repetitions) -> repetitions |> List.minBy _.Repetition)
        |> List.sortByDescending auroc
        |> List.tryHead

    /// The run's own floor records with its folder, or those of the run "baselines" beside it.
    let private floorsOf (run: string) (records: RunRecord list) =
        match List.filter isFloor records with
        | [] ->
            let folder = Path.Combine(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath run)) |> string, sibling)
            folder, (if Directory.Exists(Path.Combine(folder, "runs")) then RunRecord.readAll folder |> List.filter isFloor else [])
        | own -> run, own

    /// Each method of a run on each category, by its variant with the highest image AUROC, against the floors by DeLong's test. A
    /// floor has no schedule, so that its profile is not looked at; one that has not scored all of the method's images is left out.
    let against (run: string) (records: RunRecord list) : AgainstFloor list =
        let folder, floors = floorsOf run records

        [
            for (_, dataset, category), group in
                records |> List.filter (isFloor >> not) |> List.groupBy (fun record -> record.Paper, record.Dataset, record.Category) do
                match best group with
                | None -> ()
                | Some record ->
                    let scores = lazy RunRecord.readScores run record.Cell

                    let tests = [
                        for name in methods do
                            let own =
                                floors
                                |> List.filter (fun floor -> (floor.Paper, floor.Dataset, floor.Category) = (name, dataset, category))

                            match best own with
                            | None -> ()
                            | Some floor ->
                                let known =
                                    RunRecord.readScores folder floor.Cell
                                    |> List.map (fun score -> score.Image, score.Score)
                                    |> readOnlyDict

                                if scores.Value |> List.forall (fun score -> known.ContainsKey score.Image) then
                                    let pairs isAnomalous = [|
                                        for score in scores.Value do
                                            if score.IsAnomalous = isAnomalous then score.Score, known[score.Image]
                                    |]

                                    match Statistics.deLong (pairs true) (pairs false) with
                                    | Some test -> { Floor = floor; Test = test }
                                    | None -> ()
                    ]

                    if not tests.IsEmpty then { Record = record; Floors = tests }
        ]
