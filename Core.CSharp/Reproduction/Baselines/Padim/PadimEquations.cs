using static TorchSharp.torch;

namespace Reproduction.Baselines.Padim;

/// <summary>The two equations of the paper, for all positions of the grid at once: P positions, N images, C channels.</summary>
public static class PadimEquations
{
    /// <summary>Positions whose matrices are factored at a time: the workspace of a batch stays small.</summary>
    private const int PositionBlock = 256;

    /// <summary>
    /// The inverse W of the Cholesky factor of equation (1)'s covariance, 1/(N-1) times the scatter plus epsilon I = L L^T, W = L^-1.
    /// </summary>
    /// <param name="scatter">Sums of (x - mean)(x - mean)^T, <c>[P,C,C]</c>.</param>
    /// <param name="count">N, at least 2.</param>
    /// <param name="epsilon">Above 0: fewer images than channels leave the scatter singular.</param>
    /// <returns>Lower triangular, <c>[P,C,C]</c>.</returns>
    public static Tensor InverseFactor(Tensor scatter, long count, double epsilon)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var unit = eye(scatter.shape[1], device: scatter.device);
        var factors = empty_like(scatter);
        for (var first = 0L; first < scatter.shape[0]; first += PositionBlock)
        {
            using var each = NewDisposeScope();
            var some = Math.Min(PositionBlock, scatter.shape[0] - first);
            var covariance = (scatter.narrow(0, first, some) / (count - 1)) + (unit * epsilon);
            var lower = linalg.cholesky(covariance);
            factors.narrow(0, first, some).copy_(linalg.solve_triangular(lower, unit.expand_as(lower), upper: false));
        }
        return factors.MoveToOuterDisposeScope();
    }

    /// <summary>Equation (2): M(x) = sqrt((x - mean)^T Sigma^-1 (x - mean)) = |W (x - mean)|.</summary>
    /// <param name="centred">x - mean at each position, <c>[P,C,N]</c>.</param>
    /// <param name="inverseFactor">W, <c>[P,C,C]</c>.</param>
    /// <returns><c>[P,N]</c></returns>
    public static Tensor Mahalanobis(Tensor centred, Tensor inverseFactor) => inverseFactor.bmm(centred).square().sum([1L]).sqrt();
}
