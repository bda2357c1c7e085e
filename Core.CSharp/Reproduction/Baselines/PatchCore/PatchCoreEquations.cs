using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.PatchCore;

/// <summary>Equations (1) to (7) of the paper but (5), which is <see cref="GreedyCoreset"/>.</summary>
public static class PatchCoreEquations
{
    /// <summary>
    /// Equations (1) to (3): each level averaged over the p x p neighbourhood of every position (border cells over those that are there),
    /// the coarser level resized bilinearly to the finer, channels concatenated.
    /// </summary>
    /// <param name="levels"><c>[N,C_l,H_l,W_l]</c>, the finest first.</param>
    /// <param name="patchSize">p, odd.</param>
    /// <param name="dimension">Neighbouring channels are averaged to so many; 0 leaves them.</param>
    /// <returns><c>[N,C,H_1,W_1]</c></returns>
    public static Tensor Patches(IReadOnlyList<Tensor> levels, long patchSize, long dimension = 0)
    {
        var half = patchSize / 2;
        Tensor[] averaged =
        [
            .. levels.Select(level =>
                nn.functional.avg_pool2d(level, [patchSize, patchSize], [1, 1], [half, half], count_include_pad: false)
            ),
        ];
        var patches = FeaturePyramid.Concatenated(averaged, levels[0].shape[2], levels[0].shape[3], InterpolationMode.Bilinear);
        return dimension == 0 || dimension == patches.shape[1]
            ? patches
            : nn
                .functional.adaptive_avg_pool1d(patches.flatten(2).transpose(1, 2), dimension)
                .transpose(1, 2)
                .reshape(patches.shape[0], dimension, patches.shape[2], patches.shape[3]);
    }

    /// <summary>
    /// Equation (7): s = (1 - exp|m_test - m*| / sum over m in N_b(m*) of exp|m_test - m|) s*. A patch whose nearest neighbour
    /// is itself far from the rest of the bank counts for more.
    /// </summary>
    /// <param name="nearest">s* = |m_test - m*|, equation (6), <c>[N]</c>.</param>
    /// <param name="neighbourhood">|m_test - m| for the b patches m of the bank nearest to m*, m* among them, <c>[N,b]</c>.</param>
    /// <returns>s, <c>[N]</c>.</returns>
    public static Tensor Reweighted(Tensor nearest, Tensor neighbourhood)
    {
        // The largest exponent taken out of the fraction: distances of a hundred would overflow.
        var largest = neighbourhood.amax([1L], keepdim: true);
        var share = (nearest.unsqueeze(1) - largest).exp() / (neighbourhood - largest).exp().sum([1L], keepdim: true);
        return (1 - share.squeeze(1)) * nearest;
    }

    /// <summary>
    /// A sparse random projection (Li, Hastie and Church 2006): entries are 0 but for one in sqrt(C), which are plus or minus
    /// sqrt(sqrt(C) / d). Squared lengths are kept in the mean; Johnson and Lindenstrauss bound by how much they change.
    /// </summary>
    /// <param name="channels">C.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="seed">Equal seeds give equal projections.</param>
    /// <returns>float32 <c>[C,d]</c>.</returns>
    public static Tensor SparseProjection(int channels, int dimensions, int seed)
    {
        var random = SplitMix64.For((ulong)seed, "projection");
        var density = 1 / Math.Sqrt(channels);
        var size = (float)Math.Sqrt(1 / (density * dimensions));
        var entries = new float[channels * dimensions];
        for (var i = 0; i < entries.Length; i++)
        {
            if (random.NextBool(density))
            {
                entries[i] = random.NextBool(0.5) ? size : -size;
            }
        }
        return tensor(entries, [channels, dimensions]);
    }
}
