using TorchSharp.PInvoke;

namespace TorchSharp;

/// <summary>What lies outside of an image.</summary>
public enum PaddingModes
{
    Zeros = 0,
    Reflect = 1,
    Replicate = 2,
    Circular = 3,
    Constant = 4
}

public static partial class torch
{
    /// <summary>How <see cref="nn.Upsample"/> interpolates.</summary>
    public enum UpsampleMode
    {
        Nearest = 0,
        Linear = 1,
        Bilinear = 2,
        Bicubic = 3,
        Trilinear = 4
    }

    /// <summary>How <see cref="nn.functional.interpolate"/> interpolates.</summary>
    public enum InterpolationMode
    {
        Nearest = 0,
        Linear = 1,
        Bilinear = 2,
        Bicubic = 3,
        Trilinear = 4,
        Area = 5,
        NearestExact = 6
    }

    /// <summary>How <see cref="nn.functional.grid_sample"/> reads between pixels.</summary>
    public enum GridSampleMode
    {
        Nearest = 0,
        Bilinear = 2
    }

    /// <summary>What <see cref="nn.functional.grid_sample"/> reads outside of the image.</summary>
    public enum GridSamplePaddingMode
    {
        Zeros = 0,
        Reflection = 1,
        Border = 2
    }

    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>Extends the last dimensions: pad is (before, after) of the last one, then of the one before it, ...</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode switch
            {
                PaddingModes.Reflect => Aten.Call("aten::pad", input, pad, "reflect"),
                PaddingModes.Replicate => Aten.Call("aten::pad", input, pad, "replicate"),
                PaddingModes.Circular => Aten.Call("aten::pad", input, pad, "circular"),
                _ => Aten.Call("aten::constant_pad_nd", input, pad, value)
            };

            public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, Pair(pad), mode, value);

            public static Tensor pad(Tensor input, (long, long, long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad.Item1, pad.Item2, pad.Item3, pad.Item4], mode, value);

            /// <summary>The values of the image [N, C, H, W] at the positions of the grid [N, H', W', 2] of (x, y) in [-1, 1].</summary>
            public static Tensor grid_sample(
                Tensor input, Tensor grid, GridSampleMode mode = GridSampleMode.Bilinear,
                GridSamplePaddingMode padding_mode = GridSamplePaddingMode.Zeros, bool? align_corners = null)
            {
                long padding = padding_mode switch
                {
                    GridSamplePaddingMode.Border => 1,
                    GridSamplePaddingMode.Reflection => 2,
                    _ => 0
                };
                return Aten.Call("aten::grid_sampler", input, grid, mode == GridSampleMode.Nearest ? 1 : 0, padding, align_corners ?? false);
            }

            /// <summary>The sampling grid [N, H, W, 2] of the affine maps theta [N, 2, 3], for an image of a size [N, C, H, W].</summary>
            public static Tensor affine_grid(Tensor theta, long[]? size = null, bool align_corners = false) =>
                Aten.Call("aten::affine_grid_generator", theta, size, align_corners);

            /// <summary>Resizes to a size, or by a factor a dimension, of which exactly one is given.</summary>
            /// <param name="x">[N, C, L], [N, C, H, W] or [N, C, D, H, W]</param>
            /// <param name="size">The new L, (H, W) or (D, H, W).</param>
            /// <param name="scale_factor">A factor for each of them.</param>
            /// <param name="mode">How values between pixels are made.</param>
            /// <param name="align_corners">Whether the centres of the corner pixels, not the corners of the image, stay where they are.</param>
            /// <param name="recompute_scale_factor">Whether the sampling positions follow the rounded new size, not the given factors.</param>
            /// <param name="antialias">Whether reduction averages over all pixels that fall into a new one (bilinear and bicubic).</param>
            public static Tensor interpolate(
                Tensor x, long[]? size = null, double[]? scale_factor = null, InterpolationMode mode = InterpolationMode.Nearest, bool? align_corners = null,
                bool recompute_scale_factor = false, bool antialias = false)
            {
                if ((size is null) == (scale_factor is null)) throw new ArgumentException("Exactly one of size and scale_factor must be given.");
                var spatial = (int)x.Dimensions - 2;
                if (scale_factor is not null && (recompute_scale_factor || mode == InterpolationMode.Area))
                {
                    var shape = x.shape;
                    size = [.. scale_factor.Select((factor, i) => (long)Math.Floor(shape[i + 2] * factor))];
                    scale_factor = null;
                }
                var corners = align_corners ?? false;
                return (mode, spatial, antialias) switch
                {
                    (InterpolationMode.Nearest, 1 or 2 or 3, false) => Aten.Call($"aten::upsample_nearest{spatial}d.vec", x, size, scale_factor),
                    (InterpolationMode.NearestExact, 1 or 2 or 3, false) => Aten.Call($"aten::_upsample_nearest_exact{spatial}d.vec", x, size, scale_factor),
                    (InterpolationMode.Area, 1 or 2 or 3, false) => Aten.Call($"aten::adaptive_avg_pool{spatial}d", x, size),
                    (InterpolationMode.Linear, 1, false) => Aten.Call("aten::upsample_linear1d.vec", x, size, corners, scale_factor),
                    (InterpolationMode.Bilinear, 2, false) => Aten.Call("aten::upsample_bilinear2d.vec", x, size, corners, scale_factor),
                    (InterpolationMode.Bilinear, 2, true) => Aten.Call("aten::_upsample_bilinear2d_aa.vec", x, size, corners, scale_factor),
                    (InterpolationMode.Bicubic, 2, false) => Aten.Call("aten::upsample_bicubic2d.vec", x, size, corners, scale_factor),
                    (InterpolationMode.Bicubic, 2, true) => Aten.Call("aten::_upsample_bicubic2d_aa.vec", x, size, corners, scale_factor),
                    (InterpolationMode.Trilinear, 3, false) => Aten.Call("aten::upsample_trilinear3d.vec", x, size, corners, scale_factor),
                    _ => throw new ArgumentException(
                        $"A tensor of {x.Dimensions} dimensions cannot be interpolated by {mode}{(antialias ? " with antialias" : "")}.")
                };
            }

            public static Tensor upsample(
                Tensor input, long[]? size = null, double[]? scale_factor = null, UpsampleMode mode = UpsampleMode.Nearest, bool align_corners = false) =>
                interpolate(input, size, scale_factor, (InterpolationMode)mode, align_corners);
        }
    }
}
