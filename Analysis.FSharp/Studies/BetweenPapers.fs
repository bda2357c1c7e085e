/// All methods on the same images, each by the variant that is nearest to its paper.
module Reproduction.Analysis.BetweenPapers

open Plotly.NET

/// What of a variant's name changes a setting: "+epochs=8+seed=1" has two.
let private changedSettings (variant: string) = variant.Split('+').Length - 1

/// How the variant of each method and network is chosen: what stands first here, with ties going on to the next. No score is looked at.
let rule =
    "the one that finished on most of the categories; of those one that the paper's tables print as its own method (or that stands "
    + "for such a one); of those the one that departs in the fewest points from the paper's schedule and data; without a changed "
    + "setting; the profile paper before quick; with the most printed numbers; with the most seeds or folds; by name"

/// What features depend on beside network and images.
let private ofFeatures (cell: RunRecord) =
    cell.Settings
    |> List.filter (fun (name, _) -> [ "augment"; "image_"; "layer"; "padding" ] |> List.exists name.StartsWith)

/// Seconds of a cell with its features computed, not read: those of a network on a category are computed once and kept, so that the
/// longest of a method's cells with the same network, category and settings of images and augmentation tells what they cost.
/// "≥ 12.0" where that too is less than a network takes for its images: every cell read them.
let private secondsOfCells (all: RunRecord list) (cells: RunRecord list) =
    let leastOfImage = 0.002
    let features (cell: RunRecord) = cell.Seconds.TryFind "features" |> Option.defaultValue 0.0
    let sharesFeatures (cell: RunRecord) = cell.Paper, cell.Dataset, cell.Category, RunRecord.network cell, ofFeatures cell

    let counted = [
        for cell in cells do
            let computed = all |> List.filter (fun other -> sharesFeatures other = sharesFeatures cell) |> List.map features |> List.max
            let images = float (cell.TrainImages + cell.TestGood + cell.TestAnomalous)

            computed - features cell + (cell.Seconds |> Map.toSeq |> Seq.sumBy snd),
            cell.Weights.IsEmpty || computed >= leastOfImage * images
    ]

    (if List.forall snd counted then "" else "≥ ") + Text.seconds (List.averageBy fst counted)

/// Every method on each of its networks by its most faithful finished variant, category by category. No score takes part in the choice.
let table (published: PublishedNumber list) name (records: RunRecord list) : Ablation =
    // A method that uses networks is not represented by an ablation without one.
    let networks = records |> List.map (fun record -> record.Paper, RunRecord.network record) |> List.distinct
    let isAlone paper = networks |> List.forall (fun (other, network) -> other <> paper || network = "none")

    let chosen = [
        for (_, network), own in
            records
            |> List.groupBy (fun record -> record.Paper, RunRecord.network record)
            |> List.filter (fun ((paper, network), _) -> network <> "none" || isAlone paper) do
            let ordered =
                own
                |> List.groupBy (fun record -> record.Variant, record.Profile)
                |> List.sortBy (fun ((variant, profile), cells) ->
                    let categories = cells |> List.distinctBy _.Category
                    let printed, differences = Comparison.faithfulness published cells

                    -categories.Length,
                    (printed = 0),
                    differences.Length,
                    changedSettings variant,
                    (profile <> "paper"),
                    -printed,
                    -cells.Length,
                    variant)

            match ordered with
            | (_, cells) :: _ -> network, cells, snd (Comparison.faithfulness published cells)
            | [] -> ()
    ]

    let metrics = [ "image_auroc"; "pixel_auroc"; "aupro" ]

    let summary metric (cells: RunRecord list) =
        match cells |> List.choose (fun cell -> cell.Metrics.TryFind metric) with
        | [] -> None
        | values -> Some(Statistics.summarise values)

    let label (network: string) (cells: RunRecord list) =
        let named = $"{cells.Head.Paper} {cells.Head.Variant}"
        if network = "none" || cells.Head.Variant.Contains network then named else $"{named} · {network}"

    let categories = records |> List.map _.Category |> List.distinct |> List.sort

    let rows = [
        for category in categories do
            for network, cells, differences in chosen do
                match cells |> List.filter (fun cell -> cell.Category = category) with
                | [] -> ()
                | here -> category, network, here, differences
    ]

    let figure metric =
        let points = [
            for category in categories do
                category,
                [
                    for other, network, cells, _ in rows do
                        match summary metric cells with
                        | Some found when other = category -> label network cells, 100.0 * found.Mean
                        | _ -> ()
                ]
        ]

        let names = points |> List.collect snd |> List.map fst |> List.distinct

        {
            Id = if metric = "image_auroc" then name else $"{name}-{metric}"
            Title = $"{Text.metric metric} of all methods on the same images"
            Description =
                $"{Text.metric metric} in percent of {names.Length} methods and networks on {Text.categories categories.Length}, "
                + "one line each."
            Chart =
                [
                    for i, (category, values) in List.indexed points do
                        Chart.Point(values |> List.rev |> List.map snd, values |> List.rev |> List.map fst, Name = category)
                        |> Chart.withMarkerStyle (Color = Style.colour i, Symbol = Style.symbol i, Size = 10)
                ]
                |> Chart.combine
                |> Charts.percentX $"{Text.metric metric} (%%)" (points |> List.collect snd |> List.map snd)
                |> Chart.withYAxisStyle (AxisType = StyleParam.AxisType.Category)
                |> Chart.withSize (Height = 170 + 24 * names.Length)
        }

    {
        Name = name
        Title = "All methods on the same images"
        Note =
            $"Percent, on {Text.categories categories.Length} of {records.Head.Dataset}; ± is the standard deviation over seeds or folds. "
            + $"A row for each method and network, by its most faithful finished variant: {rule}. No test score takes part. "
            + "Seconds are a cell's with its features computed and not read from the cache: the longest of the method's cells with the "
            + "same network, category, image size and augmentation; ≥ where all of them read features. No p values: a category "
            + $"has fewer than {Ablation.leastPairs} pairs of the same images and seed; DeLong's tests on the image scores are in "
            + "each run's report."
        Table =
            ([ "category"; "method"; "network"; "variant"; "profile" ]
             @ List.map Text.metric metrics
             @ [ "n"; "seconds"; "differs in" ])
            :: [
                for category, network, cells, differences in rows ->
                    [ category; cells.Head.Paper; network; cells.Head.Variant; cells.Head.Profile ]
                    @ [ for metric in metrics -> summary metric cells |> Option.map Text.summary |> Option.defaultValue "–" ]
                    @ [
                        string cells.Length
                        secondsOfCells records cells
                        if differences.IsEmpty then "nothing known" else String.concat "; " differences
                    ]
            ]
        Figures = [
            for metric in metrics do
                if rows |> List.exists (fun (_, _, cells, _) -> (summary metric cells).IsSome) then figure metric
        ]
    }
