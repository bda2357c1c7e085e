using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Spade;

/// <summary>The frozen network and what it gives for all training images.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class SpadeDetector(SpadeSettings settings, Resources resources) : IAnomalyDetector
{
    private const int ImagesAtOnce = 16;

    private readonly Backbone _network = resources.Backbones.Get(settings.Network);

    /// <summary><c>[M,C]</c>, the pooled features of the training images.</summary>
    private Tensor? _pooled;

    /// <summary><c>[M,P,C]</c>, their pyramids.</summary>
    private Tensor? _pyramids;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        Clear();
        var done = 0;
        foreach (var batch in ImageBatch.All(normal).Chunks(ImagesAtOnce))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var each = NewDisposeScope();
            var (pooled, pyramid) = Features(batch);
            var rows = pyramid.flatten(2).transpose(1, 2);
            _pooled ??= empty([normal.Count, pooled.shape[1]], device: pooled.device).DetachFromDisposeScope();
            _pyramids ??= empty([normal.Count, rows.shape[1], rows.shape[2]], device: rows.device).DetachFromDisposeScope();
            _pooled.narrow(0, done, batch.Count).copy_(pooled);
            _pyramids.narrow(0, done, batch.Count).copy_(rows);
            done += batch.Count;
            context.Progress(done, normal.Count, "features");
        }
        return new Dictionary<string, double> { ["training_images"] = done, ["neighbours"] = Math.Min(settings.Neighbours, done) };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var (pooled, pyramid) = Features(batch);
        var (image, nearest) = SpadeEquations.ImageScore(
            pooled,
            Fitted(_pooled),
            (int)Math.Min(settings.Neighbours, Fitted(_pooled).shape[0])
        );
        var maps = new List<Tensor>();
        for (var i = 0L; i < batch.Count; i++)
        {
            using var each = NewDisposeScope();
            var positions = FeaturePyramid.Rows(pyramid.narrow(0, i, 1));
            var gallery = Fitted(_pyramids).index_select(0, nearest[i]).flatten(0, 1);
            maps.Add(SpadeEquations.PositionScore(positions, gallery).reshape(1, 1, pyramid.shape[2], -1).MoveToOuterDisposeScope());
        }
        var map = AnomalyMaps.GaussianFilter(AnomalyMaps.Enlarged(cat(maps), settings.ImageSize), settings.Sigma);
        return new Scores(map.MoveToOuterDisposeScope(), image.MoveToOuterDisposeScope())
        {
            Parts = new Dictionary<string, Tensor> { ["map.max"] = AnomalyMaps.Maximum(map).MoveToOuterDisposeScope() },
        };
    }

    /// <inheritdoc/>
    public DetectorState Save() =>
        new(
            new Dictionary<string, Tensor> { ["pooled"] = Fitted(_pooled), ["pyramids"] = Fitted(_pyramids) },
            new Dictionary<string, string>()
        );

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(["pooled", "pyramids"]);
        var pooled = state.Tensor("pooled", ScalarType.Float32, [DetectorState.Any, _network.Channels(settings.PooledLayer)]);
        var channels = settings.Layers.Sum(layer => (long)_network.Channels(layer));
        var pyramids = state.Tensor("pyramids", ScalarType.Float32, [pooled.shape[0], DetectorState.Any, channels]);
        Clear();
        _pooled = pooled.to(resources.Device, copy: true).DetachFromDisposeScope();
        _pyramids = pyramids.to(resources.Device, copy: true).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private static Tensor Fitted(Tensor? value) => value ?? throw new InvalidOperationException("the detector has not been fitted");

    /// <summary>Pooled features <c>[N,C]</c> and the pyramid <c>[N,C',H,W]</c> on the grid of the settings.</summary>
    private (Tensor Pooled, Tensor Pyramid) Features(ImageBatch batch)
    {
        var size = ImageSize.Square(settings.ImageSize);
        var pooled = resources.Features.Get(batch, _network, [settings.PooledLayer], size, Pooling.Average)[0];
        var levels = resources.Features.Get(batch, _network, settings.Layers, size);
        var grid = levels[Array.IndexOf(settings.Layers, settings.GridLayer)].shape;
        return (pooled, FeaturePyramid.Concatenated(levels, grid[2], grid[3], InterpolationMode.Bilinear));
    }

    private void Clear()
    {
        _pooled?.Dispose();
        _pyramids?.Dispose();
        (_pooled, _pyramids) = (null, null);
    }
}
