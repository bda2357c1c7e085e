namespace Reproduction.Analysis

open System.Globalization
open System.Text.RegularExpressions

/// How a measured number stands beside a published one.
type Verdict =
    /// No record has it.
    | NotRun
    /// A mean over categories of which only some were run, or a metric that is undefined there.
    | NotComparable of reason: string
    /// One category: no further apart than the larger of the published and the measured spread over runs. A mean over categories: no
    /// further than the standard error of our mean over its seeds or folds; what a paper prints beside a mean tells how its
    /// categories differ, not how well the mean is known.
    | WithinSpread
    /// At most one percentage point apart.
    | WithinPoint
    | Above
    | Below

/// What was measured where a paper prints a number.
type Measured = {
    Mean: float
    /// Over seeds or folds; none for a single one.
    Spread: Spread option
    Variant: string
    Profile: string
    Networks: string list
    /// The categories that were run of those that the number is a mean over.
    Categories: string list
    /// Every record that the mean is over.
    Records: RunRecord list
}

type Compared = {
    Published: PublishedNumber
    Measured: Measured option
    Verdict: Verdict
    /// What differs between the paper's run and ours: network, schedule. Empty: like for like.
    Differences: string list
} with

    member this.IsMeasured =
        match this.Verdict with
        | NotRun
        | NotComparable _ -> false
        | _ -> true

    /// Measured minus published, as a fraction; none where the two cannot be compared.
    member this.Delta =
        match this.Measured with
        | Some measured when this.IsMeasured -> Some(measured.Mean - this.Published.Value)
        | _ -> None

