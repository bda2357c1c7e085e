namespace Reproduction.Analysis

open System
open System.Globalization
open System.IO
open Plotly.NET

/// favae's toy study, figure 1 of its paper: what `repro toy` scored, as tables and histograms.
module ToyStudy =
    let private distributions = [ "normal"; "shuffled"; "anomaly" ]

    /// Column, name, and the panel of figure 1 that shows it.
    let private scores = [
        "log_likelihood", "log likelihood, optimal VAE", "1b"
        "trained_log_likelihood", "ELBO, trained VAE", "1b"
        "typicality", "typicality (2), optimal VAE", "1c"
        "trained_typicality", "typicality (2), trained VAE", "1c"
        "favae", "log probability, trained FAVAE", "1d"
    ]

    /// The scores of one set of constants: by column and distribution.
    type Scores = Map<string * string, float[]>

    /// Scores by the constants of appendix A that they belong to; a column without values is left out.
    let read (folder: string) : Map<string, Scores> =
        let columns = "constants" :: "distribution" :: "image" :: [ for column, _, _ in scores -> column ]
        let path = Path.Combine(folder, "scores.csv")

        if not (File.Exists path) then
            raise (
                AnalysisError
                    $"{path} is not there; 'scripts/repro toy --weights DIR --out {folder}' makes it, or this script with --weights DIR"
            )

        let number (text: string) =
            match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value -> value
            | _ -> raise (AnalysisError $"{path}: '{text}' is not a number")

        [
            for row in Csv.read columns path do
                for column, _, _ in scores do
                    if row column <> "" then row "constants", (column, row "distribution"), number (row column)
        ]
        |> List.groupBy (fun (constants, _, _) -> constants)
        |> List.map (fun (constants, rows) ->
            constants,
            rows
            |> List.groupBy (fun (_, key, _) -> key)
            |> List.map (fun (key, values) -> key, [| for _, _, value in values -> value |])
            |> Map.ofList)
        |> Map.ofList

    /// The share of pairs in which the second has the lower score, ties counting one half.
    let lower (first: float[]) (second: float[]) =
        Array.allPairs first second
        |> Array.averageBy (fun (a, b) ->
            if b < a then 1.0
            elif b = a then 0.5
            else 0.0)

    /// The middle of each bin and its share of the values in percent. The bins cover what lies between the 1st and the 99th percentile of
    /// all
    /// distributions together; what lies beyond counts in the first and the last one.
    let histogram bins (all: float[]) (values: float[]) =
        let sorted = Array.sort all
        let percentile share = sorted[int (share * float (sorted.Length - 1))]
        let low, high = percentile 0.01, percentile 0.99
        let width = (high - low) / float bins
        let bin value = int ((value - low) / width) |> max 0 |> min (bins - 1)
        let counts = values |> Array.countBy bin |> Map.ofArray

        [
            for i in 0 .. bins - 1 ->
                low + (float i + 0.5) * width, 100.0 * float (counts.TryFind i |> Option.defaultValue 0) / float values.Length
        ]

    let private bins = 60

    let private figure (results: Scores) (column, name, panel) =
        let present = [
            for d in distributions do
                if results.ContainsKey(column, d) then d
        ]

        if present.IsEmpty then
            None
        else
            let all = Array.concat [ for d in present -> results[column, d] ]

            Some {
                Id = $"toy-{column.Replace('_', '-')}"
                Title = $"Figure {panel}: {name}"
                Description =
                    $"Histograms of the {name} of {results[column, present.Head].Length} images each: normal, shuffled anomalies, "
                    + $"anomalies. Outermost bins hold what lies beyond."
                Chart =
                    [
                        for i, d in List.indexed distributions do
                            if List.contains d present then
                                let points = histogram bins all results[column, d]

                                Chart.Line(
                                    List.map fst points,
                                    List.map snd points,
                                    Name = d,
                                    LineColor = Style.colour i,
                                    LineDash = Style.dash i
                                )
                    ]
                    |> Chart.combine
                    |> Chart.withXAxisStyle (TitleText = name)
                    |> Chart.withYAxisStyle (TitleText = "share of images (%)")
                    |> Chart.withSize (Height = 320)
            }

    /// Figures 1 b, c and d, each under the optimal VAE and under the trained models where they were run.
    let figures (results: Map<string, Scores>) : ReportFigure list =
        match results.TryFind "exchanged" with
        | Some exchanged -> scores |> List.choose (figure exchanged)
        | None -> []

    let private median (values: float[]) =
        let sorted = Array.sort values
        (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0

    let private format (value: float) = value.ToString((if abs value < 100.0 then "0.000" else "#,0"), CultureInfo.InvariantCulture)

    /// A row for each set of constants and score. The first row holds the titles.
    let table (results: Map<string, Scores>) : string list list =
        [
            "constants"
            "score"
            "median: normal"
            "shuffled"
            "anomaly"
            "anomaly below normal"
            "shuffled below normal"
            "anomaly below shuffled"
        ]
        :: [
            for constants in [ "exchanged"; "printed" ] do
                match results.TryFind constants with
                | None -> ()
                | Some found ->
                    for column, name, _ in scores do
                        match distributions |> List.map (fun d -> found.TryFind(column, d)) with
                        | [ Some normal; Some shuffled; Some anomaly ] ->
                            constants :: name :: [ for values in [ normal; shuffled; anomaly ] -> format (median values) ]
                            @ [
                                for first, second in [ normal, anomaly; normal, shuffled; shuffled, anomaly ] ->
                                    Text.percent (lower first second)
                            ]
                        | _ -> ()
        ]

    /// The report: the table, then the charts.
    let toMarkdown (results: Map<string, Scores>) (drawn: ReportFigure list) =
        let rows = table results

        [
            "# favae: the toy study (section 3, figure 1)\n"
            "Medians in nats (typicality: nats a pixel), and the share of pairs, in percent, in which the second image has the lower \
           score: 100 where a score\n\
           always calls it the more anomalous one, 50 where it tells the two apart no better than chance. People find anomalies anomalous \
           and can hardly tell\n\
           shuffled ones from normal images. \"exchanged\" are sigma_n = 0.0570 and sigma_a = 0.0285; \"printed\" are appendix A's, \
           with which figure 1b cannot be had\n\
           (see [the paper's sheet](../../papers/favae/README.md)).\n"
            yield! Markdown.lines rows.Head rows.Tail
            for figure in drawn do
                $"\n## {figure.Title}\n\n![{figure.Description}](figures/{figure.Id}.svg)"
        ]
        |> String.concat "\n"

    /// The table as aligned columns, for a terminal.
    let toText (results: Map<string, Scores>) = table results |> Text.columns |> String.concat "\n"

    /// Writes <run>/toy-distribution.md and its figures, and gives their paths.
    let write (say: string -> unit) (root: string) (run: string) (results: Map<string, Scores>) : string list =
        let drawn = figures results
        let page = Path.Combine(run, "toy-distribution.md")
        File.WriteAllText(page, toMarkdown results drawn + "\n")
        page :: Figures.write say (Path.Combine(run, "figures")) drawn
