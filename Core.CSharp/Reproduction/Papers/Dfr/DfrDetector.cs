using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Metrics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using OperatingPoint = Reproduction.Methods.OperatingPoint;

namespace Reproduction.Papers.Dfr;

/// <summary>Regional features, autoencoder, map.</summary>
internal sealed partial class DfrDetector(DfrSettings settings, Resources resources) : IAnomalyDetector, IOwnMeasures
{
    private const int ForwardBatch = 4;

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

    /// <inheritdoc/>
    public string? MeasuresName => settings.CodeMeasures ? "code" : null;

    /// <inheritdoc/>
    public Resampling MaskResampling => Resampling.BilinearAntialias;

    /// <inheritdoc/>
    public MetricValue Aupro(ReadOnlySpan<float> maps, ReadOnlySpan<byte> masks, int count, int height, int width) =>
        Pro.AuproDfrCode(maps, masks, count, height, width);

    private double FeatureDivisor =>
        settings.FeatureDivisor > 0 ? settings.FeatureDivisor
        : _backbone.Preprocessing.Range > 1 ? DfrSettings.OxfordScale
        : 1;

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
            ["feature_divisor"] = FeatureDivisor,
            ["loss"] = loss,
            ["steps"] = steps,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var small = Distance(Maps(batch));
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

    /// <summary>The network's maps of the chosen layers, in the scale that the autoencoder sees.</summary>
    private Tensor[] Maps(ImageBatch batch)
    {
        var maps = _backbone.Forward(batch.Pixels(_size, resources.Device), settings.Layers);
        return FeatureDivisor == 1 ? maps : [.. maps.Select(map => map.div(FeatureDivisor))];
    }

    /// <summary>Equation (3) for a batch.</summary>
    private Tensor Features(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return _regions.Concatenate(Maps(batch)).MoveToOuterDisposeScope();
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
        return DfrEquations.Score(sum, settings.Norm, Channels).MoveToOuterDisposeScope();
    }

    /// <summary>The reconstruction of concatenated regional features, <c>[N,c_o,h_o,w_o]</c>.</summary>
    internal Tensor Reconstruct(Tensor features) => Autoencoder.call(features);

    private Tensor Loss(Tensor features) => DfrEquations.Loss(features, Reconstruct(features), settings.Norm);

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
        var batches = new ShuffledBatches(context, normal.Count, settings.BatchSize, partial: true);
        return Training.Run(
            context,
            Autoencoder,
            optimizer,
            (long)batches.PerEpoch * settings.Epochs,
            step => Loss(Features(new ImageBatch(normal, batches.At(step))))
        );
    }

    /// <summary>A reduced schedule: positions drawn once from each image, mixed over all images in each step.</summary>
    private (double, long) TrainOnSampledPositions(IImages normal, FitContext context, OptimizerHelper optimizer)
    {
        using var samples = SampledPositions(ImageBatch.All(normal), settings.PositionsPerImage, context, -2, "sampling");
        var count = (int)samples.shape[0];
        var batchSize = Math.Min(count, settings.BatchSize * settings.PositionsPerImage);
        var batches = new ShuffledBatches(context, count, batchSize, partial: false);
        return Training.Run(
            context,
            Autoencoder,
            optimizer,
            (long)batches.PerEpoch * settings.Epochs,
            step =>
            {
                var rows = batches.At(step).Select(row => (long)row).ToArray();
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
