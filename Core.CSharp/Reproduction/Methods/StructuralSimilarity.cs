using Reproduction.Formats;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// The structural similarity index (Wang et al. 2004) of every pixel and channel: luminance, contrast and structure of what lies around it
/// in two images, with c_1 = 0.01^2 and c_2 = 0.03^2 for values in 0..1.
/// </summary>
public static class StructuralSimilarity
{
    /// <summary>Standard deviation in pixels of the window that the index is taken with.</summary>
    internal const double Sigma = 1.5;

    private const double C1 = 0.01 * 0.01;
    private const double C2 = 0.03 * 0.03;

    /// <summary>The index.</summary>
    /// <param name="a"><c>[N,C,H,W]</c></param>
    /// <param name="b">Likewise.</param>
    /// <param name="mean">The weighted mean of a value around every pixel, of the same shape.</param>
    /// <returns><c>[N,C,H,W]</c>, at most 1.</returns>
    public static Tensor Of(Tensor a, Tensor b, Func<Tensor, Tensor> mean)
    {
        var (meanA, meanB) = (mean(a), mean(b));
        var varianceA = mean(a.square()) - meanA.square();
        var varianceB = mean(b.square()) - meanB.square();
        var covariance = mean(a * b) - (meanA * meanB);
        return ((2 * meanA * meanB) + C1)
            * ((2 * covariance) + C2)
            / ((meanA.square() + meanB.square() + C1) * (varianceA + varianceB + C2));
    }

    /// <summary>As <see cref="Of(Tensor, Tensor, Func{Tensor, Tensor})"/>, as operations of an ONNX graph.</summary>
    internal static OnnxValue Of(OnnxValue a, OnnxValue b, Func<OnnxValue, OnnxValue> mean)
    {
        var (meanA, meanB) = (mean(a), mean(b));
        var varianceA = mean(a.Square()) - meanA.Square();
        var varianceB = mean(b.Square()) - meanB.Square();
        var covariance = mean(a * b) - (meanA * meanB);
        return ((2 * meanA * meanB) + C1)
            * ((2 * covariance) + C2)
            / ((meanA.Square() + meanB.Square() + C1) * (varianceA + varianceB + C2));
    }
}
