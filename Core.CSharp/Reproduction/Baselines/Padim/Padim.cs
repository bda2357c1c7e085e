using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Baselines.Padim;

/// <summary>
/// Defard, Setkov, Loesch and Audigier, PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and Localization. Features of
/// three levels of a frozen network are concatenated at every position of the finest; a random choice of their channels is described by a
/// Gaussian a position. The map is the Mahalanobis distance.
/// </summary>
public sealed class PadimMethod : FrozenNetworkMethod<PadimSettings>
{
    private static readonly PadimSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "padim";

    /// <inheritdoc/>
    public override bool IsExtendable => true;

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
}

/// <summary>Hyperparameters of <see cref="PadimMethod"/>.</summary>
public sealed record PadimSettings : FrozenNetworkSettings
{
    /// <summary>How many of the concatenated channels are kept, a seeded random choice; 0 keeps all.</summary>
    public int Channels { get; init; } = 100;

    /// <summary>epsilon, what is added to the covariance's diagonal.</summary>
    public double Regularisation { get; init; } = 0.01;

    /// <inheritdoc/>
    public override void Check()
    {
        var check = Checked("padim");
        check.Latent(Channels, 0);
        check.That(Regularisation is > 0 and < double.PositiveInfinity, Regularisation, "a number above 0");
    }
}
