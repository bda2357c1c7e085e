using static TorchSharp.torch;

namespace Reproduction.Baselines.Floor;

/// <summary>Principal components and what they leave.</summary>
public static class FloorEquations
{
    /// <summary>Variances along the axes below this share of the largest are rounding errors.</summary>
    private const double Negligible = 1e-12;

    /// <summary>
    /// The components of largest variance of a few long vectors, by their Gram matrix: the eigenvector v of X X^T of eigenvalue e gives
    /// the axis X^T v / sqrt(e).
    /// </summary>
    /// <param name="centred">Vectors less their mean, <c>[N,D]</c>, N below D.</param>
    /// <param name="components">How many at most; those without variance are left out.</param>
    /// <returns>Orthonormal columns, float32 <c>[D,K]</c>; K may be 0.</returns>
    public static Tensor AxesOfFew(Tensor centred, int components)
    {
        using var scope = NewDisposeScope();
        var gram = centred.Times(centred.t()).to(ScalarType.Float64);
        var (values, vectors) = linalg.eigh(gram);
        var largest = values[-1].item<double>();
        var rank = largest > 0 ? (values > largest * centred.shape[0] * 1e-7).sum().item<long>() : 0;
        var kept = Math.Min(Math.Min(components, centred.shape[0] - 1), rank);
        var (own, lengths) = (vectors.narrow(1, centred.shape[0] - kept, kept), values.narrow(0, centred.shape[0] - kept, kept).sqrt());
        return centred.t().Times((own / lengths).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    /// <summary>The components of a covariance that hold a share of the variance: as few as do.</summary>
    /// <param name="covariance">float64 <c>[D,D]</c>, up to a factor.</param>
    /// <param name="share">Above 0, at most 1.</param>
    /// <returns>Orthonormal columns, float32 <c>[D,K]</c>.</returns>
    public static Tensor AxesOfShare(Tensor covariance, double share)
    {
        using var scope = NewDisposeScope();
        var (values, vectors) = linalg.eigh(covariance);
        var variances = values.flip(0).clamp_min(0).cpu().data<double>().ToArray();
        var (all, sum, kept) = (variances.Sum(), 0.0, 0);
        while (kept < variances.Length && sum < share * all && variances[kept] > Negligible * variances[0])
        {
            sum += variances[kept++];
        }
        return vectors.narrow(1, variances.Length - kept, kept).to(ScalarType.Float32).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>What the axes do not span: x - A A^T x.</summary>
    /// <param name="centred">x less the mean, <c>[N,D]</c>.</param>
    /// <param name="axes">A, orthonormal columns, <c>[D,K]</c>.</param>
    /// <returns><c>[N,D]</c></returns>
    public static Tensor Residual(Tensor centred, Tensor axes) =>
        axes.shape[1] == 0 ? centred.alias() : centred - centred.Times(axes).Times(axes.t());
}
