using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Papers.Favae;

/// <summary>Extractor, network, map.</summary>
internal sealed partial class FavaeDetector : IAnomalyDetector
{
    /// <summary>The least starting variance of a channel, as a share of its feature space's mean variance.</summary>
    private const double LeastShare = 1e-2;

    private const string ExtractorPrefix = "extractor.";
    private const string RandomSeedName = "random_seed";

    private readonly FavaeSettings _settings;
    private readonly Resources _resources;
    private readonly ImageSize _size;
    private readonly bool _ownsExtractor;
    private readonly FavaeNetwork _network;
    private Backbone? _extractor;
    private int _randomSeed;

    public FavaeDetector(FavaeSettings settings, Resources resources)
    {
        (_settings, _resources) = (settings, resources);
        _size = ImageSize.Square(settings.ImageSize);
        _extractor = settings.Extractor switch
        {
            FeatureExtractor.Trained => resources.Backbones.Get(settings.Network),
            FeatureExtractor.Unfrozen => resources.Backbones.GetTrainable(settings.Network),
            FeatureExtractor.Random => resources.Backbones.Random(settings.Network, _randomSeed),
            _ => null,
        };
        _ownsExtractor = settings.Extractor is FeatureExtractor.Unfrozen or FeatureExtractor.Random;
        _network = new FavaeNetwork(
            settings.Latent,
            settings.Width,
            [.. settings.DecoderLayers.Zip(settings.Layers.Select(Channels))],
            settings.UnboundedPixels
        );
        _network.to(resources.Device);
    }

    /// <summary>Encoder, decoder, adapters and variances.</summary>
    internal FavaeNetwork Network => _network;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        DrawExtractor(context.Seed);
        var trained = new TrainedTogether(_network, _settings.Extractor == FeatureExtractor.Unfrozen ? _extractor : null);
        trained.train();
        var logVariances = _network.LogVariances.ToHashSet<Tensor>(ReferenceEqualityComparer.Instance);
        using var optimizer = torch.optim.Adam(
            trained.parameters().Where(parameter => !logVariances.Contains(parameter)),
            _settings.LearningRate
        );
        optimizer.add_param_group(new Adam.ParamGroup(_network.LogVariances, _settings.LogVarianceLearningRate));
        StartLogVariances(normal, context);
        var steps = (long)_settings.Epochs * _settings.ImagesPerEpoch / _settings.BatchSize;
        var (loss, done) = Training.Run(
            context,
            trained,
            optimizer,
            steps,
            step =>
            {
                if (step >= _settings.NormsFixedAfter * steps)
                {
                    trained.train(false);
                }
                var share = LearningRateShare((double)step / steps);
                foreach (var (group, rate) in optimizer.ParamGroups.Zip([_settings.LearningRate, _settings.LogVarianceLearningRate]))
                {
                    group.LearningRate = share * rate;
                }
                using var generator = context.Generator(step, _resources.Device);
                return Loss(Sample(normal, generator), generator);
            }
        );
        trained.eval();
        using var scope = torch.NewDisposeScope();
        var bounds = _network.LogVariances.Select(value => value.min().item<float>()).ToArray();
        if (bounds.Min() <= -_settings.LogVarianceBound)
        {
            context.Warn("a log variance reached its bound");
        }

