using MathNet.Numerics.Distributions;

namespace Reproduction.Metrics;

/// <summary>A threshold out of scores of good products that its model has not seen.</summary>
/// <param name="Value">Scores that reach it are called defective: the next number above one of the scores.</param>
/// <param name="Above">How many of the scores reach it.</param>
/// <param name="IsPromised">Whether there are enough scores for the rate: (n + 1) times the rate is at least 1.</param>
public readonly record struct ConformalThreshold(float Value, int Above, bool IsPromised);

/// <summary>Where a share lies.</summary>
/// <param name="Lower">It is below this with a probability of (1 - confidence).</param>
/// <param name="Upper">It is above this with a probability of (1 - confidence).</param>
public readonly record struct RateInterval(double Lower, double Upper);

/// <summary>
/// Split conformal prediction (Papadopoulos et al. 2002; Vovk 2012): a threshold from n good products that a model has not seen, and what
/// share of all good products it will flag. Nothing is assumed of the scores but that old and new products come in any order.
/// </summary>
public static class Conformal
{
    /// <summary>
    /// The ceil((n + 1)(1 - rate))-th smallest score: a new good product exceeds it with a probability of at most the rate. Where there are
    /// fewer than 1 / rate - 1 scores the data cannot promise that, and the highest score is taken, which is exceeded with probability
    /// 1 / (n + 1).
    /// </summary>
    /// <param name="sorted">Scores in ascending order, at least one.</param>
    /// <param name="rate">Accepted false positive rate, from 0 to below 1.</param>
    /// <exception cref="UserError">No scores, or a rate outside [0, 1).</exception>
    public static ConformalThreshold AtFalsePositiveRate(IReadOnlyList<float> sorted, double rate)
    {
        if (sorted.Count == 0)
        {
            throw new UserError("a threshold needs scores of good products, and there are none");
        }
        if (!(rate >= 0 && rate < 1))
        {
            throw new UserError($"a false positive rate of {rate} is no share: give one from 0 to below 1", exitCode: 2);
        }

        // The product may be rounded down below an integer that the rate means, as in 0.07 * 100.
        var expected = (int)Math.Floor((sorted.Count + 1) * rate * (1 + 1e-12));
        var above = Math.Clamp(expected - 1, 0, sorted.Count - 1);
        var value = MathF.BitIncrement(sorted[sorted.Count - 1 - above]);
        return new ConformalThreshold(value, CountFrom(sorted, value), expected >= 1);
    }

    /// <summary>
    /// The share of all good products that reach a threshold which <paramref name="above"/> of <paramref name="count"/> reached. Where the
    /// threshold is one of these scores, the share has the distribution Beta(above + 1, count - above), whatever the scores'; its upper end
    /// is that of Clopper and Pearson (1934), which holds for any other threshold, too.
    /// </summary>
    /// <param name="above">From 0 to <paramref name="count"/>.</param>
    /// <param name="count">At least 1.</param>
    /// <param name="confidence">Of each end, in (0, 1).</param>
    public static RateInterval Rate(int above, int count, double confidence = 0.95) =>
        above >= count
            ? new RateInterval(Math.Pow(1 - confidence, 1.0 / count), 1)
            : new RateInterval(Beta.InvCDF(above + 1, count - above, 1 - confidence), Beta.InvCDF(above + 1, count - above, confidence));

    /// <summary>
    /// The probability that at least <paramref name="flagged"/> of <paramref name="unseen"/> new good products reach a threshold that
    /// <paramref name="above"/> of <paramref name="count"/> reached: the beta-binomial law, which has both samples' chance in it.
    /// </summary>
    public static double AtLeast(int flagged, int unseen, int above, int count)
    {
        double a = above + 1,
            b = count - above,
            below = 0;
        for (var k = 0; k < flagged; k++)
        {
            below += Math.Exp(
                MathNet.Numerics.SpecialFunctions.BinomialLn(unseen, k)
                    + MathNet.Numerics.SpecialFunctions.BetaLn(k + a, unseen - k + b)
                    - MathNet.Numerics.SpecialFunctions.BetaLn(a, b)
            );
        }
        return Math.Clamp(1 - below, 0, 1);
    }

    /// <summary>How many of ascending scores reach a threshold.</summary>
    public static int CountFrom(IReadOnlyList<float> sorted, double threshold)
    {
        int low = 0,
            high = sorted.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = sorted[middle] >= threshold ? (low, middle) : (middle + 1, high);
        }
        return sorted.Count - low;
    }
}
