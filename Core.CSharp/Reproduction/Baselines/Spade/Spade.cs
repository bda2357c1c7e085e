using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Spade;

/// <summary>
/// Cohen and Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences. The K training images whose pooled features are nearest
/// to those of an image give its score, and their positions a gallery; the map is each position's distance to its nearest in the gallery.
/// </summary>
public sealed class SpadeMethod : Method<SpadeSettings>
{
    private static readonly SpadeSettings Wide = new() { Network = "wide_resnet50_2" };

    /// <inheritdoc/>
    public override string Id => "spade";

    /// <inheritdoc/>
    public override string Title => "Cohen & Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences (SPADE)";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<SpadeSettings>> Variants { get; } =
    [
        Row("wide_resnet50_2", "wide ResNet-50-2, the paper's network", Wide, isDefault: true),
        Row("resnet18-layer4", "ResNet-18, images by its last stage", Wide with { Network = "resnet18" }),
        Row(
            "resnet18",
            "ResNet-18, images by its third stage: what a file without the last one has",
            Wide with
            {
                Network = "resnet18",
                PooledLayer = "layer3",
            },
            isDefault: true
        ),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program, images by its last stage",
            Wide with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(SpadeSettings settings, Resources resources)
    {
        settings.Check();
        return new SpadeDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override SpadeSettings Adapt(SpadeSettings settings, Request request) =>
        request.Profile switch
        {
            Profile.Smoke => settings with { ImageSize = 64, GridLayer = settings.Layers[1] },
            Profile.Quick => settings with { GridLayer = settings.Layers[1] },
            _ => settings,
        };

    private static Variant<SpadeSettings> Row(string name, string description, SpadeSettings settings, bool isDefault = false) =>
        new(name, description, settings, isDefault, $"{settings.Network}/{settings.PooledLayer}");
}

/// <summary>Hyperparameters of <see cref="SpadeMethod"/>.</summary>
public sealed record SpadeSettings
{
    private const double LargestSigma = 256;

    /// <summary>Architecture of the frozen network.</summary>
    public required string Network { get; init; }

    /// <summary>The layer whose mean over all positions is the vector of an image.</summary>
    public string PooledLayer { get; init; } = "layer4";

    /// <summary>The levels of the pyramid.</summary>
    public string[] Layers { get; init; } = ["layer1", "layer2", "layer3"];

    /// <summary>
    /// The level whose grid the others are brought to: the finest in the paper. The next has a quarter of the positions, a sixteenth of the
    /// pairs.
    /// </summary>
    public string GridLayer { get; init; } = "layer1";

    /// <summary>K, how many training images stand beside an image.</summary>
    public int Neighbours { get; init; } = 50;

    /// <summary>Standard deviation in pixels of the Gaussian filter over the map.</summary>
    public double Sigma { get; init; } = 4;

    /// <summary>
    /// Images are resized to a square of this many pixels. The paper crops the middle 224 of 256; nothing is cropped here.
    /// </summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>Refuses values that no detector can be built with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("spade");
        check.Whole(ImageSize, 1);
        check.Layers(Layers);
        check.That(Layers.Contains(GridLayer), GridLayer, $"one of {string.Join(", ", Layers)}");
        check.Whole(Neighbours, 1, 10_000);
        check.NotNegative(Sigma, LargestSigma);
    }
}
