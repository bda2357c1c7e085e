using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.PatchCore;

/// <summary>
/// Roth, Pemula, Zepeda, Schoelkopf, Brox and Gehler, Towards Total Recall in Industrial Anomaly Detection. Features of two levels of a
/// frozen network, each averaged over its neighbourhood, are patches; a coreset of those of all training images is the memory bank; the
/// map is the distance of every patch to its nearest neighbour in it.
/// </summary>
public sealed class PatchCoreMethod : FrozenNetworkMethod<PatchCoreSettings>
{
    private static readonly PatchCoreSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "patchcore";

    /// <inheritdoc/>
    public override bool IsExtendable => true;

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<PatchCoreSettings>> Variants { get; } =
    [
        Row("resnet18", "ResNet-18, 384 channels, a coreset of 10 %", ResNet18, isDefault: true),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program, 384 channels, a coreset of 10 %",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
        Row(
            "wide_resnet50_2",
            "wide ResNet-50-2 (the paper's network), 1,536 channels averaged to 1,024, a coreset of 10 %",
            ResNet18 with
            {
                Network = "wide_resnet50_2",
                Dimension = 1024,
            },
            isDefault: true
        ),
        Row("resnet18-1percent", "ResNet-18, a coreset of 1 %", ResNet18 with { Coreset = 0.01 }),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(PatchCoreSettings settings, Resources resources)
    {
        settings.Check();
        return new PatchCoreDetector(settings, resources);
    }
}

/// <summary>Hyperparameters of <see cref="PatchCoreMethod"/>.</summary>
public sealed record PatchCoreSettings : FrozenNetworkSettings
{
    private const int LargestPatch = 31;

    /// <summary>The paper's: a patch is made of two levels.</summary>
    public PatchCoreSettings() => Layers = ["layer2", "layer3"];

    /// <summary>p, the side of a patch's neighbourhood on the feature map, odd.</summary>
    public int PatchSize { get; init; } = 3;

    /// <summary>
    /// The number of values that neighbouring channels are averaged to (the paper: 1,024 of the wide network's 1,536); 0 leaves the
    /// concatenated channels as they are.
    /// </summary>
    public int Dimension { get; init; }

    /// <summary>Share of the training images' patches that are kept.</summary>
    public double Coreset { get; init; } = 0.1;

    /// <summary>
    /// Dimensions of the sparse random projection that the coreset is chosen in, as in the public code; the bank itself is not projected.
    /// 0 chooses among the patches as they are.
    /// </summary>
    public int Projection { get; init; } = 128;

    /// <summary>b, how many neighbours of the nearest patch reweight the image score; 1 or 0 leaves it unweighted.</summary>
    public int Neighbours { get; init; } = 9;

    /// <inheritdoc/>
    public override void Check()
    {
        var check = Checked("patchcore");
        check.That(PatchSize is >= 1 and <= LargestPatch && PatchSize % 2 == 1, PatchSize, $"odd, from 1 to {LargestPatch}");
        check.Latent(Dimension, 0);
        check.Share(Coreset);
        check.Latent(Projection, 0);
        check.Whole(Neighbours, 0, 10_000);
    }
}
