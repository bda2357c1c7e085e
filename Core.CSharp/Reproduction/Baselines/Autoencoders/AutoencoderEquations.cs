using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Autoencoders;

/// <summary>The two differences of images, each a loss as its mean and a map as it is.</summary>
public static class AutoencoderEquations
{
    /// <summary>The squared difference of pixels, the mean over colours.</summary>
    /// <param name="images"><c>[N,C,H,W]</c></param>
    /// <param name="restored">Likewise.</param>
    /// <returns><c>[N,1,H,W]</c></returns>
    public static Tensor SquaredDifference(Tensor images, Tensor restored) => (images - restored).square().mean([1L], keepdim: true);

    /// <summary>One less the structural similarity, the mean over colours.</summary>
    /// <param name="window">Side of the window, odd.</param>
    /// <inheritdoc cref="SquaredDifference"/>
    public static Tensor StructuralDifference(Tensor images, Tensor restored, long window) =>
        1 - Similarity(images, restored, window).mean([1L], keepdim: true);

    /// <summary>The structural similarity of every pixel and channel, with a Gaussian window that is mirrored at the border.</summary>
    /// <param name="a"><c>[N,C,H,W]</c></param>
    /// <param name="b">Likewise.</param>
    /// <param name="window">Side of the window, odd.</param>
    /// <returns><c>[N,C,H,W]</c>, at most 1.</returns>
    public static Tensor Similarity(Tensor a, Tensor b, long window)
    {
        var (down, across) = (WindowMatrix(a.shape[2], window).to(a.device), WindowMatrix(a.shape[3], window).to(a.device).t());
        return StructuralSimilarity.Of(a, b, Weighted);

        // The window is a product of two lines: a matrix by the columns, then by the rows. (As convolutions of one channel the gradients
        // take five times as long.)
        Tensor Weighted(Tensor value) =>
            down.Times(value.reshape(-1, value.shape[2], value.shape[3])).reshape(-1, value.shape[3]).Times(across).reshape(value.shape);
    }

    /// <summary>As <see cref="Similarity(Tensor, Tensor, long)"/> of squares, as operations of an ONNX graph.</summary>
    internal static OnnxValue Similarity(OnnxValue a, OnnxValue b, long side, long window)
    {
        using var scope = NewDisposeScope();
        var matrix = WindowMatrix(side, window);
        var (down, across) = (a.Model.Constant(matrix), a.Model.Constant(matrix.t()));
        return StructuralSimilarity.Of(a, b, value => down.MatMul(value).MatMul(across));
    }

    /// <summary>The weighted mean around every place of a line: row i holds the window's weights around i, mirrored at the ends.</summary>
    /// <param name="side">Length of the line.</param>
    /// <param name="window">Side of the window, odd, at most twice the line.</param>
    /// <returns>float32 <c>[side,side]</c>; each row sums to 1.</returns>
    public static Tensor WindowMatrix(long side, long window)
    {
        var half = (int)(window / 2);
        double[] weights =
        [
            .. Enumerable
                .Range(-half, (2 * half) + 1)
                .Select(offset => Math.Exp(offset * offset / (-2 * StructuralSimilarity.Sigma * StructuralSimilarity.Sigma))),
        ];
        var sum = weights.Sum();
        var matrix = new float[side * side];
        for (var row = 0; row < side; row++)
        {
            for (var offset = -half; offset <= half; offset++)
            {
                var at = Math.Abs(row + offset);
                at = at < side ? at : (2 * ((int)side - 1)) - at;
                matrix[(row * side) + at] += (float)(weights[offset + half] / sum);
            }
        }
        return tensor(matrix, [side, side]);
    }

    /// <summary>Corners of the patches that cover an image: every so many pixels, and the last one at its end.</summary>
    /// <param name="side">Side of the image in pixels, at least a patch.</param>
    /// <param name="patch">Side of a patch.</param>
    /// <param name="stride">Pixels from one to the next.</param>
    public static IReadOnlyList<long> Corners(long side, long patch, long stride)
    {
        var corners = new List<long>();
        for (var at = 0L; at < side - patch; at += stride)
        {
            corners.Add(at);
        }
        corners.Add(side - patch);
        return corners;
    }
}
