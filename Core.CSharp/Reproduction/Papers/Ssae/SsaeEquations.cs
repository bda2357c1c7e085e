using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>
/// The equations of the paper. X is an image, X^ the distorted one, M the mask of what was changed, F the autoencoder.
/// </summary>
public static class SsaeEquations
{
    /// <summary>Pixels of the similarity's window beside its middle.</summary>
    private const int SsimHalf = 5;

    /// <summary>Equation (1): the mean over the batch of the two parts' errors, each in proportion to its size.</summary>
    /// <param name="restored">F(X^), <c>[N,3,H,W]</c>.</param>
    /// <param name="images">X.</param>
    /// <param name="mask">M, <c>[N,1,H,W]</c>.</param>
    /// <param name="lambda">Weight of the changed part.</param>
    public static Tensor Objective1(Tensor restored, Tensor images, Tensor mask, double lambda) =>
        ((1 - lambda) * WeightedError(1 - mask, restored, images) + lambda * WeightedError(mask, restored, images)).mean();

    /// <summary>
    /// Equation (4): the error of the changed part is rewarded, in proportion to how much each of its pixels was changed.
    /// </summary>
    /// <inheritdoc cref="Objective1"/>
    /// <param name="distorted">X^.</param>
    public static Tensor Objective4(Tensor restored, Tensor images, Tensor distorted, Tensor mask, double lambda) =>
        (
            (1 - lambda) * WeightedError(1 - mask, restored, images) - lambda * WeightedError((distorted - images).abs(), restored, images)
        ).mean();

    /// <summary>|W o (F - X)|^2 / |W|_1 of each image, <c>[N]</c>; 0 where W is all zero.</summary>
    private static Tensor WeightedError(Tensor weights, Tensor restored, Tensor images)
    {
        const double nothing = 1e-12;
        var all = weights.expand(images.shape);
        return (all * (restored - images)).square().sum([1L, 2L, 3L]) / all.sum([1L, 2L, 3L]).clamp_min(nothing);
    }

    /// <summary>Equation (2) with squared differences, the mean over colours.</summary>
    /// <param name="restored">F(X), <c>[N,3,H,W]</c>.</param>
    /// <param name="images">X.</param>
    /// <returns><c>[N,1,H,W]</c>.</returns>
    public static Tensor SquaredDifference(Tensor restored, Tensor images) => (images - restored).square().mean([1L], keepdim: true);

    /// <summary>Equation (2) with one less the structural similarity, the mean over colours.</summary>
    /// <inheritdoc cref="SquaredDifference"/>
    public static Tensor StructuralDifference(Tensor restored, Tensor images) => 1 - Similarity(images, restored).mean([1L], keepdim: true);

    /// <summary>Equation (13): the mean of the heat maps of held-out normal images.</summary>
    /// <param name="sum">Sum of their maps, <c>[1,1,H,W]</c>.</param>
    /// <param name="count">|V|, how many they are.</param>
    public static Tensor AverageMap(Tensor sum, int count) => sum.div(count);

    /// <summary>Equation (14): places that are bright on normal images too count for less.</summary>
    /// <param name="map">Heat maps, <c>[N,1,H,W]</c>.</param>
    /// <param name="average">The average of (13), <c>[1,1,H,W]</c>.</param>
    /// <param name="t">
    /// The exponent. It has the inverse of the difference's unit: (1 - a)^t is nearly exp(-t a), so that what t = 1 does to averages near 1
    /// (1 - SSIM) takes t = 1,000 with averages near 0.001 (squared differences).
    /// </param>
    public static Tensor Corrected(Tensor map, Tensor average, double t) => map * Weight(average, t);

    /// <summary>The factor of equation (14), <c>[1,1,H,W]</c>.</summary>
    internal static Tensor Weight(Tensor average, double t) => (1 - average).clamp_min(0).pow(t);

    /// <summary>
    /// How much of what tells images from one another is in their reconstructions: the variance between images, summed over pixels and
    /// colours. Not in the paper; a network that restores the mean image whatever it is shown keeps 0, one that restores all keeps 1.
    /// </summary>
    /// <param name="restored">F(X) of undistorted images, <c>[N,3,H,W]</c>, N at least 2.</param>
    /// <param name="images">X.</param>
    /// <returns>Kept: the variance of F(X) as a share of that of X. Explained: 1 less the share of the variance of F(X) - X.</returns>
    public static (double Kept, double Explained) KeptVariance(Tensor restored, Tensor images)
    {
        using var scope = torch.NewDisposeScope();
        double Between(Tensor value) => value.to(ScalarType.Float64).var(0).sum().item<double>();
        var all = Between(images);
        return all > 0 ? (Between(restored) / all, 1 - Between(restored - images) / all) : (1, 1);
    }

    /// <summary>
    /// Equation (3): <paramref name="times"/> mean filters of <paramref name="size"/> x <paramref name="size"/>, zeros beyond the border.
    /// </summary>
    public static Tensor Smoothed(Tensor map, int times, int size)
    {
        for (var i = 0; i < times; i++)
        {
            map = nn.functional.avg_pool2d(map, [size, size], [1, 1], [size / 2, size / 2], count_include_pad: true);
        }

        return map;
    }

    /// <summary>The structural similarity of every pixel and colour, with a Gaussian window of 11 pixels, mirrored at the border.</summary>
    public static Tensor Similarity(Tensor a, Tensor b)
    {
        var (rows, columns) = SsimWindow(a.shape[1]);
        var (down, across) = (rows.to(a.device), columns.to(a.device));
        return StructuralSimilarity.Of(a, b, Blur);

        Tensor Blur(Tensor value)
        {
            var padded = nn.functional.pad(value, [SsimHalf, SsimHalf, SsimHalf, SsimHalf], PaddingModes.Reflect);
            var vertical = nn.functional.conv2d(padded, down, groups: value.shape[1]);
            return nn.functional.conv2d(vertical, across, groups: value.shape[1]);
        }
    }

    /// <summary>As <see cref="Similarity(Tensor, Tensor)"/> of three colours, as operations of an ONNX graph.</summary>
    internal static OnnxValue Similarity(OnnxValue a, OnnxValue b)
    {
        const long colours = 3;
        using var scope = NewDisposeScope();
        var (rows, columns) = SsimWindow(colours);
        return StructuralSimilarity.Of(a, b, Blur);

        OnnxValue Blur(OnnxValue value) =>
            value
                .Pad(SsimHalf, SsimHalf, SsimHalf, SsimHalf, "reflect")
                .Conv2d(rows, null, groups: colours)
                .Conv2d(columns, null, groups: colours);
    }

    /// <summary>The window's kernels, for a convolution a channel: <c>[C,1,11,1]</c> and <c>[C,1,1,11]</c>.</summary>
    private static (Tensor Rows, Tensor Columns) SsimWindow(long channels)
    {
        var offsets = torch.arange((2 * SsimHalf) + 1).to(ScalarType.Float32) - SsimHalf;
        var line = (offsets.square() / (-2 * StructuralSimilarity.Sigma * StructuralSimilarity.Sigma)).exp();
        line = line / line.sum();
        return (
            line.reshape(1, 1, -1, 1).expand(channels, 1, -1, -1).contiguous(),
            line.reshape(1, 1, 1, -1).expand(channels, 1, -1, -1).contiguous()
        );
    }
}
