namespace Reproduction.Metrics;

/// <summary>A metric of scores that were binned, and how far from it the exact metric can lie.</summary>
/// <param name="Value">The middle of the interval that holds the exact metric; null when undefined.</param>
/// <param name="Error">Half the interval's width: |exact - Value| is at most this. It is measured on the data, not estimated.</param>
/// <param name="Undefined">Why there is no value; null when there is one.</param>
public readonly record struct BoundedValue(double? Value, double Error, string? Undefined)
{
    internal static BoundedValue Between(double lower, double upper) => new((lower + upper) / 2, (upper - lower) / 2, null);

    internal static BoundedValue Missing(string reason) => new(null, 0, reason);
}

/// <summary>
/// The metrics of <see cref="Roc"/> and <see cref="Pro"/> for more scores than memory holds: batches are added one after another and
/// counted in 2^20 bins (24 MiB). Two scores share a bin only when they agree in sign, exponent and the first 11 bits of the fraction,
/// that is, when they differ by less than one part in 2,048. Nothing is known of the order within a bin, so every metric is given as
/// an interval between the best and the worst order; with at most one class in every bin an AUROC is exact.
/// </summary>
public sealed class StreamingScores
{
    private const int KeyBits = 20;

    private readonly long[] _normal = new long[1 << KeyBits];
    private readonly long[] _anomalous = new long[1 << KeyBits];
    private readonly double[] _overlap = new double[1 << KeyBits];
    private long _negatives;
    private long _positives;
    private long _regions;
    private long _samplesWithoutRegion;

    /// <summary>Adds independent samples.</summary>
    /// <param name="scores">[N]; higher is more anomalous.</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    /// <exception cref="UserError">The lengths differ, or a score is NaN or infinite; nothing is added then.</exception>
    public void Add(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        if (scores.Length != labels.Length)
        {
            throw new UserError($"{scores.Length} scores but {labels.Length} labels: give one label a score");
        }

        if (NonFinite.Find(scores) is { } at)
        {
            throw new UserError($"score {at} is {scores[at]}: metrics need finite scores");
        }

        Count(scores, labels);
        _samplesWithoutRegion += scores.Length;
    }

