using Reproduction.Backbones;
using Reproduction.Imaging;
using Reproduction.Methods;

namespace Reproduction.Papers.Dfr;

/// <summary>Where the paper and the authors' public code differ, this chooses the side.</summary>
public enum ReconstructionNorm
{
    /// <summary>The L2 norm over channels, equations (4) and (5).</summary>
    L2,

    /// <summary>The mean of the squared differences over channels, as in the public code.</summary>
    MeanSquare,
}

/// <summary>Hyperparameters of <c>dfr</c>.</summary>
public sealed record DfrSettings
{
    /// <summary>Architecture of the frozen network.</summary>
    public required string Network { get; init; }

    /// <summary>Its layers whose outputs are the scales of the regional features.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>What the network's convolutions see beyond the image's border (section IV-C2, Table V).</summary>
    public required BorderMode Padding { get; init; }

    /// <summary>Side of the square that images are resized to, in pixels (section IV-A4).</summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>How images are resized: the paper does not say, the code takes the nearest pixel.</summary>
    public Resampling Resampling { get; init; } = Resampling.BilinearAntialias;

    /// <summary>
    /// What all features of the network are divided by; 0 for <see cref="OxfordScale"/> where its weights are fed with 0..255, 1 where they
    /// are fed with 0..1. The paper's autoencoder passes a scale on; one with batch norm has units of deviation 1 and must grow by the
    /// features' deviation in its last layer, which Adam's small steps forbid.
    /// </summary>
    public double FeatureDivisor { get; init; } = 1;

    /// <summary>How feature maps are brought to the image's size, equation (1).</summary>
    public Alignment Alignment { get; init; } = Alignment.Nearest;

    /// <summary>Side of the mean filter of equation (2), in pixels.</summary>
    public int FilterSize { get; init; } = 4;

    /// <summary>Stride of the mean filter, in pixels.</summary>
    public int FilterStride { get; init; } = 4;

    /// <summary>Whether a batch norm follows each hidden convolution (the code) or not (Table VIII).</summary>
    public bool BatchNorm { get; init; }

    /// <summary>The outer hidden width is (c_o + this * c_d) / 2: 1 in Table VIII, 2 in the code.</summary>
    public int LatentShareOfHidden { get; init; } = 1;

    /// <summary>Width of the latent code, c_d; 0 takes as many as principal components hold <see cref="LatentVariance"/>.</summary>
    public int Latent { get; init; }

    /// <summary>Share of the regional features' variance that c_d principal components hold (appendix B).</summary>
    public double LatentVariance { get; init; } = 0.9;

    /// <summary>Training images whose regional features choose c_d; 0 for all.</summary>
    public int LatentImages { get; init; }

    /// <summary>Regional features sampled in all of these images together; 0 for every position.</summary>
    public int LatentSamples { get; init; } = 5000;

    /// <summary>The loss, equation (4), and the score, equation (5).</summary>
    public ReconstructionNorm Norm { get; init; } = ReconstructionNorm.L2;

    /// <summary>Whether the map is upsampled to the image with aligned corners (the code).</summary>
    public bool UpsampleAlignCorners { get; init; }

    /// <summary>Positions of the regional feature map that are trained on, drawn once for each image; 0 for all, each epoch.</summary>
    public int PositionsPerImage { get; init; }

    /// <summary>Images a gradient step; with <see cref="PositionsPerImage"/>, its positions are drawn from all images.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Passes over the training images.</summary>
    public int Epochs { get; init; } = 700;

    /// <summary>Learning rate of Adam.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Accepted false positive rates on the training images that give the segmentation thresholds (section III-D).</summary>
    public IReadOnlyList<double> AcceptedFpr { get; init; } = [0, 0.005];

    /// <summary>
    /// Whether AUROC and PRO are also measured as the public code does, as the part <c>code</c>: masks resized by averaging and cut at a
    /// half, PRO from 5,000 thresholds with the regions' holes filled.
    /// </summary>
    public bool CodeMeasures { get; init; }

    /// <summary>Training images whose maps choose the segmentation thresholds; 0 for all.</summary>
    public int ThresholdImages { get; init; }

