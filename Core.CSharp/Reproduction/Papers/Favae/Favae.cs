using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Papers.Favae;

/// <summary>Whose features are reconstructed beside the pixels (section 5.3).</summary>
public enum FeatureExtractor
{
    /// <summary>None: the vanilla VAE, M4.</summary>
    None,

    /// <summary>A frozen network with trained weights: M1, and Table 3.</summary>
    Trained,

    /// <summary>A frozen network with random weights: M2.</summary>
    Random,

    /// <summary>A network with trained weights that goes on training with the VAE: M5.</summary>
    Unfrozen,

    /// <summary>The VAE's own encoder, no gradient through the features that are to be reconstructed: M3.</summary>
    EncoderStopped,

    /// <summary>The VAE's own encoder, with that gradient: M6.</summary>
    Encoder,
}

/// <summary>Hyperparameters of <c>favae</c>.</summary>
public sealed record FavaeSettings
{
    /// <summary>Whose features are reconstructed.</summary>
    public required FeatureExtractor Extractor { get; init; }

    /// <summary>Architecture of the extractor; empty where it is the encoder or none.</summary>
    public string Network { get; init; } = "";

    /// <summary>Its layers that are reconstructed; of the own encoder, numbers of appendix D (Table 2).</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The decoder layers, by their numbers in appendix D, that they are decoded from (Table 2, its misprint mended).</summary>
    public IReadOnlyList<int> DecoderLayers { get; init; } = [];

    /// <summary>Size of the latent code (appendix D).</summary>
    public int Latent { get; init; } = 100;

    /// <summary>Factor on the hidden channels of encoder and decoder; 1 in the paper.</summary>
    public double Width { get; init; } = 1;

    /// <summary>Whether the decoder goes without its last sigmoid, for pixels that are not within 0..1: those of the toy study.</summary>
    public bool UnboundedPixels { get; init; }

    /// <summary>Side that images are resized to: 128 for objects, 512 for textures (section 5.1).</summary>
    public required int ImageSize { get; init; }

    /// <summary>
    /// Distance between the 128x128 tiles that cover a larger image at test; maps are averaged where tiles overlap. The paper does not say.
    /// </summary>
    public int TileStride { get; init; } = 128;

    /// <summary>Objects are rotated by up to this many degrees in training; the paper does not say by how many.</summary>
    public double Rotation { get; init; }

    /// <summary>Objects are shifted by up to this share of their size in training; the paper does not say by how much.</summary>
    public double Translation { get; init; }

    /// <summary>Augmented images an epoch (section 5.1).</summary>
    public int ImagesPerEpoch { get; init; } = 10_000;

    /// <summary>Epochs (section 5.1).</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>Images a gradient step; the paper does not say.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Learning rate of Adam; the paper gives neither.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>
    /// Learning rate of the log variances. They start at the variances of the training images' pixels and features and end at those of the
    /// reconstruction errors: some units away, and Adam moves a parameter by no more than about the rate in a step.
    /// </summary>
    public double LogVarianceLearningRate { get; init; } = 1e-3;

    /// <summary>
    /// Share of both learning rates that is left at the last step, reached along half a cosine; 1, which keeps them, in the paper: it names
    /// no schedule.
    /// </summary>
    public double FinalLearningRateShare { get; init; } = 1;

    /// <summary>
    /// Share of the steps after which the batch norms keep their statistics; 1 in the paper. A batch norm in training shows the network an
    /// image only relative to the others of its batch, which bounds what it can know of a grey value (toy study, section 3).
    /// </summary>
    public double NormsFixedAfter { get; init; } = 1;

