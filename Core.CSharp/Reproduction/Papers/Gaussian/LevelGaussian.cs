using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>What one feature level knows of normality: a score that grows with the distance from it.</summary>
internal interface ILevelModel : IDisposable
{
    /// <summary>Scores of features <c>[N,D]</c>: float64 <c>[N]</c>, larger is more anomalous.</summary>
    Tensor Score(Tensor features);

    /// <summary>As <see cref="Score"/>, as operations of an ONNX graph.</summary>
    /// <param name="features">float64 <c>[N,D]</c>.</param>
    OnnxValue Export(OnnxValue features);

    /// <summary>The parameters that are tensors; they stay the model's.</summary>
    IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>The parameters that are numbers.</summary>
    IReadOnlyDictionary<string, double> Numbers { get; }
}

/// <summary>
/// A normal distribution over the features of one level. Its inverse covariance is kept in its axes
/// (<see cref="GaussianEquations.Mahalanobis"/>), so that no D x D matrix is needed when there are fewer images than features.
/// </summary>
internal sealed class LevelGaussian : ILevelModel
{
    private readonly Tensor _mean;
    private readonly Tensor? _axes;
    private readonly Tensor _precisions;
    private readonly double _restPrecision;

    private LevelGaussian(Tensor mean, Tensor? axes, Tensor precisions, double restPrecision, long dimensions, double shrinkage)
    {
        _mean = mean.DetachFromDisposeScope();
        _axes = axes?.DetachFromDisposeScope();
        _precisions = precisions.DetachFromDisposeScope();
        _restPrecision = restPrecision;
        Dimensions = (int)dimensions;
        Shrinkage = shrinkage;
    }

    /// <summary>
    /// Number of dimensions of the distribution: features, or the components kept; without the constant features for SED.
    /// </summary>
    public int Dimensions { get; }

    /// <summary>Ledoit and Wolf's shrinkage intensity, rho of equation (6); 0 where nothing is shrunk.</summary>
    public double Shrinkage { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Tensors
    {
        get
        {
            var tensors = new Dictionary<string, Tensor> { ["mean"] = _mean, ["precisions"] = _precisions };
            if (_axes is not null)
            {
                tensors["axes"] = _axes;
            }

            return tensors;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Numbers =>
        new Dictionary<string, double>
        {
            ["dimensions"] = Dimensions,
            ["shrinkage"] = Shrinkage,
            ["rest_precision"] = _restPrecision,
        };

    /// <summary>The distribution with these parameters.</summary>
    /// <param name="state">What <see cref="Tensors"/> and <see cref="Numbers"/> gave.</param>
    /// <param name="features">D, the number of features that will be scored.</param>
    /// <param name="isMultivariate">Whether it has axes of its own.</param>
    /// <param name="device">Where the features will be.</param>
    /// <exception cref="UserError">Something is missing, of another shape, or not finite.</exception>
    public static LevelGaussian Load(DetectorState state, long features, bool isMultivariate, Device device)
    {
        using var scope = torch.NewDisposeScope();
        Tensor Copy(string name, params long[] shape) => state.Tensor(name, ScalarType.Float64, shape).to(device, copy: true);
        var axes = isMultivariate ? Copy("axes", features, DetectorState.Any) : null;
        return new LevelGaussian(
            Copy("mean", features),
            axes,
            Copy("precisions", axes is null ? features : axes.shape[1]),
            state.Number("rest_precision"),
            state.Whole("dimensions", 1),
            state.Number("shrinkage")
        );
    }

    /// <summary>Equal variance in all features: the score is the L2 distance to the mean, as root of the mean over features.</summary>
    /// <param name="samples">Features <c>[N,D]</c> of normal images.</param>
    public static LevelGaussian FixedVariance(Tensor samples)
    {
        using var scope = torch.NewDisposeScope();
        var mean = samples.to(ScalarType.Float64).mean([0L]);
        var d = mean.shape[0];
        return new LevelGaussian(mean, null, torch.full([d], 1.0 / d, dtype: ScalarType.Float64, device: samples.device), 0, d, 0);
    }

    /// <summary>
    /// Independent features with their own variances: the standardized Euclidean distance of equation (9), as root of the mean over
    /// features. A feature that is constant over the normal images (a ReLU that never fires) would divide by zero and is left out.
    /// </summary>
    /// <param name="samples">Features <c>[N,D]</c> of normal images.</param>
    public static LevelGaussian IndependentVariances(Tensor samples)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64);
        var mean = x.mean([0L]);
        var variances = GaussianEquations.Variances(x - mean);
        var precisions = GaussianEquations.Inverse(variances * x.shape[1]);
        return new LevelGaussian(mean, null, precisions, 0, (variances > 0).sum().item<long>(), 0);
    }

    /// <summary>
    /// A multivariate Gaussian with Ledoit and Wolf's covariance (equation (6)): the score is the Mahalanobis distance of equation (2).
    /// </summary>
    /// <param name="samples">Features <c>[N,D]</c> of normal images; N may be below D.</param>
    /// <param name="compression">Which principal components are kept.</param>
    /// <param name="variance">Share of the variance that they hold, e.g. 0.99 for PCA 99%, 0.01 for NPCA 1%; not used without
    /// compression.</param>
    public static LevelGaussian Multivariate(Tensor samples, Compression compression = Compression.None, double variance = 1)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64);
        var mean = x.mean([0L]);
        var centred = x - mean;
        var (variances, axes) = GaussianEquations.PrincipalComponents(centred);
        var dimensions = x.shape[1];
        var kept = centred;
        if (compression != Compression.None)
        {
            var (first, count) = GaussianEquations.Retained(variances.cpu().data<double>().ToArray(), compression, variance);
            variances = variances.narrow(0, first, count);
            axes = axes.narrow(1, first, count).contiguous();
            dimensions = count;
            kept = centred.Times(axes);
        }
        var shrinkage = GaussianEquations.LedoitWolfShrinkage(variances, kept.square().sum([1L]), dimensions);
        var (shrunk, floor) = GaussianEquations.Shrunk(variances, shrinkage, dimensions);
        var rest = variances.shape[0] < dimensions && floor > 0 ? 1.0 / floor : 0;
        return new LevelGaussian(mean, axes, GaussianEquations.Inverse(shrunk), rest, dimensions, shrinkage);
    }

    /// <inheritdoc/>
    public Tensor Score(Tensor features)
    {
        using var scope = torch.NewDisposeScope();
        var distance = GaussianEquations.Mahalanobis(features.to(ScalarType.Float64) - _mean, _axes, _precisions, _restPrecision);
        return distance.DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public OnnxValue Export(OnnxValue features)
    {
        using var scope = torch.NewDisposeScope();
        var model = features.Model;
        var centred = features - model.Constant(_mean);
        var squares = (_axes is null ? centred : centred.MatMul(model.Constant(_axes))).Square();
        var distance = squares.MatMul(model.Constant(_precisions.unsqueeze(1)));
        if (_restPrecision > 0)
        {
            distance += _restPrecision * (centred.Square().Sum([1], keepdim: true) - squares.Sum([1], keepdim: true)).ClampMin(0);
        }
        return distance.Sqrt().Reshape(-1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean.Dispose();
        _axes?.Dispose();
        _precisions.Dispose();
    }
}
