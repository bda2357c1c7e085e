using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>Feature maps of several levels as one vector a position.</summary>
public static class FeaturePyramid
{
    /// <summary>Levels brought to one grid, their channels one after the other.</summary>
    /// <param name="levels"><c>[N,C_l,H_l,W_l]</c> each.</param>
    /// <param name="height">Rows of the grid.</param>
    /// <param name="width">Columns of the grid.</param>
    /// <param name="mode">How a coarser level is resized; a finer one is averaged over the grid's cells.</param>
    /// <returns><c>[N, sum of C_l, height, width]</c></returns>
    public static Tensor Concatenated(IReadOnlyList<Tensor> levels, long height, long width, InterpolationMode mode) =>
        cat([.. levels.Select(level => Resized(level, height, width, mode))], 1);

    /// <summary>A vector a position: the positions of an image row by row, image after image.</summary>
    /// <param name="map"><c>[N,C,H,W]</c></param>
    /// <returns><c>[N*H*W, C]</c></returns>
    public static Tensor Rows(Tensor map) => map.permute(0, 2, 3, 1).reshape(-1, map.shape[1]);

    private static Tensor Resized(Tensor level, long height, long width, InterpolationMode mode)
    {
        if (level.shape[2] == height && level.shape[3] == width)
        {
            return level;
        }
        if (level.shape[2] > height)
        {
            return nn.functional.adaptive_avg_pool2d(level, [height, width]);
        }
        return mode == InterpolationMode.Nearest
            ? nn.functional.interpolate(level, size: [height, width], mode: mode)
            : nn.functional.interpolate(level, size: [height, width], mode: mode, align_corners: false);
    }
}
