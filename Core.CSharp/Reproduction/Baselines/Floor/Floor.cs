using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Floor;

/// <summary>The mean of the training images: what differs from it is anomalous. Nothing is learned but a picture.</summary>
public sealed class MeanImageMethod : Method<PixelFloorSettings>
{
    /// <inheritdoc/>
    public override string Id => "mean-image";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<PixelFloorSettings>> Variants { get; } =
    [new("default", "squared difference to the mean of the training images", new PixelFloorSettings(), Default: true)];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(PixelFloorSettings settings, Resources resources)
    {
        settings.Check(Id);
        return new PixelFloorDetector(settings with { Components = 0 }, resources.Device);
    }

    /// <inheritdoc/>
    protected override PixelFloorSettings Adapt(PixelFloorSettings settings, Request request) => settings.For(request.Profile);
}

/// <summary>The principal components of the training images: what they do not span is anomalous. An autoencoder that is linear.</summary>
public sealed class PcaPixelsMethod : Method<PixelFloorSettings>
{
    /// <inheritdoc/>
    public override string Id => "pca-pixels";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<PixelFloorSettings>> Variants { get; } =
    [
        new(
            "default",
            "squared difference to the projection on 40 principal components",
            new PixelFloorSettings { Components = 40 },
            Default: true
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(PixelFloorSettings settings, Resources resources)
    {
        settings.Check(Id);
        return new PixelFloorDetector(settings, resources.Device);
    }

    /// <inheritdoc/>
    protected override PixelFloorSettings Adapt(PixelFloorSettings settings, Request request) => settings.For(request.Profile);
}

/// <summary>
/// The principal components of a frozen network's features, the same for all positions: what they do not span is anomalous. An autoencoder
/// of features that is linear.
/// </summary>
public sealed class PcaFeaturesMethod : FrozenNetworkMethod<FeatureFloorSettings>
{
    private static readonly FeatureFloorSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "pca-features";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<FeatureFloorSettings>> Variants { get; } =
    [
        Row("resnet18", "ResNet-18, layer2 and layer3", ResNet18, isDefault: true),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program, layer2 and layer3",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(FeatureFloorSettings settings, Resources resources)
    {
        settings.Check();
        return new FeatureFloorDetector(settings, resources);
    }
}

/// <summary>Settings of the two floors of pixels.</summary>
public sealed record PixelFloorSettings
{
    private const double LargestSigma = 256;

    /// <summary>Principal components that are kept, at most one less than there are images; 0 for none: the mean alone.</summary>
    public int Components { get; init; }

    /// <summary>Images are resized to a square of this many pixels: the size of <c>ssae</c> on objects.</summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>Standard deviation of the Gaussian filter over the map, as a share of the image's side.</summary>
    public double RelativeSigma { get; init; } = 1.0 / 64;

    /// <summary>Refuses values that no detector can be built with.</summary>
    /// <param name="method">For the message.</param>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check(string method)
    {
        var check = new SettingsCheck(method);
        check.Whole(Components, 0, 100_000);
        check.Whole(ImageSize, 1);
        check.NotNegative(RelativeSigma, 1);
        check.That(RelativeSigma * ImageSize <= LargestSigma, RelativeSigma, $"at most {LargestSigma} pixels");
    }

    /// <summary>The size of <c>ssae</c> in a profile.</summary>
    internal PixelFloorSettings For(Profile profile) => profile == Profile.Paper ? this : this with { ImageSize = 64 };
}

/// <summary>Settings of the floor of features.</summary>
public sealed record FeatureFloorSettings : FrozenNetworkSettings
{
    /// <summary>Two levels, on the grid of the first.</summary>
    public FeatureFloorSettings() => Layers = ["layer2", "layer3"];

    /// <summary>Share of the features' variance that the kept components hold.</summary>
    public double Variance { get; init; } = 0.95;

    /// <inheritdoc/>
    public override void Check()
    {
        var check = Checked("pca-features");
        check.Share(Variance);
    }
}
