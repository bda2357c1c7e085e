using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Papers.Hfae;

/// <summary>
/// Chen, Chen, Mao and Jiang, A Hierarchically Feature Reconstructed Autoencoder for Unsupervised Anomaly Detection.
/// A frozen network encodes the image into features of three levels; a decoder rebuilds all three from the deepest one.
/// Trained on normal images only, it fails where an image is anomalous: the residuals of the levels, resized and summed,
/// are the anomaly map.
/// </summary>
public sealed class HfaeMethod : Method<HfaeSettings>
{
    private static readonly HfaeSettings ResNet18 = new();

    /// <inheritdoc/>
    public override string Id => "hfae";

    /// <inheritdoc/>
    public override string Title => "Chen et al., A Hierarchically Feature Reconstructed Autoencoder for Unsupervised Anomaly Detection";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FormerSettings { get; } =
        new Dictionary<string, string> { ["encoder"] = "network", ["image_side"] = "image_size" };

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
            "embedded",
            "quarter-width VGG-16 encoder that comes with the program: a substitute, in no table of the paper",
            ResNet18 with
            {
                Network = "vgg16_quarter",
                Layers = ["pool2", "pool3", "pool4"],
            },
            isDefault: true
        ),
        Row(
            "eq9-literal",
            "residual maps weighted by 1/(w_k h_k) before their sum, as eq. (9) prints it",
            ResNet18 with
            {
                WeightByPositions = true,
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
    public bool WeightByPositions { get; init; }

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

/// <summary>
/// The decoder D: reconstructs the features of all levels from the deepest one, eq. (3)-(4). A level is a group of convolution
/// blocks (convolution, batch norm, LeakyReLU) and a 1x1 convolution; the next lower level starts from its output, upsampled.
/// </summary>
public sealed class HfaeDecoder : Module<Tensor, Tensor[]>
{
    private readonly ModuleList<Module<Tensor, Tensor>> _firstBlocks;
    private readonly ModuleList<Module<Tensor, Tensor>> _furtherBlocks;

    // A 1x1 block treats every position alike and nearest upsampling repeats positions, so their order makes no difference but to the
    // time: before it, the block has a quarter of the positions. (Only the running variance differs, by its factor n/(n-1).)
    private readonly bool _firstBlockIsPointwise;

    /// <summary>A decoder with random weights.</summary>
    /// <param name="channels">c_1 ... c_K of the encoded features.</param>
    /// <param name="settings">Levels, kernel sizes, slope.</param>
    public HfaeDecoder(IReadOnlyList<long> channels, HfaeSettings settings)
        : base(nameof(HfaeDecoder))
    {
        var lowest = settings.Levels.Min() - 1;
        var inputs = channels.Skip(1).Append(channels[^1]).ToArray();
        _firstBlockIsPointwise = settings.KernelSizes[0] == 1;
        _firstBlocks = ModuleList([
            .. Enumerable
                .Range(lowest, channels.Count - lowest)
                .Select(k => Block(inputs[k], channels[k], settings.KernelSizes[0], settings.NegativeSlope)),
        ]);
        _furtherBlocks = ModuleList([
            .. Enumerable
                .Range(lowest, channels.Count - lowest)
                .Select(k =>
                    (Module<Tensor, Tensor>)
                        Sequential([
                            .. settings
                                .KernelSizes.Skip(1)
                                .Select((kernel, i) => ($"block{i + 2}", Block(channels[k], channels[k], kernel, settings.NegativeSlope))),
                            ("out", Layers.Conv2d(channels[k], channels[k], 1)),
                        ])
                ),
        ]);
        RegisterComponents();
        this.to_channels_last();
    }

    /// <summary>Eq. (3)-(4).</summary>
    /// <param name="deepest">f_enc^K, <c>[N,c_K,h,w]</c>; it enters the deepest level as it is.</param>
    /// <returns>
    /// The reconstructed features f_dec^l ... f_dec^K, l being the lowest of the levels in the settings: <c>[N,c_k,2^(K-k)h,2^(K-k)w]</c>.
    /// </returns>
    public override Tensor[] forward(Tensor deepest)
    {
        var decoded = new Tensor[_firstBlocks.Count];
        for (var i = decoded.Length - 1; i >= 0; i--)
        {
            var first = _firstBlocks[i];
            var feature =
                i == decoded.Length - 1 ? first.call(deepest.channels_last())
                : _firstBlockIsPointwise ? Upsampled(first.call(decoded[i + 1]))
                : first.call(Upsampled(decoded[i + 1]));
            decoded[i] = _furtherBlocks[i].call(feature);
        }
        return decoded;
    }

    /// <summary>Eq. (4): nearest neighbours, twice the height and width.</summary>
    private static Tensor Upsampled(Tensor feature) =>
        functional.interpolate(feature, scale_factor: [2, 2], mode: InterpolationMode.Nearest);

    private static Module<Tensor, Tensor> Block(long input, long output, int kernel, double slope) =>
        Sequential(
            ("conv", Layers.Conv2d(input, output, kernel, padding: kernel / 2, bias: false)),
            ("norm", BatchNorm2d(output)),
            ("relu", LeakyReLU(slope, inplace: true))
        );
}

/// <summary>
/// Equations (5) to (11), on batches. Sums over channels stand where the paper has them: in eq. (7) and (9), not in eq. (5).
/// </summary>
public static class HfaeEquations
{
    /// <summary>Eq. (6): each position's feature vector scaled to unit length.</summary>
    /// <param name="feature"><c>[N,C,H,W]</c></param>
    public static Tensor Normalised(Tensor feature) => functional.normalize(feature, 2, 1);

    /// <summary>Eq. (5): phi_k, half the squared difference of the normalised features, element by element.</summary>
    /// <param name="encoded">f_enc^k, <c>[N,C,H,W]</c></param>
    /// <param name="decoded">f_dec^k, likewise.</param>
    /// <param name="normalise">False compares the features as they are.</param>
    /// <returns><c>[N,C,H,W]</c></returns>
    public static Tensor ResidualMap(Tensor encoded, Tensor decoded, bool normalise = true) =>
        0.5 * (normalise ? Normalised(encoded) - Normalised(decoded) : encoded - decoded).square();

    /// <summary>Eq. (7): the residual summed over channels, averaged over positions and over the images of the batch.</summary>
    /// <param name="residual">phi_k, <c>[N,C,H,W]</c></param>
    /// <returns>A scalar.</returns>
    public static Tensor LevelLoss(Tensor residual) => residual.sum(1).mean();

    /// <summary>Eq. (8): the mean of the levels' losses.</summary>
    /// <param name="residuals">phi_k of each level.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(IReadOnlyCollection<Tensor> residuals) =>
        residuals.Select(LevelLoss).Aggregate((sum, loss) => sum + loss) / residuals.Count;

    /// <summary>
    /// Eq. (9): phi'_k, the residual summed over channels and resized bilinearly to the image. The factor 1/(w_k h_k), which makes
    /// a level of a quarter of the positions weigh four times as much, is applied where <paramref name="weightByPositions"/> asks for it.
    /// </summary>
    /// <param name="residual">phi_k, <c>[N,C,H,W]</c></param>
    /// <param name="side">Height and width of the image.</param>
    /// <param name="weightByPositions">Whether to divide by the number of positions.</param>
    /// <returns><c>[N,1,side,side]</c></returns>
    public static Tensor ResizedMap(Tensor residual, long side, bool weightByPositions = false)
    {
        var map = residual.sum(1, keepdim: true);
        if (weightByPositions)
        {
            map /= residual.shape[2] * residual.shape[3];
        }

        return functional.interpolate(map, size: [side, side], mode: InterpolationMode.Bilinear, align_corners: false);
    }

    /// <summary>G_sigma of eq. (10): a Gaussian filter cut off at four standard deviations, borders repeated outwards.</summary>
    /// <param name="map"><c>[N,1,H,W]</c></param>
    /// <param name="sigma">Standard deviation in pixels; 0 leaves the map as it is.</param>
    public static Tensor GaussianFilter(Tensor map, double sigma)
    {
        if (sigma == 0)
        {
            return map.alias();
        }

        var radius = (long)Math.Ceiling(4 * sigma);
        var kernel = exp(-arange(-radius, radius + 1, ScalarType.Float32, map.device).square() / (2 * sigma * sigma));
        kernel /= kernel.sum();
        var padded = functional.pad(map, [radius, radius, radius, radius], PaddingModes.Replicate);
        return functional.conv2d(functional.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1));
    }

    /// <summary>Eq. (10): the filtered sum of the resized maps.</summary>
    /// <param name="resized">phi'_k of each level, <c>[N,1,H,W]</c>.</param>
    /// <param name="sigma">Standard deviation of the filter in pixels.</param>
    /// <returns>f_a, <c>[N,1,H,W]</c></returns>
    public static Tensor AnomalyMap(IEnumerable<Tensor> resized, double sigma) =>
        GaussianFilter(resized.Aggregate((sum, map) => sum + map), sigma);

    /// <summary>Eq. (11): A, the largest value of the map.</summary>
    /// <param name="map">f_a, <c>[N,1,H,W]</c></param>
    /// <returns><c>[N]</c></returns>
    public static Tensor ImageScore(Tensor map) => map.amax([1, 2, 3]);
}

/// <summary>The frozen encoder, the trained decoder, and the scores that follow from them.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed class HfaeDetector(HfaeSettings settings, Resources resources) : IAnomalyDetector
{
    /// <summary>Further standard deviations of eq. (10)'s filter whose scores are recorded beside the main one.</summary>
    private static readonly double[] ComparedSigmas = [0, 2, 4, 8];

    private readonly Backbone _encoder = resources.Backbones.Get(settings.Network);
    private HfaeDecoder? _decoder;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var count = settings.TrainingImages > 0 ? Math.Min(settings.TrainingImages, normal.Count) : normal.Count;
        var chosen = new ImageBatch(normal, [.. context.Shuffle(normal.Count, -1).Take(count)]);
        var batchSize = Math.Min(settings.BatchSize, count);
        var stepsPerEpoch = count / batchSize;

        CheckSizes(normal);
        var decoder = NewDecoder();
        using var rows = new FeatureRows(chosen, resources.Features, _encoder, settings.Layers, Size, context.Cancellation);
        using var optimizer = optim.SGD(decoder.parameters(), settings.LearningRate, settings.Momentum, 0, settings.WeightDecay);

        var (loss, steps) = Training.Run(
            context,
            decoder,
            optimizer,
            (long)settings.Epochs * stepsPerEpoch,
            step =>
            {
                var order = context.Shuffle(count, step / stepsPerEpoch);
                return HfaeEquations.Loss(Residuals(rows.Get([.. order.Skip((int)(step % stepsPerEpoch) * batchSize).Take(batchSize)])));
            }
        );
        decoder.eval();
        return new Dictionary<string, double>
        {
            ["final_loss"] = loss,
            ["steps"] = steps,
            ["training_images"] = count,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var residuals = Residuals(Encode(batch));
        Tensor[] Resized(bool weighted) =>
            [.. residuals.Select(residual => HfaeEquations.ResizedMap(residual, settings.ImageSize, weighted))];
        var resized = Resized(settings.WeightByPositions);
        var map = HfaeEquations.AnomalyMap(resized, settings.Sigma);

        var parts = new Dictionary<string, Tensor>();
        foreach (var (level, phi) in settings.Levels.Zip(resized))
        {
            parts[$"phi{level}"] = phi.MoveToOuterDisposeScope();
        }

        foreach (var sigma in ComparedSigmas.Where(sigma => sigma != settings.Sigma))
        {
            AddPart(parts, string.Create(CultureInfo.InvariantCulture, $"sigma{sigma}"), HfaeEquations.AnomalyMap(resized, sigma));
        }
        // The other reading of eq. (9) needs no other training.
        AddPart(
            parts,
            settings.WeightByPositions ? "unweighted" : "weighted",
            HfaeEquations.AnomalyMap(Resized(!settings.WeightByPositions), settings.Sigma)
        );
        return new Scores(map.MoveToOuterDisposeScope(), HfaeEquations.ImageScore(map).MoveToOuterDisposeScope()) { Parts = parts };
    }

    /// <summary>Records another anomaly map, and its maximum as an image score.</summary>
    private static void AddPart(Dictionary<string, Tensor> parts, string name, Tensor map)
    {
        parts[name] = map.MoveToOuterDisposeScope();
        parts[name + ".max"] = HfaeEquations.ImageScore(map).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(Fitted.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        var decoder = NewDecoder();
        state.LoadInto(decoder);
        decoder.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _decoder?.Dispose();

    private ImageSize Size => ImageSize.Square(settings.ImageSize);

    private HfaeDecoder Fitted => _decoder ?? throw new InvalidOperationException("the detector has not been fitted");

    private HfaeDecoder NewDecoder()
    {
        _decoder?.Dispose();
        _decoder = new HfaeDecoder([.. settings.Layers.Select(layer => (long)_encoder.Channels(layer))], settings);
        _decoder.to(resources.Device);
        return _decoder;
    }

    /// <summary>Eq. (2): f_enc^1 ... f_enc^K, each <c>[N,c_k,h_k,w_k]</c>.</summary>
    private Tensor[] Encode(ImageBatch batch) => resources.Features.Get(batch, _encoder, settings.Layers, Size);

    /// <summary>phi_k of the levels in the settings, from f_enc^1 ... f_enc^K.</summary>
    private Tensor[] Residuals(Tensor[] encoded)
    {
        var decoded = Fitted.call(encoded[^1]);
        var lowest = encoded.Length - decoded.Length;
        return [.. settings.Levels.Select(k => HfaeEquations.ResidualMap(encoded[k - 1], decoded[k - 1 - lowest], settings.Normalise))];
    }

    private void CheckSizes(IImages normal)
    {
        using var scope = NewDisposeScope();
        var heights = Encode(new ImageBatch(normal, [0])).Select(feature => feature.shape[2]).ToArray();
        if (heights.Zip(heights.Skip(1)).All(pair => pair.First == 2 * pair.Second))
        {
            return;
        }

        throw new UserError(
            $"hfae: the layers {string.Join(", ", settings.Layers)} of {settings.Network} have heights {string.Join(", ", heights)} "
                + $"at image size {settings.ImageSize}, but each must be half of the one before; choose another image size (a multiple "
                + "of 32 suits every encoder)"
        );
    }
}
