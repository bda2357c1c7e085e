using System.Globalization;
using System.Text.Json.Serialization;
using Reproduction.Metrics;

namespace Reproduction.Models;

/// <summary>Where the scores come from that a threshold was chosen with.</summary>
public enum CalibrationSource
{
    /// <summary>A share of the photographs of good products was held back; the model that is used scored them.</summary>
    HeldBack,

    /// <summary>Further photographs of good products; the model that is used scored them.</summary>
    Given,

    /// <summary>All photographs were fitted on; each was scored by another model, which had not seen it.</summary>
    CrossValidated,
}

/// <summary>What a threshold rests on: it is kept with the model, so that another rate needs no fit.</summary>
public sealed record Calibration
{
    /// <summary>The confidence of what is said of all good products.</summary>
    public const double Confidence = 0.95;

    /// <summary>The shares that <see cref="Curve"/> tells of.</summary>
    private static readonly double[] CurveRates = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

    /// <summary>Where the scores come from.</summary>
    public required CalibrationSource Source { get; init; }

    /// <summary>
    /// The accepted share of good products that are called defective; null where the threshold is that of the best F1 with defects.
    /// </summary>
    public double? FalsePositiveRate { get; init; }

    /// <summary>Raw scores of good products that the scoring model had not seen, ascending.</summary>
    public required IReadOnlyList<float> Good { get; init; }

    /// <summary>Raw scores of defective products, ascending; empty where there were none.</summary>
    public IReadOnlyList<float> Defective { get; init; } = [];

    /// <summary>How many of <see cref="Good"/> reach the threshold.</summary>
    public required int Above { get; init; }

    /// <summary>The parts of the cross-validation; null without one.</summary>
    public int? Folds { get; init; }

    /// <summary>
    /// The share of all good products that reach the threshold, each end with a confidence of <see cref="Confidence"/>
    /// (<see cref="Conformal.Rate"/>). For <see cref="CalibrationSource.CrossValidated"/> as far as the parts' models are like the whole's.
    /// </summary>
    [JsonIgnore]
    public RateInterval Interval => Conformal.Rate(Above, Good.Count, Confidence);

    /// <summary>Whether there are scores enough for the accepted rate.</summary>
    [JsonIgnore]
    public bool IsPromised => FalsePositiveRate is not { } rate || Conformal.AtFalsePositiveRate(Good, rate).IsPromised;

    /// <summary>The raw threshold of each of some rates, and the share of all good products that it flags.</summary>
    [JsonIgnore]
    public IEnumerable<(double Rate, ConformalThreshold Threshold, RateInterval Interval)> Curve =>
        CurveRates.Select(rate =>
        {
            var threshold = Conformal.AtFalsePositiveRate(Good, rate);
            return (rate, threshold, Conformal.Rate(threshold.Above, Good.Count, Confidence));
        });

    /// <summary>What was asked for, how many good products are above, and what that says of all.</summary>
    public string Describe()
    {
        var words = Source switch
        {
            CalibrationSource.HeldBack => "held-back good images",
            CalibrationSource.Given => "further good images",
            _ => $"training images, each scored by a model of {Folds} that had not seen it and brought to this model's level,",
        };
        var asked = FalsePositiveRate is { } rate
            ? string.Create(CultureInfo.InvariantCulture, $"a false positive rate of {rate}")
            : string.Create(CultureInfo.InvariantCulture, $"the best F1 with {Defective.Count} defective images");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{asked}: {Above} of {Good.Count} {words} above; with 95 % confidence at most {100 * Interval.Upper:0.0} % of good products"
        );
    }

    /// <summary>What a user should know of the sample; null where there is nothing to warn of.</summary>
    public string? Shortfall() =>
        IsPromised ? null
        : FalsePositiveRate == 0 ? "a false positive rate of 0 is what no sample can promise: the threshold is above the highest score"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{Good.Count} good images cannot promise a false positive rate of {FalsePositiveRate}: that takes at least "
                + $"{Math.Ceiling(1 / FalsePositiveRate!.Value - 1 - 1e-9)} which the model was not fitted on; the threshold is above the "
                + $"highest score, and with 95 % confidence at most {100 * Interval.Upper:0.0} % of good products reach it"
        );

    /// <summary>Refuses what no calibration can be.</summary>
    /// <returns>The mistake; null where there is none.</returns>
    internal string? Mistake() =>
        Good.Count == 0 ? "its calibration has no scores"
        : Good.Concat(Defective).Any(score => !float.IsFinite(score)) ? "a score of its calibration is no finite number"
        : Good.Zip(Good.Skip(1)).Any(pair => pair.First > pair.Second) ? "the scores of its calibration are not in ascending order"
        : Above < 0 || Above > Good.Count ? "its calibration has more scores above the threshold than scores"
        : FalsePositiveRate is { } rate && !(rate is >= 0 and < 1) ? "the rate of its calibration is no share"
        : null;
}
