using MathNet.Numerics;
using MathNet.Numerics.Distributions;
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

/// <summary>
/// The equations of the paper, in the axes of the covariance: with eigenvalues v_k and eigenvectors a_k no D x D matrix is formed. Tensors
/// are float64.
/// </summary>
public static class GaussianEquations
{
    /// <summary>
    /// Equation (2): M(x)^2 = sum_k p_k (a_k . (x - mean))^2 + p_rest |the part of x - mean outside all axes|^2.
    /// </summary>
    /// <param name="centred">x - mean, <c>[N,D]</c>.</param>
    /// <param name="axes">a_k, orthonormal, <c>[D,K]</c>; null for the features themselves.</param>
    /// <param name="precisions">p_k, the inverse of the variance along each axis, <c>[K]</c>.</param>
    /// <param name="restPrecision">p_rest, the inverse of the variance in all directions outside the axes; 0 leaves them out.</param>
    /// <returns>M(x), <c>[N]</c>.</returns>
    public static Tensor Mahalanobis(Tensor centred, Tensor? axes, Tensor precisions, double restPrecision)
    {
        var squares = (axes is null ? centred : centred.Times(axes)).square();
        var distance = squares.Times(precisions);
        if (restPrecision > 0)
        {
            distance = distance + (restPrecision * (centred.square().sum([1L]) - squares.sum([1L])).clamp_min(0));
        }

        return distance.sqrt();
    }

    /// <summary>The diagonal of equation (5), which the standardized Euclidean distance (9) divides by: (1/(N-1)) sum_i x_i^2.</summary>
    /// <param name="centred">Normal features less their mean, <c>[N,D]</c>.</param>
    /// <returns><c>[D]</c>.</returns>
    public static Tensor Variances(Tensor centred) => centred.square().sum([0L]) / (centred.shape[0] - 1);

    /// <summary>Equation (6): variances along the axes of the covariance, drawn towards their mean, tr / D.</summary>
    /// <param name="variances">Eigenvalues of the covariance, <c>[K]</c>; those not given are 0.</param>
    /// <param name="shrinkage">rho.</param>
    /// <param name="dimensions">D.</param>
    /// <returns>The shrunk ones, <c>[K]</c>, and rho tr / D, what those not given become.</returns>
    public static (Tensor Variances, double Floor) Shrunk(Tensor variances, double shrinkage, long dimensions)
    {
        var floor = shrinkage * variances.sum().item<double>() / dimensions;
        return (((1 - shrinkage) * variances) + floor, floor);
    }

    /// <summary>One over each variance, as a pseudo-inverse has it: a direction without variance carries no weight.</summary>
    /// <param name="variances"><c>[K]</c>.</param>
    public static Tensor Inverse(Tensor variances) => torch.where(variances > 0, 1.0 / variances, torch.zeros_like(variances));

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

    /// <summary>
    /// Variances (1/N) <c>[K]</c> in falling order and orthonormal axes <c>[D,K]</c> of centred samples <c>[N,D]</c>. K is D, or at most
    /// N - 1 when there are no more samples than features: then the eigenvectors come from the N x N Gram matrix.
    /// </summary>
    public static (Tensor Variances, Tensor Axes) PrincipalComponents(Tensor centred)
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
    public static (int First, int Count) Retained(IReadOnlyList<double> variances, Compression compression, double variance)
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
    public static double LedoitWolfShrinkage(Tensor variances, Tensor squaredNorms, long dimensions)
    {
        var n = (double)squaredNorms.shape[0];
        var mean = variances.sum().item<double>() / dimensions;
        var squaredCovariance = variances.square().sum().item<double>();
        var dispersion = (squaredCovariance / dimensions) - (mean * mean);
        var error = ((squaredNorms.square().sum().item<double>() / n) - squaredCovariance) / (dimensions * n);
        return dispersion <= 0 ? 0 : Math.Clamp(error / dispersion, 0, 1);
    }
}
