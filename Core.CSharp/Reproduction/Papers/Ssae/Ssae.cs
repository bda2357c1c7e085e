using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>How an input and its reconstruction are compared (section 4.1).</summary>
public enum Difference
{
    /// <summary>Squared difference, averaged over the colours, equation (2).</summary>
    Squared,

    /// <summary>One minus the structural similarity index.</summary>
    Ssim,
}

/// <summary>Hyperparameters of <c>ssae</c>.</summary>
public sealed record SsaeSettings
{
    private const int LargestSmoothing = 1001;

    /// <summary>1: equation (1). 4: equation (4). Both: the ensemble, their pixel-wise maximum.</summary>
    public required IReadOnlyList<int> Objectives { get; init; }

    /// <summary>Weight of the changed part in both objectives; 0.5 does for (1) (section 4.4).</summary>
    public double Lambda { get; init; } = 0.5;

    /// <summary>
    /// What is done to training images, in turn (sections 3.2 and 4.3); empty in a variant that takes what section 4.3 gives the category.
    /// </summary>
    public IReadOnlyList<Distortion> Distortions { get; init; } = [];

    /// <summary>Whether changed parts also vary in brightness: "useful depending on the data" (section 3.2).</summary>
    public bool Brightness { get; init; } = true;

    /// <summary>Side of the square that images are resized to, divisible by 8.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Kernel of the dilated convolutions, f of Table 1: 3 or 5.</summary>
    public int Kernel { get; init; } = 3;

    /// <summary>Factor on the network's channels; 1 in the paper.</summary>
    public double Width { get; init; } = 1;

    /// <summary>
    /// Sides of the random crops that are trained on, as shares of the image, one stage after the other: the progressive growing of section
    /// 3.2.
    /// </summary>
    public IReadOnlyList<double> Growing { get; init; } = [0.25, 0.5, 1];

    /// <summary>
    /// Whether training images are flipped and rotated by multiples of 90 degrees ("depending on the category", section 4.1).
    /// </summary>
    public bool Augment { get; init; }

    /// <summary>Gradient steps for each objective; the paper does not say.</summary>
    public int Steps { get; init; } = 20_000;

    /// <summary>Images a step; the paper does not say.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Initial learning rate of Adam (section 4.1).</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>
    /// Learning rate at the last step, approached along half a cosine; the paper names no schedule, so that it keeps the initial one.
    /// </summary>
    public double FinalLearningRate { get; init; } = 1e-4;

    /// <summary>Share of the training images that is held out (section 4.1).</summary>
    public double Validation { get; init; } = 0.05;

    /// <summary>With objective (4): the validation loss is looked at every this many steps.</summary>
    public int ValidateEvery { get; init; } = 250;

    /// <summary>
    /// With objective (4): training stops when the validation loss was not the best this many times (section 4.4 asks for early stopping).
    /// </summary>
    public int Patience { get; init; } = 8;

    /// <summary>How input and reconstruction are compared.</summary>
    public Difference Difference { get; init; } = Difference.Squared;

    /// <summary>n of equation (3): how often the difference is smoothed.</summary>
    public int Smoothings { get; init; } = 3;

    /// <summary>k of equation (3): side of the mean filter at the full image size, in pixels; odd.</summary>
    public int SmoothingSize { get; init; } = 11;

    /// <summary>t of equation (14): exponent of the objects' correction; 0 leaves it out, as for textures.</summary>
    public double Correction { get; init; }

