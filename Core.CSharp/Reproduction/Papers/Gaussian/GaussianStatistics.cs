using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>Which principal components of the normal features are kept before the Gaussian is fitted (section IV.A).</summary>
public enum Compression
{
    /// <summary>All features.</summary>
    None,

    /// <summary>The components of largest variance: PCA.</summary>
    Pca,

    /// <summary>The components of smallest variance: negated PCA, NPCA.</summary>
    Npca,
}

/// <summary>What one feature level knows of normality: a score that grows with the distance from it.</summary>
internal interface ILevelModel : IDisposable
{
    /// <summary>Scores of features <c>[N,D]</c>: float64 <c>[N]</c>, larger is more anomalous.</summary>
    Tensor Score(Tensor features);

    /// <summary>The parameters that are tensors; they stay the model's.</summary>
    IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>The parameters that are numbers.</summary>
    IReadOnlyDictionary<string, double> Numbers { get; }
}

/// <summary>
/// A normal distribution over the features of one level. Its inverse covariance is kept in its axes,
/// M(x)^2 = sum_k p_k (a_k . (x - mean))^2 + p_rest |the part of x - mean outside all axes|^2, so that no D x D matrix is needed when
/// there are fewer images than features.
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
        var variances = (x - mean).square().sum([0L]) / (x.shape[0] - 1);
        var varies = variances > 0;
        var precisions = torch.where(varies, 1.0 / (variances * x.shape[1]), torch.zeros_like(variances));
        return new LevelGaussian(mean, null, precisions, 0, varies.sum().item<long>(), 0);
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
        var (variances, axes) = PrincipalComponents(centred);
        var dimensions = x.shape[1];
        var kept = centred;
        if (compression != Compression.None)
        {
            var (first, count) = Retained(variances.cpu().data<double>().ToArray(), compression, variance);
            variances = variances.narrow(0, first, count);
            axes = axes.narrow(1, first, count).contiguous();
            dimensions = count;
            kept = centred.Times(axes);
        }
        var shrinkage = LedoitWolfShrinkage(variances, kept.square().sum([1L]), dimensions);
        var floor = shrinkage * variances.sum().item<double>() / dimensions;
        var shrunk = ((1 - shrinkage) * variances) + floor;
        // As a pseudo-inverse does: a direction without variance that is not shrunk either carries no weight.
        var precisions = torch.where(shrunk > 0, 1.0 / shrunk, torch.zeros_like(shrunk));
        var rest = variances.shape[0] < dimensions && floor > 0 ? 1.0 / floor : 0;
        return new LevelGaussian(mean, axes, precisions, rest, dimensions, shrinkage);
    }

    /// <inheritdoc/>
    public Tensor Score(Tensor features)
    {
        using var scope = torch.NewDisposeScope();
        var centred = features.to(ScalarType.Float64) - _mean;
        var squares = (_axes is null ? centred : centred.Times(_axes)).square();
        var distance = squares.Times(_precisions);
        if (_restPrecision > 0)
        {
            distance = distance + (_restPrecision * (centred.square().sum([1L]) - squares.sum([1L])).clamp_min(0));
        }

        return distance.sqrt().DetachFromDisposeScope();
    }

    /// <summary>
    /// The threshold that a share 1 - <paramref name="falsePositiveRate"/> of a Gaussian's samples stay under, equation (8):
    /// t = sqrt(F_D^-1(1 - FPR)).
    /// </summary>
    public static double Threshold(int dimensions, double falsePositiveRate) =>
        Math.Sqrt(ChiSquared.InvCDF(dimensions, 1 - falsePositiveRate));

    /// <summary>
    /// The share of a univariate normal distribution beyond n standard deviations: the target false positive rate of Table IV.
    /// </summary>
    public static double TailProbability(int sigmas) => SpecialFunctions.Erfc(sigmas / Math.Sqrt(2));

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean.Dispose();
        _axes?.Dispose();
        _precisions.Dispose();
    }

    /// <summary>
    /// Variances (1/N) <c>[K]</c> in falling order and orthonormal axes <c>[D,K]</c> of centred samples <c>[N,D]</c>. K is D, or at most
    /// N - 1 when there are no more samples than features: then the eigenvectors come from the N x N Gram matrix.
    /// </summary>
    internal static (Tensor Variances, Tensor Axes) PrincipalComponents(Tensor centred)
    {
        var (n, d) = (centred.shape[0], centred.shape[1]);
        if (n > d)
        {
            var (values, vectors) = linalg.eigh(centred.t().Times(centred) / n);
            return (values.flip(0).clamp_min(0), vectors.flip(1).contiguous());
        }
        var (gramValues, gramVectors) = linalg.eigh(centred.Times(centred.t()) / n);
        var variances = gramValues.flip(0);
        // Centring takes one direction away, equal images take more: their Gram eigenvalues are rounding errors.
        var largest = variances[0].item<double>();
        var rank = Math.Max(1, Math.Min(n - 1, (variances > largest * n * 1e-14).sum().item<long>()));
        variances = variances.narrow(0, 0, rank);
        var axes = centred.t().Times(gramVectors.flip(1).narrow(1, 0, rank)) / (variances * n).sqrt();
        return (variances, axes);
    }

    /// <summary>
    /// The components that PCA and NPCA keep, of variances in falling order. With i the first component at which the cumulative share
    /// of the variance exceeds the threshold, PCA keeps 0..i and NPCA (threshold 1 - <paramref name="variance"/>) keeps i-1..last.
    /// </summary>
    internal static (int First, int Count) Retained(IReadOnlyList<double> variances, Compression compression, double variance)
    {
        var threshold = compression == Compression.Pca ? variance : 1 - variance;
        var total = variances.Sum();
        var cumulative = 0.0;
        var index = 0;
        for (; index < variances.Count - 1; index++)
        {
            cumulative += variances[index];
            if (cumulative > threshold * total)
            {
                break;
            }
        }
        if (compression == Compression.Pca)
        {
            return (0, index + 1);
        }

        var first = Math.Max(0, index - 1);
        return (first, variances.Count - first);
    }

    /// <summary>
    /// The shrinkage intensity that minimises the expected squared error of equation (6), in Ledoit and Wolf's closed form. Both of its
    /// sums over all pairs of features need only the spectrum and the norms of the samples.
    /// </summary>
    /// <param name="variances">Eigenvalues of the covariance (1/N); those not given are 0.</param>
    /// <param name="squaredNorms"><c>[N]</c> squared norms of the centred samples.</param>
    /// <param name="dimensions">Number of features.</param>
    internal static double LedoitWolfShrinkage(Tensor variances, Tensor squaredNorms, long dimensions)
    {
        var n = (double)squaredNorms.shape[0];
        var mean = variances.sum().item<double>() / dimensions;
        var squaredCovariance = variances.square().sum().item<double>();
        var dispersion = (squaredCovariance / dimensions) - (mean * mean);
        var error = ((squaredNorms.square().sum().item<double>() / n) - squaredCovariance) / (dimensions * n);
        return dispersion <= 0 ? 0 : Math.Clamp(error / dispersion, 0, 1);
    }
}