    /// <summary>The log variances are held within plus and minus this.</summary>
    public double LogVarianceBound { get; init; } = 12;

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("favae");
        if (Extractor == FeatureExtractor.None)
        {
            check.That(Layers.Count == 0, Layers, "empty, as nothing but pixels is reconstructed");
        }
        else
        {
            check.Layers(Layers);
        }
        if (Extractor is FeatureExtractor.Encoder or FeatureExtractor.EncoderStopped)
        {
            check.That(
                Layers.All(FavaeNetwork.EncoderNumbers.Contains),
                Layers,
                $"of {string.Join(", ", FavaeNetwork.EncoderNumbers)}, the encoder's layers in appendix D"
            );
        }
        check.That(
            DecoderLayers.All(FavaeNetwork.DecoderNumbers.Contains),
            DecoderLayers,
            $"of {string.Join(", ", FavaeNetwork.DecoderNumbers)}, the decoder's layers in appendix D"
        );
        check.That(DecoderLayers.Count == Layers.Count, DecoderLayers, $"as many as layers, {Layers.Count}");
        check.Latent(Latent);
        check.Factor(Width);
        check.Whole(ImageSize, FavaeNetwork.Side);
        // A wider stride leaves pixels that no tile covers.
        check.Whole(TileStride, 1, FavaeNetwork.Side);
        check.NotNegative(Rotation, 360);
        check.NotNegative(Translation, 1);
        check.Whole(ImagesPerEpoch, 1);
        check.Whole(Epochs, 1);
        check.Batch(BatchSize);
        check.That(
            (long)Epochs * ImagesPerEpoch >= BatchSize,
            BatchSize,
            $"at most the images of all epochs, {(long)Epochs * ImagesPerEpoch}"
        );
        check.NotNegative(LearningRate);
        check.NotNegative(LogVarianceLearningRate);
        check.That(FinalLearningRateShare is > 0 and <= 1, FinalLearningRateShare, "a share above 0, at most 1");
        check.That(NormsFixedAfter is > 0 and <= 1, NormsFixedAfter, "a share above 0, at most 1");
        check.NotNegative(LogVarianceBound, 64);
    }
}

/// <summary>
/// Dehaene and Eline, Anomaly localization by modeling perceptual features: a variational autoencoder that reconstructs the pixels of
/// normal images and, from its decoder's inner layers, the features that a frozen network sees in them. What either fails to reconstruct
/// is the anomaly.
/// </summary>
public sealed class FavaeMethod : Method<FavaeSettings>, ITrainsConvolutions
{
    /// <summary>Table 2, with 7 -> 22, 14 -> 16, 21 -> 10: the only mapping that fits by size and channels.</summary>
    private static readonly int[] ThreeLevels = [22, 16, 10];

    private static readonly FavaeSettings Vanilla = new() { Extractor = FeatureExtractor.None, ImageSize = FavaeNetwork.Side };

    private static readonly FavaeSettings Vgg16 = Vanilla with
    {
        Extractor = FeatureExtractor.Trained,
        Network = "vgg16",
        Layers = ["conv2_2", "conv3_3", "conv4_3"],
        DecoderLayers = ThreeLevels,
    };

    private static readonly FavaeSettings ResNet18 = Vgg16 with { Network = "resnet18", Layers = ["layer1", "layer2", "layer3"] };

    /// <summary>
    /// Appendix E: "upsampled and merged with earlier features, at the greatest resolution". Layer 104 of the configuration is the last of
    /// stride 8 before the third detection, 16x16 at 128x128 as decoder layer 10.
    /// </summary>
    private static readonly FavaeSettings Yolo = Vgg16 with { Network = "yolov3", Layers = ["104"], DecoderLayers = [10] };

    /// <summary>The own encoder's layers 3, 9 and 15 of appendix D have the sizes of VGG-16's.</summary>
    private static readonly FavaeSettings OwnEncoder = Vanilla with { Layers = ["3", "9", "15"], DecoderLayers = ThreeLevels };