    /// <summary>
    /// Whether anything is asked of the images that are held out of the training: early stopping, or the objects' correction.
    /// </summary>
    internal bool NeedsValidation => Correction > 0 || Objectives.Contains(4);

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("ssae");
        check.That(
            Objectives.Count > 0 && Objectives.All(objective => objective is 1 or 4) && Objectives.Distinct().Count() == Objectives.Count,
            Objectives,
            "1, 4 or both"
        );
        check.NotNegative(Lambda, 1);
        check.That(Distortions.Count > 0, Distortions, "one or more kinds of distortion");
        check.That(
            ImageSize >= SsaeNetwork.Divisor && ImageSize % SsaeNetwork.Divisor == 0,
            ImageSize,
            $"above 0 and divisible by {SsaeNetwork.Divisor}"
        );
        check.That(Kernel is 3 or 5, Kernel, "3 or 5");
        check.Factor(Width);
        check.That(Growing.Count > 0 && Growing.All(share => share is > 0 and <= 1), Growing, "one or more shares above 0, at most 1");
        check.Whole(Steps, 1);
        check.Batch(BatchSize);
        check.NotNegative(LearningRate);
        check.NotNegative(FinalLearningRate);
        check.That(Validation is >= 0 and < 1, Validation, "a share from 0 to below 1");
        check.Whole(ValidateEvery, 1);
        check.Whole(Patience, 1);
        check.Whole(Smoothings, 0, 1000);
        check.That(
            SmoothingSize is >= 1 and <= LargestSmoothing && SmoothingSize % 2 == 1,
            SmoothingSize,
            $"an odd number from 1 to {LargestSmoothing}"
        );
        check.NotNegative(Correction, 1000);
    }
}

/// <summary>
/// Bauer et al., self-supervised autoencoders for visual anomaly detection: an autoencoder with a wide view is trained to restore images of
/// which a part was changed. At test it leaves normal regions alone and replaces the others, so that the difference is the anomaly.
/// </summary>
public sealed class SsaeMethod : Method<SsaeSettings>
{
    private static readonly string[] SsimCategories = ["carpet", "tile", "bottle", "cable", "capsule", "metal_nut", "transistor", "zipper"];
    private static readonly string[] AnyPose = ["bottle", "hazelnut", "screw"];

    private static readonly SsaeSettings Plain = new() { Objectives = [1], ImageSize = 256 };

    /// <inheritdoc/>
    public override string Id => "ssae";

    /// <inheritdoc/>
    public override string Title => "Bauer et al., Self-supervised autoencoders for visual anomaly detection";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<SsaeSettings>> Variants { get; } =
    [
        new("objective1", "objective (1): Tables 2 to 4", Plain, Default: true),
        new("objective4", "objective (4): Table 4", Plain with { Objectives = [4] }),
        new("ensemble", "the pixel-wise maximum of both: Table 4", Plain with { Objectives = [1, 4] }),
        .. from objective in new[] { 1, 4 }
        from distortion in new[] { (Kind: Distortion.CutOut, Name: "cutout"), (Kind: Distortion.Swap, Name: "swap") }
        select new Variant<SsaeSettings>(
            $"objective{objective}-{distortion.Name}",
            $"objective ({objective}) with {distortion.Name} instead of elastic deformation (section 3.2, figure 11)",
            Plain with
            {
                Objectives = [objective],
                Distortions = [distortion.Kind],
            }
        ),
    ];

    /// <inheritdoc/>
    public override IAnomalyDetector Create(SsaeSettings settings, Resources resources)
    {
        settings.Check();
        return new SsaeDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override SsaeSettings Adapt(SsaeSettings settings, Request request)
    {
        settings = settings with
        {
            Distortions = settings.Distortions.Count > 0 ? settings.Distortions : ForCategory(request.MvtecCategory),
            ImageSize = request.IsTexture ? 512 : 256,
            Augment = request.IsTexture || AnyPose.Contains(request.MvtecCategory) || request.Dataset == "magnetic-tile",
            Difference = SsimCategories.Contains(request.MvtecCategory) ? Difference.Ssim : Difference.Squared,
            Correction = request.IsTexture || request.Dataset == "magnetic-tile" ? 0 : 1,
        };
        return request.Profile switch
        {
            Profile.Paper => settings,
            // Small images in small batches: so deep a network needs thousands of steps before more than an average image comes through it.
            // Whole images from the start: in so few steps growing crops leave a loss seven times as high (measured, see the sheet).
            Profile.Quick => settings with
            {
                ImageSize = 64,
                Width = 0.25,
                Growing = [1],
                Steps = request.Dataset == "surfaces" ? 1000 : 5000,
                BatchSize = 4,
                LearningRate = 1e-3,
                FinalLearningRate = 1e-5,
                ValidateEvery = 250,
                SmoothingSize = 3,
                // Images of every pose would need many times these steps.
                Augment = false,
            },
            _ => settings with
            {
                ImageSize = 64,
                Width = 0.0625,
                Growing = [0.5, 1],
                Steps = 6,
                BatchSize = 4,
                LearningRate = 1e-3,
                FinalLearningRate = 1e-3,
                ValidateEvery = 3,
                SmoothingSize = 5,
            },
        };
    }

    /// <summary>
    /// Section 4.3: occlusion in turn with elastic deformation for cable, screw and transistor, and rotation for transistor.
    /// </summary>
    private static IReadOnlyList<Distortion> ForCategory(string category) =>
        category switch
        {
            "cable" or "screw" => [Distortion.Elastic, Distortion.Occlusion],
            "transistor" => [Distortion.Elastic, Distortion.Occlusion, Distortion.Rotation],
            _ => [Distortion.Elastic],
        };
}

/// <summary>One autoencoder an objective, difference, smoothing.</summary>
internal sealed class SsaeDetector : IAnomalyDetector
{
    private const int ScoreBatch = 4;
    private const int SsimWindow = 11;
    private const double SsimSigma = 1.5;
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
        _networks = [.. settings.Objectives.Select(_ => new SsaeNetwork(settings.Kernel, settings.Width))];
        _corrections = [.. settings.Objectives.Select(_ => (Tensor?)null)];
        foreach (var network in _networks)
        {
            network.to(resources.Device);
        }
    }

