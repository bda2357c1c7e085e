using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>
/// Section 3.4 of <c>ssae</c> as predicates, and figure 8. An image is a vector of N pixels, S the set of its corrupted pixels and S' the
/// others; x is the normal image that a corrupted image x^ came from (equal to it on S'), y any other normal image.
/// <c>tests/Papers/SsaeTheory.fs</c> checks the paper's statements with them.
/// </summary>
public static class SsaeTheory
{
    /// <summary>
    /// Condition (6), which is also (8): with p the orthogonal projection of x^_S onto the line through x_S and y_S,
    /// |x_S - p| &lt;= max(|x_S - y_S|, |y_S - p|), that is, p is not beyond y_S as seen from x_S. The same as the inner product
    /// (x^_S - y_S).(y_S - x_S) &lt;= 0, which needs no line and so also covers x_S = y_S.
    /// </summary>
    /// <param name="corrupted">x^_S, <c>[...,|S|]</c>.</param>
    /// <param name="x">x_S, <c>[...,|S|]</c>.</param>
    /// <param name="y">y_S, <c>[...,|S|]</c>.</param>
    /// <returns>bool <c>[...]</c>.</returns>
    public static Tensor Feasible(Tensor corrupted, Tensor x, Tensor y) => ((corrupted - y) * (y - x)).sum([-1L]).le(0);

    /// <summary>The premise of (5) and (7): |x_S - y_S| &lt;= |x_S' - y_S'|.</summary>
    /// <param name="x"><c>[...,N]</c>.</param>
    /// <param name="y"><c>[...,N]</c>.</param>
    /// <param name="corrupted">S as 0 and 1, <c>[N]</c>.</param>
    /// <returns>bool <c>[...]</c>.</returns>
    public static Tensor Premise(Tensor x, Tensor y, Tensor corrupted)
    {
        var squares = (x - y).square();
        return (squares * corrupted).sum([-1L]).le((squares * (1 - corrupted)).sum([-1L]));
    }

    /// <summary>
    /// The first two moments of the marginal distribution of every pixel, estimated from all windows of all images as in section 4.2:
    /// equal at all pixels where the assumption of Proposition 2, P(x_i) = P(x_j), holds.
    /// </summary>
    /// <param name="batches">Normal images, each batch <c>[n,3,H,W]</c>; the pixel's value is the mean of its colours.</param>
    /// <param name="window">Side of the windows, at most H and W.</param>
    /// <returns>Mean and standard deviation, float64 <c>[window,window]</c> each.</returns>
    public static (Tensor Mean, Tensor Deviation) MarginalMoments(IEnumerable<Tensor> batches, int window)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var (sum, squares) = (torch.zeros([window, window], ScalarType.Float64), torch.zeros([window, window], ScalarType.Float64));
        var count = 0L;
        foreach (var batch in batches)
        {
            using var each = torch.NewDisposeScope();
            var grey = batch.cpu().to(ScalarType.Float64).mean([1L], keepdim: true);
            sum.add_(Seen(grey).sum([0L, 1L]));
            squares.add_(Seen(grey.square()).sum([0L, 1L]));
            count += grey.shape[0];
        }
        var mean = sum / count;
        var deviation = (squares / count - mean.square()).clamp_min(0).sqrt();
        return (mean.MoveToOuterDisposeScope(), deviation.MoveToOuterDisposeScope());

        // What a pixel of the window sees while the window slides over the image is a rectangle of the image: its rows' and columns' means.
        Tensor Seen(Tensor values) =>
            nn.functional.avg_pool2d(
                nn.functional.avg_pool2d(values, [values.shape[2] - window + 1, 1], [1, 1]),
                [1, values.shape[3] - window + 1],
                [1, 1]
            );
    }
}