    /// <summary>
    /// By what features of weights that are fed with 0..255, as Oxford's VGG-19, are divided: their deviations of 190 (relu1_2) to 610
    /// (relu3_4) become those of torchvision's weights, which the public code uses, of 2 to 6 or so.
    /// </summary>
    public const double OxfordScale = 100;

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("dfr");
        check.Layers(Layers);
        check.Whole(FilterSize, 1);
        check.Whole(FilterStride, 1);
        check.That(ImageSize >= FilterSize, ImageSize, $"a whole number, not below filter_size, {FilterSize}");
        check.NotNegative(FeatureDivisor);
        check.Whole(LatentShareOfHidden, 0, 16);
        check.Latent(Latent, least: 0);
        check.Share(LatentVariance);
        check.Whole(LatentImages, 0);
        check.Whole(LatentSamples, 0);
        check.Whole(PositionsPerImage, 0);
        check.Batch(BatchSize);
        check.Whole(Epochs, 1);
        check.NotNegative(LearningRate);
        check.That(AcceptedFpr.All(fpr => fpr is >= 0 and < 1), AcceptedFpr, "rates from 0 to below 1");
        check.Whole(ThresholdImages, 0);
    }
}

/// <summary>
/// Yang, Shi and Qi, DFR: Deep Feature Reconstruction for Unsupervised Anomaly Segmentation. Features of several layers of a frozen VGG-19
/// are aligned and concatenated to one regional feature for each 4x4 pixels; an autoencoder of 1x1 convolutions, trained on normal images,
/// reconstructs them; where it fails is the anomaly.
/// </summary>
public sealed class DfrMethod : Method<DfrSettings>, ITrainsConvolutions
{
    private const string Distilled = "vgg19_16x";

    /// <summary>Table I: the 16 scales of VGG-19, the block that each lies in, its channels.</summary>
    private static readonly (string Layer, int Block, int Channels)[] TableI =
    [
        ("relu1_1", 1, 64),
        ("relu1_2", 1, 64),
        ("relu2_1", 2, 128),
        ("relu2_2", 2, 128),
        ("relu3_1", 3, 256),
        ("relu3_2", 3, 256),
        ("relu3_3", 3, 256),
        ("relu3_4", 3, 256),
        ("relu4_1", 4, 512),
        ("relu4_2", 4, 512),
        ("relu4_3", 4, 512),
        ("relu4_4", 4, 512),
        ("relu5_1", 5, 512),
        ("relu5_2", 5, 512),
        ("relu5_3", 5, 512),
        ("relu5_4", 5, 512),
    ];

    /// <summary>The subsets of scales of Tables II to VI: the first and the last.</summary>
    private static readonly (int First, int Last)[] Subsets =
    [
        (1, 2),
        (1, 4),
        (1, 8),
        (1, 12),
        (1, 16),
        (12, 12),
        (9, 12),
        (5, 12),
        (3, 12),
    ];

    private static readonly (string Name, BorderMode Border)[] Paddings = [("zero", BorderMode.Zeros), ("reflect", BorderMode.Reflect)];

    /// <summary>The 16 scales of VGG-19 in the order of Table I.</summary>
    public static IReadOnlyList<string> Scales { get; } = [.. TableI.Select(scale => scale.Layer)];

    /// <summary>Its own padding is reflection, whatever is asked for.</summary>
    private static readonly DfrSettings Vgg19Distilled = new()
    {
        Network = Distilled,
        Layers = [.. Scales.Take(12)],
        Padding = BorderMode.Reflect,
    };

    /// <summary>
    /// The public code takes other networks too; of a ResNet the ends of its first stages, a position for 2, 4, 8 and 16 pixels.
    /// </summary>
    private static readonly string[] ResNetScales = ["stem", "layer1", "layer2", "layer3"];