    /// <summary>Equation (1): the mean over the batch of the two parts' errors, each in proportion to its size.</summary>
    /// <param name="restored">F(X^), <c>[N,3,H,W]</c>.</param>
    /// <param name="images">X.</param>
    /// <param name="mask">M, <c>[N,1,H,W]</c>.</param>
    /// <param name="lambda">Weight of the changed part.</param>
    internal static Tensor Objective1(Tensor restored, Tensor images, Tensor mask, double lambda) =>
        ((1 - lambda) * WeightedError(1 - mask, restored, images) + lambda * WeightedError(mask, restored, images)).mean();

    /// <summary>
    /// Equation (4): the error of the changed part is rewarded, in proportion to how much each of its pixels was changed.
    /// </summary>
    /// <inheritdoc cref="Objective1"/>
    /// <param name="distorted">X^.</param>
    internal static Tensor Objective4(Tensor restored, Tensor images, Tensor distorted, Tensor mask, double lambda) =>
        (
            (1 - lambda) * WeightedError(1 - mask, restored, images) - lambda * WeightedError((distorted - images).abs(), restored, images)
        ).mean();

    /// <summary>|W o (F - X)|^2 / |W|_1 of each image, <c>[N]</c>; 0 where W is all zero.</summary>
    private static Tensor WeightedError(Tensor weights, Tensor restored, Tensor images)
    {
        const double nothing = 1e-12;
        var all = weights.expand(images.shape);
        return (all * (restored - images)).square().sum([1L, 2L, 3L]) / all.sum([1L, 2L, 3L]).clamp_min(nothing);
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
        var held = Math.Min(normal.Count - 1, Math.Max(1, (int)Math.Round(_settings.Validation * normal.Count)));
        var (validation, train) = (order[..held], order[held..]);
        var facts = new Dictionary<string, double> { ["train_images"] = train.Length, ["validation_images"] = held };
        for (var member = 0; member < _networks.Count; member++)
        {
            var objective = _settings.Objectives[member];
            var checkpoints = context.Checkpoints is { } store ? new MemberCheckpoints(store, member, _networks, facts) : null;
            if (checkpoints?.RestoreIfFinished() != true)
            {
                var (loss, steps) = Train(member, objective, normal, train, validation, context with { Checkpoints = checkpoints });
                facts[$"objective{objective}_loss"] = loss;
                facts[$"objective{objective}_steps"] = steps;
            }
            _networks[member].eval();
            if (_settings.Correction > 0)
            {
                _corrections[member] = AverageMap(member, new ImageBatch(normal, validation));
            }
        }
        return facts;
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var images = batch.Pixels(_size, _resources.Device);
        var restored = _networks.Select(network => network.call(images)).ToArray();
        var maps = restored.Select((image, member) => Corrected(member, Map(images, image))).ToArray();
        var map = maps.Aggregate(torch.maximum);
        return new Scores(map.clone().MoveToOuterDisposeScope(), map.sum([1L, 2L, 3L]).MoveToOuterDisposeScope())
        {
            Parts =
                maps.Length == 1
                    ? new Dictionary<string, Tensor>()
                    : maps.Select((part, i) => (Name: $"objective{_settings.Objectives[i]}", part))
                        .ToDictionary(entry => entry.Name, entry => entry.part.clone().MoveToOuterDisposeScope()),
            Reconstruction = restored.Length == 1 ? restored[0].MoveToOuterDisposeScope() : null,
        };
    }

