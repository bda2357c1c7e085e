using MathNet.Numerics;

namespace Reproduction.Metrics;

/// <summary>The papers' working points. A pixel or image is called anomalous when its score is at or above the threshold.</summary>
public static class Thresholds
{
    /// <summary>
    /// The lowest threshold at which at most the accepted share of the given normal scores is called anomalous (DFR, section III-D:
    /// the threshold from the user's accepted false positive rate on the training images).
    /// </summary>
    /// <param name="normalScores">Scores of normal pixels or images, in any order.</param>
    /// <param name="falsePositiveRate">Accepted share, in [0, 1]; at 0 every given score lies below the threshold.</param>
    /// <exception cref="UserError">No scores, one that is NaN or infinite, or a rate outside [0, 1].</exception>
    public static unsafe float AtFalsePositiveRate(ReadOnlySpan<float> normalScores, double falsePositiveRate)
    {
        RequireRate(falsePositiveRate);
        if (normalScores.IsEmpty)
        {
            throw new UserError("a threshold needs normal scores, and there are none");
        }

        if (NonFinite.Find(normalScores) is { } at)
        {
            throw new UserError($"normal score {at} is {normalScores[at]}: a threshold needs finite scores");
        }

        var keys = new NativeBuffer<uint>(normalScores.Length);
        for (var i = 0; i < normalScores.Length; i++)
        {
            keys.Pointer[i] = RadixSort.ToKey(normalScores[i]);
        }

        using var sorted = RadixSort.Sort(keys, 0);

        long length = sorted.Length,
            accepted = (long)(falsePositiveRate * length);
        // The product may be rounded down below an integer that the rate means, as in 0.07 * 100.
        if (accepted < length && (double)(accepted + 1) / length <= falsePositiveRate)
        {
            accepted++;
        }

        return accepted == length
            ? RadixSort.FromKey(sorted.Pointer[0])
            : MathF.BitIncrement(RadixSort.FromKey(sorted.Pointer[length - 1 - accepted]));
    }

    /// <summary>
    /// The Mahalanobis distance that normal data exceed with the accepted probability when their D features are Gaussian:
    /// t = sqrt(F^-1(1 - FPR)), F the distribution function of chi-square with D degrees of freedom (Rippel et al., equation 8).
    /// </summary>
    /// <param name="dimension">D, the number of features.</param>
    /// <param name="falsePositiveRate">Accepted probability, in (0, 1).</param>
    /// <exception cref="UserError">A dimension below 1 or a rate outside (0, 1).</exception>
    public static double MahalanobisAtFalsePositiveRate(int dimension, double falsePositiveRate)
    {
        RequireRate(falsePositiveRate);
        if (falsePositiveRate is 0 or 1)
        {
            throw new UserError($"a false positive rate of {falsePositiveRate} has no finite Mahalanobis threshold: give one in (0, 1)");
        }

        if (dimension < 1)
        {
            throw new UserError($"a Gaussian of {dimension} features has no Mahalanobis threshold: give at least 1");
        }

        return Math.Sqrt(ChiSquareQuantile(dimension, falsePositiveRate));
    }

    /// <summary>The binary segmentation of anomaly maps.</summary>
    /// <param name="maps">[..., H, W], any shape.</param>
    /// <param name="threshold">Lowest anomalous score.</param>
    /// <returns>1 where the score is at or above the threshold, else 0; same length.</returns>
    public static byte[] Segment(ReadOnlySpan<float> maps, float threshold)
    {
        var segmented = new byte[maps.Length];
        for (var i = 0; i < maps.Length; i++)
        {
            segmented[i] = maps[i] >= threshold ? (byte)1 : (byte)0;
        }

        return segmented;
    }

    /// <summary>The value that a chi-square variable exceeds with the given probability.</summary>
    private static double ChiSquareQuantile(int degrees, double upperTail)
    {
        var shape = degrees / 2.0;
        double low = 0,
            high = degrees + 10.0;
        while (UpperTail(shape, high) > upperTail)
        {
            (low, high) = (high, 2 * high);
        }
        // Bisection on the upper tail keeps the digits that 1 - FPR would lose at small rates.
        while (high - low > 1e-15 * high)
        {
            var middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
            {
                break;
            }

            if (UpperTail(shape, middle) > upperTail)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }
        return high;
    }

    private static double UpperTail(double shape, double value) => SpecialFunctions.GammaUpperRegularized(shape, value / 2);

    private static void RequireRate(double rate)
    {
        if (!(rate >= 0 && rate <= 1))
        {
            throw new UserError($"a false positive rate of {rate} is no share: give one in [0, 1]");
        }
    }
}
