using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Autoencoders;

/// <summary>The autoencoder, trained on random patches, scoring images patch by patch.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="device">Where it is trained.</param>
public sealed partial class AutoencoderDetector(AutoencoderSettings settings, Device device) : IAnomalyDetector
{
    private const int Patch = AutoencoderNetwork.PatchSide;

    private readonly ImageSize _size = ImageSize.Square(settings.ImageSize);
    private readonly AutoencoderNetwork _network = new AutoencoderNetwork(settings.IsGrey ? 1 : 3, settings.Latent).to(device);

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var batches = new ShuffledBatches(context, settings.PatchesPerEpoch, settings.BatchSize, partial: true);
        _network.train();
        using var optimizer = optim.Adam(_network.parameters(), settings.LearningRate, weight_decay: settings.WeightDecay);
        var (loss, steps) = Training.Run(
            context,
            _network,
            optimizer,
            (long)settings.Epochs * batches.PerEpoch,
            step =>
            {
                int[] turn = [.. batches.At(step).Select(patch => patch % normal.Count)];
                var images = RandomPatches(Pixels(new ImageBatch(normal, turn)), step, context.Seed);
                return Difference(images, _network.call(images)).mean();
            }
        );
        _network.eval();
        return new Dictionary<string, double>
        {
            ["final_loss"] = loss,
            ["steps"] = steps,
            ["training_images"] = normal.Count,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var images = Pixels(batch);
        var (sum, counts) = (zeros_like(images.narrow(1, 0, 1)), zeros([1, 1, settings.ImageSize, settings.ImageSize], device: device));
        var restored = zeros_like(images);
        var corners = AutoencoderEquations.Corners(settings.ImageSize, Patch, settings.Stride);
        foreach (var top in corners)
        {
            foreach (var left in corners)
            {
                using var each = NewDisposeScope();
                var patches = Cut(images, top, left);
                var back = _network.call(patches.channels_last());
                Cut(sum, top, left).add_(Difference(patches, back));
                Cut(restored, top, left).add_(back);
                Cut(counts, top, left).add_(1);
            }
        }
        var map = sum / counts;
        var image = (restored / counts).clamp(0, 1).expand(-1, 3, -1, -1).contiguous();
        return new Scores(map.MoveToOuterDisposeScope(), AnomalyMaps.Maximum(map).MoveToOuterDisposeScope())
        {
            Parts = new Dictionary<string, Tensor> { ["mean"] = map.mean([1L, 2L, 3L]).MoveToOuterDisposeScope() },
            Reconstruction = image.MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(_network.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.LoadInto(_network);
        _network.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    private static Tensor Cut(Tensor images, long top, long left) => images.narrow(2, top, Patch).narrow(3, left, Patch);

    private Tensor Pixels(ImageBatch batch)
    {
        var pixels = batch.Pixels(_size, device);
        return settings.IsGrey ? pixels.mean([1L], keepdim: true) : pixels;
    }

    private Tensor Difference(Tensor images, Tensor restored) =>
        settings.Difference == Autoencoders.Difference.L2
            ? AutoencoderEquations.SquaredDifference(images, restored)
            : AutoencoderEquations.StructuralDifference(images, restored, settings.Window);

    /// <summary>A patch of each image; the whole image where it is no larger.</summary>
    private Tensor RandomPatches(Tensor images, long step, int seed)
    {
        var room = settings.ImageSize - Patch + 1;
        var random = SplitMix64.For((ulong)seed, $"patches of step {step}");
        var patches = Enumerable
            .Range(0, (int)images.shape[0])
            .Select(i => Cut(images.narrow(0, i, 1), random.NextInt(room), random.NextInt(room)))
            .ToArray();
        return cat(patches).channels_last();
    }
}