module Comparison =
    /// Record variants that may stand for a published one, the exact one first, each with what it differs in.
    let private candidates (published: PublishedNumber) (variant: string) =
        (variant, [])
        :: [
            for substitute in published.Substitutes do
                if variant.StartsWith(substitute.Published, System.StringComparison.Ordinal) then
                    substitute.Measured + variant.Substring substitute.Published.Length, [ substitute.Difference ]
        ]

    /// Name of the record variant that a published number is about; None for others' methods.
    let private ownVariant (published: PublishedNumber) = if published.IsOwn then Some published.Variant else None

    /// "V/P/Q" and M to record variant V and metric M.P.Q.
    let recordNames (published: PublishedNumber) =
        match (ownVariant published |> Option.defaultValue "").Split '/' |> List.ofArray with
        | variant :: parts -> variant, String.concat "." (published.Metric :: parts)
        | [] -> "", published.Metric

    let private profileOrder = [ "paper"; "quick" ]

    /// Whether a setting's row is about a record.
    let isAbout (record: RunRecord) (row: ScheduleSetting) =
        let pattern = "^" + Regex.Escape(row.Variants).Replace(@"\*", ".*") + "$"

        (row.Variants = "" || Regex.IsMatch(record.Variant, pattern))
        && match row.Data with
           | "" -> true
           | "textures" -> record.Dataset = "mvtec" && List.contains record.Category Published.textures
           | data -> data = record.Dataset || data = $"{record.Dataset}.{record.Category}"

    /// Whether two values of a setting are the same: numbers may be written in several ways.
    let isSame (a: string) (b: string) =
        match System.Double.TryParse(a, CultureInfo.InvariantCulture), System.Double.TryParse(b, CultureInfo.InvariantCulture) with
        | (true, a), (true, b) -> a = b
        | _ -> a = b

    let private spoken (setting: string) = setting.Replace('_', ' ')

    /// In what the records of a measurement depart from the paper's schedule and data; a paper whose schedule is not known
    /// differs by the profile's name.
    let private departures (published: PublishedNumber) (records: RunRecord list) =
        let rows record = published.Schedule.Settings |> List.filter (isAbout record) |> List.distinctBy _.Setting

        let schedule = [
            for record in records do
                match rows record with
                | [] when published.Schedule.Settings.IsEmpty -> if record.Profile <> "paper" then $"{record.Profile} schedule"
                | rows ->
                    let has = Map.ofList record.Settings

                    for row in rows do
                        match has.TryFind row.Setting with
                        | Some value when not (isSame value row.Value) -> $"{spoken row.Setting} {value}, not {row.Value}"
                        | _ -> ()

                    match
                        rows |> List.filter (fun row -> not row.IsGiven && has.TryFind row.Setting |> Option.exists (isSame row.Value))
                    with
                    | [] -> ()
                    | ours -> "our " + (ours |> List.map (_.Setting >> spoken) |> String.concat ", ")
        ]

        let data = [
            for record in records do
                for row in published.Schedule.ChangedData do
                    if (row.Dataset, row.Category, row.Fingerprint) = (record.Dataset, record.Category, record.DataFingerprint) then
                        row.Difference
        ]

        List.distinct (schedule @ data)

    /// A sum over fewer levels than the method has, because the weights end before its last ones.
    let private missingLevels (metric: string) (records: RunRecord list) =
        if metric.Contains '.' then
            []
        else
            [
                for record in records do
                    match record.LevelsWanted, record.Fit.TryFind "levels" with
                    | Some wanted, Some used when int used < wanted -> $"{int used} of {wanted} levels"
                    | _ -> ()
            ]
            |> List.distinct

    /// Sets measurements beside all published numbers of the papers' own methods whose metrics run records have.
    /// A smoke run never counts: it tests the machinery, not the method.
    let compare (records: RunRecord list) (published: PublishedNumber list) : Compared list =
        let values =
            records
            |> List.collect (fun record -> [
                for KeyValue(metric, value) in record.Metrics ->
                    (record.Paper, record.Variant, record.Dataset, record.Category, record.Profile, metric), (record, value)
            ])
            |> List.groupBy fst
            |> List.map (fun (cell, repetitions) -> cell, List.map snd repetitions)
            |> Map.ofList

        let networks =
            records
            |> List.groupBy (fun record -> record.Paper, record.Variant)
            |> List.map (fun (key, group) -> key, group |> List.map RunRecord.network |> List.distinct)
            |> Map.ofList

        let measure (published: PublishedNumber) =
            let variant, metric = recordNames published
            let dataset, categories = Published.scope published.Category

            [
                for candidate, differences in candidates published variant do
                    for profile in profileOrder do
                        let found = [
                            for category in categories do
                                match values.TryFind(published.Paper, candidate, dataset, category, profile, metric) with
                                | Some repetitions -> category, repetitions
                                | None -> ()
                        ]

                        if not found.IsEmpty then
                            let used = found |> List.collect (snd >> List.map fst)

                            let measured = {
                                Mean = found |> List.averageBy (snd >> List.averageBy snd)
                                Spread =
                                    if categories.Length > 1 then
                                        [
                                            for _, repetitions in found ->
                                                Map.ofList [ for record, value in repetitions -> record.Repetition, value ]
                                        ]
                                        |> Statistics.errorOfMean
                                    else
                                        let kind = published.Spread |> Option.map _.Kind |> Option.defaultValue Deviation
                                        found |> List.collect snd |> List.map snd |> Statistics.spreadOf kind
                                Variant = candidate
                                Profile = profile
                                Networks = networks[published.Paper, candidate]
                                Categories = List.map fst found
                                Records = used
                            }

                            measured, differences @ departures published used @ missingLevels metric used, categories.Length
            ]
            // The most complete mean first, then the likest.
            |> List.sortByDescending (fun (measured, _, _) -> measured.Categories.Length)
            |> List.tryHead

        let verdict (published: PublishedNumber) (measured: Measured) wanted =
            if measured.Categories.Length < wanted then
                NotComparable $"{measured.Categories.Length} of {wanted} categories"
            else
                let spreads = measured.Spread :: (if wanted > 1 then [] else [ published.Spread ]) |> List.choose id
                let difference = measured.Mean - published.Value
                let tolerance = 1e-9

                if spreads |> List.exists (fun spread -> abs difference <= spread.Size + tolerance) then WithinSpread
                elif abs difference <= 0.01 + tolerance then WithinPoint
                elif difference > 0.0 then Above
                else Below

        [
            for number in published do
                if (ownVariant number).IsSome && List.contains number.Metric Published.measurable then
                    match measure number with
                    | None -> { Published = number; Measured = None; Verdict = NotRun; Differences = [] }
                    | Some(measured, differences, wanted) -> {
                        Published = number
                        Measured = Some measured
                        Verdict = verdict number measured wanted
                        Differences = differences
                      }
        ]

    /// How far a variant's records are from what a paper ran: by how many printed numbers of the paper's own method it is meant, under its
    /// name or that of what it stands for; and in what it departs. Scores are not looked at.
    let faithfulness (published: PublishedNumber list) (records: RunRecord list) : int * string list =
        let own = published |> List.filter (fun number -> records.Head.Paper = number.Paper && number.IsOwn)
        let authors = own |> List.filter (fun number -> number.Method = number.Paper)

        let asPrinted = [
            for variant, numbers in authors |> List.groupBy (recordNames >> fst) do
                for candidate, differences in candidates numbers.Head variant do
                    if candidate = records.Head.Variant then numbers.Length, differences @ departures numbers.Head records
        ]

        match asPrinted |> List.sortBy (fun (printed, differences) -> differences.Length, -printed), own with
        | nearest :: _, _ -> nearest
        | [], number :: _ -> 0, departures number records
        | [], [] -> 0, []

    /// The verdict in words.
    let describe verdict =
        match verdict with
        | NotRun -> "not run"
        | NotComparable reason -> $"not comparable: {reason}"
        | WithinSpread -> "within the spread"
        | WithinPoint -> "within 1 point"
        | Above -> "above"
        | Below -> "below"

    /// On each category: every variant's image scores against those of the variant with the highest image AUROC, by DeLong's
    /// test. Of several seeds or folds the first stands for the variant. Smoke runs are left out.
    let againstBest (run: string) (records: RunRecord list) : (RunRecord * RunRecord * PairedAuroc) list =
        let auroc (record: RunRecord) = record.Metrics.TryFind "image_auroc"

        [
            for _, group in records |> List.groupBy (fun record -> record.Dataset, record.Category, record.Profile) do
                let first =
                    group
                    |> List.filter (fun record -> record.Profile <> "smoke" && (auroc record).IsSome)
                    |> List.groupBy (fun record -> record.Paper, record.Variant)
                    |> List.map (fun (_, repetitions) -> repetitions |> List.minBy _.Repetition)
                    |> List.sortByDescending auroc

                match first with
                | best :: others ->
                    let bestScores = RunRecord.readScores run best.Cell |> List.map (fun score -> score.Image, score.Score) |> readOnlyDict

                    for other in others do
                        let scores = RunRecord.readScores run other.Cell |> List.filter (fun score -> bestScores.ContainsKey score.Image)

                        let pairs isAnomalous = [|
                            for score in scores do
                                if score.IsAnomalous = isAnomalous then bestScores[score.Image], score.Score
                        |]

                        match Statistics.deLong (pairs true) (pairs false) with
                        | Some test -> best, other, test
                        | None -> ()
                | [] -> ()
        ]
