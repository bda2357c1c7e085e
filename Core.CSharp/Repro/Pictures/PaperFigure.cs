using Reproduction;
using Reproduction.Methods;
using Reproduction.Papers;

namespace Repro.Pictures;

/// <summary>A figure of a paper that shows anomaly maps of test images: a row an image, a column a kind of picture.</summary>
/// <param name="Paper">The paper's id.</param>
/// <param name="Name">The figure's number in the paper.</param>
/// <param name="Shows">One line: what it shows.</param>
/// <param name="Choices">
/// Variants that it sets beside one another, most wanted first; the figure is drawn from the choice with the most cells in a run.
/// </param>
/// <param name="Columns">Its columns, from the galleries of those cells of the choice that there are.</param>
public sealed record PaperFigure(
    string Paper,
    string Name,
    string Shows,
    IReadOnlyList<IReadOnlyList<string>> Choices,
    Func<IReadOnlyList<CellPictures>, IEnumerable<FigureColumn>> Columns
);

/// <summary>All figures that can be drawn: those of papers/&lt;id&gt;/figures.csv, which the command carries.</summary>
public static class PaperFigures
{
    /// <summary>The figures, paper by paper; a paper's first one is drawn when none is named.</summary>
    public static IReadOnlyList<PaperFigure> All { get; } = [.. Registry.Papers.SelectMany(Of)];

    /// <summary>A paper's figure by its number; the paper's first without one.</summary>
    /// <exception cref="UserError">There is none.</exception>
    public static PaperFigure Find(string paper, string? name)
    {
        var own = All.Where(figure => figure.Paper == Registry.Find(paper).Id).ToArray();
        if (own.Length == 0)
        {
            throw new UserError(
                $"{paper} has no figure of anomaly maps; those that have are "
                    + $"{string.Join(", ", All.Select(figure => figure.Paper).Distinct())}",
                exitCode: 2
            );
        }

        return own.FirstOrDefault(figure => name is null || figure.Name == name)
            ?? throw new UserError(
                $"--figure '{name}' cannot be drawn; those of {paper} are {string.Join(", ", own.Select(figure => figure.Name))}",
                exitCode: 2
            );
    }

    private static IEnumerable<PaperFigure> Of(IMethod method)
    {
        using var stream = typeof(PaperFigures).Assembly.GetManifestResourceStream($"{method.Id}/figures.csv");
        if (stream is null)
        {
            return [];
        }
        using var text = new StreamReader(stream);
        var rows =
            Csv.Parse(text.ReadToEnd()) ?? throw new InvalidDataException($"{method.Id}/figures.csv: a quotation mark is not closed");
        return
        [
            .. rows.Skip(1).Select(row => new PaperFigure(method.Id, row[0], row[1], Choices(method, row[2]), FigureColumns.Parse(row[3]))),
        ];
    }

    /// <summary>Choices between bars, each the variants that it sets beside one another; * for each variant by itself.</summary>
    private static IReadOnlyList<IReadOnlyList<string>> Choices(IMethod method, string text) =>
        [
            .. text.Split('|', StringSplitOptions.TrimEntries)
                .SelectMany(choice => choice == "*" ? method.Variants.Select(variant => new[] { variant.Name }) : [choice.Split(' ')]),
        ];
}
