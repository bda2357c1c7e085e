using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Padim;

/// <summary>
/// Defard, Setkov, Loesch and Audigier, PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and Localization. Features of
/// three levels of a frozen network are concatenated at every position of the finest; a random choice of their channels is described by a
/// Gaussian a position. The map is the Mahalanobis distance.
/// </summary>
public sealed class PadimMethod : Method<PadimSettings>
{
    private static readonly PadimSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "padim";

    /// <inheritdoc/>
    public override string Title => "Defard et al., PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and Localization";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<PadimSettings>> Variants { get; } =
    [
        Row("resnet18", "ResNet-18, 100 of its 448 channels (the paper's R18-Rd100)", ResNet18, isDefault: true),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program, 100 of 448 channels: a substitute for R18-Rd100",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
        Row(
            "wide_resnet50_2",
            "wide ResNet-50-2, 550 of its 1,792 channels (the paper's WR50-Rd550); takes 10 GB of memory",
            ResNet18 with
            {
                Network = "wide_resnet50_2",
                Channels = 550,
            }
        ),
        Row("resnet18-all", "ResNet-18, all 448 channels; takes 7 GB of memory", ResNet18 with { Channels = 0 }),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(PadimSettings settings, Resources resources)
    {
        settings.Check();
        return new PadimDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override PadimSettings Adapt(PadimSettings settings, Request request) =>
        request.Profile == Profile.Smoke ? settings with { ImageSize = 64 } : settings;

    private static Variant<PadimSettings> Row(string name, string description, PadimSettings settings, bool isDefault = false) =>
        new(name, description, settings, isDefault, $"{settings.Network}/{settings.Layers[^1]}");
}

/// <summary>Hyperparameters of <see cref="PadimMethod"/>.</summary>
public sealed record PadimSettings
{
    private const double LargestSigma = 256;

    /// <summary>Architecture of the frozen network.</summary>
    public string Network { get; init; } = "resnet18";

    /// <summary>The levels that are concatenated, the finest first.</summary>
    public string[] Layers { get; init; } = ["layer1", "layer2", "layer3"];

    /// <summary>How many of the concatenated channels are kept, a seeded random choice; 0 keeps all.</summary>
    public int Channels { get; init; } = 100;

    /// <summary>epsilon, what is added to the covariance's diagonal.</summary>
    public double Regularisation { get; init; } = 0.01;

    /// <summary>Standard deviation in pixels of the Gaussian filter over the map.</summary>
    public double Sigma { get; init; } = 4;

    /// <summary>
    /// Images are resized to a square of this many pixels. The paper crops the middle 224 of 256; nothing is cropped here, so that defects
    /// at the border count.
    /// </summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>Refuses values that no detector can be built with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("padim");
        check.Whole(ImageSize, 1);
        check.Layers(Layers);
        check.Latent(Channels, 0);
        check.That(Regularisation is > 0 and < double.PositiveInfinity, Regularisation, "a number above 0");
        check.NotNegative(Sigma, LargestSigma);
    }
}
