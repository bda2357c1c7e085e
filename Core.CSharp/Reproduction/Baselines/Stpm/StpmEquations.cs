using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Stpm;

/// <summary>The loss and the map of the paper, on batches.</summary>
public static class StpmEquations
{
    /// <summary>
    /// The loss of a level at each position: half the squared distance of teacher's and student's features, each scaled to unit length over
    /// its channels.
    /// </summary>
    /// <param name="teacher"><c>[N,C,H,W]</c></param>
    /// <param name="student">Likewise.</param>
    /// <returns><c>[N,1,H,W]</c>, from 0 to 2.</returns>
    public static Tensor PositionLoss(Tensor teacher, Tensor student) =>
        0.5 * (nn.functional.normalize(teacher, 2, 1) - nn.functional.normalize(student, 2, 1)).square().sum([1L], keepdim: true);

    /// <summary>The sum over levels (all alpha are 1) of the mean over positions and images.</summary>
    /// <param name="positions">Of each level, <c>[N,1,H,W]</c>.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(IEnumerable<Tensor> positions) =>
        positions.Select(level => level.mean()).Aggregate((sum, level) => sum + level);

    /// <summary>The product of the levels' maps, each resized bilinearly to the image.</summary>
    /// <param name="positions">Of each level, <c>[N,1,H,W]</c>.</param>
    /// <param name="side">Height and width of the image.</param>
    /// <returns><c>[N,1,side,side]</c></returns>
    public static Tensor AnomalyMap(IEnumerable<Tensor> positions, long side) =>
        positions.Select(level => AnomalyMaps.Enlarged(level, side)).Aggregate((product, level) => product * level);
}