    /// <summary>Adds the pixels of one anomaly map with the regions of its mask.</summary>
    /// <param name="map">[H, W]; higher is more anomalous.</param>
    /// <param name="mask">[H, W]; non-zero is anomalous.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="connectivity">8 or 4: which anomalous pixels form one region.</param>
    /// <exception cref="UserError">The sizes differ, or a pixel is NaN or infinite; nothing is added then.</exception>
    public void AddMap(ReadOnlySpan<float> map, ReadOnlySpan<byte> mask, int height, int width, int connectivity = 8)
    {
        MapShape.Require("map", map.Length, 1, height, width);
        MapShape.Require("mask", mask.Length, 1, height, width);
        if (NonFinite.Find(map) is { } at)
        {
            throw new UserError(NonFinite.Describe(map[at], at, height, width) + ": metrics need finite scores");
        }

        using var components = ConnectedComponents.Label(mask, height, width, connectivity);
        var labels = components.Labels;
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] != 0)
            {
                _overlap[Bin(map[i])] += 1.0 / components.Regions[labels[i] - 1].Area;
            }
        }

        _regions += components.Regions.Count;
        Count(map, mask);
    }

    /// <summary>Area under the ROC curve; the error is half the share of (anomalous, normal) pairs that share a bin.</summary>
    public BoundedValue Auroc()
    {
        if (OneClass() is { } undefined)
        {
            return BoundedValue.Missing(undefined);
        }

        double certain = 0,
            open = 0,
            above = 0;
        for (var bin = _normal.Length - 1; bin >= 0; bin--)
        {
            certain += above * _normal[bin];
            open += (double)_anomalous[bin] * _normal[bin];
            above += _anomalous[bin];
        }
        var pairs = (double)_positives * _negatives;
        return BoundedValue.Between(certain / pairs, (certain + open) / pairs);
    }

    /// <summary>Average precision.</summary>
    public BoundedValue AveragePrecision()
    {
        if (OneClass() is { } undefined)
        {
            return BoundedValue.Missing(undefined);
        }

        double lower = 0,
            upper = 0,
            truePositives = 0,
            falsePositives = 0;
        for (var bin = _normal.Length - 1; bin >= 0; bin--)
        {
            double found = _anomalous[bin];
            if (found > 0)
            {
                // At worst all normal samples of the bin come first, and each anomalous one counts like the first;
                // at best no normal one comes before.
                lower += found * (truePositives + 1) / (truePositives + 1 + falsePositives + _normal[bin]);
                upper += found * (truePositives + found) / (truePositives + found + falsePositives);
            }
            truePositives += found;
            falsePositives += _normal[bin];
        }
        return BoundedValue.Between(lower / _positives, upper / _positives);
    }

    /// <summary>The highest F1 over all thresholds.</summary>
    public BoundedValue F1Max()
    {
        if (OneClass() is { } undefined)
        {
            return BoundedValue.Missing(undefined);
        }

        double lower = 0,
            upper = 0,
            truePositives = 0,
            falsePositives = 0;
        for (var bin = _normal.Length - 1; bin >= 0; bin--)
        {
            truePositives += _anomalous[bin];
            upper = Math.Max(upper, 2 * truePositives / (_positives + truePositives + falsePositives));
            falsePositives += _normal[bin];
            lower = Math.Max(lower, 2 * truePositives / (_positives + truePositives + falsePositives));
        }
        return BoundedValue.Between(lower, upper);
    }

    /// <summary>The lowest false positive rate at which the true positive rate is at least the given one.</summary>
    /// <param name="tpr">True positive rate to reach, in (0, 1].</param>
    /// <exception cref="UserError">The rate lies outside (0, 1].</exception>
    public BoundedValue FprAtTpr(double tpr)
    {
        if (!(tpr > 0 && tpr <= 1))
        {
            throw new UserError($"a true positive rate of {tpr} cannot be reached: give one in (0, 1]");
        }

        if (OneClass() is { } undefined)
        {
            return BoundedValue.Missing(undefined);
        }

        long truePositives = 0,
            falsePositives = 0;
        for (var bin = _normal.Length - 1; ; bin--)
        {
            truePositives += _anomalous[bin];
            if ((double)truePositives / _positives >= tpr)
            {
                return BoundedValue.Between((double)falsePositives / _negatives, (double)(falsePositives + _normal[bin]) / _negatives);
            }

            falsePositives += _normal[bin];
        }
    }

    /// <summary>Area under the PRO curve up to the limit, divided by the limit.</summary>
    /// <param name="fprLimit">False positive rate up to which the area is taken, in (0, 1].</param>
    /// <exception cref="UserError">The limit lies outside (0, 1].</exception>
    public BoundedValue Aupro(double fprLimit = 0.3)
    {
        Pro.RequireLimit(fprLimit);
        if (_samplesWithoutRegion > 0)
        {
            return BoundedValue.Missing("samples were added that belong to no map");
        }

        if (_regions == 0 || _negatives == 0)
        {
            return BoundedValue.Missing(_regions == 0 ? "the masks hold no anomalous region" : "the masks leave no normal pixel");
        }

        double lower = 0,
            upper = 0,
            found = 0,
            fpr = 0;
        long falsePositives = 0;
        for (var bin = _normal.Length - 1; bin >= 0 && fpr < fprLimit; bin--)
        {
            falsePositives += _normal[bin];
            var next = Math.Min(fprLimit, (double)falsePositives / _negatives);
            lower += (next - fpr) * found;
            found += _overlap[bin];
            upper += (next - fpr) * found;
            fpr = next;
        }
        return BoundedValue.Between(lower / _regions / fprLimit, Math.Min(1, upper / _regions / fprLimit));
    }

    private void Count(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels)
    {
        for (var i = 0; i < scores.Length; i++)
        {
            (labels[i] == 0 ? _normal : _anomalous)[Bin(scores[i])]++;
        }

        var normalCount = labels.Count((byte)0);
        _negatives += normalCount;
        _positives += labels.Length - normalCount;
    }

    private string? OneClass() =>
        _positives + _negatives == 0 ? "there are no samples"
        : _positives == 0 ? "no sample is anomalous"
        : _negatives == 0 ? "no sample is normal"
        : null;

    private static uint Bin(float score) => RadixSort.ToKey(score) >> (32 - KeyBits);
}