        return new Dictionary<string, double>
        {
            ["loss"] = loss,
            ["steps"] = done,
            ["least_log_variance"] = bounds.Min(),
        };
    }

    /// <summary>What is left of the learning rates after a share of the steps.</summary>
    internal double LearningRateShare(double done) =>
        _settings.FinalLearningRateShare + (1 - _settings.FinalLearningRateShare) * (1 + Math.Cos(Math.PI * done)) / 2;

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var (reconstruction, maps) = Tiled(batch.Pixels(_size, _resources.Device));
        var map = maps.sum([1L], keepdim: true);
        var parts = new Dictionary<string, Tensor>();
        for (var i = 0; i < maps.shape[1]; i++)
        {
            var name = i == 0 ? "pixels" : $"features_{i}";
            var part = maps.narrow(1, i, 1);
            parts[name] = part.clone().MoveToOuterDisposeScope();
            parts[name + ".sum"] = part.sum([1L, 2L, 3L]).MoveToOuterDisposeScope();
        }
        return new Scores(map.MoveToOuterDisposeScope(), map.sum([1L, 2L, 3L]).MoveToOuterDisposeScope())
        {
            Parts = parts,
            Reconstruction = reconstruction.clone().MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public DetectorState Save()
    {
        IEnumerable<KeyValuePair<string, Tensor>> extractor =
            _settings.Extractor == FeatureExtractor.Unfrozen ? _extractor!.StateDict(fold: false) : [];
        var values = new Dictionary<string, string>();
        if (_settings.Extractor == FeatureExtractor.Random)
        {
            values[RandomSeedName] = _randomSeed.ToString(CultureInfo.InvariantCulture);
        }
        return new DetectorState(_network.state_dict().Concat(extractor.Prefixed(ExtractorPrefix)).ToDictionary(), values);
    }

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        var own = state;
        // Models of before have the network of seed 0, and do not say so.
        DrawExtractor(state.Values.ContainsKey(RandomSeedName) ? (int)state.Whole(RandomSeedName, int.MinValue) : 0);
        if (_settings.Extractor == FeatureExtractor.Unfrozen)
        {
            state.Under(ExtractorPrefix).LoadInto(_extractor!.StateDict(fold: false));
            own = state.Without(ExtractorPrefix);
        }
        own.LoadInto(_network);
        _network.eval();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _network.Dispose();
        if (_ownsExtractor)
        {
            _extractor?.Dispose();
        }
    }

    /// <summary>A random network is another one for each seed.</summary>
    private void DrawExtractor(int seed)
    {
        if (_settings.Extractor == FeatureExtractor.Random && seed != _randomSeed)
        {
            _extractor!.Dispose();
            _extractor = _resources.Backbones.Random(_settings.Network, seed);
            _randomSeed = seed;
        }
    }

    private Tensor Bounded(Tensor logVariance) => logVariance.clamp(-_settings.LogVarianceBound, _settings.LogVarianceBound);

    private int Channels(string layer) => _extractor?.Channels(layer) ?? FavaeNetwork.EncoderChannels(layer, _settings.Width);

    /// <summary>
    /// Sets the log variances to those of the first batch's pixels and features: what is left to explain before anything is learned. From
    /// an arbitrary start of 1 the pixels, whose errors are some hundred times smaller, count for nothing against the divergence until the
    /// optimiser has brought their variance down.
    /// </summary>
    private void StartLogVariances(IImages normal, FitContext context)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        using var generator = context.Generator(0, _resources.Device);
        var images = Sample(normal, generator);
        var (_, _, encoderLayers) = _network.Encode(images);
        foreach (var (logVariance, target) in _network.LogVariances.Zip(Features(images, encoderLayers).Prepend(images)))
        {
            var variance = target.transpose(0, 1).flatten(1).var(1);
            // A channel that is constant in this batch may not be in the next.
            logVariance.copy_(variance.maximum(variance.mean() * LeastShare).log());
        }
    }

    /// <summary>Equation (8), the mean over the batch.</summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    /// <param name="generator">Draws z from q(z|x).</param>
    internal Tensor Loss(Tensor images, Generator? generator) => -Elbo(images, generator).mean();

    /// <summary>
    /// What equation (8) is the negative of: the log probabilities, summed over pixels and layers, of one z drawn from q(z|x), less the one
    /// KL term.
    /// </summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    /// <param name="generator">Draws z from q(z|x).</param>
    /// <returns><c>[N]</c>, in nats.</returns>
    internal Tensor Elbo(Tensor images, Generator? generator)
    {
        var (mean, logVariance, encoderLayers) = _network.Encode(images);
        logVariance = Bounded(logVariance);
        var noise = torch.randn(mean.shape, device: mean.device, generator: generator);
        var code = FavaeEquations.Reparameterised(mean, logVariance, noise);
        var maps = NegativeLogProbabilities(images, code, encoderLayers).Maps;
        return FavaeEquations.Elbo(maps, FavaeEquations.Divergence(mean, logVariance));
    }

    /// <summary>
    /// Negative log probability of the pixels and of each feature map under p(y_i|z), summed over channels, each brought to the image's
    /// size bilinearly (section 4.2, figure 2b).
    /// </summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    /// <param name="code"><c>[N,latent,1,1]</c>.</param>
    /// <param name="encoderLayers">The encoder's outputs, for models that reconstruct them.</param>
    /// <returns>The mean of p(x|z), <c>[N,3,128,128]</c>, and the maps, <c>[N,1+L,128,128]</c>.</returns>
    private (Tensor Reconstruction, Tensor Maps) NegativeLogProbabilities(
        Tensor images,
        Tensor code,
        IReadOnlyDictionary<string, Tensor> encoderLayers
    )
    {
        var targets = Features(images, encoderLayers).Prepend(images).ToArray();
        var means = _network.Decode(code, [.. targets.Skip(1).Select(target => (target.shape[2], target.shape[3]))]);
        var variances = _network.LogVariances;
        return (
            means[0],
            torch.cat(
                [
                    .. targets.Select(
                        (target, i) =>
                            FavaeEquations.Upsampled(
                                FavaeEquations.NegativeLogProbability(target, means[i], Bounded(variances[i])),
                                images.shape[2],
                                images.shape[3]
                            )
                    ),
                ],
                1
            )
        );
    }

    /// <summary>What is reconstructed beside the pixels.</summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    /// <param name="encoderLayers">The encoder's outputs, for models that reconstruct them.</param>
    internal IEnumerable<Tensor> Features(Tensor images, IReadOnlyDictionary<string, Tensor> encoderLayers) =>
        _settings.Extractor switch
        {
            FeatureExtractor.None => [],
            FeatureExtractor.Encoder => _settings.Layers.Select(layer => encoderLayers[layer]),
            FeatureExtractor.EncoderStopped => _settings.Layers.Select(layer => encoderLayers[layer].detach()),
            _ => _extractor!.Forward(images, _settings.Layers),
        };

    /// <summary>The reconstruction and the maps of images of any size that 128x128 tiles cover; averaged where tiles overlap.</summary>
    /// <returns><c>[N,3,H,W]</c> and <c>[N,1+L,H,W]</c>.</returns>
    private (Tensor Reconstruction, Tensor Maps) Tiled(Tensor images)
    {
        var (height, width) = (images.shape[2], images.shape[3]);
        Tensor? sum = null;
        var count = torch.zeros([1, 1, height, width], device: images.device);
        foreach (var top in Starts(height))
        {
            foreach (var left in Starts(width))
            {
                using var each = torch.NewDisposeScope();
                var tile = images.narrow(2, top, FavaeNetwork.Side).narrow(3, left, FavaeNetwork.Side).channels_last();
                var (code, _, encoderLayers) = _network.Encode(tile);
                var (reconstruction, layers) = NegativeLogProbabilities(tile, code, encoderLayers);
                var maps = torch.cat([reconstruction, layers], 1);
                sum ??= torch.zeros([images.shape[0], maps.shape[1], height, width], device: images.device).MoveToOuterDisposeScope();
                sum.narrow(2, top, FavaeNetwork.Side).narrow(3, left, FavaeNetwork.Side).add_(maps);
                count.narrow(2, top, FavaeNetwork.Side).narrow(3, left, FavaeNetwork.Side).add_(1);
            }
        }
        var mean = sum!.div_(count);
        return (mean.narrow(1, 0, 3), mean.narrow(1, 3, mean.shape[1] - 3));
    }

    /// <summary>Where tiles begin along an axis: a stride apart, the last at the border.</summary>
    private IEnumerable<long> Starts(long length)
    {
        for (long start = 0; start < length - FavaeNetwork.Side; start += _settings.TileStride)
        {
            yield return start;
        }

        yield return length - FavaeNetwork.Side;
    }

    /// <summary>A batch of training images (section 5.1): random crops of textures, randomly rotated and shifted objects.</summary>
    private Tensor Sample(IImages normal, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var batch = _settings.BatchSize;
        var indices = torch
            .randint(normal.Count, [batch], generator: generator)
            .data<long>()
            .ToArray()
            .Select(index => (int)index)
            .ToArray();
        var images = normal.Pixels(indices, _size, _resources.Device);
        var isMoved = _settings is not { Rotation: 0, Translation: 0 };
        return (
            _settings.ImageSize > FavaeNetwork.Side ? Crops(images, generator)
            : isMoved ? Moved(images, generator)
            : images
        ).channels_last().MoveToOuterDisposeScope();
    }

    private static Tensor Crops(Tensor images, Generator generator)
    {
        var corners = torch
            .randint(images.shape[2] - FavaeNetwork.Side + 1, [images.shape[0], 2], generator: generator)
            .data<long>()
            .ToArray();
        return torch.stack([
            .. Enumerable
                .Range(0, (int)images.shape[0])
                .Select(i => images[i].narrow(1, corners[2 * i], FavaeNetwork.Side).narrow(2, corners[(2 * i) + 1], FavaeNetwork.Side)),
        ]);
    }

    internal Tensor Moved(Tensor images, Generator generator)
    {
        var count = images.shape[0];
        var random = (torch.rand([count, 3], generator: generator) * 2 - 1).to(images.device);
        var angle = random.select(1, 0) * (_settings.Rotation * Math.PI / 180);
        var shift = random.narrow(1, 1, 2) * (2 * _settings.Translation); // the grid spans -1..1
        var theta = torch
            .stack([angle.cos(), -angle.sin(), shift.select(1, 0), angle.sin(), angle.cos(), shift.select(1, 1)], 1)
            .reshape(count, 2, 3);
        var grid = nn.functional.affine_grid(theta, images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Border, align_corners: false);
    }
}
