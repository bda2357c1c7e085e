using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Metrics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>Hyperparameters of the supervised baseline of <c>gaussian</c>.</summary>
public sealed record SupervisedClassifierSettings
{
    /// <summary>Architecture whose trained weights are tuned further.</summary>
    public required string Network { get; init; }

    /// <summary>Layer whose spatial mean is classified.</summary>
    public required string Layer { get; init; }

    /// <summary>Side of the square that images are resized to, in pixels; bilinear without antialiasing.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Images a gradient step: 64 for ResNet, 16 for EfficientNet (section IV.C).</summary>
    public required int BatchSize { get; init; }

    /// <summary>Learning rate of Adam (section IV.C).</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Passes over the training images at most; the paper gives no number.</summary>
    public required int Epochs { get; init; }

    /// <summary>Training stops when the validation AUROC was not the best this many epochs in a row (public code).</summary>
    public int Patience { get; init; } = 3;

    /// <summary>Which augmentations leave the category's images what they are.</summary>
    public required AugmentationRules Augmentation { get; init; }

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("gaussian");
        check.Whole(ImageSize, 1);
        check.Batch(BatchSize);
        check.NotNegative(LearningRate);
        check.Whole(Epochs, 1, 10_000);
        check.Whole(Patience, 1);
    }
}

/// <summary>
/// "Fully-Supervised Fine-tune" of Tables V and VIII: a pre-trained network with one logit on the spatial mean of its last layer, tuned
/// whole on labelled images, good and anomalous, with binary cross-entropy. The state of the epoch with the best validation AUROC is kept.
/// </summary>
internal sealed class SupervisedClassifier : ISupervisedDetector
{
    private const int ScoreBatch = 16;

    private readonly SupervisedClassifierSettings _settings;
    private readonly Device _device;
    private readonly ImageSize _size;
    private readonly Model _model;

    /// <exception cref="UserError">There are no weights of the network, or they end before the layer.</exception>
    public SupervisedClassifier(SupervisedClassifierSettings settings, Resources resources)
    {
        (_settings, _device) = (settings, resources.Device);
        _size = ImageSize.Square(settings.ImageSize, Resampling.Bilinear);
        _model = new Model(resources.Backbones.GetTrainable(settings.Network), settings.Layer, _device);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context) =>
        throw new UserError(
            "the supervised classifier is trained on good and anomalous images; it is a baseline of 'repro run' only",
            exitCode: 2
        );

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages images, IReadOnlyList<bool> anomalous, int validation, FitContext context)
    {
        var count = images.Count - validation;
        if (!anomalous.Skip(count).Distinct().Skip(1).Any())
        {
            throw new UserError(
                $"the {validation} validation images are all {(anomalous[count] ? "anomalous" : "good")}; there is no AUROC to choose a "
                    + $"state by"
            );
        }
        var batches = new ShuffledBatches(context, count, _settings.BatchSize, partial: true);
        var augmented = new AugmentedImages(images, _settings.Augmentation, _settings.Epochs);
        // AUROCs are fractions of all pairs, which single precision does not tell apart where there are many.
        using var kept = new EarlyStopping(_model, ScalarType.Float64);
        _model.train();
        using var optimizer = optim.Adam(_model.parameters(), _settings.LearningRate);
        var (loss, steps) = Training.Run(
            context,
            kept,
            optimizer,
            (long)_settings.Epochs * batches.PerEpoch,
            step =>
            {
                var (batch, first) = (batches.At(step), batches.Epoch(step) * images.Count);
                var pixels = augmented.Pixels([.. batch.Select(index => first + index)], _size, _device);
                var labels = torch.tensor([.. batch.Select(index => anomalous[index] ? 1f : 0f)], device: _device);
                return nn.functional.binary_cross_entropy_with_logits(_model.call(pixels), labels);
            },
            stop: (step, _) =>
                (step + 1) % batches.PerEpoch == 0 && kept.ShouldStop(-ValidationAuroc(images, anomalous, count), _settings.Patience)
        );
        kept.Restore();
        _model.eval();
        return new Dictionary<string, double>
        {
            ["loss"] = loss,
            ["steps"] = steps,
            ["validation_auroc"] = -kept.Best,
        };
    }

    /// <summary>The logit: the same ranking as the probability, without its saturation.</summary>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return new Scores(Map: null, _model.call(batch.Pixels(_size, _device)).DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(_model.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.LoadInto(_model);
        _model.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private double ValidationAuroc(IImages images, IReadOnlyList<bool> anomalous, int first)
    {
        _model.eval();
        var held = new ImageBatch(images, [.. Enumerable.Range(first, images.Count - first)]);
        var logits = held.Chunks(ScoreBatch)
            .SelectMany(batch =>
            {
                using var scores = Score(batch);
                return scores.Image.cpu().data<float>().ToArray();
            })
            .ToArray();
        _model.train();
        return Roc.Auroc(logits, [.. anomalous.Skip(first).Select(label => (byte)(label ? 1 : 0))]).Value!.Value;
    }

    /// <summary>Backbone and linear layer.</summary>
    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        private readonly TrainedBackbone backbone;
        private readonly Linear head;
        private readonly string[] _layers;

        public Model(Backbone network, string layer, Device device)
            : base(nameof(SupervisedClassifier))
        {
            _layers = [layer];
            backbone = new TrainedBackbone(network);
            head = nn.Linear(network.Channels(layer), 1, device: device);
            RegisterComponents();
        }

        /// <summary>Logits <c>[N]</c> of images <c>[N,3,S,S]</c>.</summary>
        public override Tensor forward(Tensor images)
        {
            using var scope = torch.NewDisposeScope();
            return head.call(backbone.Network.Forward(images, _layers)[0].mean([2L, 3L])).squeeze(1L).MoveToOuterDisposeScope();
        }
    }
}
