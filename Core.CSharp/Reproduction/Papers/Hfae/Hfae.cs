using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Papers.Hfae;

/// <summary>
/// Chen, Chen, Mao and Jiang, A Hierarchically Feature Reconstructed Autoencoder for Unsupervised Anomaly Detection.
/// A frozen network encodes the image into features of three levels; a decoder rebuilds all three from the deepest one.
/// Trained on normal images only, it fails where an image is anomalous: the residuals of the levels, resized and summed,
/// are the anomaly map.
/// </summary>
public sealed class HfaeMethod : Method<HfaeSettings>, ITrainsConvolutions
{
    private static readonly HfaeSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "hfae";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FormerSettings { get; } =
        new Dictionary<string, string> { ["encoder"] = "network", ["image_side"] = "image_size" };

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FormerVariants { get; } =
        new Dictionary<string, string> { ["eq9-literal"] = "resnet18" };

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<HfaeSettings>> Variants { get; } =
    [
        Row("resnet18", "ResNet-18 encoder (Tables 1-4, R18)", ResNet18, isDefault: true),
        Row(
            "wide_resnet50_2",
            "wide ResNet-50-2 encoder (Tables 1-4, wR50)",
            ResNet18 with
            {
                Network = "wide_resnet50_2",
            },
            isDefault: true
        ),
        Row(
            "resnet50_v1",
            "ResNet-50 v1 encoder: a substitute for wR50, in no table of the paper",
            ResNet18 with
            {
                Network = "resnet50_v1",
            }
        ),
        Row(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program as encoder: a substitute for R18, in no table of the paper",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            isDefault: true
        ),
        Row(
            "plain-sum",
            "residual maps summed without the 1/(w_k h_k) of eq. (9), as the sentence before it says",
            ResNet18 with
            {
                WeightByPositions = false,
            }
        ),
        Row(
            "stpm-schedule",
            "batches of 32 and 100 epochs, those of STPM's public code, whose optimiser section 4 has to the digit",
            ResNet18 with
            {
                BatchSize = 32,
                Epochs = 100,
            }
        ),
        Row(
            "no-normalisation",
            "ablation: residuals of the features as they are, without eq. (6); learning rate 0.04, as 0.4 diverges",
            ResNet18 with
            {
                Normalise = false,
                LearningRate = 0.04,
            }
        ),
        Row("level1", "ablation: reconstructs and compares the lowest level only", ResNet18 with { Levels = [1] }),
        Row("level2", "ablation: reconstructs and compares the middle level only", ResNet18 with { Levels = [2] }),
        Row("level3", "ablation: reconstructs and compares the deepest level only", ResNet18 with { Levels = [3] }),
        Row("levels23", "ablation: reconstructs and compares the two deeper levels", ResNet18 with { Levels = [2, 3] }),
        Row("kernels111", "ablation: three 1x1 convolution blocks a level", ResNet18 with { KernelSizes = [1, 1, 1] }),
        Row("kernels333", "ablation: three 3x3 convolution blocks a level", ResNet18 with { KernelSizes = [3, 3, 3] }),
        Row("kernels151", "ablation: 1x1, 5x5 and 1x1 convolution blocks a level", ResNet18 with { KernelSizes = [1, 5, 1] }),
    ];

    /// <inheritdoc/>
    IEnumerable<ConvolutionLayer> ITrainsConvolutions.Convolutions => HfaeConvolutions.Of(Id);

