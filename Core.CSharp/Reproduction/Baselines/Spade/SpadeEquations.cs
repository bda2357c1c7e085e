using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Spade;

/// <summary>The two scores of the paper.</summary>
public static class SpadeEquations
{
    /// <summary>
    /// The score of an image: the mean of the squared distances |f - f_y|^2 of its features f_y to those of its K nearest training images.
    /// </summary>
    /// <param name="features">f_y, <c>[N,C]</c>.</param>
    /// <param name="training">f of the training images, <c>[M,C]</c>.</param>
    /// <param name="neighbours">K, at most M.</param>
    /// <returns>Scores <c>[N]</c>, and the K training images, nearest first, int64 <c>[N,K]</c>.</returns>
    public static (Tensor Score, Tensor Nearest) ImageScore(Tensor features, Tensor training, int neighbours)
    {
        var (distances, nearest) = NearestNeighbours.SquaredDistances(features, training).topk(neighbours, largest: false);
        return (distances.mean([1L]), nearest);
    }

    /// <summary>
    /// The score of a position: the distance |f - F(y,p)| to the nearest f of the gallery, which holds all positions of the
    /// image's K nearest training images (the paper's kappa is 1).
    /// </summary>
    /// <param name="positions">F(y,p) of an image, <c>[P,C]</c>.</param>
    /// <param name="gallery"><c>[G,C]</c></param>
    /// <returns><c>[P]</c></returns>
    public static Tensor PositionScore(Tensor positions, Tensor gallery) =>
        NearestNeighbours.Nearest(positions, gallery).SquaredDistance.sqrt();
}
