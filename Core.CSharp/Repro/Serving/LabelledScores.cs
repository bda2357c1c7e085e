using Reproduction.Metrics;

namespace Repro.Serving;

/// <summary>How many pictures of each kind were judged how.</summary>
internal sealed record Confusion(int TruePositives, int FalsePositives, int TrueNegatives, int FalseNegatives);

/// <summary>The scores of a bin, by the pictures' labels.</summary>
/// <param name="From">Its lower end, in the unit of scores.</param>
/// <param name="To">Its upper end.</param>
/// <param name="Good">Pictures of good products.</param>
/// <param name="Defective">Pictures of defective ones.</param>
internal sealed record HistogramBin(double From, double To, int Good, int Defective);

/// <summary>What judgements are worth where the truth is known.</summary>
/// <param name="Confusion">At the threshold.</param>
/// <param name="Auroc">Null where all pictures are of one kind.</param>
/// <param name="Lower">Of the 95 % bootstrap interval of the AUROC.</param>
/// <param name="Upper">Of the 95 % bootstrap interval of the AUROC.</param>
/// <param name="Roc">False positive rate, true positive rate and threshold (null above all scores), from (0, 0) to (1, 1).</param>
/// <param name="Histogram">Bins of equal width.</param>
internal sealed record LabelledScores(
    Confusion Confusion,
    double? Auroc,
    double? Lower,
    double? Upper,
    IReadOnlyList<double?[]> Roc,
    IReadOnlyList<HistogramBin> Histogram
)
{
    /// <summary>The label of a good product.</summary>
    public const string Good = "good";

    /// <summary>The label of a defective product.</summary>
    public const string Defective = "defective";

    private const int Bins = 40;

    /// <summary>Of those pictures that were judged and have a label; null where there is none.</summary>
    /// <param name="judged">Each with its verdict: true is defective.</param>
    public static LabelledScores? Of(IReadOnlyList<(PageResult Result, bool IsDefective)> judged)
    {
        (float Score, bool Found, bool Is)[] known =
        [
            .. judged
                .Where(each => each.Result is { Score: not null, Label: not null })
                .Select(each => (each.Result.Score!.Value, each.IsDefective, each.Result.Label == Defective)),
        ];
        if (known.Length == 0)
        {
            return null;
        }
        float[] scores = [.. known.Select(each => each.Score)];
        byte[] labels = [.. known.Select(each => (byte)(each.Is ? 1 : 0))];
        var interval = Statistics.BootstrapAuroc(scores, labels);
        return new LabelledScores(
            new Confusion(Count(found: true, true), Count(found: true, false), Count(found: false, false), Count(found: false, true)),
            Reproduction.Metrics.Roc.Auroc(scores, labels).Value,
            interval?.Lower,
            interval?.Upper,
            [.. Reproduction.Metrics.Roc.Curve(scores, labels).Select(Point)],
            HistogramOf(scores, labels)
        );

        int Count(bool found, bool isDefective) => known.Count(each => each.Found == found && each.Is == isDefective);
    }

    private static double?[] Point(CurvePoint point) => [point.X, point.Y, float.IsFinite(point.Threshold) ? point.Threshold : null];

    private static HistogramBin[] HistogramOf(float[] scores, byte[] labels)
    {
        var (low, high) = ((double)scores.Min(), (double)scores.Max());
        var width = Math.Max(high - low, 1e-9) / Bins;
        var counts = new int[Bins, 2];
        for (var i = 0; i < scores.Length; i++)
        {
            counts[Math.Min(Bins - 1, (int)((scores[i] - low) / width)), labels[i]]++;
        }
        return
        [
            .. Enumerable.Range(0, Bins).Select(i => new HistogramBin(low + i * width, low + (i + 1) * width, counts[i, 0], counts[i, 1])),
        ];
    }
}
