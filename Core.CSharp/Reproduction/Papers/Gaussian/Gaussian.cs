using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Papers.Gaussian;

/// <summary>What is taken for the distribution of normal features.</summary>
public enum Normality
{
    /// <summary>A Gaussian of one variance for all features: L2 distance to the mean (Table I).</summary>
    L2,

    /// <summary>A Gaussian of independent features: standardized Euclidean distance, equation (9) (Table I).</summary>
    Sed,

    /// <summary>A multivariate Gaussian: Mahalanobis distance, equation (2).</summary>
    Mahalanobis,

    /// <summary>
    /// A one-class support vector machine with RBF kernel, the paper's baseline on the same features (Tables V and VIII).
    /// </summary>
    OneClassSvm,
}

/// <summary>Hyperparameters of <c>gaussian</c>.</summary>
public sealed record GaussianSettings
{
    /// <summary>Architecture of the frozen network.</summary>
    public required string Network { get; init; }

    /// <summary>Side of the square that images are resized to, in pixels; bilinear without antialiasing.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Layers behind level 1, 2, ...; a level whose layer is not in the weights' file is left out.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>The distribution that is fitted to each level.</summary>
    public Normality Normality { get; init; } = Normality.Mahalanobis;

    /// <summary>Which principal components the Mahalanobis distance is taken over (Table III).</summary>
    public Compression Compression { get; init; } = Compression.None;

    /// <summary>Share of the normal features' variance that the kept components hold.</summary>
    public double Variance { get; init; } = 1;

    /// <summary>Upper bound on the share of training images outside the support vector machine's region.</summary>
    public double Nu { get; init; } = 0.5;

    /// <summary>How many randomly augmented copies of each training image the fit pools; 0 fits on the images themselves.</summary>
    public int AugmentationEpochs { get; init; }

    /// <summary>Which augmentations leave the category's images normal (appendix, figure 2).</summary>
    public AugmentationRules? Augmentation { get; init; }

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("gaussian");
        check.Whole(ImageSize, 1);
        check.Layers(Layers);
        check.Share(Variance);
        check.Share(Nu);
        check.Whole(AugmentationEpochs, 0, 10_000);
        check.That(
            AugmentationEpochs == 0 || Augmentation is not null,
            AugmentationEpochs,
            "0, but for the variants that end in -augmented"
        );
    }
}

/// <summary>
/// Rippel, Mertens and Merhof, Modeling the Distribution of Normal Data in Pre-Trained Deep Features for Anomaly Detection: a Gaussian is
/// fitted to the spatially averaged features of every level of a frozen classification network; the mean of the levels' Mahalanobis
/// distances is the anomaly score of an image. There is no localisation. Beside it the baselines of Tables V and VIII.
/// </summary>
public sealed class GaussianMethod()
    : MethodFamily("gaussian", folds: 5, [new FeatureDistributions(), new SupervisedClassifiers(), new MseAutoencoders()]),
        ITrainsConvolutions
{
    /// <inheritdoc/>
    IEnumerable<ConvolutionLayer> ITrainsConvolutions.Convolutions => GaussianConvolutions.Of(Id);
}

