namespace Reproduction.Metrics;

/// <summary>
/// Lowers the threshold from above all scores to below them and counts what is called anomalous. Each step ends at a vertex of the
/// curves over all thresholds: a run of scores that only normal samples have is one step (the curves are straight there), and all
/// samples of equal score fall together, so that ties count as the Mann-Whitney statistic has it.
/// </summary>
internal unsafe struct ThresholdSweep
{
    private readonly uint* normal;
    private readonly ulong* anomalous;
    private long normalLeft;
    private long anomalousLeft;
    private uint key;
    private CompensatedSum overlap;

    public ThresholdSweep(RankedScores scores)
    {
        normal = scores.Normal;
        anomalous = scores.Anomalous;
        normalLeft = scores.Negatives;
        anomalousLeft = scores.Positives;
    }

    /// <summary>Anomalous samples at or above the threshold.</summary>
    public long TruePositives { get; private set; }

    /// <summary>Normal samples at or above the threshold.</summary>
    public long FalsePositives { get; private set; }

    /// <summary>Sum over the regions of the share of each that lies at or above the threshold.</summary>
    public readonly double Overlap => overlap.Value;

    /// <summary>The threshold: the lowest score taken so far.</summary>
    public readonly float Threshold => RadixSort.FromKey(key);

    /// <summary>Takes the next step; false when no scores are left.</summary>
    public bool MoveNext()
    {
        if (anomalousLeft == 0)
        {
            if (normalLeft == 0)
                return false;
            FalsePositives += normalLeft;
            normalLeft = 0;
            key = normal[0];
            return true;
        }
        var next = (uint)(anomalous[anomalousLeft - 1] >> 32);
        var before = normalLeft;
        if (normalLeft > 0 && normal[normalLeft - 1] > next)
        {
            do
                normalLeft--;
            while (normalLeft > 0 && normal[normalLeft - 1] > next);
            key = normal[normalLeft];
        }
        else
        {
            for (; anomalousLeft > 0 && (uint)(anomalous[anomalousLeft - 1] >> 32) == next; anomalousLeft--)
            {
                TruePositives++;
                overlap.Add(1.0 / (uint)anomalous[anomalousLeft - 1]);
            }
            while (normalLeft > 0 && normal[normalLeft - 1] == next)
                normalLeft--;
            key = next;
        }
        FalsePositives += before - normalLeft;
        return true;
    }
}

/// <summary>A sum with Neumaier's compensation: 67 million terms would otherwise cost the digits that the golden values ask for.</summary>
internal struct CompensatedSum
{
    private double sum;
    private double lost;

    public readonly double Value => sum + lost;

    public void Add(double term)
    {
        var next = sum + term;
        lost += Math.Abs(sum) >= Math.Abs(term) ? sum - next + term : term - next + sum;
        sum = next;
    }
}
