namespace Reproduction.Metrics;

/// <summary>A metric's value, or the reason why the input does not define one; exactly one of the two is present.</summary>
/// <param name="Value">The metric, a fraction in [0, 1] unless its method says otherwise; null when undefined.</param>
/// <param name="Undefined">Why there is no value; null when there is one.</param>
public readonly record struct MetricValue(double? Value, string? Undefined)
{
    /// <summary>A metric that the input defines.</summary>
    public static MetricValue Of(double value) => new(value, null);

    /// <summary>A metric that the input does not define.</summary>
    /// <param name="reason">One clause that names what the input lacks.</param>
    public static MetricValue Missing(string reason) => new(null, reason);
}

/// <summary>
/// A metric together with the threshold at which it is reached: a sample is called anomalous when its score is at or above it.
/// </summary>
/// <param name="Metric">The metric.</param>
/// <param name="Threshold">The score that reaches it; null when the metric is undefined.</param>
public readonly record struct OperatingPoint(MetricValue Metric, float? Threshold);

/// <summary>One point of a curve over all thresholds; a sample is called anomalous when its score is at or above the threshold.</summary>
/// <param name="X">False positive rate (ROC, PRO) or recall (precision-recall).</param>
/// <param name="Y">True positive rate (ROC), mean per-region overlap (PRO) or precision (precision-recall).</param>
/// <param name="Threshold">The threshold; positive infinity where nothing is called anomalous.</param>
public readonly record struct CurvePoint(double X, double Y, float Threshold);
