using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Floor;

/// <summary>A mean image and, where asked for, axes around it.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="device">Where tensors live.</param>
public sealed partial class PixelFloorDetector(PixelFloorSettings settings, Device device) : IAnomalyDetector
{
    private const int Colours = 3;

    private readonly ImageSize _size = ImageSize.Square(settings.ImageSize);
    private Tensor? _mean;
    private Tensor? _axes;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var rows = ImageBatch.All(normal).Pixels(_size, device).flatten(1);
        var mean = rows.mean([0L], keepdim: true);
        Keep(mean, settings.Components > 0 ? FloorEquations.AxesOfFew(rows - mean, settings.Components) : Axes(0));
        return new Dictionary<string, double> { ["training_images"] = normal.Count, ["components"] = _axes!.shape[1] };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var mean = _mean ?? throw new InvalidOperationException("the detector has not been fitted");
        var images = batch.Pixels(_size, device);
        var residual = FloorEquations.Residual(images.flatten(1) - mean, _axes!).reshape(images.shape);
        var map = AnomalyMaps.GaussianFilter(residual.square().mean([1L], keepdim: true), settings.RelativeSigma * settings.ImageSize);
        return new Scores(map.MoveToOuterDisposeScope(), map.mean([1L, 2L, 3L]).MoveToOuterDisposeScope())
        {
            Parts = new Dictionary<string, Tensor> { ["max"] = AnomalyMaps.Maximum(map).MoveToOuterDisposeScope() },
            Reconstruction = (images - residual).clamp(0, 1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public DetectorState Save()
    {
        var tensors = new Dictionary<string, Tensor> { ["mean"] = _mean! };
        if (_axes!.shape[1] > 0)
        {
            tensors["axes"] = _axes;
        }
        return new DetectorState(tensors, new Dictionary<string, string>());
    }

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(settings.Components > 0 ? ["mean", "axes"] : ["mean"]);
        var mean = state.Tensor("mean", ScalarType.Float32, [1, Pixels]);
        // Images that are all alike have no axes.
        var axes =
            settings.Components > 0 && state.Tensors.ContainsKey("axes")
                ? state.Tensor("axes", ScalarType.Float32, [Pixels, DetectorState.Any])
                : Axes(0);
        Keep(mean.to(device, copy: true), axes.to(device, copy: true));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean?.Dispose();
        _axes?.Dispose();
    }

    private long Pixels => (long)Colours * settings.ImageSize * settings.ImageSize;

    private Tensor Axes(long count) => empty([Pixels, count], device: device);

    private void Keep(Tensor mean, Tensor axes)
    {
        Dispose();
        (_mean, _axes) = (mean.DetachFromDisposeScope(), axes.DetachFromDisposeScope());
    }
}
