using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>One distribution a level, the score their mean.</summary>
internal sealed partial class GaussianDetector : IExtendableDetector
{
    private const int MostSigmas = 5;
    private const int ImagesAtOnce = 8;

    private readonly GaussianSettings _settings;
    private readonly Resources _resources;
    private readonly Backbone _backbone;
    private readonly ImageSize _size;
    private readonly string[] _names;
    private readonly string[] _layers;
    private ILevelModel[] _levels = [];

    /// <summary>
    /// Every level's features of the images so far, <c>[N,C]</c> each: 4 kB an image of ResNet-18. With them a model takes
    /// further images in
    /// exactly, whatever the distribution; mean and scatter alone would not do, as equation (6)'s rho needs fourth moments. Not kept of
    /// augmented images, which are a hundred times as many.
    /// </summary>
    private Tensor[] _samples = [];

    public GaussianDetector(GaussianSettings settings, Resources resources)
    {
        _settings = settings;
        _resources = resources;
        _backbone = resources.Backbones.Get(settings.Network);
        _size = ImageSize.Square(settings.ImageSize, Resampling.Bilinear);
        var present = settings.Layers.Index().Where(level => _backbone.LayerNames.Contains(level.Item)).ToArray();
        if (present.Length == 0)
        {
            throw new UserError(
                $"none of the levels {string.Join(", ", settings.Layers)} is in the weights of {settings.Network}, "
                    + $"which have {string.Join(", ", _backbone.LayerNames)}; take a file that has the network's stages"
            );
        }
        _names = [.. present.Select(level => string.Create(CultureInfo.InvariantCulture, $"level_{level.Index + 1}"))];
        _layers = [.. present.Select(level => level.Item)];
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        if (normal.Count < 2)
        {
            throw new UserError($"gaussian fits a covariance, which needs at least 2 training images; there is {normal.Count}");
        }

        using var scope = torch.NewDisposeScope();
        var features =
            _settings.AugmentationEpochs == 0 ? Features(scope, ImageBatch.All(normal)) : AugmentedFeatures(scope, normal, context);
        return FitLevels(features, context);
    }