    /// <inheritdoc/>
    public override string Id => "dfr";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<DfrSettings>> Variants { get; } =
    [
        .. from subset in Subsets
        from padding in Paddings
        select new Variant<DfrSettings>(
            $"paper-f{subset.First}-{subset.Last}-{padding.Name}",
            $"f{{{subset.First}:{subset.Last}}} of VGG-19 with {padding.Name} padding, as the paper says (Tables II to VI)",
            Vgg19(subset, padding.Border),
            Default: (subset.First, subset.Last, padding.Name) is (1, 8 or 12 or 16, "zero"),
            Network: "vgg19/" + Scales[subset.Last - 1]
        ),
        .. from subset in Subsets
        select new Variant<DfrSettings>(
            $"code-f{subset.First}-{subset.Last}",
            $"f{{{subset.First}:{subset.Last}}} of VGG-19, as the public code does",
            AsPublicCode(Vgg19(subset, BorderMode.ReflectAhead)),
            Network: "vgg19/" + Scales[subset.Last - 1]
        ),
        new(
            "paper-f1-12-vgg19_16x",
            "f{1:12} of a distilled quarter-width VGG-19, as the paper says: a substitute, not in the paper",
            Vgg19Distilled,
            Network: Distilled
        ),
        new(
            "code-f1-12-vgg19_16x",
            "f{1:12} of a distilled quarter-width VGG-19, as the public code does: a substitute, not in the paper",
            AsPublicCode(Vgg19Distilled),
            Network: Distilled
        ),
        .. from network in new[] { "resnet18", PackagedWeights.Name }
        from padding in Paddings
        select new Variant<DfrSettings>(
            padding.Border == BorderMode.Zeros ? network : $"{network}-{padding.Name}",
            $"stem and first three stages of {(network == PackagedWeights.Name ? "the packaged ResNet-18" : "ResNet-18")}"
                + $" with {padding.Name} padding: not in the paper",
            new DfrSettings
            {
                Network = network,
                Layers = ResNetScales,
                Padding = padding.Border,
            },
            // The public code mirrors borders; zeros make every image's corners stand out (Figure 9).
            Default: network == PackagedWeights.Name && padding.Border == BorderMode.Reflect,
            Network: network == PackagedWeights.Name ? network : $"{network}/layer3"
        ),
    ];

    /// <summary>
    /// Receptive field of each scale in pixels, Table I: a 3x3 convolution adds twice the distance between neighbouring outputs, a pooling
    /// adds it once and doubles it.
    /// </summary>
    public static IReadOnlyList<int> ReceptiveFields()
    {
        var fields = new List<int>();
        var (field, step) = (1, 1);
        for (var scale = 0; scale < TableI.Length; scale++)
        {
            // A pooling lies between two blocks.
            if (scale > 0 && TableI[scale].Block != TableI[scale - 1].Block)
            {
                (field, step) = (field + step, 2 * step);
            }
            field += 2 * step;
            fields.Add(field);
        }
        return fields;
    }

    /// <inheritdoc/>
    IEnumerable<ConvolutionLayer> ITrainsConvolutions.Convolutions => DfrConvolutions.Of(Id);

    /// <inheritdoc/>
    public override IAnomalyDetector Create(DfrSettings settings, Resources resources)
    {
        settings.Check();
        return new DfrDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override DfrSettings Adapt(DfrSettings settings, Request request) =>
        request.Profile switch
        {
            Profile.Paper => settings,
            Profile.Quick => settings with
            {
                Epochs = QuickEpochs(settings),
                PositionsPerImage = 400,
                BatchSize = 1,
                LearningRate = 1e-3,
                ThresholdImages = 40,
                LatentImages = 40,
            },
            _ => settings with
            {
                Epochs = 2,
                PositionsPerImage = 64,
                BatchSize = 1,
                LearningRate = 1e-3,
                ThresholdImages = 4,
                LatentImages = 4,
                LatentSamples = 256,
            },
        };

    /// <summary>
    /// A step of the autoencoder costs as the square of c_o: with all of VGG-19's channels twenty passes would take an hour.
    /// </summary>
    private static int QuickEpochs(DfrSettings settings)
    {
        var channels =
            settings.Network == "vgg19" ? TableI.Where(scale => settings.Layers.Contains(scale.Layer)).Sum(scale => scale.Channels) : 0;
        return channels switch
        {
            <= 2048 => 20,
            <= 3456 => 5,
            _ => 2,
        };
    }

    private static DfrSettings Vgg19((int First, int Last) subset, BorderMode padding) =>
        new()
        {
            Network = "vgg19",
            Layers = [.. Scales.Take(subset.Last).Skip(subset.First - 1)],
            Padding = padding,
        };

    /// <summary>Where the authors' public code does otherwise than the paper says.</summary>
    private static DfrSettings AsPublicCode(DfrSettings settings) =>
        settings with
        {
            Resampling = Resampling.Nearest,
            FeatureDivisor = 0,
            CodeMeasures = true,
            Alignment = Alignment.BilinearAlignCorners,
            BatchNorm = true,
            LatentShareOfHidden = 2,
            LatentImages = 10,
            LatentSamples = 0,
            Norm = ReconstructionNorm.MeanSquare,
            UpsampleAlignCorners = true,
        };
}
