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

    private static void RequireRate(double rate)
    {
        if (!(rate >= 0 && rate <= 1))
        {
            throw new UserError($"a false positive rate of {rate} is no share: give one in [0, 1]");
        }
    }
}