    /// <inheritdoc/>
    public override IAnomalyDetector Create(HfaeSettings settings, Resources resources)
    {
        settings.Check();
        return new HfaeDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override HfaeSettings Adapt(HfaeSettings settings, Request request)
    {
        if (request.IsOfDigitsOrObjects)
        {
            settings = settings with { ImageSize = 32, Epochs = 3 };
        }
        return request.Profile switch
        {
            Profile.Smoke => settings with { ImageSize = 64, Epochs = 1, TrainingImages = 64 },
            Profile.Quick when request.IsOfDigitsOrObjects => settings with { TrainingImages = 1000 },
            // `fit` trains three times, twice on half of the images for the threshold, and is to take two minutes.
            Profile.Quick when request.Dataset == "photographs" => settings with { Epochs = 8 },
            _ => settings,
        };
    }

    private static Variant<HfaeSettings> Row(string name, string description, HfaeSettings settings, bool isDefault = false) =>
        new(name, description, settings, isDefault, settings.Network);
}

/// <summary>
/// Hyperparameters of <see cref="HfaeMethod"/>. What section 4 gives is the default; what the paper leaves open was chosen by measurement.
/// </summary>
public sealed record HfaeSettings
{
    private const int LargestKernel = 31;
    private const double LargestSigma = 256;

    /// <summary>Architecture of the frozen encoder E of eq. (2).</summary>
    public string Network { get; init; } = "resnet18";

    /// <summary>The encoder's layers whose outputs are the features f_enc^1 ... f_enc^K, from the lowest level to the deepest.</summary>
    public string[] Layers { get; init; } = ["layer1", "layer2", "layer3"];

    /// <summary>The levels k, of 1..K, that enter the loss and the anomaly map; levels below the lowest of them are not decoded.</summary>
    public int[] Levels { get; init; } = [1, 2, 3];

    /// <summary>Kernel sizes, all odd, of the convolution blocks of each level (section 4).</summary>
    public int[] KernelSizes { get; init; } = [1, 3, 1];

    /// <summary>Slope of LeakyReLU at negative values (section 4).</summary>
    public double NegativeSlope { get; init; } = 0.1;

    /// <summary>Whether features are scaled to unit length over their channels, eq. (6).</summary>
    public bool Normalise { get; init; } = true;

    /// <summary>
    /// Whether residual maps are divided by their number of positions before they are summed, as eq. (9) prints it; then the deepest
    /// level weighs most.
    /// </summary>
    public bool WeightByPositions { get; init; } = true;

    /// <summary>Standard deviation in pixels of the Gaussian filter of eq. (10).</summary>
    public double Sigma { get; init; } = 4;

    /// <summary>Images are resized to a square of this many pixels; not given in the paper.</summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>Passes over the training images; not given in the paper.</summary>
    public int Epochs { get; init; } = 30;

    /// <summary>
    /// Images a step; not given in the paper. The last, incomplete batch of an epoch is left out: the batch statistics of few images are
    /// poor.
    /// </summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Training images used, a seeded random choice; 0 for all.</summary>
    public int TrainingImages { get; init; }

    /// <summary>Learning rate of SGD (section 4).</summary>
    public double LearningRate { get; init; } = 0.4;

    /// <summary>Momentum of SGD (section 4).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay of SGD (section 4).</summary>
    public double WeightDecay { get; init; } = 1e-4;

    /// <summary>Refuses values that no decoder can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("hfae");
        check.Whole(ImageSize, 1);
        check.Layers(Layers);
        check.That(
            Levels.Length > 0 && Levels.All(level => level >= 1 && level <= Layers.Length) && Levels.Distinct().Count() == Levels.Length,
            Levels,
            $"distinct numbers of 1..{Layers.Length}"
        );
        check.That(
            KernelSizes.Length > 0 && KernelSizes.All(size => size is >= 1 and <= LargestKernel && size % 2 == 1),
            KernelSizes,
            $"odd numbers from 1 to {LargestKernel}, one or more"
        );
        check.NotNegative(NegativeSlope, 1);
        check.NotNegative(Sigma, LargestSigma);
        check.Whole(Epochs, 1);
        check.Batch(BatchSize);
        check.Whole(TrainingImages, 0);
        check.NotNegative(LearningRate);
        check.NotNegative(Momentum, 1);
        check.NotNegative(WeightDecay);
    }
}
