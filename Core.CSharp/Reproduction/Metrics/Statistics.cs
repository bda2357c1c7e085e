namespace Reproduction.Metrics;

/// <summary>A percentile bootstrap confidence interval.</summary>
/// <param name="Lower">Lower end.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="Defined">Number of resamples on which the statistic was defined; the percentiles are of these.</param>
public readonly record struct BootstrapInterval(double Lower, double Upper, int Defined);

/// <summary>Confidence in measured values.</summary>
public static class Statistics
{
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

    /// <summary>Linear interpolation between order statistics.</summary>
    private static double Quantile(List<double> sorted, double share)
    {
        var position = share * (sorted.Count - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
    }
}
