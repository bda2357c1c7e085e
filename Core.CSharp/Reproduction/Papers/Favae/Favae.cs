using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

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
                Layers.All(layer => FavaeNetwork.EncoderNumbers.Select(number => $"{number}").Contains(layer)),
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
        check.NotNegative(LogVarianceBound, 64);
    }
}

/// <summary>
/// Dehaene and Eline, Anomaly localization by modeling perceptual features: a variational autoencoder that reconstructs the pixels of
/// normal images and, from its decoder's inner layers, the features that a frozen network sees in them. What either fails to reconstruct
/// is the anomaly.
/// </summary>
public sealed class FavaeMethod : Method<FavaeSettings>
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

    /// <summary>The own encoder's layers 3, 9 and 15 of appendix D have the sizes of VGG-16's.</summary>
    private static readonly FavaeSettings OwnEncoder = Vanilla with { Layers = ["3", "9", "15"], DecoderLayers = ThreeLevels };

    /// <inheritdoc/>
    public override string Id => "favae";

    /// <inheritdoc/>
    public override string Title => "Dehaene & Eline, Anomaly localization by modeling perceptual features";

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
        new("yolov3", "YOLOv3: Table 3", Vgg16 with { Network = "yolov3", Layers = ["20"], DecoderLayers = [10] }, Default: true, "yolov3"),
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
        new(
            "embedded",
            "the embedded quarter-width VGG-16: not in the paper",
            Vgg16 with
            {
                Network = "vgg16_quarter",
            },
            Default: true,
            "vgg16_quarter"
        ),
    ];

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

/// <summary>Extractor, network, map.</summary>
internal sealed class FavaeDetector : IAnomalyDetector
{
    private static readonly double LogTwoPi = Math.Log(2 * Math.PI);

    /// <summary>The least starting variance of a channel, as a share of its feature space's mean variance.</summary>
    private const double LeastShare = 1e-2;

    private readonly FavaeSettings _settings;
    private readonly Resources _resources;
    private readonly ImageSize _size;
    private readonly Backbone? _extractor;
    private readonly bool _ownsExtractor;
    private readonly FavaeNetwork _network;

    public FavaeDetector(FavaeSettings settings, Resources resources)
    {
        (_settings, _resources) = (settings, resources);
        _size = ImageSize.Square(settings.ImageSize);
        _extractor = settings.Extractor switch
        {
            FeatureExtractor.Trained => resources.Backbones.Get(settings.Network),
            FeatureExtractor.Unfrozen => resources.Backbones.GetTrainable(settings.Network),
            FeatureExtractor.Random => resources.Backbones.Random(settings.Network, seed: 0),
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

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var (reconstruction, maps) = Tiled(batch.Pixels(_size, _resources.Device));
        var map = maps.sum([1L], keepdim: true);
        return new Scores(map.MoveToOuterDisposeScope(), map.sum([1L, 2L, 3L]).MoveToOuterDisposeScope())
        {
            Parts = Enumerable
                .Range(0, (int)maps.shape[1])
                .ToDictionary(i => i == 0 ? "pixels" : $"features_{i}", i => maps.narrow(1, i, 1).clone().MoveToOuterDisposeScope()),
            Reconstruction = reconstruction.clone().MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public DetectorState Save()
    {
        var tensors = _network.state_dict();
        if (_settings.Extractor == FeatureExtractor.Unfrozen)
        {
            foreach (var (name, value) in _extractor!.StateDict(fold: false))
            {
                tensors["extractor." + name] = value;
            }
        }
        return new DetectorState(tensors, new Dictionary<string, string>());
    }

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        const string prefix = "extractor.";
        var own = state;
        if (_settings.Extractor == FeatureExtractor.Unfrozen)
        {
            state.Under(prefix).LoadInto(_extractor!.StateDict(fold: false));
            own = state.Without(prefix);
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

    private Tensor Bounded(Tensor logVariance) => logVariance.clamp(-_settings.LogVarianceBound, _settings.LogVarianceBound);

    private int Channels(string layer) =>
        _extractor?.Channels(layer) ?? FavaeNetwork.EncoderChannels(int.Parse(layer, CultureInfo.InvariantCulture), _settings.Width);

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
        var code = mean + (logVariance * 0.5).exp() * torch.randn(mean.shape, device: mean.device, generator: generator);
        var divergence = 0.5 * (mean.square() + logVariance.exp() - logVariance - 1).flatten(1).sum(1);
        return -NegativeLogProbabilities(images, code, encoderLayers).Maps.flatten(1).sum(1) - divergence;
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
        IReadOnlyDictionary<int, Tensor> encoderLayers
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
                        {
                            var logVariance = Bounded(variances[i]);
                            var scaled = (target - means[i]) * (logVariance * -0.5).exp().reshape(1, -1, 1, 1);
                            var map = 0.5 * (scaled.square().sum([1L], keepdim: true) + (logVariance + LogTwoPi).sum());
                            return map.shape[2] == images.shape[2]
                                ? map
                                : nn.functional.interpolate(
                                    map,
                                    [images.shape[2], images.shape[3]],
                                    mode: InterpolationMode.Bilinear,
                                    align_corners: false
                                );
                        }
                    ),
                ],
                1
            )
        );
    }

    /// <summary>What is reconstructed beside the pixels.</summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    /// <param name="encoderLayers">The encoder's outputs, for models that reconstruct them.</param>
    internal IEnumerable<Tensor> Features(Tensor images, IReadOnlyDictionary<int, Tensor> encoderLayers) =>
        _settings.Extractor switch
        {
            FeatureExtractor.None => [],
            FeatureExtractor.Encoder => _settings.Layers.Select(layer => encoderLayers[int.Parse(layer, CultureInfo.InvariantCulture)]),
            FeatureExtractor.EncoderStopped => _settings.Layers.Select(layer =>
                encoderLayers[int.Parse(layer, CultureInfo.InvariantCulture)].detach()
            ),
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

        IEnumerable<long> Starts(long length)
        {
            for (long start = 0; start < length - FavaeNetwork.Side; start += _settings.TileStride)
            {
                yield return start;
            }

            yield return length - FavaeNetwork.Side;
        }
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

    private Tensor Moved(Tensor images, Generator generator)
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

    /// <summary>What one optimiser trains: the network, and the extractor of M5.</summary>
    private sealed class TrainedTogether : nn.Module
    {
        private readonly FavaeNetwork network;
        private readonly Backbone? _extractor;

        public TrainedTogether(FavaeNetwork network, Backbone? extractor)
            : base(nameof(TrainedTogether))
        {
            this.network = network;
            _extractor = extractor;
            RegisterComponents();
            if (extractor is not null)
            {
                this.RegisterBackbone(extractor);
            }
        }

        public override void train(bool on = true)
        {
            network.train(on);
            _extractor?.Train(on);
        }
    }
}
