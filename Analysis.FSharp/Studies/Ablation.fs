namespace Reproduction.Analysis

open System.IO
open Plotly.NET

/// What one design choice is worth: a table and a chart over run records.
type Ablation = {
    /// Of the script, and of the files it writes.
    Name: string
    Title: string
    /// One line about what the numbers are.
    Note: string
    /// The first row holds the titles.
    Table: string list list
    Figures: ReportFigure list
}

module Ablation =
    /// With fewer pairs a t-test says more about their number than about the variants.
    let leastPairs = 5

    /// Column titles and rows without the columns "p" that hold nothing.
    let private withoutEmptyP (table: string list list) =
        let columns = List.transpose table
        columns |> List.filter (fun column -> column.Head <> "p" || List.exists ((<>) "") column.Tail) |> List.transpose

    let private percentNote = "Percent; ± is the standard deviation over categories, or over seeds or folds of a single one."

    /// Summaries by (variant, metric): over seeds or folds first, then over the categories that all present variants ran.
    let private summarise (variants: string list) (records: RunRecord list) =
        let ran variant = records |> List.filter (fun record -> record.Variant = variant) |> List.map _.Category |> Set.ofList

        let present = variants |> List.filter (fun variant -> not (ran variant).IsEmpty)
        let common = if present.IsEmpty then Set.empty else present |> List.map ran |> Set.intersectMany

        let summaries =
            records
            |> List.filter (fun record -> common.Contains record.Category)
            |> RunRecord.toFrame
            |> Statistics.overRepetitions
            |> List.groupBy (fun row -> row.Variant, row.Metric)
            |> List.map (fun (key, rows) ->
                match rows with
                | [ single ] -> key, single.Summary
                | several -> key, several |> List.map _.Summary.Mean |> Statistics.summarise)
            |> Map.ofList

        present, Set.toList common, summaries

    let private deviation (summary: Summary) = if System.Double.IsNaN summary.Deviation then 0.0 else 100.0 * summary.Deviation

    /// A row per variant, a column per metric.
    let byMetric (metrics: string list) name title (variants: string list) (records: RunRecord list) : Ablation =
        let present, categories, summaries = summarise variants records
        let categoryNames = String.concat ", " categories

        let points metric =
            present
            |> List.choose (fun variant -> summaries.TryFind(variant, metric) |> Option.map (fun summary -> variant, summary))

        let metrics = metrics |> List.filter (fun metric -> not (points metric).IsEmpty)

        let againstFirst metric variant =
            let values variant =
                Map.ofList [
                    for record in records do
                        match record.Metrics.TryFind metric with
                        | Some value when record.Variant = variant && List.contains record.Category categories ->
                            (record.Category, record.Repetition), value
                        | _ -> ()
                ]

            let first, other = values present.Head, values variant

            let pairs = [
                for KeyValue(key, value) in first do
                    yield! other.TryFind key |> Option.map (fun o -> value, o) |> Option.toList
            ]

            if variant = present.Head || pairs.Length < leastPairs then None else Statistics.pairedT pairs

        let table =
            withoutEmptyP (
                ("variant"
                 :: [
                     for metric in metrics do
                         Text.metric metric
                         "p"
                 ])
                :: [
                    for variant in present ->
                        variant
                        :: [
                            for metric in metrics do
                                summaries.TryFind(variant, metric) |> Option.map Text.summary |> Option.defaultValue "–"
                                againstFirst metric variant |> Option.map Text.pValue |> Option.defaultValue ""
                        ]
                ]
            )

        let tested = List.contains "p" table.Head

        let chart =
            [
                for i, metric in List.indexed metrics do
                    let points = List.rev (points metric)

                    Chart.Point(
                        points |> List.map (fun (_, summary) -> 100.0 * summary.Mean),
                        points |> List.map fst,
                        Name = Text.metric metric
                    )
                    |> Chart.withMarkerStyle (Color = Style.colour i, Symbol = Style.symbol i, Size = 11)
                    |> Chart.withXErrorStyle (Array = (points |> List.map (snd >> deviation)), Color = Style.colour i)
            ]
            |> Chart.combine
            |> Charts.percentX "%" [
                for metric in metrics do
                    for _, summary in points metric do
                        100.0 * summary.Mean - deviation summary
                        100.0 * summary.Mean + deviation summary
            ]
            |> Chart.withYAxisStyle (AxisType = StyleParam.AxisType.Category)
            |> Chart.withSize (Height = 170 + 26 * present.Length)

        {
            Name = name
            Title = title
            Note =
                $"Mean over {Text.categories categories.Length} ({categoryNames}). {percentNote} "
                + (if tested then
                       $"p: two-sided paired t-test against the first variant, a pair for each category and seed or fold, {leastPairs} at \
                         least."
                   else
                       $"No p values: no variant has {leastPairs} pairs of category and seed or fold with the first.")
            Table = table
            Figures =
                if metrics.IsEmpty then
                    []
                else
                    [
                        {
                            Id = name
                            Title = title
                            Description = $"{present.Length} variants, mean over {Text.categories categories.Length}, percent."
                            Chart = chart
                        }
                    ]
        }

    /// A row per metric and category, a column per variant; for each metric a chart of the textures of MVTec AD and one of all other
    /// categories, from the first variant to the last, a line per category.
    let byCategory (metrics: string list) name title (variants: string list) (records: RunRecord list) : Ablation =
        let summaries =
            records
            |> RunRecord.toFrame
            |> Statistics.overRepetitions
            |> List.map (fun row -> (row.Metric, row.Category, row.Variant), row.Summary)
            |> Map.ofList

        let ran test = summaries |> Map.exists (fun key _ -> test key)
        let present = variants |> List.filter (fun variant -> ran (fun (_, _, other) -> other = variant))

        let textures, objects =
            records
            |> List.map _.Category
            |> List.distinct
            |> List.sort
            |> List.partition (fun category -> List.contains category Published.textures)

        let lines metric categories = [
            for category in categories do
                match
                    present
                    |> List.choose (fun variant ->
                        summaries.TryFind(metric, category, variant) |> Option.map (fun summary -> variant, summary))
                with
                | [] -> ()
                | points -> category, points
        ]

        {
            Name = name
            Title = title
            Note = "Percent; ± is the standard deviation over seeds."
            Table =
                ("metric" :: "category" :: present)
                :: [
                    for metric in metrics do
                        for category, points in lines metric (objects @ textures) do
                            Text.metric metric
                            :: category
                            :: [
                                for variant in present ->
                                    points
                                    |> List.tryFind (fst >> (=) variant)
                                    |> Option.map (snd >> Text.summary)
                                    |> Option.defaultValue "–"
                            ]
                ]
            Figures = [
                for metric in metrics do
                    for kind, categories in [ "objects", objects; "textures", textures ] do
                        match lines metric categories with
                        | [] -> ()
                        | lines -> {
                            Id = $"{name}-{metric}-{kind}"
                            Title = $"{title}: {Text.metric metric}, {kind}"
                            Description =
                                $"{Text.metric metric} in percent of {present.Length} variants, one line for each of {lines.Length} "
                                + $"categories."
                            Chart =
                                [
                                    for i, (category, points) in List.indexed lines do
                                        Style.line
                                            category
                                            i
                                            (points |> List.map fst)
                                            (points |> List.map (fun (_, summary) -> 100.0 * summary.Mean))
                                ]
                                |> Chart.combine
                                |> Chart.withXAxisStyle (AxisType = StyleParam.AxisType.Category)
                                |> Charts.percentY $"{Text.metric metric} (%%)" [
                                    for _, points in lines do
                                        for _, summary in points do
                                            100.0 * summary.Mean
                                ]
                                |> Chart.withSize (Height = 440)
                          }
            ]
        }

    /// A row per level and one for the sum of all levels, a column per variant: image AUROC.
    let byLevel name title (variants: string list) (records: RunRecord list) : Ablation =
        let present, categories, summaries = summarise variants records
        let categoryNames = String.concat ", " categories
        let prefix = "image_auroc.level_"

        let levels =
            [
                for KeyValue((_, metric), _) in summaries do
                    if metric.StartsWith prefix then int (metric.Substring prefix.Length)
            ]
            |> List.distinct
            |> List.sort

        let row label metric =
            label
            :: [ for variant in present -> summaries.TryFind(variant, metric) |> Option.map Text.summary |> Option.defaultValue "–" ]

        {
            Name = name
            Title = title
            Note = $"Image AUROC, mean over {Text.categories categories.Length} ({categoryNames}). {percentNote}"
            Table = ("level" :: present) :: [ for level in levels -> row (string level) $"{prefix}{level}" ] @ [ row "sum" "image_auroc" ]
            Figures = Charts.levels records |> List.truncate 1 |> List.map (fun figure -> { figure with Id = name; Title = title })
        }

    /// A row per number of sigmas: the false positive rate promised, and the rates achieved at the level of Table IV.
    let workingPoint name title (variants: string list) (records: RunRecord list) : Ablation =
        let present, categories, summaries = summarise variants records
        let categoryNames = String.concat ", " categories
        let target sigma = 1.0 - MathNet.Numerics.SpecialFunctions.Erf(float sigma / sqrt 2.0)

        // Level 7 is Table IV's; a network without one is represented by its deepest level.
        let level variant =
            [
                for KeyValue((other, metric), _) in summaries do
                    if other = variant && metric.StartsWith "achieved_fpr.level_" then
                        int (metric.Substring "achieved_fpr.level_".Length |> Seq.takeWhile System.Char.IsDigit |> System.String.Concat)
            ]
            |> function
                | [] -> None
                | levels -> Some(if List.contains 7 levels then 7 else List.max levels)

        let measured = [
            for variant in present do
                yield! level variant |> Option.map (fun level -> variant, level) |> Option.toList
        ]

        {
            Name = name
            Title = title
            Note = $"Rates in percent, mean over {Text.categories categories.Length} ({categoryNames}) and their folds."
            Table =
                ("sigma"
                 :: "target FPR"
                 :: [
                     for variant, level in measured do
                         $"{variant} level {level}: achieved FPR"
                         "achieved TPR"
                 ])
                :: [
                    for sigma in 1..5 ->
                        string sigma
                        :: (100.0 * target sigma).ToString("0.#####", System.Globalization.CultureInfo.InvariantCulture)
                        :: [
                            for variant, level in measured do
                                for rate in [ "achieved_fpr"; "achieved_tpr" ] do
                                    summaries.TryFind(variant, $"{rate}.level_{level}.sigma{sigma}")
                                    |> Option.map Text.summary
                                    |> Option.defaultValue "–"
                        ]
                ]
            Figures = Charts.workingPoints records |> List.truncate 1 |> List.map (fun figure -> { figure with Id = name; Title = title })
        }

    let toMarkdown (ablation: Ablation) =
        [
            $"# {ablation.Title}\n"
            $"{ablation.Note}\n"
            match ablation.Table with
            | header :: rows -> yield! Markdown.lines header rows
            | [] -> ()
            for figure in ablation.Figures do
                $"\n![{figure.Description}](figures/{figure.Id}.svg)"
        ]
        |> String.concat "\n"

    /// The table as aligned columns, for a terminal.
    let toText (ablation: Ablation) = ablation.Title :: ablation.Note.TrimEnd() :: Text.columns ablation.Table |> String.concat "\n"

    /// Writes <run>/<name>.md and its figure, and gives their paths.
    let write (say: string -> unit) (root: string) (run: string) (ablation: Ablation) : string list =
        let page = Path.Combine(run, ablation.Name + ".md")
        File.WriteAllText(page, toMarkdown ablation + "\n")

        page :: Figures.write say (Path.Combine(run, "figures")) ablation.Figures
