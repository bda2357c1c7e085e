using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Methods;

/// <summary>What methods do alike with a map of scores on a feature map's grid.</summary>
public static class AnomalyMaps
{
    /// <summary>A map resized bilinearly to the image.</summary>
    /// <param name="map"><c>[N,1,h,w]</c></param>
    /// <param name="side">Height and width of the image.</param>
    /// <returns><c>[N,1,side,side]</c></returns>
    public static Tensor Enlarged(Tensor map, long side) =>
        functional.interpolate(map, size: [side, side], mode: InterpolationMode.Bilinear, align_corners: false);

    /// <summary>A Gaussian filter cut off at four standard deviations, borders repeated outwards.</summary>
    /// <param name="map"><c>[N,1,H,W]</c></param>
    /// <param name="sigma">Standard deviation in pixels; 0 leaves the map as it is.</param>
    /// <returns>The same shape.</returns>
    public static Tensor GaussianFilter(Tensor map, double sigma)
    {
        if (sigma == 0)
        {
            return map.alias();
        }

        var (kernel, radius) = Kernel(sigma, map.device);
        var padded = functional.pad(map, [radius, radius, radius, radius], PaddingModes.Replicate);
        return functional.conv2d(functional.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1));
    }

    /// <summary>The largest value of each map.</summary>
    /// <param name="map"><c>[N,1,H,W]</c></param>
    /// <returns><c>[N]</c></returns>
    public static Tensor Maximum(Tensor map) => map.amax([1, 2, 3]);

    /// <summary>As <see cref="GaussianFilter(Tensor, double)"/>, as operations of an ONNX graph.</summary>
    internal static OnnxValue GaussianFilter(OnnxValue map, double sigma)
    {
        if (sigma == 0)
        {
            return map;
        }
        using var scope = NewDisposeScope();
        var (kernel, radius) = Kernel(sigma, CPU);
        return map.Pad(radius, radius, radius, radius, "edge")
            .Conv2d(kernel.view(1, 1, 1, -1), null)
            .Conv2d(kernel.view(1, 1, -1, 1), null);
    }

    /// <summary>A map out of those of square tiles, averaged where tiles overlap, as operations of an ONNX graph.</summary>
    /// <param name="images"><c>[N,C,H,W]</c>.</param>
    /// <param name="size">H and W.</param>
    /// <param name="places">Upper left corners of tiles that cover the images.</param>
    /// <param name="side">Of a tile.</param>
    /// <param name="map">Of tiles, <c>[M,C,side,side]</c>, which are given as one batch: <c>[M,1,side,side]</c>.</param>
    internal static OnnxValue Tiled(
        OnnxValue images,
        (long Height, long Width) size,
        IReadOnlyList<(long Top, long Left)> places,
        long side,
        Func<OnnxValue, OnnxValue> map
    )
    {
        if (places.Count == 1)
        {
            return map(images);
        }
        using var scope = NewDisposeScope();
        var tiles = OnnxValue.Cat([.. places.Select(place => images.Narrow(2, place.Top, side).Narrow(3, place.Left, side))], 0);
        var maps = map(tiles).Reshape(places.Count, -1, side, side);
        var count = zeros(1, 1, size.Height, size.Width);
        OnnxValue? sum = null;
        foreach (var (index, (top, left)) in places.Index())
        {
            count.narrow(2, top, side).narrow(3, left, side).add_(1);
            var whole = maps.Narrow(0, index, 1)
                .Reshape(-1, 1, side, side)
                .Pad(left, size.Width - side - left, top, size.Height - side - top, "constant");
            sum = sum is { } before ? before + whole : whole;
        }
        return sum!.Value / images.Model.Constant(count);
    }

    /// <summary>The filter along one axis, <c>[2 * Radius + 1]</c>.</summary>
    private static (Tensor Values, long Radius) Kernel(double sigma, Device device)
    {
        var radius = (long)Math.Ceiling(4 * sigma);
        var kernel = exp(-arange(-radius, radius + 1, ScalarType.Float32, device).square() / (2 * sigma * sigma));
        return (kernel / kernel.sum(), radius);
    }
}
