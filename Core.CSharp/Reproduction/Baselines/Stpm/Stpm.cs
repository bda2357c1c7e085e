using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Stpm;

/// <summary>
/// Wang, Han, Ding and Huang, Student-Teacher Feature Pyramid Matching for Anomaly Detection. A student of the teacher's architecture
/// learns, on normal images only, to give the features of a trained ResNet-18 at three levels; where it fails, the image is anomalous.
/// </summary>
public sealed class StpmMethod : FrozenNetworkMethod<StpmSettings>
{
    private static readonly StpmSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "stpm";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<StpmSettings>> Variants { get; } =
    [
        Row("resnet18", "ResNet-18, the paper's network, maps of the levels multiplied", ResNet18, isDefault: true),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program as teacher",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(StpmSettings settings, Resources resources)
    {
        settings.Check();
        return new StpmDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override StpmSettings Adapt(StpmSettings settings, Request request) =>
        request.Profile switch
        {
            Profile.Smoke => base.Adapt(settings, request) with { Epochs = 1, BatchSize = 4 },
            // Small batches: with the paper's 32 so few epochs are too few steps.
            Profile.Quick when request.Dataset == "photographs" => settings with { ImageSize = 128, BatchSize = 4, Epochs = 8 },
            Profile.Quick => settings with { ImageSize = 128, BatchSize = 4, Epochs = 20 },
            _ => settings,
        };
}

/// <summary>Hyperparameters of <see cref="StpmMethod"/>; the defaults are the paper's.</summary>
public sealed record StpmSettings : FrozenNetworkSettings
{
    /// <summary>The paper's: three levels, and no filter over the map.</summary>
    public StpmSettings() => Sigma = 0;

    /// <summary>Passes over the training images.</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Share of the training images that are held out; the student that does best on them is kept.</summary>
    public double Validation { get; init; } = 0.2;

    /// <summary>Learning rate of SGD.</summary>
    public double LearningRate { get; init; } = 0.4;

    /// <summary>Momentum of SGD.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay of SGD.</summary>
    public double WeightDecay { get; init; } = 1e-4;

    /// <inheritdoc/>
    public override void Check()
    {
        var check = Checked("stpm");
        check.Whole(Epochs, 1);
        check.Batch(BatchSize);
        check.That(Validation is >= 0 and < 1, Validation, "a number from 0 to below 1");
        check.NotNegative(LearningRate);
        check.NotNegative(Momentum, 1);
        check.NotNegative(WeightDecay);
    }
}
