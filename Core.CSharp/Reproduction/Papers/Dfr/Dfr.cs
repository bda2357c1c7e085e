using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

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

    /// <summary>Training images whose maps choose the segmentation thresholds; 0 for all.</summary>
    public int ThresholdImages { get; init; }

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("dfr");
        check.Layers(Layers);
        check.Whole(FilterSize, 1);
        check.Whole(FilterStride, 1);
        check.That(ImageSize >= FilterSize, ImageSize, $"a whole number, not below filter_size, {FilterSize}");
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
public sealed class DfrMethod : Method<DfrSettings>
{
    private const string Distilled = "vgg19_16x";
    private const string Embedded = "vgg16_quarter";

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

    private static readonly (string Name, string Description, Func<DfrSettings, DfrSettings> Of)[] Sources =
    [
        ("paper", "as the paper says", settings => settings),
        ("code", "as the public code does", AsPublicCode),
    ];

    /// <summary>The 16 scales of VGG-19 in the order of Table I.</summary>
    public static IReadOnlyList<string> Scales { get; } = [.. TableI.Select(scale => scale.Layer)];

    /// <summary>
    /// The public code takes other networks too; of a ResNet the ends of its first stages, a position for 2, 4, 8 and 16 pixels.
    /// </summary>
    private static readonly string[] ResNetScales = ["stem", "layer1", "layer2", "layer3"];

    /// <inheritdoc/>
    public override string Id => "dfr";

