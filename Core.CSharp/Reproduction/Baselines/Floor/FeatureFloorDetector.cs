using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Floor;

/// <summary>A frozen network, the mean of its features over all positions of all images, and the axes around it.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class FeatureFloorDetector(FeatureFloorSettings settings, Resources resources) : IAnomalyDetector
{
    private const int ImagesAtOnce = 16;

    private readonly Backbone _network = resources.Backbones.Get(settings.Network);
    private Tensor? _mean;
    private Tensor? _axes;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        // Less the first batch's mean, so that the sums of squares do not cancel.
        Tensor? origin = null;
        Tensor? sum = null;
        Tensor? products = null;
        var count = 0L;
        foreach (var batch in ImageBatch.All(normal).Chunks(ImagesAtOnce))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var each = NewDisposeScope();
            var rows = FeaturePyramid.Rows(Features(batch));
            origin ??= rows.mean([0L]).MoveToOuterDisposeScope();
            sum ??= zeros([rows.shape[1]], ScalarType.Float64, rows.device).MoveToOuterDisposeScope();
            products ??= zeros([rows.shape[1], rows.shape[1]], ScalarType.Float64, rows.device).MoveToOuterDisposeScope();
            var moved = rows - origin;
            sum.add_(moved.sum([0L]).to(ScalarType.Float64));
            products.add_(moved.t().Times(moved).to(ScalarType.Float64));
            count += rows.shape[0];
        }
        if (origin is null || sum is null || products is null)
        {
            throw new UserError("pca-features needs at least 1 training image; there is none");
        }
        var mean = sum / count;
        var covariance = (products / count) - (mean.unsqueeze(1) * mean);
        Keep(origin + mean.to(ScalarType.Float32), FloorEquations.AxesOfShare(covariance, settings.Variance));
        return new Dictionary<string, double> { ["positions"] = count, ["components"] = _axes!.shape[1] };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var mean = _mean ?? throw new InvalidOperationException("the detector has not been fitted");
        var features = Features(batch);
        var residual = FloorEquations.Residual(FeaturePyramid.Rows(features) - mean, _axes!);
        var grid = residual.square().sum([1L]).sqrt().reshape(batch.Count, 1, features.shape[2], features.shape[3]);
        var map = AnomalyMaps.GaussianFilter(AnomalyMaps.Enlarged(grid, settings.ImageSize), settings.Sigma);
        return new Scores(map.MoveToOuterDisposeScope(), AnomalyMaps.Maximum(map).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public DetectorState Save() =>
        new(new Dictionary<string, Tensor> { ["mean"] = _mean!, ["axes"] = _axes! }, new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(["mean", "axes"]);
        var channels = settings.Layers.Sum(layer => (long)_network.Channels(layer));
        var mean = state.Tensor("mean", ScalarType.Float32, [channels]);
        var axes = state.Tensor("axes", ScalarType.Float32, [channels, DetectorState.Any]);
        Keep(mean.to(resources.Device, copy: true), axes.to(resources.Device, copy: true));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean?.Dispose();
        _axes?.Dispose();
    }

    /// <summary>The levels on the grid of the first, <c>[N,C,H,W]</c>.</summary>
    private Tensor Features(ImageBatch batch)
    {
        var levels = resources.Features.Get(batch, _network, settings.Layers, ImageSize.Square(settings.ImageSize));
        return FeaturePyramid.Concatenated(levels, levels[0].shape[2], levels[0].shape[3], InterpolationMode.Bilinear);
    }

    private void Keep(Tensor mean, Tensor axes)
    {
        Dispose();
        (_mean, _axes) = (mean.DetachFromDisposeScope(), axes.DetachFromDisposeScope());
    }
}