    /// <inheritdoc/>
    public DetectorState Save()
    {
        var tensors = new Dictionary<string, Tensor>();
        for (var member = 0; member < _networks.Count; member++)
        {
            foreach (var (name, value) in _networks[member].state_dict())
            {
                tensors[$"{member}.{name}"] = value;
            }

            if (_corrections[member] is { } correction)
            {
                tensors[$"{member}.{AverageMapName}"] = correction;
            }
        }
        return new DetectorState(tensors, new Dictionary<string, string>());
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
        using var kept = new BestSoFar(network);
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
            generator
        );
        var restored = network.call(distorted);
        return objective == 1
            ? Objective1(restored, images, mask, _settings.Lambda)
            : Objective4(restored, images, distorted, mask, _settings.Lambda);
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

    private double LearningRate(long step) =>
        _settings.FinalLearningRate
        + (_settings.LearningRate - _settings.FinalLearningRate) * (1 + Math.Cos(Math.PI * step / _settings.Steps)) / 2;

    /// <summary>Side of the crops at a step, divisible by 8.</summary>
    private int CropSide(long step)
    {
        var stage = (int)Math.Min(_settings.Growing.Count - 1, step * _settings.Growing.Count / _settings.Steps);
        var side = (int)(_settings.Growing[stage] * _settings.ImageSize);
        return Math.Max(SsaeNetwork.Divisor, side - (side % SsaeNetwork.Divisor));
    }

    private Tensor Augmented(Tensor images, int side, Generator generator)
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
    private Tensor Map(Tensor images, Tensor restored)
    {
        var map =
            _settings.Difference == Difference.Squared
                ? (images - restored).square().mean([1L], keepdim: true)
                : 1 - Similarity(images, restored).mean([1L], keepdim: true);
        return Smoothed(map, _settings.Smoothings, _settings.SmoothingSize);
    }

    /// <summary>
    /// Equation (3): <paramref name="times"/> mean filters of <paramref name="size"/> x <paramref name="size"/>, zeros beyond the border.
    /// </summary>
    internal static Tensor Smoothed(Tensor map, int times, int size)
    {
        for (var i = 0; i < times; i++)
        {
            map = nn.functional.avg_pool2d(map, [size, size], [1, 1], [size / 2, size / 2], count_include_pad: true);
        }

        return map;
    }

    /// <summary>
    /// The structural similarity index of every pixel and colour (Wang et al. 2004, Gaussian window of 11 pixels and sigma 1.5).
    /// </summary>
    internal static Tensor Similarity(Tensor a, Tensor b)
    {
        const double c1 = 0.01 * 0.01,
            c2 = 0.03 * 0.03;
        var offsets = torch.arange(SsimWindow).to(ScalarType.Float32) - (SsimWindow / 2);
        var line = (offsets.square() / (-2 * SsimSigma * SsimSigma)).exp();
        line = (line / line.sum()).to(a.device);
        var rows = line.reshape(1, 1, -1, 1).expand(a.shape[1], 1, -1, -1).contiguous();
        var columns = line.reshape(1, 1, 1, -1).expand(a.shape[1], 1, -1, -1).contiguous();
        var (meanA, meanB) = (Blur(a), Blur(b));
        var varianceA = Blur(a.square()) - meanA.square();
        var varianceB = Blur(b.square()) - meanB.square();
        var covariance = Blur(a * b) - meanA * meanB;
        return (2 * meanA * meanB + c1) * (2 * covariance + c2) / ((meanA.square() + meanB.square() + c1) * (varianceA + varianceB + c2));

        Tensor Blur(Tensor value)
        {
            var half = SsimWindow / 2;
            var padded = nn.functional.pad(value, [half, half, half, half], PaddingModes.Reflect);
            var vertical = nn.functional.conv2d(padded, rows, groups: value.shape[1]);
            return nn.functional.conv2d(vertical, columns, groups: value.shape[1]);
        }
    }