    /// <inheritdoc/>
    public override string Title => "Yang, Shi & Qi, DFR: Deep Feature Reconstruction for Unsupervised Anomaly Segmentation";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<DfrSettings>> Variants { get; } =
    [
        .. from source in Sources
        from subset in Subsets
        from padding in Paddings
        select new Variant<DfrSettings>(
            $"{source.Name}-f{subset.First}-{subset.Last}-{padding.Name}",
            $"f{{{subset.First}:{subset.Last}}} of VGG-19 with {padding.Name} padding, {source.Description} (Tables II to VI)",
            source.Of(
                new DfrSettings
                {
                    Network = "vgg19",
                    Layers = [.. Scales.Take(subset.Last).Skip(subset.First - 1)],
                    Padding = padding.Border,
                }
            ),
            Default: (source.Name, subset.First, subset.Last, padding.Name) is ("paper", 1, 8 or 12 or 16, "zero"),
            Network: "vgg19/" + Scales[subset.Last - 1]
        ),
        .. from source in Sources
        select new Variant<DfrSettings>(
            $"{source.Name}-f1-12-vgg19_16x",
            "f{1:12} of a distilled quarter-width VGG-19: a substitute, not in the paper",
            source.Of(
                new DfrSettings
                {
                    Network = Distilled,
                    Layers = [.. Scales.Take(12)],
                    Padding = BorderMode.Reflect,
                }
            ),
            Network: Distilled
        ),
        new(
            "resnet18",
            "stem and first three stages of ResNet-18: not in the paper",
            new DfrSettings
            {
                Network = "resnet18",
                Layers = ResNetScales,
                Padding = BorderMode.Zeros,
            },
            Network: "resnet18/layer3"
        ),
        new(
            PackagedWeights.Name,
            "stem and first three stages of the ResNet-18 that comes with the program: not in the paper",
            new DfrSettings
            {
                Network = PackagedWeights.Name,
                Layers = ResNetScales,
                Padding = BorderMode.Zeros,
            },
            Default: true,
            PackagedWeights.Name
        ),
        new(
            "embedded",
            "the last scale of each of four blocks of the embedded quarter-width VGG-16: not in the paper",
            new DfrSettings
            {
                Network = Embedded,
                Layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"],
                Padding = BorderMode.Zeros,
            },
            Default: true,
            Network: Embedded
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

    /// <summary>Where the authors' public code does otherwise than the paper says.</summary>
    private static DfrSettings AsPublicCode(DfrSettings settings) =>
        settings with
        {
            Resampling = Resampling.Nearest,
            Alignment = Alignment.BilinearAlignCorners,
            BatchNorm = true,
            LatentShareOfHidden = 2,
            LatentImages = 10,
            LatentSamples = 0,
            Norm = ReconstructionNorm.MeanSquare,
            UpsampleAlignCorners = true,
        };
}

/// <summary>
/// The autoencoder of Table VIII: six 1x1 convolutions with ReLU between them, no activation on the code and on the output.
/// </summary>
internal sealed class RegionalAutoencoder : nn.Module<Tensor, Tensor>
{
    private readonly Layers.Layer first;
    private readonly nn.Module<Tensor, Tensor> inner;
    private readonly Layers.Layer last;

    /// <param name="channels">c_o.</param>
    /// <param name="latent">c_d.</param>
    /// <param name="hidden">Width of the outermost hidden layers.</param>
    /// <param name="batchNorm">Whether a batch norm follows each hidden convolution.</param>
    public RegionalAutoencoder(long channels, long latent, long hidden, bool batchNorm)
        : base(nameof(RegionalAutoencoder))
    {
        first = Layers.Conv2d(channels, hidden, 1);
        inner = nn.Sequential([
            .. Activation(hidden, batchNorm),
            Layers.Conv2d(hidden, 2 * latent, 1),
            .. Activation(2 * latent, batchNorm),
            Layers.Conv2d(2 * latent, latent, 1),
            Layers.Conv2d(latent, 2 * latent, 1),
            .. Activation(2 * latent, batchNorm),
            Layers.Conv2d(2 * latent, hidden, 1),
            .. Activation(hidden, batchNorm),
        ]);
        last = Layers.Conv2d(hidden, channels, 1);
        Latent = latent;
        RegisterComponents();
        this.to_channels_last();
    }

    /// <summary>c_d.</summary>
    public long Latent { get; }

    /// <summary>The reconstruction of regional features <c>[N,c_o,h_o,w_o]</c>.</summary>
    public override Tensor forward(Tensor features) => last.call(inner.call(first.call(features.channels_last())));

    /// <summary>What the last convolution sees, from the network's maps, without the concatenated features.</summary>
    /// <returns><c>[N,hidden,h_o,w_o]</c>.</returns>
    public Tensor BeforeLast(RegionalFeatures regions, IReadOnlyList<Tensor> maps) =>
        inner.call(regions.Convolve(maps, first.Weight!, first.Bias!));

    /// <summary>Weights <c>[c_o,hidden,1,1]</c> and bias <c>[c_o]</c> of the last convolution.</summary>
    public (Tensor Weight, Tensor Bias) Last => (last.Weight!, last.Bias!);

    private static IEnumerable<nn.Module<Tensor, Tensor>> Activation(long width, bool batchNorm) =>
        batchNorm ? [nn.BatchNorm2d(width), nn.ReLU()] : [nn.ReLU()];
}

/// <summary>Regional features, autoencoder, map.</summary>
internal sealed class DfrDetector(DfrSettings settings, Resources resources) : IAnomalyDetector
{
    private const int ForwardBatch = 4;
    private const double NormFloor = 1e-12;

    private readonly Backbone _backbone = resources.Backbones.Get(settings.Network, settings.Padding);
    private readonly ImageSize _size = ImageSize.Square(settings.ImageSize, settings.Resampling);
    private readonly RegionalFeatures _regions = new(
        settings.Alignment,
        (settings.ImageSize, settings.ImageSize),
        (settings.FilterSize, settings.FilterStride)
    );
    private RegionalAutoencoder? _autoencoder;
    private List<OperatingPoint> _points = [];

    /// <inheritdoc/>
    public IReadOnlyList<OperatingPoint> OperatingPoints => _points;

    private long Channels => settings.Layers.Sum(layer => (long)_backbone.Channels(layer));

    private RegionalAutoencoder Autoencoder => _autoencoder ?? throw new InvalidOperationException("the detector is not fitted");

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var latent = settings.Latent > 0 ? settings.Latent : LatentSize(normal, context);
        _autoencoder = Build(latent);
        using var optimizer = torch.optim.Adam(_autoencoder.parameters(), settings.LearningRate);
        var (loss, steps) =
            settings.PositionsPerImage > 0
                ? TrainOnSampledPositions(normal, context, optimizer)
                : TrainOnAllPositions(normal, context, optimizer);
        _autoencoder.eval();
        _points = SegmentationThresholds(normal);
        return new Dictionary<string, double>
        {
            ["latent"] = latent,
            ["channels"] = Channels,
            ["loss"] = loss,
            ["steps"] = steps,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var maps = _backbone.Forward(batch.Pixels(_size, resources.Device), settings.Layers);
        var small = Distance(maps);
        var map = nn.functional.interpolate(
            small,
            [settings.ImageSize, settings.ImageSize],
            mode: InterpolationMode.Bilinear,
            align_corners: settings.UpsampleAlignCorners
        );
        return new Scores(map.MoveToOuterDisposeScope(), map.amax([1L, 2L, 3L]).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public DetectorState Save()
    {
        var values = new Dictionary<string, string>
        {
            ["latent"] = Autoencoder.Latent.ToString(CultureInfo.InvariantCulture),
            ["points"] = string.Join(
                ';',
                _points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.Target:r}={point.Threshold:r}"))
            ),
        };
        return new DetectorState(Autoencoder.state_dict(), values);
    }

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        _autoencoder?.Dispose();
        var latent = state.Whole("latent", 1);
        // A width that no tensor of the file has is told before a network of that width is made.
        if (!state.Tensors.Values.Any(tensor => tensor.dim() == 4 && tensor.shape[0] == latent))
        {
            throw state.Wrong($"says that its code has {latent} values, but no layer of that width is in it");
        }
        _autoencoder = Build(latent);
        state.LoadInto(_autoencoder);
        _autoencoder.eval();
        _points =
        [
            .. state
                .Text("points")
                .Split(';', StringSplitOptions.RemoveEmptyEntries)
                .Select(entry =>
                    PointOf(entry) ?? throw state.Wrong($"has the threshold '{entry}', which is not of the form RATE=THRESHOLD")
                ),
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _autoencoder?.Dispose();
        _regions.Dispose();
    }

    private RegionalAutoencoder Build(long latent)
    {
        var autoencoder = new RegionalAutoencoder(
            Channels,
            latent,
            (Channels + (settings.LatentShareOfHidden * latent)) / 2,
            settings.BatchNorm
        );
        autoencoder.to(resources.Device);
        return autoencoder;
    }

    /// <summary>Equation (3) for a batch.</summary>
    private Tensor Features(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return _regions.Concatenate(_backbone.Forward(batch.Pixels(_size, resources.Device), settings.Layers)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Equation (5), one layer after the other, so that the concatenated features and their reconstruction never stand in memory whole.
    /// </summary>
    /// <param name="maps">The network's maps of the chosen layers.</param>
    /// <returns><c>[N,1,h_o,w_o]</c>.</returns>
    private Tensor Distance(IReadOnlyList<Tensor> maps)
    {
        using var scope = torch.NewDisposeScope();
        var hidden = Autoencoder.BeforeLast(_regions, maps);
        var (weight, bias) = Autoencoder.Last;
        var sum = torch.zeros([hidden.shape[0], 1, _regions.Height, _regions.Width], device: hidden.device);
        long first = 0;
        foreach (var map in maps)
        {
            using var each = torch.NewDisposeScope();
            var channels = map.shape[1];
            var reconstruction = Convolutions.Apply(hidden, weight.narrow(0, first, channels), bias.narrow(0, first, channels));
            sum.add_(reconstruction.sub_(_regions.Align(map)).pow_(2).sum([1L], keepdim: true));
            first += channels;
        }
        return (settings.Norm == ReconstructionNorm.L2 ? sum.sqrt_() : sum.div_((double)Channels)).MoveToOuterDisposeScope();
    }

    /// <summary>The reconstruction of concatenated regional features, <c>[N,c_o,h_o,w_o]</c>.</summary>
    internal Tensor Reconstruct(Tensor features) => Autoencoder.call(features);

    /// <summary>Equation (4), as a mean over positions, or the mean squared error of the public code.</summary>
    private Tensor Loss(Tensor features)
    {
        var difference = Reconstruct(features) - features;
        return settings.Norm == ReconstructionNorm.L2
            ? (difference.square().sum([1L]) + NormFloor).sqrt().mean()
            : difference.square().mean();
    }

    /// <summary>
    /// The number of principal components of sampled regional features that together hold the asked share of the variance (appendix B).
    /// </summary>
    private long LatentSize(IImages normal, FitContext context)
    {
        using var scope = torch.NewDisposeScope();
        var images = settings.LatentImages > 0 ? Math.Min(settings.LatentImages, normal.Count) : normal.Count;
        var all = (long)images * _regions.Height * _regions.Width;
        var perImage = settings.LatentSamples > 0 && settings.LatentSamples < all ? Math.Max(1, settings.LatentSamples / images) : 0;
        // The paper samples at random, the code takes the first images whole.
        var order = settings.LatentSamples > 0 ? context.Shuffle(normal.Count, -1) : [.. Enumerable.Range(0, normal.Count)];
        var samples = SampledPositions(new ImageBatch(normal, order[..images]), perImage, context, -1, "latent size");
        return PrincipalComponents(samples, settings.LatentVariance);
    }

    /// <summary>How many principal components hold a share of the variance.</summary>
    /// <param name="samples">float32 <c>[n,d]</c>.</param>
    /// <param name="variance">The share, in (0, 1].</param>
    internal static long PrincipalComponents(Tensor samples, double variance)
    {
        using var scope = torch.NewDisposeScope();
        var centred = samples - samples.mean([0L], keepdim: true);
        // The smaller of the two product matrices has the same non-zero eigenvalues.
        var product = centred.shape[0] < centred.shape[1] ? centred.Times(centred.t()) : centred.t().Times(centred);
        var share = torch.linalg.eigvalsh(product.to(ScalarType.Float64)).flip(0).clamp_min(0).cumsum(0);
        share = share / share[-1];
        return share.lt(variance).sum().item<long>() + 1;
    }

    /// <summary>
    /// Regional features at random positions of each image, <c>[images * perImage, c_o]</c>; every position where
    /// <paramref name="perImage"/> is 0.
    /// </summary>
    private Tensor SampledPositions(ImageBatch images, int perImage, FitContext context, long stream, string stage)
    {
        using var scope = torch.NewDisposeScope();
        var positions = (long)_regions.Height * _regions.Width;
        // A small image has fewer positions than are asked for: then each is taken, once.
        var taken = perImage > 0 ? Math.Min(perImage, positions) : positions;
        var samples = torch.empty([images.Count * taken, Channels], device: resources.Device);
        using var generator = context.Generator(stream, torch.CPU);
        long row = 0;
        foreach (var batch in images.Chunks(ForwardBatch))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var each = torch.NewDisposeScope();
            var features = Features(batch).permute(0, 2, 3, 1).flatten(1, 2);
            for (var i = 0; i < batch.Count; i++)
            {
                var image = features[i];
                if (perImage > 0)
                {
                    image = image.index_select(0, torch.randperm(positions, generator: generator).narrow(0, 0, taken).to(resources.Device));
                }

                samples.narrow(0, row, taken).copy_(image);
                row += taken;
            }
            context.Progress(row / taken, images.Count, stage);
        }
        return samples.MoveToOuterDisposeScope();
    }

    /// <summary>The paper's schedule: every position of <see cref="DfrSettings.BatchSize"/> images a step.</summary>
    private (double, long) TrainOnAllPositions(IImages normal, FitContext context, OptimizerHelper optimizer)
    {
        var perEpoch = (normal.Count + settings.BatchSize - 1) / settings.BatchSize;
        return Training.Run(
            context,
            Autoencoder,
            optimizer,
            (long)perEpoch * settings.Epochs,
            step =>
            {
                var order = context.Shuffle(normal.Count, step / perEpoch);
                var batch = order.Skip((int)(step % perEpoch) * settings.BatchSize).Take(settings.BatchSize).ToArray();
                return Loss(Features(new ImageBatch(normal, batch)));
            }
        );
    }

    /// <summary>A reduced schedule: positions drawn once from each image, mixed over all images in each step.</summary>
    private (double, long) TrainOnSampledPositions(IImages normal, FitContext context, OptimizerHelper optimizer)
    {
        using var samples = SampledPositions(ImageBatch.All(normal), settings.PositionsPerImage, context, -2, "sampling");
        var count = (int)samples.shape[0];
        var batchSize = Math.Min(count, settings.BatchSize * settings.PositionsPerImage);
        var perEpoch = count / batchSize;
        return Training.Run(
            context,
            Autoencoder,
            optimizer,
            (long)perEpoch * settings.Epochs,
            step =>
            {
                var order = context.Shuffle(count, step / perEpoch);
                var rows = order.AsSpan((int)(step % perEpoch) * batchSize, batchSize).ToArray().Select(row => (long)row).ToArray();
                var batch = samples.index_select(0, torch.tensor(rows).to(resources.Device));
                // As one image of a single row: positions of images of one position each would not have their channels innermost.
                return Loss(batch.unsqueeze(0).unsqueeze(0).permute(0, 3, 1, 2));
            }
        );
    }

    /// <summary>The thresholds that at most the accepted share of the training images' pixels reaches (section III-D).</summary>
    private List<OperatingPoint> SegmentationThresholds(IImages normal)
    {
        using var scope = torch.NewDisposeScope();
        var images = settings.ThresholdImages > 0 ? Math.Min(settings.ThresholdImages, normal.Count) : normal.Count;
        var maps = new List<Tensor>();
        foreach (var batch in ImageBatch.All(normal).Chunks(ForwardBatch).Take((images + ForwardBatch - 1) / ForwardBatch))
        {
            using var scores = Score(batch);
            maps.Add(scores.Map!.cpu().flatten());
        }
        var sorted = torch.cat(maps).sort(0, descending: true).Values;
        // Just above the first value that must not count: scores that reach a threshold are anomalous.
        return
        [
            .. settings.AcceptedFpr.Select(fpr =>
                Point(fpr, MathF.BitIncrement(sorted[(long)Math.Min(fpr * sorted.shape[0], sorted.shape[0] - 1)].item<float>()))
            ),
        ];
    }

    private static OperatingPoint? PointOf(string text) =>
        text.Split('=') is [var rate, var threshold]
        && double.TryParse(rate, NumberStyles.Float, CultureInfo.InvariantCulture, out var fpr)
        && double.TryParse(threshold, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? Point(fpr, value)
            : null;

    private static OperatingPoint Point(double fpr, double threshold) =>
        new(string.Create(CultureInfo.InvariantCulture, $"fpr{fpr}"), threshold, null, Pixel: true, fpr);
}
