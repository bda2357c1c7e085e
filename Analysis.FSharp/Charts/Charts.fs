namespace Reproduction.Analysis

open Plotly.NET

/// A chart with what a reader who cannot see it needs.
type ReportFigure = {
    /// File name without extension, unique in a report.
    Id: string
    Title: string
    /// What the chart shows, in a sentence or two.
    Description: string
    Chart: GenericChart
}

/// The report's charts. All rates are percent. Title and legend are put above the data by Figures.
module Charts =
    let private percent value = 100.0 * value
    let private name (metric: string) = metric.Replace("_", " ").Replace("auroc", "AUROC").Replace("aupro", "AUPRO")

    /// Axes of percentages that do not blow a hundredth of a point up.
    let percentX (title: string) (values: float list) chart =
        chart |> Chart.withXAxisStyle (TitleText = title, MinMax = Style.percentRange values)

    let percentY (title: string) (values: float list) chart =
        chart |> Chart.withYAxisStyle (TitleText = title, MinMax = Style.percentRange values)

    let private spread (spread: Spread option) = spread |> Option.map (fun spread -> percent spread.Size) |> Option.defaultValue 0.0

    /// Published and measured values side by side, one line per number.
    let publishedAgainstMeasured paper metric (compared: Compared list) : ReportFigure option =
        let rows =
            [
                for number in compared do
                    match number.Measured with
                    | Some measured when number.IsMeasured && number.Published.Paper = paper && number.Published.Metric = metric ->
                        $"{number.Published.Category} · {number.Published.Variant}", number.Published, measured
                    | _ -> ()
            ]
            |> List.distinctBy (fun (label, published, _) -> label, published.Value)
            |> List.rev

        if rows.IsEmpty then
            None
        else
            let labels = rows |> List.map (fun (label, _, _) -> label)

            Some {
                Id = $"{paper}-{metric}"
                Title = $"{paper}: {name metric}, published and measured"
                Description =
                    $"{name metric} in percent: what {paper} publishes (grey diamonds) and what is measured (blue dots); bars are "
                    + $"the spreads of the table above; rows: {rows.Length}."
                Chart =
                    [
                        Chart.Point(
                            rows |> List.map (fun (_, p, _) -> percent p.Value),
                            labels,
                            Name = "published",
                            MarkerSymbol = StyleParam.MarkerSymbol.Diamond
                        )
                        |> Chart.withXErrorStyle (Array = (rows |> List.map (fun (_, p, _) -> spread p.Spread)), Color = Style.grey)
                        |> Chart.withMarkerStyle (Color = Style.grey, Size = 10)
                        Chart.Point(rows |> List.map (fun (_, _, m) -> percent m.Mean), labels, Name = "measured")
                        |> Chart.withXErrorStyle (Array = (rows |> List.map (fun (_, _, m) -> spread m.Spread)), Color = Style.colour 0)
                        |> Chart.withMarkerStyle (Color = Style.colour 0, Size = 10)
                    ]
                    |> Chart.combine
                    |> percentX $"{name metric} (%%)" [
                        for _, p, m in rows do
                            for value, spread in [ p.Value, spread p.Spread; m.Mean, spread m.Spread ] do
                                percent value - spread
                                percent value + spread
                    ]
                    |> Chart.withYAxisStyle (AxisType = StyleParam.AxisType.Category)
                    |> Chart.withSize (Height = 170 + 26 * rows.Length)
            }

    /// The mean over the categories of one (paper, variant, metric) at one dataset and profile.
    let private overCategories (records: RunRecord list) =
        RunRecord.toFrame (records |> List.filter (fun record -> record.Profile <> "smoke"))
        |> Statistics.overRepetitions
        |> List.groupBy (fun row -> row.Paper, row.Variant, row.Dataset, row.Profile, row.Metric)
        |> List.map (fun ((paper, variant, dataset, profile, metric), rows) -> {|
            Paper = paper
            Variant = variant
            Dataset = dataset
            Profile = profile
            Metric = metric
            Mean = rows |> List.averageBy _.Summary.Mean
        |})

    /// The network of a "network-model" variant: one chart per network, so that its models can be told apart.
    let private family (variant: string) = variant.Split('-')[0]

    /// image AUROC of each level of a sum, one line per variant, for the papers whose records have levels.
    let levels (records: RunRecord list) : ReportFigure list =
        let prefix = "image_auroc.level_"

        [
            for (paper, dataset, profile, network), rows in
                overCategories records
                |> List.filter _.Metric.StartsWith(prefix)
                |> List.groupBy (fun row -> row.Paper, row.Dataset, row.Profile, family row.Variant) do
                {
                    Id = $"{paper}-levels-{network}-{dataset}-{profile}"
                    Title = $"{paper}: image AUROC of each level of {network} on {dataset}"
                    Description =
                        $"Mean image AUROC in percent over the categories of {dataset} that were run ({profile} profile), from the "
                        + $"shallowest level to the deepest, one line per variant."
                    Chart =
                        [
                            for i, (variant, points) in rows |> List.groupBy _.Variant |> List.indexed do
                                let points = points |> List.sortBy (fun row -> int (row.Metric.Substring prefix.Length))

                                Style.line
                                    variant
                                    i
                                    (points |> List.map (fun row -> row.Metric.Substring prefix.Length))
                                    (points |> List.map (fun row -> percent row.Mean))
                        ]
                        |> Chart.combine
                        |> Chart.withXAxisStyle (TitleText = "level", AxisType = StyleParam.AxisType.Category)
                        |> percentY "image AUROC (%)" (rows |> List.map (fun row -> percent row.Mean))
                        |> Chart.withSize (Height = 440)
                }
        ]

    /// Target false positive rate of the n-sigma working point against the achieved one, a chart per network and dataset.
    let workingPoints (records: RunRecord list) : ReportFigure list =
        let target sigma = 1.0 - MathNet.Numerics.SpecialFunctions.Erf(float sigma / sqrt 2.0)

        let rates = [
            for row in overCategories records do
                match row.Metric.Split '.' |> List.ofArray with
                | [ "achieved_fpr"; part; sigma ] when sigma.StartsWith "sigma" ->
                    let variant = if row.Profile = "paper" then row.Variant else $"{row.Variant} ({row.Profile})"
                    (family row.Variant, row.Dataset), variant, part, target (int (sigma.Substring 5)), row.Mean
                | _ -> ()
        ]

        [
            for (network, dataset), rates in rates |> List.groupBy (fun (key, _, _, _, _) -> key) do
                let parts = rates |> List.map (fun (_, _, part, _, _) -> part)
                // Table IV is about level 7; a network without one is shown by its deepest level.
                let shown = if List.contains "level_7" parts then "level_7" else List.max parts

                let lines =
                    rates |> List.filter (fun (_, _, part, _, _) -> part = shown) |> List.groupBy (fun (_, variant, _, _, _) -> variant)

                // A logarithmic axis has no zero: no false alarm at all is drawn at its lower edge.
                let lowest = 1e-4

                {
                    Id = $"working-point-{network}-{dataset}"
                    Title = $"The n-sigma working point of {network} on {dataset}"
                    Description =
                        $"False positive rate in percent that 1 to 5 sigma promise at {shown.Replace('_', ' ')}, and the one achieved "
                        + $"on the good test images; on the dashed diagonal the two agree. None at all is drawn at 0.01."
                    Chart =
                        [
                            for i, (variant, points) in List.indexed lines do
                                let points = points |> List.sortBy (fun (_, _, _, target, _) -> target)

                                Style.line
                                    variant
                                    i
                                    (points |> List.map (fun (_, _, _, target, _) -> percent target))
                                    (points |> List.map (fun (_, _, _, _, achieved) -> percent (max achieved lowest)))
                            Chart.Line(
                                [ percent lowest; 100.0 ],
                                [ percent lowest; 100.0 ],
                                Name = "as promised",
                                LineColor = Style.grey,
                                LineDash = StyleParam.DrawingStyle.Dash
                            )
                        ]
                        |> Chart.combine
                        |> Chart.withXAxisStyle (TitleText = "target FPR (%)", AxisType = StyleParam.AxisType.Log)
                        |> Chart.withYAxisStyle (TitleText = "achieved FPR (%)", AxisType = StyleParam.AxisType.Log)
                        |> Chart.withSize (Height = 440)
                }
        ]

    /// A metric of every variant on every category of a dataset: one line per variant, one colour per category.
    let overview metric (records: RunRecord list) : ReportFigure list = [
        for dataset, rows in
            RunRecord.toFrame (records |> List.filter (fun record -> record.Profile <> "smoke"))
            |> Statistics.overRepetitions
            |> List.filter (fun row -> row.Metric = metric)
            |> List.groupBy _.Dataset do
            let label paper variant profile = $"{paper} · {variant}" + (if profile = "paper" then "" else $" ({profile})")

            let variants = rows |> List.map (fun row -> label row.Paper row.Variant row.Profile) |> List.distinct

            if variants.Length > 1 then
                {
                    Id = $"overview-{metric}-{dataset}"
                    Title = $"{name metric} of every variant on {dataset}"
                    Description =
                        $"{name metric} in percent of {variants.Length} variants, one line each, on every category of {dataset} that "
                        + $"was run; mean over seeds or folds."
                    Chart =
                        [
                            for i, (category, values) in rows |> List.groupBy _.Category |> List.sortBy fst |> List.indexed do
                                let values = values |> List.rev

                                Chart.Point(
                                    values |> List.map (fun row -> percent row.Summary.Mean),
                                    values |> List.map (fun row -> label row.Paper row.Variant row.Profile),
                                    Name = category
                                )
                                |> Chart.withMarkerStyle (Color = Style.colour i, Symbol = Style.symbol i, Size = 10)
                        ]
                        |> Chart.combine
                        |> percentX $"{name metric} (%%)" (rows |> List.map (fun row -> percent row.Summary.Mean))
                        |> Chart.withYAxisStyle (AxisType = StyleParam.AxisType.Category)
                        |> Chart.withSize (Height = 170 + 24 * variants.Length)
                }
    ]

    /// Mean seconds of a cell by stage.
    let seconds (records: RunRecord list) : ReportFigure option =
        let stages = [ "features"; "fit"; "score"; "metrics" ]

        let groups =
            records
            |> List.filter (fun record -> record.Profile <> "smoke")
            |> List.groupBy (fun record -> $"{record.Paper} · {record.Variant} · {record.Dataset}")
            |> List.rev

        if groups.IsEmpty then
            None
        else
            let mean stage (group: RunRecord list) =
                group |> List.averageBy (fun record -> record.Seconds.TryFind stage |> Option.defaultValue 0.0)

            Some {
                Id = "seconds"
                Title = "Time of a cell by stage"
                Description = "Mean wall-clock seconds of a cell: computing or reading frozen features, fitting, scoring, metrics."
                Chart =
                    [
                        for i, stage in List.indexed stages ->
                            Chart.Bar(
                                groups |> List.map (snd >> mean stage),
                                Keys = List.map fst groups,
                                Name = stage,
                                MarkerColor = Style.colour i
                            )
                    ]
                    |> Chart.combine
                    |> Chart.withLayoutStyle (BarMode = StyleParam.BarMode.Stack)
                    |> Chart.withXAxisStyle (TitleText = "seconds")
                    |> Chart.withSize (Height = 170 + 22 * groups.Length)
            }

    /// All charts that a run's records give.
    let all (records: RunRecord list) (compared: Compared list) : ReportFigure list = [
        for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
            yield! overview metric records
        for paper in compared |> List.map _.Published.Paper |> List.distinct do
            for metric in [ "image_auroc"; "pixel_auroc"; "aupro" ] do
                yield! publishedAgainstMeasured paper metric compared |> Option.toList
        yield! levels records
        yield! workingPoints records
        yield! seconds records |> Option.toList
    ]
