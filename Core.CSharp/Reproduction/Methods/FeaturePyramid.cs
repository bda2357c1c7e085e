using Reproduction.Formats;
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

    /// <summary>As <see cref="Concatenated(IReadOnlyList{Tensor}, long, long, InterpolationMode)"/>, as operations of an ONNX
    /// graph.</summary>
    /// <param name="levels">Each with its height and width.</param>
    /// <exception cref="UserError">A finer level's cells are not squares of whole positions.</exception>
    internal static OnnxValue Concatenated(
        IReadOnlyList<(OnnxValue Level, (long Height, long Width) Size)> levels,
        (long Height, long Width) grid,
        InterpolationMode mode
    )
    {
        return OnnxValue.Cat([.. levels.Select(level => Resized(level.Level, level.Size))], 1);

        OnnxValue Resized(OnnxValue level, (long Height, long Width) size)
        {
            if (size == grid)
            {
                return level;
            }
            if (size.Height < grid.Height)
            {
                return mode == InterpolationMode.Nearest
                    ? level.InterpolateNearest(grid.Height, grid.Width)
                    : level.Interpolate(grid.Height, grid.Width);
            }
            var factor = size.Height / grid.Height;
            return size == (grid.Height * factor, grid.Width * factor)
                ? level.AvgPool2d(factor, factor)
                : throw new UserError(
                    $"maps of {size.Height} x {size.Width} cannot be averaged to {grid.Height} x {grid.Width} in an ONNX graph; "
                        + $"fit with an "
                        + "image_size that 32 divides"
                );
        }
    }

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