    /// <inheritdoc/>
    /// <exception cref="UserError">The model was fitted on augmented images, or by a program that kept no features.</exception>
    public IReadOnlyDictionary<string, double> Add(IImages more, FitContext context)
    {
        if (_samples.Length == 0)
        {
            throw new UserError(
                "this gaussian model does not hold the features that it was fitted on (augmented images are too many, and earlier programs "
                    + "kept none), so that it takes no further photographs; fit again with all of them"
            );
        }
        using var scope = torch.NewDisposeScope();
        var parts = new List<Tensor[]> { _samples };
        foreach (var batch in ImageBatch.All(more).Chunks(ImagesAtOnce))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            parts.Add(Features(scope, batch));
        }
        return FitLevels([.. _samples.Select((_, level) => torch.cat([.. parts.Select(part => part[level])]))], context);
    }

    private Dictionary<string, double> FitLevels(Tensor[] features, FitContext context)
    {
        ILevelModel[] levels = [.. features.Select((samples, level) => FitLevel(_names[level], samples, context))];
        Clear();
        _levels = levels;
        if (_settings.AugmentationEpochs == 0)
        {
            _samples = [.. features.Select(samples => samples.DetachFromDisposeScope())];
        }
        var facts = new Dictionary<string, double> { ["samples"] = features[0].shape[0], ["levels"] = _levels.Length };
        for (var level = 0; level < _levels.Length; level++)
        {
            foreach (var (name, value) in _levels[level].Numbers)
            {
                facts[$"{_names[level]}.{name}"] = value;
            }
        }
        return facts;
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var distances = torch.stack([.. Features(scope, batch).Zip(_levels, (features, level) => level.Score(features))]);
        // The unweighted sum of figure 1, as the mean: the same ranking.
        var score = distances.mean([0L]).to(ScalarType.Float32).DetachFromDisposeScope();
        return new Scores(Map: null, Image: score)
        {
            Parts = _names
                .Index()
                .ToDictionary(level => level.Item, level => distances[level.Index].to(ScalarType.Float32).DetachFromDisposeScope()),
        };
    }

    /// <summary>The thresholds of equation (8) at 1 to 5 sigma, a level each: the sum has none (section IV.B).</summary>
    public IReadOnlyList<OperatingPoint> OperatingPoints =>
        [
            .. from level in _names.Zip(_levels)
            let gaussian = level.Second as LevelGaussian
            where gaussian is not null && _settings.Normality == Normality.Mahalanobis
            from sigmas in Enumerable.Range(1, MostSigmas)
            let target = GaussianEquations.TailProbability(sigmas)
            select new OperatingPoint(
                $"sigma{sigmas}",
                GaussianEquations.Threshold(gaussian.Dimensions, target),
                level.First,
                Pixel: false,
                target
            ),
        ];

    /// <inheritdoc/>
    public DetectorState Save() =>
        new(
            (from level in _names.Zip(_levels) from tensor in level.Second.Tensors select ($"{level.First}.{tensor.Key}", tensor.Value))
                .Concat(_names.Zip(_samples, (name, samples) => (SamplesOf(name), samples)))
                .ToDictionary(),
            (
                from level in _names.Zip(_levels)
                from number in level.Second.Numbers
                select ($"{level.First}.{number.Key}", number.Value.ToString("r", CultureInfo.InvariantCulture))
            )
                .Append((KeptSamples, (_samples.Length > 0 ? _samples[0].shape[0] : 0).ToString(CultureInfo.InvariantCulture)))
                .ToDictionary()
        );

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        Clear();
        _levels =
        [
            .. _names.Zip(
                _layers,
                (name, layer) =>
                {
                    var (own, features) = (state.Under(name + "."), _backbone.Channels(layer));
                    return _settings.Normality == Normality.OneClassSvm
                        ? (ILevelModel)OneClassSvm.Load(own, features, _backbone.Device)
                        : LevelGaussian.Load(own, features, _settings.Normality == Normality.Mahalanobis, _backbone.Device);
                }
            ),
        ];
        // A model of before has kept none and does not say so.
        var kept = state.Values.ContainsKey(KeptSamples) ? state.Whole(KeptSamples, 0) : 0;
        _samples =
            kept > 0
                ?
                [
                    .. _names.Zip(
                        _layers,
                        (name, layer) =>
                            state
                                .Tensor(SamplesOf(name), ScalarType.Float32, [kept, _backbone.Channels(layer)])
                                .to(_backbone.Device, copy: true)
                                .DetachFromDisposeScope()
                    ),
                ]
                : [];
        state.CheckNoOther(
            (from level in _names.Zip(_levels) from name in level.Second.Tensors.Keys select $"{level.First}.{name}").Concat(
                _names.Where(_ => kept > 0).Select(SamplesOf)
            )
        );
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private ILevelModel FitLevel(string name, Tensor samples, FitContext context)
    {
        using var scope = torch.NewDisposeScope();
        if ((samples - samples[0]).abs().max().item<float>() == 0)
        {
            throw new UserError(
                $"all {samples.shape[0]} training images have the same features at {name} of {_settings.Network}; there is no "
                    + "distribution to fit"
            );
        }
        switch (_settings.Normality)
        {
            case Normality.L2:
                return LevelGaussian.FixedVariance(samples);
            case Normality.Sed:
                var model = LevelGaussian.IndependentVariances(samples);
                var constant = samples.shape[1] - model.Dimensions;
                if (constant > 0)
                {
                    context.Warn(
                        $"{name}: {constant} of {samples.shape[1]} features do not vary over the training images and are left out of "
                            + "the distance"
                    );
                }

                return model;
            case Normality.OneClassSvm:
                return OneClassSvm.Fit(samples, _settings.Nu);
            default:
                return LevelGaussian.Multivariate(samples, _settings.Compression, _settings.Variance);
        }
    }

    /// <summary>Spatial means of every level's features, <c>[N,C]</c> each, that the scope then owns.</summary>
    private Tensor[] Features(DisposeScope scope, ImageBatch batch)
    {
        var levels = _resources.Features.Get(batch, _backbone, _layers, _size, Pooling.Average);
        scope.Attach(levels);
        return levels;
    }

    /// <summary>Features of randomly augmented training images, all epochs below one another.</summary>
    private Tensor[] AugmentedFeatures(DisposeScope scope, IImages normal, FitContext context)
    {
        var augmented = new AugmentedImages(normal, _settings.Augmentation!, _settings.AugmentationEpochs);
        var epochs = new List<Tensor[]>();
        foreach (var epoch in ImageBatch.All(augmented).Chunks(normal.Count))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            epochs.Add(Features(scope, epoch));
            context.Progress(epochs.Count, _settings.AugmentationEpochs, "features of augmented images");
        }
        return [.. Enumerable.Range(0, _layers.Length).Select(level => torch.cat([.. epochs.Select(epoch => epoch[level])]))];
    }

    /// <summary>The name of how many samples a level are kept.</summary>
    private const string KeptSamples = "kept_samples";

    private static string SamplesOf(string name) => name + ".samples";

    private void Clear()
    {
        foreach (var level in _levels)
        {
            level.Dispose();
        }
        foreach (var samples in _samples)
        {
            samples.Dispose();
        }

        (_levels, _samples) = ([], []);
    }
}
