namespace Reproduction.Analysis

open System.IO
open Plotly.NET

/// Variants of one paper beside one another: what one design choice is worth.
type Ablation =
    { /// Of the script, and of the files it writes.
      Name: string
      Title: string
      Metrics: string list
      /// (variant, (metric, summary over categories and repetitions) list) in the order of the ablation.
      Rows: (string * (string * Summary) list) list
      Categories: string list }

module Ablation =
    /// Averages over seeds or folds first, then over the categories that every variant ran.
    let ofRecords name title (variants: string list) (metrics: string list) (records: RunRecord list) : Ablation =
        let ran variant =
            records |> List.filter (fun record -> record.Variant = variant) |> List.map _.Category |> Set.ofList

        let present = variants |> List.filter (fun variant -> not (ran variant).IsEmpty)
        let common = if present.IsEmpty then Set.empty else present |> List.map ran |> Set.intersectMany

        let means =
            records
            |> List.filter (fun record -> common.Contains record.Category)
            |> RunRecord.toFrame
            |> Statistics.overRepetitions

        { Name = name
          Title = title
          Metrics = metrics
          Categories = Set.toList common
          Rows =
            [ for variant in present ->
                  variant,
                  [ for metric in metrics do
                        match means |> List.filter (fun row -> row.Variant = variant && row.Metric = metric) with
                        | [] -> ()
                        | [ single ] -> metric, single.Summary
                        | several -> metric, several |> List.map _.Summary.Mean |> Statistics.summarise ] ] }

    let private alt (ablation: Ablation) =
        let metrics = ablation.Metrics |> List.map Text.metric |> String.concat ", "
        $"{metrics} in percent of {ablation.Rows.Length} variants, mean over {ablation.Categories.Length} categories."

    let figure (ablation: Ablation) : Figure =
        let colours = [ "#3b82c4"; "#d9822b"; "#2a9d6f"; "#9a6fd0" ] |> List.map Color.fromHex

        { Id = ablation.Name
          Title = ablation.Title
          Description = alt ablation
          Chart =
            [ for metric, colour in List.zip ablation.Metrics (List.truncate ablation.Metrics.Length colours) do
                  let points =
                      ablation.Rows
                      |> List.choose (fun (variant, values) -> values |> List.tryFind (fst >> (=) metric) |> Option.map (fun (_, summary) -> variant, summary))

                  let deviations =
                      points |> List.map (fun (_, summary) -> if System.Double.IsNaN summary.Deviation then 0.0 else 100.0 * summary.Deviation)

                  Chart.Point(points |> List.map fst, points |> List.map (fun (_, summary) -> 100.0 * summary.Mean), Name = Text.metric metric, MarkerColor = colour)
                  |> Chart.withMarkerStyle (Size = 11)
                  |> Chart.withYErrorStyle (Array = deviations, Color = colour) ]
            |> Chart.combine
            |> Chart.withXAxisStyle (AxisType = StyleParam.AxisType.Category)
            |> Chart.withYAxisStyle (TitleText = "%")
            |> Chart.withSize (Height = 420) }

    let toMarkdown (ablation: Ablation) =
        let categories = String.concat ", " ablation.Categories
        let line (cells: string list) = "| " + String.concat " | " cells + " |"

        [ $"# {ablation.Title}\n"
          $"Mean over {ablation.Categories.Length} categories ({categories}), percent; ± is the standard deviation over them, or over seeds or folds of a single one.\n"
          line ("variant" :: List.map Text.metric ablation.Metrics)
          line (List.replicate (ablation.Metrics.Length + 1) "---")
          for variant, values in ablation.Rows do
              line (
                  variant
                  :: [ for metric in ablation.Metrics ->
                           match values |> List.tryFind (fst >> (=) metric) with
                           | Some(_, summary) -> Text.summary summary
                           | None -> "–" ]
              ) ]
        |> String.concat "\n"

    /// Writes <run>/<name>.md and its figure, and gives their paths.
    let write (say: string -> unit) (root: string) (run: string) (ablation: Ablation) : string list =
        let page = Path.Combine(run, ablation.Name + ".md")
        let chart = figure ablation
        let folder = Path.Combine(run, "figures")
        File.WriteAllText(page, $"{toMarkdown ablation}\n\n![{chart.Description}](figures/{chart.Id}.svg)\n")

        match Browser.find (), Figures.plotlySource root with
        | Some browser, Some plotly when not ablation.Rows.IsEmpty ->
            Figures.write browser plotly folder [ chart ]
            [ page; Path.Combine(folder, chart.Id + ".svg") ]
        | _ ->
            say "no figure was drawn: chromium, build/plotly.min.js or finished cells are missing; scripts/setup.sh installs the first two"
            [ page ]
