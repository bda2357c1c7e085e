namespace Reproduction.Metrics;

/// <summary>
/// Lowers the threshold from above all scores to below them and counts what is called anomalous. Each step ends at a vertex of the
/// curves over all thresholds: a run of scores that only normal samples have is one step (the curves are straight there), and all
/// samples of equal score fall together, so that ties count as the Mann-Whitney statistic has it.
/// </summary>
internal unsafe struct ThresholdSweep
{
    private readonly uint* _normal;
    private readonly ulong* _anomalous;
    private long _normalLeft;
    private long _anomalousLeft;
    private uint _key;
    private CompensatedSum _overlap;

    public ThresholdSweep(RankedScores scores)
    {
        _normal = scores.Normal;
        _anomalous = scores.Anomalous;
        _normalLeft = scores.Negatives;
        _anomalousLeft = scores.Positives;
    }

    /// <summary>Anomalous samples at or above the threshold.</summary>
    public long TruePositives { get; private set; }

    /// <summary>Normal samples at or above the threshold.</summary>
    public long FalsePositives { get; private set; }

    /// <summary>Sum over the regions of the share of each that lies at or above the threshold.</summary>
    public readonly double Overlap => _overlap.Value;

    /// <summary>The threshold: the lowest score taken so far.</summary>
    public readonly float Threshold => RadixSort.FromKey(_key);

    /// <summary>Takes the next step; false when no scores are left.</summary>
    public bool MoveNext()
    {
        if (_anomalousLeft == 0)
        {
            if (_normalLeft == 0)
            {
                return false;
            }

            FalsePositives += _normalLeft;
            _normalLeft = 0;
            _key = _normal[0];
            return true;
        }
        var next = (uint)(_anomalous[_anomalousLeft - 1] >> 32);
        var before = _normalLeft;
        if (_normalLeft > 0 && _normal[_normalLeft - 1] > next)
        {
            do
            {
                _normalLeft--;
            } while (_normalLeft > 0 && _normal[_normalLeft - 1] > next);
            _key = _normal[_normalLeft];
        }
        else
        {
            for (; _anomalousLeft > 0 && (uint)(_anomalous[_anomalousLeft - 1] >> 32) == next; _anomalousLeft--)
            {
                TruePositives++;
                _overlap.Add(1.0 / (uint)_anomalous[_anomalousLeft - 1]);
            }
            while (_normalLeft > 0 && _normal[_normalLeft - 1] == next)
            {
                _normalLeft--;
            }

            _key = next;
        }
        FalsePositives += before - _normalLeft;
        return true;
    }
}

/// <summary>A sum with Neumaier's compensation: 67 million terms would otherwise cost the digits that the golden values ask for.</summary>
internal struct CompensatedSum
{
    private double _sum;
    private double _lost;

    public readonly double Value => _sum + _lost;

    public void Add(double term)
    {
        var next = _sum + term;
        _lost += Math.Abs(_sum) >= Math.Abs(term) ? _sum - next + term : term - next + _sum;
        _sum = next;
    }
}
