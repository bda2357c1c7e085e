using System.Globalization;
using Reproduction.Imaging;

namespace Reproduction.Models;

/// <summary>How photographs are judged, where not as the model was fitted.</summary>
public sealed record ScoreOptions
{
    /// <summary>Scores that reach it are called defective, in the unit of <see cref="Judgement.Score"/>: 1 is the model's own.</summary>
    public float? Threshold { get; init; }

    /// <summary>
    /// Accepted share of good products that are called defective, instead of a threshold: from the scores that the model keeps. The scores'
    /// unit stays that of the model's own threshold.
    /// </summary>
    public double? FalsePositiveRate { get; init; }

    /// <summary>Cuts photographs into tiles; null: as the model was fitted.</summary>
    public Tiling? Tiles { get; init; }

    /// <summary>The part of a photograph that counts, non-zero inside; null: as the model was fitted.</summary>
    public Image? RegionOfInterest { get; init; }

    /// <summary>What is asked for here, and where nothing is the model's own.</summary>
    /// <exception cref="UserError">Values that cannot be.</exception>
    internal Sight Over(Sight own)
    {
        if (Threshold is { } threshold && !float.IsFinite(threshold))
        {
            throw new UserError($"{ApiName.Threshold}: give a finite number; 1 is the model's own threshold", exitCode: 2);
        }
        if (Threshold is not null && FalsePositiveRate is not null)
        {
            throw new UserError($"{ApiName.Threshold} and {ApiName.ScoreRate}: give one of them, each is a threshold", exitCode: 2);
        }
        if (FalsePositiveRate is { } rate && !(rate is >= 0 and < 1))
        {
            throw new UserError(
                string.Create(CultureInfo.InvariantCulture, $"{ApiName.ScoreRate} {rate}: a share from 0 to below 1"),
                exitCode: 2
            );
        }
        if (Tiles?.Mistake() is { } mistake)
        {
            throw new UserError(mistake, exitCode: 2);
        }
        return new Sight(Tiles ?? own.Tiles, RegionOfInterest is { } mask ? new RegionOfInterest(mask) : own.Region);
    }
}