/// <summary>A network that <c>gaussian</c> takes features of.</summary>
/// <param name="Name">In the names of variants.</param>
/// <param name="Architecture">The authors' EfficientNets are those of efficientnet_pytorch.</param>
/// <param name="Title">In words.</param>
/// <param name="ImageSize">Side of its input in pixels.</param>
/// <param name="Layers">What stands behind level 1, 2, ...</param>
/// <param name="SupervisedBatch">Images a gradient step where it is tuned with labels: 64 for ResNet, 16 for EfficientNet (section
/// IV.C).</param>
internal sealed record FeatureNetwork(
    string Name,
    string Architecture,
    string Title,
    int ImageSize,
    IReadOnlyList<string> Layers,
    int SupervisedBatch
)
{
    private static readonly string[] ResNet = ["maxpool", "layer1", "layer2", "layer3", "layer4"];

    /// <summary>
    /// Stem, the ends of the block groups, head: the stages of Table VI. EfficientNetV2-B0 has a group less; its level 8 is left out, so
    /// that level 7 (192 channels, as B0's) and level 9 (head) are the paper's.
    /// </summary>
    private static readonly string[] EfficientNet =
    [
        "stem",
        "blocks.0",
        "blocks.1",
        "blocks.2",
        "blocks.3",
        "blocks.4",
        "blocks.5",
        "blocks.6",
        "head",
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FeatureNetwork> All { get; } =
    [
        new("efficientnet_b0", "efficientnet-b0", "EfficientNet-B0", 224, EfficientNet, 16),
        new("efficientnet_b1", "efficientnet-b1", "EfficientNet-B1", 240, EfficientNet, 16),
        new("efficientnet_b2", "efficientnet-b2", "EfficientNet-B2", 260, EfficientNet, 16),
        new("efficientnet_b3", "efficientnet-b3", "EfficientNet-B3", 300, EfficientNet, 16),
        new("efficientnet_b4", "efficientnet-b4", "EfficientNet-B4", 380, EfficientNet, 16),
        new("efficientnet_b5", "efficientnet-b5", "EfficientNet-B5", 456, EfficientNet, 16),
        new("efficientnet_b6", "efficientnet-b6", "EfficientNet-B6", 528, EfficientNet, 16),
        new("efficientnet_b7", "efficientnet-b7", "EfficientNet-B7", 600, EfficientNet, 16),
        new("resnet18", "resnet18", "ResNet-18", 224, ResNet, 64),
        new("resnet34", "resnet34", "ResNet-34", 224, ResNet, 64),
        new("resnet50", "resnet50", "ResNet-50", 224, ResNet, 64),
        new(PackagedWeights.Name, PackagedWeights.Name, "the ResNet-18 that comes with the program (not in the paper)", 224, ResNet, 64),
        new("efficientnetv2_b0", "tf_efficientnetv2_b0", "EfficientNetV2-B0 (not in the paper)", 224, EfficientNet, 16),
    ];
}

/// <summary>The method itself and the models of normality that the paper compares on the same features.</summary>
internal sealed class FeatureDistributions : Method<GaussianSettings>
{
    private static readonly (string Name, string Title, Normality Normality, Compression Compression, double Variance)[] Models =
    [
        ("mahalanobis", "Mahalanobis distance (Tables I, II, IV, V, VII, VIII)", Normality.Mahalanobis, Compression.None, 1),
        ("l2", "L2 distance to the mean (Table I)", Normality.L2, Compression.None, 1),
        ("sed", "standardized Euclidean distance (Table I)", Normality.Sed, Compression.None, 1),
        ("pca99", "Mahalanobis distance over PCA 99% (Tables III, IV)", Normality.Mahalanobis, Compression.Pca, 0.99),
        ("pca95", "Mahalanobis distance over PCA 95% (Table III)", Normality.Mahalanobis, Compression.Pca, 0.95),
        ("npca1", "Mahalanobis distance over NPCA 1% (Tables III, IV, V, VIII)", Normality.Mahalanobis, Compression.Npca, 0.01),
        ("npca0.1", "Mahalanobis distance over NPCA 0.1% (Table III)", Normality.Mahalanobis, Compression.Npca, 0.001),
        ("npca0.01", "Mahalanobis distance over NPCA 0.01% (Table III)", Normality.Mahalanobis, Compression.Npca, 0.0001),
        ("ocsvm", "one-class SVM (Tables V, VIII)", Normality.OneClassSvm, Compression.None, 1),
    ];

    /// <inheritdoc/>
    public override string Id => "gaussian";

    /// <inheritdoc/>
    public override bool IsExtendable => true;

    /// <inheritdoc/>
    public override int Folds => 5;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FormerSettings { get; } = new Dictionary<string, string> { ["levels"] = "layers" };

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<GaussianSettings>> Variants { get; } =
    [
        .. from network in FeatureNetwork.All
        from model in Models
        select new Variant<GaussianSettings>(
            $"{network.Name}-{model.Name}",
            $"{network.Title}, {model.Title}",
            Of(network, model.Normality, model.Compression, model.Variance),
            Default: true,
            network.Architecture
        ),
        .. from network in FeatureNetwork.All
        from model in Models
        where model.Normality == Normality.Mahalanobis
        select new Variant<GaussianSettings>(
            $"{network.Name}-{model.Name}-augmented",
            $"{network.Title}, {model.Title}, fitted on augmented images",
            Of(network, model.Normality, model.Compression, model.Variance) with
            {
                AugmentationEpochs = 100,
            },
            Network: network.Architecture
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(GaussianSettings settings, Resources resources)
    {
        settings.Check();
        return new GaussianDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override GaussianSettings Adapt(GaussianSettings settings, Request request) =>
        settings.AugmentationEpochs == 0
            ? settings
            : settings with
            {
                AugmentationEpochs = request.Profile switch
                {
                    Profile.Paper => settings.AugmentationEpochs,
                    Profile.Quick => 10,
                    _ => 2,
                },
                Augmentation = AugmentationRules.For(request.MvtecCategory),
            };

    private static GaussianSettings Of(FeatureNetwork network, Normality normality, Compression compression, double variance) =>
        new()
        {
            Network = network.Architecture,
            ImageSize = network.ImageSize,
            Layers = network.Layers,
            Normality = normality,
            Compression = compression,
            Variance = variance,
        };
}

/// <summary>"Fully-Supervised Fine-tune" of Tables V and VIII.</summary>
internal sealed class SupervisedClassifiers : Method<SupervisedClassifierSettings>
{
    /// <inheritdoc/>
    public override string Id => "gaussian";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<SupervisedClassifierSettings>> Variants { get; } =
    [
        .. from network in FeatureNetwork.All
        select new Variant<SupervisedClassifierSettings>(
            network.Name + "-supervised",
            $"{network.Title}, tuned on labelled images, good and anomalous: an upper bound (Tables V, VIII)",
            new SupervisedClassifierSettings
            {
                Network = network.Architecture,
                Layer = network.Layers[^1],
                ImageSize = network.ImageSize,
                BatchSize = network.SupervisedBatch,
                Epochs = 100, // ours: the paper gives none
                Augmentation = AugmentationRules.For(""),
            },
            Network: network.Architecture
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(SupervisedClassifierSettings settings, Resources resources)
    {
        settings.Check();
        return new SupervisedClassifier(settings, resources);
    }

    /// <inheritdoc/>
    protected override SupervisedClassifierSettings Adapt(SupervisedClassifierSettings settings, Request request) =>
        settings with
        {
            BatchSize = request.Profile switch
            {
                Profile.Paper => settings.BatchSize,
                Profile.Quick => 16,
                _ => 8,
            },
            Epochs = request.Profile switch
            {
                Profile.Paper => settings.Epochs,
                Profile.Quick => 5,
                _ => 1,
            },
            Augmentation = AugmentationRules.For(request.MvtecCategory),
        };
}

/// <summary>"MSE AE" of Tables V and VIII.</summary>
internal sealed class MseAutoencoders : Method<MseAutoencoderSettings>
{
    /// <inheritdoc/>
    public override string Id => "gaussian";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<MseAutoencoderSettings>> Variants { get; } =
    [
        new(
            "ae-mse",
            "ResNet-18 autoencoder, mean squared error averaged (Map-Mean) and by connected components (CCA) (Tables V, VIII)",
            new MseAutoencoderSettings { Steps = 5000, Augmentation = AugmentationRules.For("") }
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(MseAutoencoderSettings settings, Resources resources)
    {
        settings.Check();
        return new MseAutoencoder(settings, resources.Device);
    }

    /// <inheritdoc/>
    protected override MseAutoencoderSettings Adapt(MseAutoencoderSettings settings, Request request) =>
        settings with
        {
            BatchSize = request.Profile == Profile.Smoke ? 4 : settings.BatchSize,
            Steps = request.Profile switch
            {
                Profile.Paper => settings.Steps,
                Profile.Quick => 20,
                _ => 2,
            },
            Augmentation = AugmentationRules.For(request.MvtecCategory) with { Noise = false },
            SmallestAnomaly = MseAutoencoder.SmallestAnomalyOf(request.MvtecCategory),
        };
}