    /// <inheritdoc/>
    public override string Id => "favae";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FormerSettings { get; } =
        new Dictionary<string, string> { ["feature_layers"] = "layers" };

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<FavaeSettings>> Variants { get; } =
    [
        new("vgg16", "VGG-16: Table 1, M1 of figure 3b", Vgg16, Default: true, "vgg16/conv4_3"),
        new("resnet18", "ResNet-18: Table 3", ResNet18, Default: true, "resnet18/layer3"),
        new(
            PackagedWeights.Name,
            "the ResNet-18 that comes with the program: not in the paper",
            ResNet18 with
            {
                Network = PackagedWeights.Name,
            },
            Default: true,
            PackagedWeights.Name
        ),
        new(
            "yolov3",
            "YOLOv3, upsampled and merged features of stride 8 before the last detection: Table 3",
            Yolo,
            Default: true,
            "yolov3/104"
        ),
        new(
            "yolov3-layer20",
            "YOLOv3, the first features of stride 8 in its backbone: another reading of Table 3",
            Yolo with
            {
                Layers = ["20"],
            },
            Network: "yolov3/20"
        ),
        new("vanilla", "the vanilla VAE: Tables 1 and 3, M4 of figure 3b", Vanilla, Default: true),
        new("random", "VGG-16 with random weights: M2 of figure 3b", Vgg16 with { Extractor = FeatureExtractor.Random }),
        new(
            "encoder-stop",
            "the own encoder with stopped gradient: M3 of figure 3b",
            OwnEncoder with
            {
                Extractor = FeatureExtractor.EncoderStopped,
            }
        ),
        new(
            "unfrozen",
            "VGG-16 that trains along: M5 of figure 3b",
            Vgg16 with
            {
                Extractor = FeatureExtractor.Unfrozen,
            },
            Network: "vgg16/conv4_3"
        ),
        new("encoder", "the own encoder without the stop: M6 of figure 3b", OwnEncoder with { Extractor = FeatureExtractor.Encoder }),
        new(
            "random-resnet18",
            "ResNet-18 with random weights: M2 with another network, not in the paper",
            ResNet18 with
            {
                Extractor = FeatureExtractor.Random,
            }
        ),
        new(
            "unfrozen-resnet18",
            "ResNet-18 that trains along: M5 with another network, not in the paper",
            ResNet18 with
            {
                Extractor = FeatureExtractor.Unfrozen,
            },
            Network: "resnet18/layer3"
        ),
        new(
            "vgg19",
            "VGG-19 before the second and third pooling: a stand-in for VGG-16's first two levels, not in the paper",
            Vgg16 with
            {
                Network = "vgg19",
                Layers = ["conv2_2", "conv3_4"],
                DecoderLayers = [22, 16],
            },
            Network: "vgg19/conv3_4"
        ),
    ];

    /// <inheritdoc/>
    IEnumerable<ConvolutionLayer> ITrainsConvolutions.Convolutions =>
        Enum.GetValues<Profile>()
            .Select(profile => Settings(new Request(Variants[0].Name, profile, Category: "", Dataset: "")).Width)
            .SelectMany(width => FavaeConvolutions.Of(Id, width));

    /// <inheritdoc/>
    public override IAnomalyDetector Create(FavaeSettings settings, Resources resources)
    {
        settings.Check();
        return new FavaeDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override FavaeSettings Adapt(FavaeSettings settings, Request request)
    {
        settings = settings with
        {
            ImageSize = request.IsTexture ? 512 : FavaeNetwork.Side,
            Rotation = request.IsTexture ? 0 : 10,
            Translation = request.IsTexture ? 0 : 0.05,
        };
        return request.Profile switch
        {
            Profile.Paper => settings,
            Profile.Quick => settings with
            {
                Width = 0.25,
                // A step with a VGG-16 or a YOLOv3 takes three times as long as one with a ResNet-18.
                ImagesPerEpoch = request.Dataset == "surfaces" || settings.Network is "vgg16" or "vgg19" or "yolov3" ? 1_600 : 4_000,
                Epochs = 1,
                BatchSize = 8,
                LearningRate = 1e-3,
                LogVarianceLearningRate = 1e-2,
            },
            _ => settings with { Width = 0.0625, ImagesPerEpoch = 64, Epochs = 1, LearningRate = 1e-3, LogVarianceLearningRate = 1e-2 },
        };
    }
}
