using System.Globalization;
using Reproduction;
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

/// <summary>All figures that can be drawn. A further one is an entry here; a paper's first one is drawn when none is named.</summary>
public static class PaperFigures
{
    private const string Map = MapStatistics.MainMap;

    /// <summary>The figures, paper by paper.</summary>
    public static IReadOnlyList<PaperFigure> All { get; } =
    [
        new(
            "favae",
            "3a",
            "input, reconstruction, log probability of each layer, their sum, overlay, map with the ground truth",
            EachOf("favae"),
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.Reconstruction(cells[0]),
                    .. cells[0]
                        .Parts.Order(StringComparer.Ordinal)
                        .OrderBy(part => part != "pixels")
                        .Select(part => FigureColumn.Equalised(cells[0], $"negative log probability, {part.Replace('_', ' ')}", part)),
                    FigureColumn.Equalised(cells[0], "their sum, the anomaly map", Map),
                    FigureColumn.EqualisedOverInput(cells[0]),
                    FigureColumn.EqualisedWithTruth(cells[0]),
                ]
        ),
        new(
            "dfr",
            "4",
            "input, ground truth, map, segmentations at the accepted false positive rates",
            [
                ["paper-f1-12-zero"],
                ["paper-f1-16-zero"],
                ["paper-f1-8-zero"],
                .. EachOf("dfr"),
            ],
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.RedTruth(cells[0]),
                    FigureColumn.NormalisedOverInput(cells[0], "anomaly map"),
                    FigureColumn.Segmentation(cells[0], "segmentation at an accepted FPR of 0", "fpr0"),
                    FigureColumn.Segmentation(cells[0], "segmentation at an accepted FPR of 0.005", "fpr0.005"),
                ]
        ),
        new(
            "dfr",
            "1",
            "the map of more and more scales",
            [
                .. from row in new[] { "paper-f1-{0}-zero", "paper-f1-{0}-reflect", "code-f1-{0}" }
                select (IReadOnlyList<string>)
                    [.. new[] { 2, 4, 8, 12, 16 }.Select(last => string.Format(CultureInfo.InvariantCulture, row, last))],
            ],
            cells => [FigureColumn.Input(cells[0]), .. cells.Select(cell => FigureColumn.NormalisedOverInput(cell, cell.Record.Variant))]
        ),
        new(
            "dfr",
            "9",
            "zero against reflection padding",
            [.. from last in new[] { 12, 16, 8, 4, 2 } select (IReadOnlyList<string>)[$"paper-f1-{last}-zero", $"paper-f1-{last}-reflect"]],
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.RedTruth(cells[0]),
                    .. cells.Select(cell => FigureColumn.NormalisedOverInput(cell, cell.Record.Variant)),
                ]
        ),
        new(
            "hfae",
            "3",
            "input, ground truth, the residual map of each level, the anomaly map",
            EachOf("hfae"),
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.Mask(cells[0]),
                    .. cells[0]
                        .Parts.Where(part => part.StartsWith("phi", StringComparison.Ordinal))
                        .Order(StringComparer.Ordinal)
                        .Select(part => FigureColumn.Heat(cells[0], $"residual map {part}", part)),
                    FigureColumn.Heat(cells[0], "anomaly map", Map),
                    FigureColumn.HeatOverInput(cells[0]),
                ]
        ),
        new(
            "hfae",
            "1",
            "input, ground truth, anomaly map",
            EachOf("hfae"),
            cells => [FigureColumn.Input(cells[0]), FigureColumn.Mask(cells[0]), FigureColumn.HeatOverInput(cells[0])]
        ),
        new(
            "hfae",
            "4",
            "different kinds of defects: input with the ground truth, anomaly map",
            EachOf("hfae"),
            cells => [FigureColumn.RedTruth(cells[0]), FigureColumn.HeatOverInput(cells[0])]
        ),
        new(
            "ssae",
            "10",
            "input, predicted mask, evaluation against the ground truth",
            EachOf("ssae"),
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.Segmentation(
                        cells[0],
                        "prediction at the threshold of the best F1 score on the test pixels",
                        MapStatistics.BestF1
                    ),
                    FigureColumn.Evaluation(cells[0], MapStatistics.BestF1),
                ]
        ),
        new(
            "ssae",
            "1",
            "input, map over the input, predicted mask",
            EachOf("ssae"),
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.NormalisedOverInput(cells[0], "anomaly map"),
                    FigureColumn.Segmentation(
                        cells[0],
                        "prediction at the threshold of the best F1 score on the test pixels",
                        MapStatistics.BestF1
                    ),
                ]
        ),
        new(
            "ssae",
            "2",
            "input and reconstruction with objective (1)",
            [
                ["objective1"],
            ],
            Restored
        ),
        new(
            "ssae",
            "4",
            "input and reconstruction with objective (4)",
            [
                ["objective4"],
            ],
            Restored
        ),
        new(
            "ssae",
            "11",
            "maps of objective (4), objective (1), and objective (1) with cut-out",
            [
                ["objective4", "objective1", "objective1-cutout"],
            ],
            cells =>
                [
                    FigureColumn.Input(cells[0]),
                    FigureColumn.Mask(cells[0]),
                    .. cells.Select(cell => FigureColumn.Heat(cell, $"anomaly map, {cell.Record.Variant}", Map)),
                ]
        ),
    ];

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

    private static IReadOnlyList<IReadOnlyList<string>> EachOf(string paper) =>
        [.. Registry.Find(paper).Variants.Select(variant => new[] { variant.Name })];

    private static IEnumerable<FigureColumn> Restored(IReadOnlyList<CellPictures> cells) =>
        [FigureColumn.Input(cells[0]), FigureColumn.Reconstruction(cells[0])];
}
