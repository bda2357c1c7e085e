using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Imaging;
using Reproduction.Methods;

namespace Reproduction.Models;

/// <summary>How a model is fitted. Every value has the default of <c>repro fit</c>.</summary>
public sealed record FitOptions
{
    /// <summary>
    /// A variant by name, possibly with settings: <c>resnet18_cntk+epochs=3</c>. Null: the method's first default one whose weights are
    /// there.
    /// </summary>
    public string? Variant { get; init; }

    /// <summary>How much of the paper's schedule is run.</summary>
    public Profile Profile { get; init; } = Profile.Quick;

    /// <summary>Folder of weights; null for the network that comes with the program.</summary>
    public string? Weights { get; init; }

    /// <summary>cpu or cuda.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Of everything random: the same seed and photographs give the same model.</summary>
    public int Seed { get; init; }

    /// <summary>Accepted share of good products that are called defective, from 0 to below 1: what the threshold is chosen for.</summary>
    public double FalsePositiveRate { get; init; } = 0.01;

    /// <summary>
    /// Fits on all photographs and chooses the threshold by cross-validation in so many parts, at least 2. Null: a share of the photographs
    /// is held back and the model itself scores it.
    /// </summary>
    public int? Folds { get; init; }

    /// <summary>Further good photographs, not fitted on, to choose the threshold with; none of the others is then held back.</summary>
    public Photographs? Good { get; init; }

    /// <summary>Photographs of defects, to choose the threshold of the best F1 with; needs <see cref="Good"/>.</summary>
    public Photographs? Defective { get; init; }

    /// <summary>Side of the images that the network sees; null: the variant's.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Cuts photographs into tiles, for the fit and for scoring; null: they are taken whole.</summary>
    public Tiling? Tiles { get; init; }

    /// <summary>
    /// The part of a photograph that counts, in the fit and in scoring: non-zero inside, stretched over each photograph. Null: all of it.
    /// </summary>
    public Image? RegionOfInterest { get; init; }

    /// <summary>
    /// Where a training that is cancelled is kept and goes on from: given a stage ("fit", "threshold, part 1 of 2") and what the training
    /// is of, which is to be asked when it is needed. Null keeps none.
    /// </summary>
    public Func<string, Func<string>, ICheckpoints>? Checkpoints { get; init; }

    /// <summary>
    /// Where features of frozen networks are kept between fits. Null: in the user's cache folder, as by the command
    /// (<see cref="FeatureCache.FromEnvironment"/>); <see cref="UncachedFeatures"/> keeps none.
    /// </summary>
    public IFeatures? Features { get; init; }

    /// <summary>Told after each step of a training.</summary>
    public Action<FitProgress> Progress { get; init; } = _ => { };

    /// <summary>Told of what a user should know though the fit goes on.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>Ends the fit with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; } = CancellationToken.None;

    /// <summary>Refuses values that no fit can have.</summary>
    /// <exception cref="UserError">The first of them.</exception>
    internal void Check()
    {
        if (FalsePositiveRate is not (>= 0 and < 1))
        {
            throw new UserError(
                string.Create(CultureInfo.InvariantCulture, $"{ApiName.FitRate} {FalsePositiveRate}: a share from 0 to below 1"),
                exitCode: 2
            );
        }
        if (Defective is not null && Good is null)
        {
            throw new UserError($"{ApiName.FitDefective} needs {ApiName.FitGood}: a threshold lies between the two", exitCode: 2);
        }
        if (Folds is not null && Good is not null)
        {
            throw new UserError(
                $"{ApiName.Folds} and {ApiName.FitGood}: give one of them, each is a way to choose the threshold",
                exitCode: 2
            );
        }
        if (Tiles?.Mistake() is { } mistake)
        {
            throw new UserError(mistake, exitCode: 2);
        }
    }
}

/// <summary>How far a fit is.</summary>
/// <param name="Stage">Which of its trainings: "fit", "threshold, part 1 of 2", ...</param>
/// <param name="Done">Steps done in this stage.</param>
/// <param name="All">Steps of this stage.</param>
/// <param name="Text">A short text such as the loss.</param>
public sealed record FitProgress(string Stage, long Done, long All, string Text);
