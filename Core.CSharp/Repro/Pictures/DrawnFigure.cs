using System.Globalization;
using System.Text;
using Repro.Records;
using Reproduction;
using Reproduction.Data;
using Reproduction.Imaging;

namespace Repro.Pictures;

/// <summary>A figure drawn from a run's galleries.</summary>
/// <param name="Image">A row an image, a column a kind of picture.</param>
/// <param name="Caption">Markdown: what the columns and rows are, and what is missing.</param>
/// <param name="Missing">What the figure would show and the run does not have, a line each.</param>
public sealed record DrawnFigure(Image Image, string Caption, IReadOnlyList<string> Missing)
{
    private const int Side = 192;
    private static readonly string[] Profiles = ["paper", "quick", "smoke"];

    /// <summary>Draws a figure.</summary>
    /// <param name="figure">Which one.</param>
    /// <param name="run">Folder of a run whose cells have galleries.</param>
    /// <param name="category">The category whose images are shown.</param>
    /// <param name="variants">The variants to set beside one another; empty for the figure's own choice.</param>
    /// <param name="count">How many images at most.</param>
    /// <exception cref="UserError">No cell of the variants has a gallery, or their galleries have no image in common.</exception>
    public static DrawnFigure From(PaperFigure figure, string run, string category, IReadOnlyList<string> variants, int count)
    {
        var found = Cells(run, figure.Paper, category);
        var choice = variants.Count > 0 ? variants : figure.Choices.MaxBy(choice => choice.Count(found.ContainsKey))!;
        var cells = choice.Where(found.ContainsKey).Select(variant => found[variant]).ToArray();
        if (cells.Length == 0)
        {
            throw new UserError(
                $"{run} has no gallery of {figure.Paper} on {category} for "
                    + $"{string.Join(", ", variants.Count > 0 ? variants : figure.Choices.SelectMany(each => each).Distinct())}"
                    + $"{(found.Count > 0 ? $", only for {string.Join(", ", found.Keys)}: name them with --variant" : "")}; 'repro run "
                    + $"--gallery N' makes one"
            );
        }
        var missing = choice
            .Where(variant => !found.ContainsKey(variant))
            .Select(variant => $"variant {variant}: no cell with a gallery")
            .ToList();
        var images = cells
            .Aggregate((IEnumerable<string>)cells[0].Images, (shared, cell) => shared.Intersect(cell.Images))
            .Take(count)
            .ToArray();
        if (images.Length == 0)
        {
            throw new UserError(
                $"the galleries of {string.Join(", ", cells.Select(cell => cell.Record.Cell))} show no image in common; run them again "
                    + $"with --force --gallery N, the same N"
            );
        }

        var columns = new List<(FigureColumn Column, Image?[] Panels)>();
        foreach (var column in figure.Columns(cells))
        {
            var panels = images.Select(column.Draw).ToArray();
            if (panels.All(panel => panel is null))
            {
                missing.Add($"column '{column.Title}': the cell keeps nothing to draw it from");
            }
            else
            {
                columns.Add((column, panels));
            }
        }
        var blank = new Image(1, 1, 1, [255]);
        var rows = images.Select((_, row) => columns.Select(column => column.Panels[row] ?? blank).ToArray()).ToArray();
        return new DrawnFigure(
            Panels.Grid(rows, Side, Side),
            Describe(figure, category, cells, columns.Select(column => column.Column), images, missing),
            missing
        );
    }

    /// <summary>The galleries of a paper on a category by variant: of the longest profile and then the lowest seed or fold.</summary>
    private static Dictionary<string, CellPictures> Cells(string run, string paper, string category)
    {
        var folder = RunRecord.Folder(run);
        if (!Directory.Exists(folder))
        {
            throw new UserError($"{run} is no folder of a run: it has no runs/");
        }

        return Directory
            .EnumerateFiles(folder, "*.json")
            .Where(DataFolder.IsData)
            .Order(StringComparer.Ordinal)
            .Select(RunRecord.Read)
            .Where(record => record.Paper == paper && record.Category == category)
            .OrderBy(record => Array.IndexOf(Profiles, record.Profile))
            .ThenBy(record => record.Seed ?? record.Fold)
            .Select(record => CellPictures.Open(run, record))
            .OfType<CellPictures>()
            .GroupBy(cell => cell.Record.Variant)
            .ToDictionary(group => group.Key, group => group.First());
    }

    private static string Describe(
        PaperFigure figure,
        string category,
        IReadOnlyList<CellPictures> cells,
        IEnumerable<FigureColumn> columns,
        IReadOnlyList<string> images,
        IReadOnlyList<string> missing
    )
    {
        var text = new StringBuilder(
            $"# Figure {figure.Name} of {figure.Paper}: {category}\n\n{figure.Shows}. Cells: "
                + $"{string.Join(", ", cells.Select(cell => $"`{cell.Record.Cell}`"))}.\n"
        );
        text.Append("\nColumns, from the left:\n\n");
        foreach (var (i, column) in columns.Index())
        {
            text.Append(CultureInfo.InvariantCulture, $"{i + 1}. {column.Title}\n");
        }

        text.Append("\nRows, from above:\n\n");
        foreach (var (i, image) in images.Index())
        {
            var scores = string.Join(", ", cells.Select(cell => cell[image].Score.ToString("0.####", CultureInfo.InvariantCulture)));
            text.Append(CultureInfo.InvariantCulture, $"{i + 1}. `{image}` ({cells[0][image].Defect}), image score {scores}\n");
        }
        if (missing.Count == 0)
        {
            return text.ToString();
        }

        text.Append("\nMissing:\n\n");
        foreach (var line in missing)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {line}\n");
        }

        return text.ToString();
    }
}
