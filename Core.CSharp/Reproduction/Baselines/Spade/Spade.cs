using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Spade;

/// <summary>
/// Cohen and Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences. The K training images whose pooled features are nearest
/// to those of an image give its score, and their positions a gallery; the map is each position's distance to its nearest in the gallery.
/// </summary>
public sealed class SpadeMethod : FrozenNetworkMethod<SpadeSettings>
{
    private static readonly SpadeSettings Wide = new() { Network = "wide_resnet50_2" };

    /// <inheritdoc/>
    public override string Id => "spade";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<SpadeSettings>> Variants { get; } =
    [
        Row("wide_resnet50_2", "wide ResNet-50-2, the paper's network", Wide, isDefault: true, Wide.PooledLayer),
        Row("resnet18-layer4", "ResNet-18, images by its last stage", Wide with { Network = "resnet18" }, deepest: Wide.PooledLayer),
        Row(
            "resnet18",
            "ResNet-18, images by its third stage: what a file without the last one has",
            Wide with
            {
                Network = "resnet18",
                PooledLayer = "layer3",
            },
            isDefault: true,
            "layer3"
        ),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program, images by its last stage",
            Wide with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true,
            Wide.PooledLayer
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
            Profile.Paper => settings,
            _ => base.Adapt(settings, request) with { GridLayer = settings.Layers[1] },
        };
}

/// <summary>Hyperparameters of <see cref="SpadeMethod"/>.</summary>
public sealed record SpadeSettings : FrozenNetworkSettings
{
    /// <summary>The layer whose mean over all positions is the vector of an image.</summary>
    public string PooledLayer { get; init; } = "layer4";

    /// <summary>
    /// The level whose grid the others are brought to: the finest in the paper. The next has a quarter of the positions, a sixteenth of the
    /// pairs.
    /// </summary>
    public string GridLayer { get; init; } = "layer1";

    /// <summary>K, how many training images stand beside an image.</summary>
    public int Neighbours { get; init; } = 50;

    /// <inheritdoc/>
    public override void Check()
    {
        var check = Checked("spade");
        check.That(Layers.Contains(GridLayer), GridLayer, $"one of {string.Join(", ", Layers)}");
        check.Whole(Neighbours, 1, 10_000);
    }
}
