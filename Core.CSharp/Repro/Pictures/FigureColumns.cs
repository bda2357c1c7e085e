namespace Repro.Pictures;

/// <summary>
/// The columns of a figure as papers/&lt;id&gt;/figures.csv writes them: kinds between semicolons, each with what it is of and, behind a
/// colon, its title, in which {0} is the part or the variant.
/// </summary>
internal static class FigureColumns
{
    private const string Map = MapStatistics.MainMap;

    /// <summary>What makes the columns out of the galleries of cells.</summary>
    /// <exception cref="InvalidDataException">There is no such kind.</exception>
    public static Func<IReadOnlyList<CellPictures>, IEnumerable<FigureColumn>> Parse(string text)
    {
        var columns = text.Split(';', StringSplitOptions.TrimEntries).Select(Column).ToArray();
        return cells => columns.SelectMany(column => column(cells));
    }

    private static Func<IReadOnlyList<CellPictures>, IEnumerable<FigureColumn>> Column(string text)
    {
        var (kind, title) = text.IndexOf(": ", StringComparison.Ordinal) is var at and >= 0 ? (text[..at], text[(at + 2)..]) : (text, "");
        var (name, of) = kind.IndexOf(' ') is var space and >= 0 ? (kind[..space], kind[(space + 1)..]) : (kind, "");
        return name switch
        {
            "input" => cells => [FigureColumn.Input(cells[0])],
            "reconstruction" => cells => [FigureColumn.Reconstruction(cells[0])],
            "mask" => cells => [FigureColumn.Mask(cells[0])],
            "red-truth" => cells => [FigureColumn.RedTruth(cells[0])],
            "heat" => cells => [FigureColumn.Heat(cells[0], title, Map)],
            "heat-over-input" => cells => [FigureColumn.HeatOverInput(cells[0])],
            "heat-parts" => cells => Parts(cells[0], of).Select(part => FigureColumn.Heat(cells[0], Titled(title, part), part)),
            "heat-each" => cells => cells.Select(cell => FigureColumn.Heat(cell, Titled(title, cell.Record.Variant), Map)),
            "normalised-over-input" => cells => [FigureColumn.NormalisedOverInput(cells[0], title)],
            "normalised-each" => cells => cells.Select(cell => FigureColumn.NormalisedOverInput(cell, Titled(title, cell.Record.Variant))),
            "equalised" => cells => [FigureColumn.Equalised(cells[0], title, Map)],
            "equalised-parts" => cells =>
                Parts(cells[0], of).Select(part => FigureColumn.Equalised(cells[0], Titled(title, part.Replace('_', ' ')), part)),
            "equalised-over-input" => cells => [FigureColumn.EqualisedOverInput(cells[0])],
            "equalised-with-truth" => cells => [FigureColumn.EqualisedWithTruth(cells[0])],
            "segmentation" => cells => [FigureColumn.Segmentation(cells[0], title, of)],
            "evaluation" => cells => [FigureColumn.Evaluation(cells[0], of)],
            _ => throw new InvalidDataException($"no column of a figure is called '{name}'"),
        };
    }

    /// <summary>The parts whose names begin so, that of the pixels first.</summary>
    private static IEnumerable<string> Parts(CellPictures cell, string start) =>
        cell
            .Parts.Where(part => part.StartsWith(start, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .OrderBy(part => part != "pixels");

    private static string Titled(string title, string value) => title.Replace("{0}", value, StringComparison.Ordinal);
}
