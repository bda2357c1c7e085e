using static TorchSharp.torch;

namespace Reproduction.Papers.Dfr;

/// <summary>The equations of the paper; (1) to (3), which make the regional features f, are <see cref="RegionalFeatures"/>.</summary>
public static class DfrEquations
{
    private const double NormFloor = 1e-12;

    /// <summary>Equation (4), as a mean over positions, or the mean squared error of the public code.</summary>
    /// <param name="features">f, <c>[N,C,H,W]</c>.</param>
    /// <param name="reconstruction">f^, likewise.</param>
    /// <param name="norm">Which of the two.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor features, Tensor reconstruction, ReconstructionNorm norm)
    {
        var difference = reconstruction - features;
        return norm == ReconstructionNorm.L2 ? (difference.square().sum([1L]) + NormFloor).sqrt().mean() : difference.square().mean();
    }

    /// <summary>Equation (5): the anomaly score of every position.</summary>
    /// <param name="sumOfSquares">Sum of (f - f^)^2 over channels, <c>[N,1,H,W]</c>.</param>
    /// <param name="norm">The norm, or the mean over channels of the public code.</param>
    /// <param name="channels">C.</param>
    /// <returns>Likewise.</returns>
    public static Tensor Score(Tensor sumOfSquares, ReconstructionNorm norm, long channels) =>
        norm == ReconstructionNorm.L2 ? sumOfSquares.sqrt() : sumOfSquares.div((double)channels);
}
