using Reproduction.Imaging;

namespace Repro.Pictures;

/// <summary>A column of a figure: what it shows of an image, from one cell's gallery.</summary>
/// <param name="Title">What the column shows, for the caption.</param>
/// <param name="Draw">The panel of the image with the given id; null where there is nothing to show.</param>
public sealed record FigureColumn(string Title, Func<string, Image?> Draw)
{
    private static readonly (byte R, byte G, byte B) White = (255, 255, 255);
    private static readonly (byte R, byte G, byte B) Red = (255, 0, 0);
    private static readonly (byte R, byte G, byte B) Green = (0, 255, 0);
    private static readonly (byte R, byte G, byte B) Blue = (0, 0, 255);

    /// <summary>The image that was tested.</summary>
    public static FigureColumn Input(CellPictures cell) => new("input", cell.Input);

    /// <summary>The image as the model restores it.</summary>
    public static FigureColumn Reconstruction(CellPictures cell) => new($"reconstruction ({cell.Record.Variant})", cell.Reconstruction);

    /// <summary>The ground truth, white on black; black for a good image.</summary>
    public static FigureColumn Mask(CellPictures cell) => new("ground truth", image => cell.Mask(image) ?? Black(cell.Input(image)));

    /// <summary>The ground truth in red over the image.</summary>
    public static FigureColumn RedTruth(CellPictures cell) =>
        new("ground truth (red)", image => cell.Mask(image) is { } mask ? Overlay.Tint(cell.Input(image), mask, Red) : cell.Input(image));

    /// <summary>A map whose values are replaced by their ranks in the whole test set, in jet's colours.</summary>
    public static FigureColumn Equalised(CellPictures cell, string title, string map) =>
        new($"{title}, equalised over the test set", image => Ranks(cell, image, map));

    /// <summary>The equalised map over the image.</summary>
    public static FigureColumn EqualisedOverInput(CellPictures cell) =>
        new("equalised anomaly map over the input", image => Overlay.Blend(cell.Input(image), Ranks(cell, image, MapStatistics.MainMap)));

    /// <summary>The equalised map with the outline of the ground truth in white.</summary>
    public static FigureColumn EqualisedWithTruth(CellPictures cell) =>
        new(
            "equalised anomaly map, ground truth outlined in white",
            image =>
                Outlined(
                    Resizer.Resize(
                        Ranks(cell, image, MapStatistics.MainMap),
                        cell.Input(image).Width,
                        cell.Input(image).Height,
                        Resampling.BilinearAntialias
                    ),
                    cell.Mask(image)
                )
        );

    /// <summary>A map in colours that span the same range over the whole test set.</summary>
    public static FigureColumn Heat(CellPictures cell, string title, string map) =>
        new(
            title,
            image =>
            {
                var (values, range) = (cell.Map(image, map), cell.Distribution(map));
                return ColorMap.Apply(values.Values, values.Shape[0], values.Shape[1], range.Low, range.High);
            }
        );

    /// <summary>The map over the image, coloured over the whole test set's range, with the outline of the ground truth.</summary>
    public static FigureColumn HeatOverInput(CellPictures cell) =>
        new(
            "anomaly map over the input, ground truth outlined in white",
            image => Outlined(Overlay.Blend(cell.Input(image), Heat(cell, "", MapStatistics.MainMap).Draw(image)!), cell.Mask(image))
        );

    /// <summary>The map over the image, coloured from its own smallest to its own largest value.</summary>
    public static FigureColumn NormalisedOverInput(CellPictures cell, string title) =>
        new(
            $"{title}, normalised to 0..1, over the input",
            image =>
            {
                var map = cell.Map(image);
                var (low, high) = (map.Values.Min(), map.Values.Max());
                return Overlay.Blend(
                    cell.Input(image),
                    ColorMap.Apply(map.Values, map.Shape[0], map.Shape[1], low, low < high ? high : low + 1, Palette.Jet)
                );
            }
        );

    /// <summary>The pixels whose score reaches a threshold, white on black.</summary>
    public static FigureColumn Segmentation(CellPictures cell, string title, string threshold) =>
        new(title, image => cell.Threshold(threshold) is { } least ? Segmented(cell, image, least) : null);

    /// <summary>
    /// The segmentation set against the ground truth: green where both mark a pixel, blue where only the model does, red where only the
    /// truth does.
    /// </summary>
    public static FigureColumn Evaluation(CellPictures cell, string threshold) =>
        new(
            "evaluation: green true positive, blue false positive, red false negative",
            image =>
            {
                if (cell.Threshold(threshold) is not { } least)
                {
                    return null;
                }

                var result = cell.Input(image).ToGrey().ToRgb().Copy();
                var found = Resizer.Resize(Segmented(cell, image, least), result.Width, result.Height, Resampling.Nearest);
                var truth = cell.Mask(image) ?? Black(result);
                for (var y = 0; y < result.Height; y++)
                {
                    for (var x = 0; x < result.Width; x++)
                    {
                        if (found[x, y, 0] == 0 && truth[x, y, 0] == 0)
                        {
                            continue;
                        }

                        (result[x, y, 0], result[x, y, 1], result[x, y, 2]) =
                            truth[x, y, 0] == 0 ? Blue
                            : found[x, y, 0] == 0 ? Red
                            : Green;
                    }
                }
                return result;
            }
        );

    private static Image Ranks(CellPictures cell, string image, string name)
    {
        var (map, distribution) = (cell.Map(image, name), cell.Distribution(name));
        return ColorMap.Apply([.. map.Values.Select(distribution.Rank)], map.Shape[0], map.Shape[1], 0, 1, Palette.Jet);
    }

    private static Image Segmented(CellPictures cell, string image, float threshold)
    {
        var map = cell.Map(image);
        return Overlay.Threshold(map.Values, map.Shape[0], map.Shape[1], threshold);
    }

    private static Image Outlined(Image image, Image? mask) => mask is null ? image : Overlay.Contour(image, mask, White);

    private static Image Black(Image sameSize) => new(sameSize.Width, sameSize.Height, 1);
}
