using Reproduction.Methods;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Papers.Hfae;

/// <summary>
/// Equations (5) to (11), on batches. Sums over channels stand where the paper has them: in eq. (7) and (9), not in eq. (5).
/// </summary>
public static class HfaeEquations
{
    /// <summary>Eq. (6): each position's feature vector scaled to unit length.</summary>
    /// <param name="feature"><c>[N,C,H,W]</c></param>
    public static Tensor Normalised(Tensor feature) => functional.normalize(feature, 2, 1);

    /// <summary>Eq. (5): phi_k, half the squared difference of the normalised features, element by element.</summary>
    /// <param name="encoded">f_enc^k, <c>[N,C,H,W]</c></param>
    /// <param name="decoded">f_dec^k, likewise.</param>
    /// <param name="normalise">False compares the features as they are.</param>
    /// <returns><c>[N,C,H,W]</c></returns>
    public static Tensor ResidualMap(Tensor encoded, Tensor decoded, bool normalise = true) =>
        0.5 * (normalise ? Normalised(encoded) - Normalised(decoded) : encoded - decoded).square();

    /// <summary>Eq. (7): the residual summed over channels, averaged over positions and over the images of the batch.</summary>
    /// <param name="residual">phi_k, <c>[N,C,H,W]</c></param>
    /// <returns>A scalar.</returns>
    public static Tensor LevelLoss(Tensor residual) => residual.sum(1).mean();

    /// <summary>Eq. (8): the mean of the levels' losses.</summary>
    /// <param name="residuals">phi_k of each level.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(IReadOnlyCollection<Tensor> residuals) =>
        residuals.Select(LevelLoss).Aggregate((sum, loss) => sum + loss) / residuals.Count;

    /// <summary>
    /// Eq. (9): phi'_k, the residual summed over channels, divided by its number of positions w_k h_k, which makes a level of a quarter
    /// of the positions weigh four times as much, and resized bilinearly to the image.
    /// </summary>
    /// <param name="residual">phi_k, <c>[N,C,H,W]</c></param>
    /// <param name="side">Height and width of the image.</param>
    /// <param name="weightByPositions">False leaves the division out.</param>
    /// <returns><c>[N,1,side,side]</c></returns>
    public static Tensor ResizedMap(Tensor residual, long side, bool weightByPositions = true)
    {
        var map = residual.sum(1, keepdim: true);
        if (weightByPositions)
        {
            map /= residual.shape[2] * residual.shape[3];
        }

        return functional.interpolate(map, size: [side, side], mode: InterpolationMode.Bilinear, align_corners: false);
    }

    /// <summary>G_sigma of eq. (10): a Gaussian filter cut off at four standard deviations, borders repeated outwards.</summary>
    /// <param name="map"><c>[N,1,H,W]</c></param>
    /// <param name="sigma">Standard deviation in pixels; 0 leaves the map as it is.</param>
    public static Tensor GaussianFilter(Tensor map, double sigma) => AnomalyMaps.GaussianFilter(map, sigma);

    /// <summary>Eq. (10): the filtered sum of the resized maps.</summary>
    /// <param name="resized">phi'_k of each level, <c>[N,1,H,W]</c>.</param>
    /// <param name="sigma">Standard deviation of the filter in pixels.</param>
    /// <returns>f_a, <c>[N,1,H,W]</c></returns>
    public static Tensor AnomalyMap(IEnumerable<Tensor> resized, double sigma) =>
        GaussianFilter(resized.Aggregate((sum, map) => sum + map), sigma);

    /// <summary>Eq. (11): A, the largest value of the map.</summary>
    /// <param name="map">f_a, <c>[N,1,H,W]</c></param>
    /// <returns><c>[N]</c></returns>
    public static Tensor ImageScore(Tensor map) => map.amax([1, 2, 3]);
}
