using static TorchSharp.torch;

namespace Reproduction;

/// <summary>
/// Matrix products that can fail. TorchSharp's own <c>matmul</c> lets libtorch's exceptions through to the runtime, so that sizes that do
/// not fit, and memory that is not there, end the process; the functions used here turn them into exceptions.
/// </summary>
public static class MatrixProduct
{
    /// <summary>
    /// Matrix by matrix <c>[M,K] [K,N]</c>, matrix by vector <c>[M,K] [K]</c>, or one matrix by each of a stack <c>[M,K] [B,K,N]</c>: the
    /// values of <c>matmul</c>, to the bit.
    /// </summary>
    /// <param name="left">On the left, of the same type and device as <paramref name="right"/>.</param>
    /// <param name="right">On the right.</param>
    /// <returns><c>[M,N]</c>, <c>[M]</c> or <c>[B,M,N]</c>.</returns>
    /// <exception cref="ArgumentException">Other numbers of dimensions.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The sizes do not fit, or there is not enough memory.</exception>
    public static Tensor Times(this Tensor left, Tensor right)
    {
        switch (left.dim(), right.dim())
        {
            case (2, 2):
                return left.mm(right);
            case (2, 1):
                return left.mv(right);
            case (2, 3):
                using (var repeated = left.expand(right.shape[0], -1, -1))
                {
                    return repeated.bmm(right);
                }
            default:
                throw new ArgumentException($"no product of [{string.Join(",", left.shape)}] and [{string.Join(",", right.shape)}]");
        }
    }

    /// <summary>
    /// Every row by every other row, <c>left right^T + offset</c>, computed as a convolution of one pixel: oneDNN, which computes those,
    /// takes the widest instructions of any processor; the library behind <c>mm</c> takes them on Intel's only, and is half as fast on
    /// others.
    /// </summary>
    /// <param name="left">float32 <c>[M,K]</c>.</param>
    /// <param name="right">float32 <c>[N,K]</c>.</param>
    /// <param name="offset">Added to every row, <c>[N]</c>; null for none.</param>
    /// <returns><c>[M,N]</c>; no gradients go through.</returns>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The sizes do not fit, or there is not enough memory.</exception>
    public static Tensor RowProducts(this Tensor left, Tensor right, Tensor? offset = null)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        // Rows as the pixels of one image, and as the kernels over it, the channels innermost.
        var image = left.reshape(1, 1, left.shape[0], left.shape[1]).permute(0, 3, 1, 2);
        var kernels = right.reshape(right.shape[0], 1, 1, right.shape[1]).permute(0, 3, 1, 2);
        var products = nn.functional.conv2d(image, kernels, offset);
        return products.permute(0, 2, 3, 1).reshape(left.shape[0], right.shape[0]).MoveToOuterDisposeScope();
    }
}
