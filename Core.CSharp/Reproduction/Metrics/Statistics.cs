namespace Reproduction.Metrics;

/// <summary>Mean and spread of repeated measurements.</summary>
/// <param name="Count">Number of values.</param>
/// <param name="Mean">Arithmetic mean.</param>
/// <param name="StandardDeviation">With n - 1; null for a single value.</param>
/// <param name="StandardError">Of the mean: the standard deviation over the root of n; null for a single value.</param>
public readonly record struct Summary(int Count, double Mean, double? StandardDeviation, double? StandardError);

/// <summary>A percentile bootstrap confidence interval.</summary>
/// <param name="Lower">Lower end.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="Defined">Number of resamples on which the statistic was defined; the percentiles are of these.</param>
public readonly record struct BootstrapInterval(double Lower, double Upper, int Defined);

/// <summary>Two methods' AUROC on the same samples, compared by DeLong's test.</summary>
/// <param name="First">AUROC of the first method.</param>
/// <param name="Second">AUROC of the second method.</param>
/// <param name="StandardError">Of First - Second.</param>
/// <param name="Z">(First - Second) / StandardError; null where the standard error is 0.</param>
/// <param name="PValue">Two-sided, against equal areas; null where the standard error is 0 and the test cannot be made.</param>
public readonly record struct PairedTest(double First, double Second, double StandardError, double? Z, double? PValue);

/// <summary>Spread, confidence and comparison of measured values.</summary>
public static class Statistics
{
    /// <summary>Mean, standard deviation and standard error.</summary>
    /// <exception cref="UserError">No values, or one that is NaN or infinite.</exception>
    public static Summary Summarise(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
        {
            throw new UserError("a mean needs at least one value");
        }

        double sum = 0;
        foreach (var value in values)
        {
            sum += double.IsFinite(value) ? value : throw new UserError($"a mean needs finite values, and one is {value}");
        }

        double mean = sum / values.Length,
            squares = 0;
        foreach (var value in values)
        {
            squares += (value - mean) * (value - mean);
        }

        double? deviation = values.Length > 1 ? Math.Sqrt(squares / (values.Length - 1)) : null;
        return new Summary(values.Length, mean, deviation, deviation / Math.Sqrt(values.Length));
    }

    /// <summary>
    /// Percentile bootstrap over images: the statistic on resamples of the images with replacement. Resamples on which it is
    /// undefined (an AUROC without an anomalous image) are left out and counted.
    /// </summary>
    /// <param name="images">Number of images.</param>
    /// <param name="statistic">The statistic of the images with the given indices (repeats included); undefined gives no value.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="confidence">Share of the resamples between the ends, in (0, 1).</param>
    /// <param name="seed">Seed of the resampling; equal seeds give equal intervals.</param>
    /// <returns>The interval, or null when the statistic is undefined on every resample.</returns>
    /// <exception cref="UserError">No images, no resamples, or a confidence outside (0, 1).</exception>
    public static BootstrapInterval? Bootstrap(
        int images,
        Func<ReadOnlyMemory<int>, MetricValue> statistic,
        int resamples = 1000,
        double confidence = 0.95,
        int seed = 0
    )
    {
        if (images < 1 || resamples < 1 || !(confidence > 0 && confidence < 1))
        {
            throw new UserError(
                $"a bootstrap of {images} images, {resamples} resamples and confidence {confidence} is none: "
                    + "give at least one of each and a confidence in (0, 1)"
            );
        }

        var random = SplitMix64.For((ulong)seed, "bootstrap");
        var drawn = new int[images];
        var values = new List<double>(resamples);
        for (var resample = 0; resample < resamples; resample++)
        {
            for (var i = 0; i < images; i++)
            {
                drawn[i] = random.NextInt(images);
            }

            if (statistic(drawn).Value is { } value)
            {
                values.Add(value);
            }
        }
        if (values.Count == 0)
        {
            return null;
        }

        values.Sort();
        var tail = (1 - confidence) / 2;
        return new BootstrapInterval(Quantile(values, tail), Quantile(values, 1 - tail), values.Count);
    }

    /// <summary>Bootstrap interval of the AUROC over images; see <see cref="Bootstrap"/>.</summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="confidence">Share of the resamples between the ends, in (0, 1).</param>
    /// <param name="seed">Seed of the resampling.</param>
    public static BootstrapInterval? BootstrapAuroc(
        ReadOnlyMemory<float> scores,
        ReadOnlyMemory<byte> labels,
        int resamples = 1000,
        double confidence = 0.95,
        int seed = 0
    )
    {
        if (scores.Length != labels.Length)
        {
            throw new UserError($"{scores.Length} scores but {labels.Length} labels: give one label a score");
        }

        var drawnScores = new float[scores.Length];
        var drawnLabels = new byte[scores.Length];
        return Bootstrap(
            scores.Length,
            drawn =>
            {
                for (var i = 0; i < drawn.Length; i++)
                {
                    drawnScores[i] = scores.Span[drawn.Span[i]];
                    drawnLabels[i] = labels.Span[drawn.Span[i]];
                }
                return Roc.Auroc(drawnScores, drawnLabels);
            },
            resamples,
            confidence,
            seed
        );
    }

