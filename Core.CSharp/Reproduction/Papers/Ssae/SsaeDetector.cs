using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>One autoencoder an objective, difference, smoothing.</summary>
internal sealed partial class SsaeDetector : IAnomalyDetector
{
    private const int ScoreBatch = 4;

    /// <summary>Further exponents t of (14) whose scores are recorded beside the main one.</summary>
    private static readonly double[] ComparedCorrections = [0, 1, 10, 100, 1000];

    private const int LeastHeld = 2;
    private const double LeastKept = 0.5;
    private const string AverageMapName = "average_map";

    private readonly SsaeSettings _settings;
    private readonly Resources _resources;
    private readonly ImageSize _size;
    private readonly List<SsaeNetwork> _networks;
    private readonly List<Tensor?> _corrections;

    public SsaeDetector(SsaeSettings settings, Resources resources)
    {
        (_settings, _resources) = (settings, resources);
        _size = ImageSize.Square(settings.ImageSize);
        _networks = [.. settings.Objectives.Select(_ => new SsaeNetwork(settings.Kernel, settings.Width, settings.ActivatedDilations))];
        _corrections = [.. settings.Objectives.Select(_ => (Tensor?)null)];
        foreach (var network in _networks)
        {
            network.to(resources.Device);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        if (normal.Count < 2 && _settings.NeedsValidation)
        {
            throw new UserError(
                "ssae holds training images out, for its correction and for early stopping, so that it needs at least 2; there is "
                    + $"{normal.Count}"
            );
        }
        var order = context.Shuffle(normal.Count, -1);
        // Two at least, where there are enough, so that they differ from one another in something.
        var least = normal.Count > LeastHeld * 2 ? LeastHeld : 1;
        var held = Math.Min(normal.Count - 1, Math.Max(least, (int)Math.Round(_settings.Validation * normal.Count)));
        var (validation, train) = (order[..held], order[held..]);
        var facts = new Dictionary<string, double> { ["train_images"] = train.Length, ["validation_images"] = held };
        for (var member = 0; member < _networks.Count; member++)
        {
            var objective = _settings.Objectives[member];
            var checkpoints = context.Checkpoints is { } store ? new PartCheckpoints(store, member, _networks, facts) : null;
            if (checkpoints?.RestoreIfFinished() != true)
            {
                var (loss, steps) = Train(member, objective, normal, train, validation, context with { Checkpoints = checkpoints });
                facts[$"objective{objective}_loss"] = loss;
                facts[$"objective{objective}_steps"] = steps;
            }
            _networks[member].eval();
            if (held >= LeastHeld)
            {
                AddKeptVariance(facts, member, normal.Pixels(validation, _size, _resources.Device), context.Warn);
            }
            if (_settings.Correction > 0)
            {
                _corrections[member] = AverageMap(member, new ImageBatch(normal, validation));
            }
        }
        return facts;
    }

    /// <summary>
    /// Whether the network restores the image that it is shown or the mean of the training images, which a low loss does not tell: asked of
    /// the held-out images as they are.
    /// </summary>
    private void AddKeptVariance(Dictionary<string, double> facts, int member, Tensor images, Action<string> warn)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var restored = torch.cat([.. images.split(ScoreBatch).Select(batch => _networks[member].call(batch))]);
        var (kept, explained) = SsaeEquations.KeptVariance(restored, images);
        var name = $"objective{_settings.Objectives[member]}";
        facts[$"{name}_kept_variance"] = kept;
        facts[$"{name}_explained_variance"] = explained;
        if (kept < LeastKept)
        {
            warn(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the network of objective ({_settings.Objectives[member]}) keeps {kept:0.0 %} of what tells held-out images from one "
                        + $"another: it restores little but the mean image, and its scores say little of the method; train it for more "
                        + $"steps"
                )
            );
        }
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var images = batch.Pixels(_size, _resources.Device);
        var restored = _networks.Select(network => network.call(images)).ToArray();
        var differences = restored.Select(image => Map(images, image)).ToArray();
        Tensor Combined(double t) => differences.Select((map, member) => Corrected(member, map, t)).Aggregate(torch.maximum);
        var map = Combined(_settings.Correction);
        var parts = new Dictionary<string, Tensor>();
        if (_settings.Correction > 0)
        {
            foreach (var t in ComparedCorrections.Where(t => t != _settings.Correction))
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"t{t}");
                var other = Combined(t);
                parts[name] = other.clone().MoveToOuterDisposeScope();
                parts[name + ".sum"] = ImageScore(other).MoveToOuterDisposeScope();
            }
        }
        if (differences.Length > 1)
        {
            for (var member = 0; member < differences.Length; member++)
            {
                var own = Corrected(member, differences[member], _settings.Correction);
                parts[$"objective{_settings.Objectives[member]}"] = own.clone().MoveToOuterDisposeScope();
            }
        }
        return new Scores(map.clone().MoveToOuterDisposeScope(), ImageScore(map).MoveToOuterDisposeScope())
        {
            Parts = parts,
            Reconstruction = restored.Length == 1 ? restored[0].MoveToOuterDisposeScope() : null,
        };
    }

    /// <summary>Section 3.1: the sum over the pixels.</summary>
    private static Tensor ImageScore(Tensor map) => map.sum([1L, 2L, 3L]);

    /// <inheritdoc/>
    public DetectorState Save()
    {
        var members = _networks.SelectMany(
            (network, member) =>
            {
                var tensors = network.state_dict();
                if (_corrections[member] is { } correction)
                {
                    tensors[AverageMapName] = correction;
                }

                return tensors.Prefixed($"{member}.");
            }
        );
        return new DetectorState(members.ToDictionary(), new Dictionary<string, string>());
    }

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(
            state.Tensors.Keys.Where(name =>
                Enumerable.Range(0, _networks.Count).Any(member => name.StartsWith($"{member}.", StringComparison.Ordinal))
            )
        );
        for (var member = 0; member < _networks.Count; member++)
        {
            var own = state.Under($"{member}.");
            if (_settings.Correction > 0)
            {
                _corrections[member]?.Dispose();
                _corrections[member] = own.Tensor(AverageMapName, ScalarType.Float32, [1, 1, _settings.ImageSize, _settings.ImageSize])
                    .to(_resources.Device, copy: true)
                    .DetachFromDisposeScope();
                own = own.Without(AverageMapName);
            }
            own.LoadInto(_networks[member]);
            _networks[member].eval();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var network in _networks)
        {
            network.Dispose();
        }

        foreach (var correction in _corrections)
        {
            correction?.Dispose();
        }
    }

    private (double Loss, long Steps) Train(int member, int objective, IImages normal, int[] train, int[] validation, FitContext context)
    {
        var network = _networks[member];
        using var kept = new EarlyStopping(network);
        network.train();
        using var optimizer = torch.optim.Adam(network.parameters(), _settings.LearningRate);
        var result = Training.Run(
            context,
            kept,
            optimizer,
            _settings.Steps,
            step =>
            {
                using var generator = context.Generator(step, torch.CPU);
                var indices = torch
                    .randint(train.Length, [_settings.BatchSize], generator: generator)
                    .data<long>()
                    .ToArray()
                    .Select(i => train[i])
                    .ToArray();
                var images = Augmented(normal.Pixels(indices, _size, _resources.Device), CropSide(step), generator);
                return Loss(network, objective, images, _settings.Distortions[(int)(step % _settings.Distortions.Count)], generator);
            },
            LearningRate,
            stop: objective == 4
                ? (step, _) =>
                    (step + 1) % _settings.ValidateEvery == 0
                    && kept.ShouldStop(ValidationLoss(network, objective, normal, validation, context), _settings.Patience)
                : null
        );
        if (objective == 4)
        {
            kept.Restore();
        }

        return result;
    }

    private Tensor Loss(SsaeNetwork network, int objective, Tensor images, Distortion distortion, Generator generator)
    {
        var (distorted, mask) = SsaeDistortions.Apply(
            images,
            distortion,
            _settings.Brightness && distortion != Distortion.CutOut,
            // Half of them: the test images stand upright.
            _settings.Turned
                && torch.rand(1, generator: generator).item<float>() < 0.5f,
            generator
        );
        var restored = network.call(distorted);
        return objective == 1
            ? SsaeEquations.Objective1(restored, images, mask, _settings.Lambda)
            : SsaeEquations.Objective4(restored, images, distorted, mask, _settings.Lambda);
    }

    /// <summary>The objective on the held-out images, always with the same distortions.</summary>
    private double ValidationLoss(SsaeNetwork network, int objective, IImages normal, int[] validation, FitContext context)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        network.eval();
        var sum = 0.0;
        foreach (var batch in new ImageBatch(normal, validation).Chunks(ScoreBatch))
        {
            using var each = torch.NewDisposeScope();
            using var generator = context.Generator(-1 - batch.Indices[0], torch.CPU);
            sum +=
                Loss(network, objective, batch.Pixels(_size, _resources.Device), _settings.Distortions[0], generator).item<float>()
                * batch.Count;
        }
        network.train();
        return sum / validation.Length;
    }

    internal double LearningRate(long step) =>
        _settings.FinalLearningRate
        + (_settings.LearningRate - _settings.FinalLearningRate) * (1 + Math.Cos(Math.PI * step / _settings.Steps)) / 2;

    /// <summary>Side of the crops at a step, divisible by 8.</summary>
    internal int CropSide(long step)
    {
        var stage = (int)Math.Min(_settings.Growing.Count - 1, step * _settings.Growing.Count / _settings.Steps);
        var side = (int)(_settings.Growing[stage] * _settings.ImageSize);
        return Math.Max(SsaeNetwork.Divisor, side - (side % SsaeNetwork.Divisor));
    }

    internal Tensor Augmented(Tensor images, int side, Generator generator)
    {
        var room = images.shape[2] - side + 1;
        var choices = torch.randint(int.MaxValue, [images.shape[0], 4], generator: generator).data<long>().ToArray();
        return torch
            .stack([
                .. Enumerable
                    .Range(0, (int)images.shape[0])
                    .Select(i =>
                    {
                        var image = images[i].narrow(1, choices[4 * i] % room, side).narrow(2, choices[(4 * i) + 1] % room, side);
                        if (!_settings.Augment)
                        {
                            return image;
                        }
                        if (choices[(4 * i) + 2] % 2 == 1)
                        {
                            image = image.flip(2);
                        }
                        return image.rot90(choices[(4 * i) + 3] % 4, (1, 2));
                    }),
            ])
            .channels_last();
    }

    /// <summary>Equations (2) and (3): the difference heat map, smoothed.</summary>
    private Tensor Map(Tensor images, Tensor restored) =>
        SsaeEquations.Smoothed(
            _settings.Difference == Difference.Squared
                ? SsaeEquations.SquaredDifference(restored, images)
                : SsaeEquations.StructuralDifference(restored, images),
            _settings.Smoothings,
            _settings.SmoothingSize
        );

    private Tensor Corrected(int member, Tensor map, double t) =>
        t > 0 && _corrections[member] is { } average ? SsaeEquations.Corrected(map, average, t) : map;

    /// <summary>Equation (13): the mean heat map of the validation images, <c>[1,1,H,W]</c>.</summary>
    private Tensor AverageMap(int member, ImageBatch validation)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var sum = torch.zeros([1, 1, _settings.ImageSize, _settings.ImageSize], device: _resources.Device);
        foreach (var batch in validation.Chunks(ScoreBatch))
        {
            using var each = torch.NewDisposeScope();
            var images = batch.Pixels(_size, _resources.Device);
            sum.add_(Map(images, _networks[member].call(images)).sum([0L], keepdim: true));
        }
        return SsaeEquations.AverageMap(sum, validation.Count).DetachFromDisposeScope();
    }
}
