namespace Reproduction.Metrics;

/// <summary>
/// Metrics of scores against two classes, exact and with ties as the Mann-Whitney statistic counts them: one radix sort, O(N).
/// A sample is called anomalous when its score is at or above the threshold. Every method gives a reason instead of a value when
/// there are no samples, only one class, or a score that is NaN or infinite, and throws <see cref="UserError"/> when the lengths differ.
/// </summary>
public static class Roc
{
    /// <summary>
    /// Area under the ROC curve: the probability that an anomalous sample scores above a normal one, ties counting one half.
    /// </summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    public static MetricValue Auroc(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        using var ranked = Rank(scores, labels, out var undefined);
        return ranked is null ? MetricValue.Missing(undefined!) : Auroc(ranked);
    }

    /// <summary>
    /// Average precision: the sum over the distinct thresholds of precision times the gain in recall, without interpolation.
    /// </summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    public static MetricValue AveragePrecision(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        using var ranked = Rank(scores, labels, out var undefined);
        return ranked is null ? MetricValue.Missing(undefined!) : AveragePrecision(ranked);
    }

    /// <summary>The highest F1 over all thresholds, and the highest threshold that reaches it.</summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    public static OperatingPoint F1Max(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        using var ranked = Rank(scores, labels, out var undefined);
        return ranked is null ? new OperatingPoint(MetricValue.Missing(undefined!), null) : F1Max(ranked);
    }

    /// <summary>The ROC curve (X false positive rate, Y true positive rate) from (0, 0) to (1, 1), thinned for charts.</summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    /// <param name="resolution">Vertices that follow the last kept one by less than 1 / resolution in both coordinates are left
    /// out.</param>
    /// <returns>At most 2 resolution + 2 vertices, every one on the exact curve; empty where the AUROC is undefined.</returns>
    public static IReadOnlyList<CurvePoint> Curve(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels, int resolution = 500)
    {
        using var ranked = Rank(scores, labels, out _);
        if (ranked is null)
        {
            return [];
        }

        var curve = new ThinnedCurve(resolution, new CurvePoint(0, 0, float.PositiveInfinity));
        for (var sweep = new ThresholdSweep(ranked); sweep.MoveNext(); )
        {
            curve.Add(
                new CurvePoint(
                    (double)sweep.FalsePositives / ranked.Negatives,
                    (double)sweep.TruePositives / ranked.Positives,
                    sweep.Threshold
                )
            );
        }

        return curve.Finish();
    }

    /// <summary>Why the ranking has no ROC metrics; null when it has.</summary>
    internal static string? OneClass(RankedScores ranked) =>
        ranked.Positives == 0 ? "no sample is anomalous"
        : ranked.Negatives == 0 ? "no sample is normal"
        : null;

    internal static MetricValue Auroc(RankedScores ranked)
    {
        if (OneClass(ranked) is { } undefined)
        {
            return MetricValue.Missing(undefined);
        }
        // Twice the number of correctly ordered pairs: an integer, exact up to 2^63.
        long pairs = 0,
            truePositives = 0,
            falsePositives = 0;
        for (var sweep = new ThresholdSweep(ranked); sweep.MoveNext(); )
        {
            pairs += (sweep.FalsePositives - falsePositives) * (truePositives + sweep.TruePositives);
            (truePositives, falsePositives) = (sweep.TruePositives, sweep.FalsePositives);
        }
        return MetricValue.Of(pairs / (2.0 * ranked.Positives * ranked.Negatives));
    }

    internal static MetricValue AveragePrecision(RankedScores ranked)
    {
        if (OneClass(ranked) is { } undefined)
        {
            return MetricValue.Missing(undefined);
        }

        var sum = new CompensatedSum();
        long truePositives = 0;
        for (var sweep = new ThresholdSweep(ranked); sweep.MoveNext(); )
        {
            sum.Add((sweep.TruePositives - truePositives) * Precision(sweep));
            truePositives = sweep.TruePositives;
        }
        return MetricValue.Of(sum.Value / ranked.Positives);
    }

    internal static OperatingPoint F1Max(RankedScores ranked)
    {
        if (OneClass(ranked) is { } undefined)
        {
            return new OperatingPoint(MetricValue.Missing(undefined), null);
        }

        double best = -1;
        float threshold = 0;
        for (var sweep = new ThresholdSweep(ranked); sweep.MoveNext(); )
        {
            var f1 = 2.0 * sweep.TruePositives / (ranked.Positives + sweep.TruePositives + sweep.FalsePositives);
            if (f1 > best)
            {
                (best, threshold) = (f1, sweep.Threshold);
            }
        }
        return new OperatingPoint(MetricValue.Of(best), threshold);
    }

    private static double Precision(in ThresholdSweep sweep) => (double)sweep.TruePositives / (sweep.TruePositives + sweep.FalsePositives);

    /// <summary>A ranking with both classes, or null and why not.</summary>
    private static RankedScores? Rank(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels, out string? undefined)
    {
        var ranked = RankedScores.OfSamples(scores, labels, out undefined);
        if (ranked is null || (undefined = OneClass(ranked)) is null)
        {
            return ranked;
        }

        ranked.Dispose();
        return null;
    }
}

/// <summary>Collects the vertices of a curve that a chart can tell apart.</summary>
internal sealed class ThinnedCurve(int resolution, CurvePoint first)
{
    private readonly List<CurvePoint> _points = [first];
    private readonly double _step = 1.0 / resolution;
    private CurvePoint? _skipped;

    public void Add(CurvePoint point)
    {
        var last = _points[^1];
        if (Math.Abs(point.X - last.X) < _step && Math.Abs(point.Y - last.Y) < _step)
        {
            _skipped = point;
            return;
        }
        _points.Add(point);
        _skipped = null;
    }

    /// <summary>The kept vertices and the last one.</summary>
    public IReadOnlyList<CurvePoint> Finish()
    {
        if (_skipped is { } last)
        {
            _points.Add(last);
        }

        return _points;
    }
}
