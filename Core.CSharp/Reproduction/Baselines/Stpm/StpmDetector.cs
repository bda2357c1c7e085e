using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Stpm;

/// <summary>The frozen teacher, the trained student, and the scores that follow from them.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class StpmDetector(StpmSettings settings, Resources resources) : IAnomalyDetector
{
    private const int ValidationBatch = 8;

    private readonly Backbone _teacher = resources.Backbones.Get(settings.Network);
    private TrainedBackbone? _student;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var order = context.Shuffle(normal.Count, -1);
        var held = Math.Min(normal.Count - 1, (int)Math.Round(settings.Validation * normal.Count));
        var (validation, train) = (new ImageBatch(normal, order[..held]), new ImageBatch(normal, order[held..]));
        var size = Math.Min(settings.BatchSize, train.Count);
        var batches = new ShuffledBatches(context, train.Count, size, partial: false);
        var student = NewStudent(context.Seed);
        student.train();
        using var kept = new EarlyStopping(student);
        using var rows = Rows(train, context);
        using var heldRows = held > 0 ? Rows(validation, context) : null;
        using var optimizer = optim.SGD(student.parameters(), settings.LearningRate, settings.Momentum, 0, settings.WeightDecay);
        var (loss, steps) = Training.Run(
            context,
            kept,
            optimizer,
            (long)settings.Epochs * batches.PerEpoch,
            step =>
            {
                var at = batches.At(step);
                return StpmEquations.Loss(Positions(rows.Get(at), train with { Indices = [.. at.Select(row => train.Indices[row])] }));
            },
            stop: (step, _) =>
            {
                if (heldRows is not null && (step + 1) % batches.PerEpoch == 0)
                {
                    kept.ShouldStop(ValidationLoss(heldRows, validation), int.MaxValue);
                }
                return false;
            }
        );
        kept.Restore();
        student.eval();
        return new Dictionary<string, double>
        {
            ["final_loss"] = loss,
            ["steps"] = steps,
            ["training_images"] = train.Count,
            ["validation_images"] = held,
            ["validation_loss"] = kept.Best,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var positions = Positions(resources.Features.Get(batch, _teacher, settings.Layers, Size), batch);
        var map = AnomalyMaps.GaussianFilter(StpmEquations.AnomalyMap(positions, settings.ImageSize), settings.Sigma);
        var parts = settings
            .Layers.Zip(positions)
            .ToDictionary(level => level.First, level => AnomalyMaps.Enlarged(level.Second, settings.ImageSize).MoveToOuterDisposeScope());
        return new Scores(map.MoveToOuterDisposeScope(), AnomalyMaps.Maximum(map).MoveToOuterDisposeScope()) { Parts = parts };
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(Fitted.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        var student = NewStudent(0);
        state.LoadInto(student);
        student.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _student?.Dispose();

    private TrainedBackbone Fitted => _student ?? throw new InvalidOperationException("the detector has not been fitted");

    private ImageSize Size => ImageSize.Square(settings.ImageSize);

    /// <summary>A network of the teacher's architecture with random weights, up to the deepest level that is matched.</summary>
    private TrainedBackbone NewStudent(int seed)
    {
        _student?.Dispose();
        var options = new BackboneOptions { Trainable = true, Device = resources.Device };
        return _student = new TrainedBackbone(Backbone.Random(settings.Network, seed, options), settings.Layers[^1]);
    }

    private FeatureRows Rows(ImageBatch images, FitContext context) =>
        new(images, resources.Features, _teacher, settings.Layers, Size, context.Cancellation);

    /// <summary>The loss at each position of each level.</summary>
    private Tensor[] Positions(Tensor[] teacher, ImageBatch batch)
    {
        var input = _teacher.Preprocessing.Apply(batch.Pixels(Size, resources.Device));
        var student = Fitted.Network.ForwardRaw(input, settings.Layers);
        return [.. teacher.Zip(student, StpmEquations.PositionLoss)];
    }

    private double ValidationLoss(FeatureRows rows, ImageBatch validation)
    {
        using var noGradient = no_grad();
        Fitted.eval();
        var sum = 0.0;
        foreach (var some in Enumerable.Range(0, validation.Count).Chunk(ValidationBatch))
        {
            using var each = NewDisposeScope();
            var batch = validation with { Indices = [.. some.Select(row => validation.Indices[row])] };
            sum += StpmEquations.Loss(Positions(rows.Get(some), batch)).item<float>() * some.Length;
        }
        Fitted.train();
        return sum / validation.Count;
    }
}
