namespace Reproduction.Analysis

/// How a measured number stands beside a published one.
type Verdict =
    /// No record has it.
    | NotRun
    /// A mean over categories of which only some were run, or a metric that is undefined there.
    | NotComparable of reason: string
    /// No further apart than the larger of the published and the measured spread.
    | WithinSpread
    /// At most one percentage point apart.
    | WithinPoint
    | Above
    | Below

/// What was measured where a paper prints a number.
type Measured = {
    Summary: Summary
    Variant: string
    Profile: string
    Networks: string list
    /// The categories that were run of those that the number is a mean over.
    Categories: string list
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
        | Some measured when this.IsMeasured -> Some(measured.Summary.Mean - this.Published.Value)
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

    /// The cells that a printed number is about: dataset and categories.
    let private scope category =
        match category with
        | "mean" -> "mvtec", Published.textures @ Published.objects
        | "textures" -> "mvtec", Published.textures
        | "objects" -> "mvtec", Published.objects
        | "mnist" -> "mnist", [ for i in 0..9 -> string i ]
        | "fashion_mnist" -> "fashion-mnist", [ for i in 0..9 -> string i ]
        | "cifar10" -> "cifar10", [ for i in 0..9 -> string i ]
        | single -> "mvtec", [ single ]

    /// Name of the record variant that a published number is about; None for others' methods.
    let private ownVariant (published: PublishedNumber) = if published.IsOwn then Some published.Variant else None

    /// "V/P/Q" and M to record variant V and metric M.P.Q.
    let private recordNames (published: PublishedNumber) =
        match (ownVariant published |> Option.defaultValue "").Split '/' |> List.ofArray with
        | variant :: parts -> variant, String.concat "." (published.Metric :: parts)
        | [] -> "", published.Metric

    let private profileOrder = [ "paper"; "quick" ]

    let private schedule profile = if profile = "paper" then [] else [ $"{profile} schedule" ]

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
        let summaries =
            RunRecord.toFrame records
            |> Statistics.overRepetitions
            |> List.map (fun row -> (row.Paper, row.Variant, row.Dataset, row.Category, row.Profile, row.Metric), row.Summary)
            |> Map.ofList

        let networks =
            records
            |> List.groupBy (fun record -> record.Paper, record.Variant)
            |> List.map (fun (key, group) -> key, group |> List.map RunRecord.network |> List.distinct)
            |> Map.ofList

        let byVariant = records |> List.groupBy (fun record -> record.Paper, record.Variant) |> Map.ofList

        let measure (published: PublishedNumber) =
            let variant, metric = recordNames published
            let dataset, categories = scope published.Category

            [
                for candidate, differences in candidates published variant do
                    for profile in profileOrder do
                        let found = [
                            for category in categories do
                                match summaries.TryFind(published.Paper, candidate, dataset, category, profile, metric) with
                                | Some summary -> category, summary
                                | None -> ()
                        ]

                        if not found.IsEmpty then
                            let summary =
                                match found with
                                | [ _, single ] -> single
                                | several -> several |> List.map (fun (_, summary) -> summary.Mean) |> Statistics.summarise

                            let measured = {
                                Summary = summary
                                Variant = candidate
                                Profile = profile
                                Networks = networks[published.Paper, candidate]
                                Categories = List.map fst found
                            }

                            measured,
                            differences @ schedule profile @ missingLevels metric byVariant[published.Paper, candidate],
                            categories.Length
            ]
            // The most complete mean first, then the likest.
            |> List.sortByDescending (fun (measured, _, _) -> measured.Categories.Length)
            |> List.tryHead

        let verdict (published: PublishedNumber) (measured: Measured) wanted =
            if measured.Categories.Length < wanted then
                NotComparable $"{measured.Categories.Length} of {wanted} categories"
            else
                let spread =
                    match published.SpreadKind with
                    | "sem" -> measured.Summary.StandardError
                    | _ -> measured.Summary.Deviation

                let allowed = max (defaultArg published.Spread 0.0) (if System.Double.IsNaN spread then 0.0 else spread)
                let difference = measured.Summary.Mean - published.Value
                let tolerance = 1e-9

                if abs difference <= allowed + tolerance then WithinSpread
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