    /// <summary>Equation (14).</summary>
    private Tensor Corrected(int member, Tensor map) =>
        _corrections[member] is { } average ? map * (1 - average).clamp_min(0).pow(_settings.Correction) : map;

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
        return sum.div_(validation.Count).DetachFromDisposeScope();
    }

    /// <summary>
    /// A network with the parameters that did best on the validation images, and how often none was better: registered as one module, so
    /// that checkpoints hold both.
    /// </summary>
    private sealed class BestSoFar : nn.Module
    {
        private readonly SsaeNetwork network;
        private readonly Dictionary<string, Tensor> _best = [];
        private readonly Tensor _loss = torch.tensor(float.PositiveInfinity).DetachFromDisposeScope();
        private readonly Tensor _misses = torch.tensor(0L).DetachFromDisposeScope();

        public BestSoFar(SsaeNetwork network)
            : base(nameof(BestSoFar))
        {
            this.network = network;
            RegisterComponents();
            register_buffer("loss", _loss);
            register_buffer("misses", _misses);
            foreach (var (name, value) in network.state_dict())
            {
                register_buffer("best_" + name.Replace('.', '_'), _best[name] = value.detach().clone().DetachFromDisposeScope());
            }
        }

        /// <summary>Takes note of a validation loss; true when the patience is over.</summary>
        public bool ShouldStop(double loss, int patience)
        {
            using var noGradient = torch.no_grad();
            if (loss < _loss.item<float>())
            {
                _loss.fill_((float)loss);
                _misses.zero_();
                foreach (var (name, value) in network.state_dict())
                {
                    _best[name].copy_(value);
                }

                return false;
            }
            _misses.add_(1);
            return _misses.item<long>() >= patience;
        }

        /// <summary>Puts the best parameters back, where any validation took place.</summary>
        public void Restore()
        {
            if (!float.IsFinite(_loss.item<float>()))
            {
                return;
            }

            using var noGradient = torch.no_grad();
            foreach (var (name, value) in network.state_dict())
            {
                value.copy_(_best[name]);
            }
        }

        /// <summary>The network is the detector's: only what this module made is freed.</summary>
        protected override void Dispose(bool disposing)
        {
            foreach (var value in _best.Values)
            {
                value.Dispose();
            }

            _loss.Dispose();
            _misses.Dispose();
        }
    }

    /// <summary>
    /// Checkpoints of one member of an ensemble: they hold the members that are finished as well, and the facts about their fits.
    /// </summary>
    private sealed class MemberCheckpoints(
        ICheckpoints store,
        int member,
        IReadOnlyList<SsaeNetwork> networks,
        IDictionary<string, double> facts
    ) : ICheckpoints
    {
        private const string Member = "member";
        private const string Fact = "fact.";

        public bool Due => store.Due;

        public void Save(DetectorState state)
        {
            var tensors = new Dictionary<string, Tensor>(state.Tensors);
            for (var i = 0; i < member; i++)
            {
                foreach (var (name, value) in networks[i].state_dict())
                {
                    tensors[$"finished.{i}.{name}"] = value;
                }
            }
            var values = new Dictionary<string, string>(state.Values) { [Member] = member.ToString(CultureInfo.InvariantCulture) };
            foreach (var (name, value) in facts)
            {
                values[Fact + name] = value.ToString("r", CultureInfo.InvariantCulture);
            }

            store.Save(new DetectorState(tensors, values));
        }

        public DetectorState? Load() => store.Load() is { } state && MemberOf(state) == member ? state : null;

        /// <summary>Restores this member where the checkpoint is of a later one.</summary>
        public bool RestoreIfFinished()
        {
            using var scope = torch.NewDisposeScope();
            if (store.Load() is not { } state || MemberOf(state) <= member)
            {
                return false;
            }

            var prefix = $"finished.{member}.";
            state.Under(prefix).LoadInto(networks[member], finite: false);
            var told = state.Under(Fact);
            foreach (var name in told.Values.Keys)
            {
                facts[name] = told.Number(name, finite: false);
            }

            return true;
        }

        private static long MemberOf(DetectorState state) => state.Whole(Member, 0);
    }
}
