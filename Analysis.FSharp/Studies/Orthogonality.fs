namespace Reproduction.Analysis

open System.Globalization
open System.IO
open Plotly.NET

/// Section 4.2 of `ssae` from what `repro orthogonality` and `repro data moments` measured: figures 9 and 8 with their tables.
module Orthogonality =
    /// File of `repro orthogonality` in a run's folder.
    let measurements = "orthogonality.csv"

    /// File of `repro data moments` in a run's folder.
    let moments = "moments.csv"

    type private Point = {
        Model: string
        PatchWidth: float
        Samples: string
        InputAccuracy: float
        OutputAccuracy: float
        Distance: float
        DistanceDeviation: float
        Premise: float
        Condition: float
    }

    type private Pixel = { Category: string; Images: string; Row: int; Column: int; Mean: float; Deviation: float }

    let private number (text: string) = System.Double.Parse(text, CultureInfo.InvariantCulture)
    let private show (format: string) (value: float) = value.ToString(format, CultureInfo.InvariantCulture)

    let private readPoints path =
        let columns = [
            "dataset"
            "category"
            "variant"
            "profile"
            "patch_width"
            "samples"
            "input_accuracy"
            "output_accuracy"
            "distance"
            "distance_deviation"
            "premise"
            "condition"
        ]

        [
            for cell in Csv.read columns path ->
                {
                    Model = $"""{cell "variant"} on {cell "dataset"} {cell "category"} ({cell "profile"} profile)"""
                    PatchWidth = number (cell "patch_width")
                    Samples = cell "samples"
                    InputAccuracy = number (cell "input_accuracy")
                    OutputAccuracy = number (cell "output_accuracy")
                    Distance = number (cell "distance")
                    DistanceDeviation = number (cell "distance_deviation")
                    Premise = number (cell "premise")
                    Condition = number (cell "condition")
                }
        ]

    let private readPixels path = [
        for cell in Csv.read [ "dataset"; "category"; "images"; "row"; "column"; "mean"; "deviation" ] path ->
            {
                Category = $"""{cell "dataset"} {cell "category"}"""
                Images = cell "images"
                Row = int (cell "row")
                Column = int (cell "column")
                Mean = number (cell "mean")
                Deviation = number (cell "deviation")
            }
    ]

    /// sqrt(1/2): the corrupted pixels are as many as the others.
    let private half = sqrt 0.5

    let private accuracies model (points: Point list) : ReportFigure =
        let widths = points |> List.map _.PatchWidth

        {
            Id = "orthogonality-accuracy"
            Title = $"Nearest training image: {model}"
            Description =
                "Share of images with a replaced patch whose nearest training image is the one that they were made from, before (input) "
                + "and after the model, against the width of the patch; "
                + "and the share of pairs that fulfil the premise of Theorem 1 and its condition (8). The dashed vertical line is at "
                + "half of the pixels."
            Chart =
                [
                    Style.line "input X^" 0 widths (points |> List.map (fun point -> 100.0 * point.InputAccuracy))
                    Style.line "output F(X^)" 1 widths (points |> List.map (fun point -> 100.0 * point.OutputAccuracy))
                    Style.line "premise of (7)" 2 widths (points |> List.map (fun point -> 100.0 * point.Premise))
                    Style.line "condition (8)" 3 widths (points |> List.map (fun point -> 100.0 * point.Condition))
                    Chart.Line(
                        [ half; half ],
                        [ 0.0; 100.0 ],
                        Name = "|S| = N / 2",
                        LineColor = Style.grey,
                        LineDash = StyleParam.DrawingStyle.Dash
                    )
                ]
                |> Chart.combine
                |> Chart.withXAxisStyle (TitleText = "width of the patch, sqrt(|S| / N)")
                |> Chart.withYAxisStyle (TitleText = "%")
                |> Chart.withSize (Height = 440)
        }

    let private distances model (points: Point list) : ReportFigure = {
        Id = "orthogonality-distance"
        Title = $"Distance of the restored image from the original: {model}"
        Description =
            "Root mean square over pixels of F(X^) - X, in grey levels of 0 to 255; mean and standard deviation over images, against "
            + "the width of the patch."
        Chart =
            Style.line "|F(X^) - X|" 0 (points |> List.map _.PatchWidth) (points |> List.map (fun point -> 255.0 * point.Distance))
            |> Chart.withYErrorStyle (Array = (points |> List.map (fun point -> 255.0 * point.DistanceDeviation)), Color = Style.colour 0)
            |> Chart.withXAxisStyle (TitleText = "width of the patch, sqrt(|S| / N)")
            |> Chart.withYAxisStyle (TitleText = "grey levels")
            |> Chart.withSize (Height = 360)
    }

    let private middle (pixels: Pixel list) =
        let rows = pixels |> List.map _.Row |> List.distinct |> List.sort
        pixels |> List.filter (fun pixel -> pixel.Row = rows[rows.Length / 2]) |> List.sortBy _.Column

    let private profile (categories: (string * Pixel list) list) id title what value : ReportFigure = {
        Id = id
        Title = title
        Description =
            $"{what} of the grey value of the pixels on the middle line of all windows of the training images, one line per category: "
            + $"level where pixels are distributed alike."
        Chart =
            [
                for i, (category, pixels) in List.indexed categories do
                    let pixels = middle pixels
                    Style.line category i (pixels |> List.map _.Column) (pixels |> List.map value)
            ]
            |> Chart.combine
            |> Chart.withXAxisStyle (TitleText = "position on the middle line of a window (pixels)")
            |> Chart.withYAxisStyle (TitleText = "grey value, 0..1")
            |> Chart.withSize (Height = 460)
    }

    let private spread values =
        let mean = List.average values
        sqrt (values |> List.averageBy (fun value -> (value - mean) ** 2.0))

    let private table (rows: string list list) = Markdown.lines rows.Head rows.Tail |> String.concat "\n"

    let private accuracyTable (points: Point list) =
        table (
            [
                "patch width"
                "images"
                "nearest to X^ is X"
                "nearest to F(X^) is X"
                "F(X^) - X"
                "premise of (7)"
                "condition (8)"
            ]
            :: [
                for point in points ->
                    [
                        show "0.0" point.PatchWidth
                        point.Samples
                        Text.percent point.InputAccuracy
                        Text.percent point.OutputAccuracy
                        $"""{show "0.0" (255.0 * point.Distance)} ± {show "0.0" (255.0 * point.DistanceDeviation)}"""
                        Text.percent point.Premise
                        Text.percent point.Condition
                    ]
            ]
        )

    let private momentsTable (categories: (string * Pixel list) list) =
        table (
            [ "category"; "images"; "mean"; "its spread over positions"; "deviation"; "its spread over positions" ]
            :: [
                for category, pixels in categories ->
                    let means, deviations = pixels |> List.map _.Mean, pixels |> List.map _.Deviation

                    [
                        category
                        pixels.Head.Images
                        show "0.000" (List.average means)
                        show "0.000" (spread means)
                        show "0.000" (List.average deviations)
                        show "0.000" (spread deviations)
                    ]
            ]
        )

    let private image (figure: ReportFigure) = $"![{figure.Description}](figures/{figure.Id}.svg)"

    /// The page of the measurements in <run>, and its charts.
    /// Raises AnalysisError when the measurements are missing, damaged or empty.
    let render (run: string) : string * ReportFigure list =
        let path name =
            let path = Path.Combine(run, name)

            if File.Exists path then
                path
            else
                raise (AnalysisError $"{path} is missing; scripts/orthogonality.fsx with --data DIR measures it")

        let models = readPoints (path measurements) |> List.groupBy _.Model
        let categories = readPixels (path moments) |> List.groupBy _.Category

        if models.IsEmpty || categories.IsEmpty then
            raise (AnalysisError $"{run} has no measurement of orthogonality or of moments: nothing to show")

        // One model is drawn; further ones have their tables.
        let model, points = models.Head
        let accuracy, distance = accuracies model points, distances model points

        let mean, deviation =
            profile categories "moments-mean" "Figure 8: mean of a pixel" "Mean" _.Mean,
            profile categories "moments-deviation" "Figure 8: deviation of a pixel" "Standard deviation" _.Deviation

        let sections = [
            "# ssae: orthogonality and marginal moments (section 4.2)\n"
            "## Figure 9: how near the model is to an orthogonal projection\n"
            "In every training image X a square patch is replaced by another training image's: X^. F is the model. Shares in percent; "
            + "F(X^) - X is the root mean square over pixels in grey levels of 0 to 255, mean ± standard deviation over images. The "
            + "last two columns are over pairs of "
            + "X^ and another training image, of one image in eight: how many fulfil what Theorem 1 asks for. At the width 0.71 half of "
            + "the pixels are replaced.\n"
            for name, points in models do
                $"### {name}\n\n{accuracyTable points}\n"
            image accuracy + "\n"
            image distance + "\n"
            "## Figure 8: marginal moments\n"
            "Mean and standard deviation of the grey value (0..1) of a pixel, over all windows of half the side of all training images, "
            + "on a grid of positions. "
            + "Proposition 2 assumes that they are the same at all positions: the spread over positions is then small beside the "
            + "deviation.\n"
            momentsTable categories + "\n"
            image mean + "\n"
            image deviation
        ]

        String.concat "\n" sections + "\n", [ accuracy; distance; mean; deviation ]

    /// Writes <run>/orthogonality.md with its charts, and gives the paths.
    let write (say: string -> unit) (run: string) (text: string, drawn: ReportFigure list) : string list =
        let page = Path.Combine(run, "orthogonality.md")
        File.WriteAllText(page, text)
        page :: Figures.write say (Path.Combine(run, "figures")) drawn