    /// <summary>
    /// DeLong's test of two correlated AUROCs (DeLong, DeLong and Clarke-Pearson 1988, by the midranks of Sun and Xu 2014): whether two
    /// methods differ on the same samples.
    /// </summary>
    /// <param name="first">[N], scores of the first method.</param>
    /// <param name="second">[N], scores of the second method on the same samples.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    /// <exception cref="UserError">Lengths that differ, a score that is NaN or infinite, or fewer than two samples in either
    /// class.</exception>
    public static PairedTest DeLong(ReadOnlySpan<float> first, ReadOnlySpan<float> second, ReadOnlySpan<byte> labels)
    {
        var (anomalousFirst, normalFirst) = Placements(first, labels);
        var (anomalousSecond, normalSecond) = Placements(second, labels);
        double firstArea = anomalousFirst.Average(),
            secondArea = anomalousSecond.Average();
        var variance =
            DifferenceVariance(anomalousFirst, anomalousSecond) / anomalousFirst.Length
            + DifferenceVariance(normalFirst, normalSecond) / normalFirst.Length;
        var error = Math.Sqrt(variance);
        // Below this the variance is rounding: all samples of a class differ alike between the methods.
        if (error < 1e-12)
        {
            return new PairedTest(firstArea, secondArea, 0, null, null);
        }

        var z = (firstArea - secondArea) / error;
        return new PairedTest(firstArea, secondArea, error, z, MathNet.Numerics.SpecialFunctions.Erfc(Math.Abs(z) / Math.Sqrt(2)));
    }

    /// <summary>
    /// For each anomalous sample the share of normal ones below it, for each normal sample the share of anomalous ones above it,
    /// ties counting one half (V10 and V01 of the paper); both average to the AUROC.
    /// </summary>
    private static (double[] Anomalous, double[] Normal) Placements(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        if (scores.Length != labels.Length)
        {
            throw new UserError($"{scores.Length} scores but {labels.Length} labels: give one label a score");
        }

        if (NonFinite.Find(scores) is { } at)
        {
            throw new UserError($"score {at} is {scores[at]}: a test needs finite scores");
        }

        int normalCount = labels.Count((byte)0),
            anomalousCount = labels.Length - normalCount;
        if (normalCount < 2 || anomalousCount < 2)
        {
            throw new UserError(
                $"DeLong's test needs two samples of each class, " + $"and there are {normalCount} normal and {anomalousCount} anomalous"
            );
        }

        var anomalous = new float[anomalousCount];
        var normal = new float[normalCount];
        int nextAnomalous = 0,
            nextNormal = 0;
        for (var i = 0; i < scores.Length; i++)
        {
            if (labels[i] == 0)
            {
                normal[nextNormal++] = scores[i];
            }
            else
            {
                anomalous[nextAnomalous++] = scores[i];
            }
        }

        var all = Midranks([.. anomalous, .. normal]);
        double[] amongAnomalous = Midranks(anomalous),
            amongNormal = Midranks(normal);
        var above = new double[anomalousCount];
        for (var i = 0; i < anomalousCount; i++)
        {
            above[i] = (all[i] - amongAnomalous[i]) / normalCount;
        }

        var below = new double[normalCount];
        for (var i = 0; i < normalCount; i++)
        {
            below[i] = 1 - (all[anomalousCount + i] - amongNormal[i]) / anomalousCount;
        }

        return (above, below);
    }

    /// <summary>Ranks from 1; equal values share the mean of their ranks.</summary>
    private static double[] Midranks(float[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort((float[])values.Clone(), order);
        var ranks = new double[values.Length];
        for (int start = 0, end; start < order.Length; start = end)
        {
            for (end = start + 1; end < order.Length && values[order[end]] == values[order[start]]; )
            {
                end++;
            }

            for (var i = start; i < end; i++)
            {
                ranks[order[i]] = (start + 1 + end) / 2.0;
            }
        }
        return ranks;
    }

    private static double DifferenceVariance(double[] first, double[] second)
    {
        var difference = new double[first.Length];
        for (var i = 0; i < first.Length; i++)
        {
            difference[i] = first[i] - second[i];
        }

        var deviation = Summarise(difference).StandardDeviation!.Value;
        return deviation * deviation;
    }

    /// <summary>Linear interpolation between order statistics.</summary>
    private static double Quantile(List<double> sorted, double share)
    {
        var position = share * (sorted.Count - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
    }
}
