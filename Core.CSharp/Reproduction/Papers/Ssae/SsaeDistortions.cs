using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>How a part of a training image is changed (sections 3.2 and 4.3).</summary>
public enum Distortion
{
    /// <summary>A patch is taken out and deformed by a smooth Gaussian displacement field of its own, which nearly keeps its
    /// colours.</summary>
    Elastic,

    /// <summary>A patch is set to zero.</summary>
    CutOut,

    /// <summary>A patch is replaced by the same place of another image.</summary>
    Swap,

    /// <summary>Several shapes are filled from another source.</summary>
    Occlusion,
}

/// <summary>
/// Distorted training images of <c>ssae</c>, figure 5: a patch X1 of random size and place is taken out, changed (X2) and glued into the
/// image under a smooth mask of random shape (X3). Everything runs on whole batches and draws from the generator that it is given.
/// </summary>
public static class SsaeDistortions
{
    // Under the masks 7 % of an image is changed on average, as much as a defect covers, and up to a fifth.
    private const double LeastPatch = 0.1;
    private const double LargestPatch = 0.7;
    private const double LeastOutline = 0.5;
    private const double BlendWidth = 0.25;
    private const double DisplacementDeviation = 0.3;
    private const double LargestBrightnessChange = 0.3;
    private const int FieldCells = 6;
    private const int OutlineCells = 8;
    private const int OcclusionShapes = 4;

    /// <summary>Changes a part of each image.</summary>
    /// <param name="images"><c>[N,3,H,W]</c>, 0..1. Swap takes the content of the next one; a single image's own, turned by 180
    /// degrees.</param>
    /// <param name="kind">What is done to the part.</param>
    /// <param name="brightness">Whether the changed part also becomes brighter or darker at random.</param>
    /// <param name="turned">Whether the corrupted image is turned around its centre by any angle (section 4.3); then the mask is 1
    /// everywhere.</param>
    /// <param name="generator">On the CPU.</param>
    /// <returns>
    /// The distorted images X^, and the mask M <c>[N,1,H,W]</c>, 0..1: where it is 0 the image is unchanged to the bit, where it is 1 only
    /// the changed content is left.
    /// </returns>
    public static (Tensor Distorted, Tensor Mask) Apply(Tensor images, Distortion kind, bool brightness, bool turned, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var patch = new Patches(images, generator);
        var mask =
            kind == Distortion.Occlusion
                ? torch
                    .stack([
                        patch.Shape(generator),
                        .. Enumerable.Range(1, OcclusionShapes - 1).Select(_ => new Patches(images, generator).Shape(generator)),
                    ])
                    .amax([0L])
                : patch.Shape(generator);
        var content = kind switch
        {
            Distortion.Elastic => patch.Deformed(generator),
            Distortion.CutOut => torch.zeros_like(images),
            Distortion.Swap => images.shape[0] > 1 ? images.roll(1, 0) : images.flip(2, 3),
            _ => Texture(images, generator),
        };
        if (brightness)
        {
            content = (
                content
                * Uniform([images.shape[0], 1, 1, 1], 1 - LargestBrightnessChange, 1 + LargestBrightnessChange, generator).to(images.device)
            ).clamp(0, 1);
        }
        // X4 = X2 o X3 + (1 - X2) o X1 of figure 5, X2 being the mask, for the whole image at once.
        var distorted = torch.where(mask.eq(0), images, mask * content + (1 - mask) * images);
        if (turned)
        {
            distorted = Turned(distorted, generator);
            mask = torch.ones_like(mask);
        }
        return (distorted.MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    /// <summary>A rectangle of random size and place in each image, and the pixels' coordinates in it: -1..1 inside.</summary>
    private sealed class Patches
    {
        private readonly Tensor _images;
        private readonly Tensor _half;
        private readonly Tensor _centre;
        private readonly Tensor _v;
        private readonly Tensor _u;

        public Patches(Tensor images, Generator generator)
        {
            _images = images;
            var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
            _half = Uniform([count, 2, 1, 1], LeastPatch, LargestPatch, generator) / 2;
            _centre = _half + (1 - 2 * _half) * Uniform([count, 2, 1, 1], 0, 1, generator);
            var y = ((torch.arange(height).to(ScalarType.Float32) + 0.5) / height).reshape(1, 1, height, 1);
            var x = ((torch.arange(width).to(ScalarType.Float32) + 0.5) / width).reshape(1, 1, 1, width);
            _v = ((y - _centre.narrow(1, 0, 1)) / _half.narrow(1, 0, 1)).expand(count, 1, height, width);
            _u = ((x - _centre.narrow(1, 1, 1)) / _half.narrow(1, 1, 1)).expand(count, 1, height, width);
        }

        /// <summary>A smooth blob in the patch: 1 inside, falling to 0 towards a random outline, 0 outside of the patch.</summary>
        public Tensor Shape(Generator generator)
        {
            var outline = InPatch(Uniform([_images.shape[0], 1, OutlineCells, OutlineCells], LeastOutline, 1, generator));
            var radius = (_u.square() + _v.square()).sqrt();
            return ((outline - radius) / BlendWidth).clamp(0, 1).to(_images.device);
        }

        /// <summary>
        /// The patch deformed: each of its pixels is read from a place of the patch that a smooth Gaussian field, drawn for the patch,
        /// displaces; what lies beyond the patch's border is its mirror image, as only the patch was taken out.
        /// </summary>
        public Tensor Deformed(Generator generator)
        {
            var field = InPatch(torch.randn([_images.shape[0], 2, FieldCells, FieldCells], generator: generator) * DisplacementDeviation);
            var y = Mirrored(_v + field.narrow(1, 0, 1)) * _half.narrow(1, 0, 1) + _centre.narrow(1, 0, 1);
            var x = Mirrored(_u + field.narrow(1, 1, 1)) * _half.narrow(1, 1, 1) + _centre.narrow(1, 1, 1);
            return nn.functional.grid_sample(
                _images,
                (torch.stack([x.squeeze(1), y.squeeze(1)], 3) * 2 - 1).to(_images.device),
                GridSampleMode.Bilinear,
                GridSamplePaddingMode.Reflection,
                align_corners: false
            );
        }

        /// <summary>Values of a grid over the patch at every pixel of the image, bicubic; beyond the patch its border's.</summary>
        private Tensor InPatch(Tensor cells)
        {
            const int oversampling = 4;
            var fine = Smooth(cells, cells.shape[2] * oversampling, cells.shape[3] * oversampling);
            return nn.functional.grid_sample(
                fine,
                torch.stack([_u.squeeze(1), _v.squeeze(1)], 3),
                GridSampleMode.Bilinear,
                GridSamplePaddingMode.Border,
                align_corners: false
            );
        }

        /// <summary>-1..1 as it is, beyond it mirrored at the border that it crosses.</summary>
        private static Tensor Mirrored(Tensor value) => ((value - 1).remainder(4) - 2).abs() - 1;
    }

    /// <summary>Images turned by any angle around their centre; corners show their mirror image.</summary>
    private static Tensor Turned(Tensor images, Generator generator)
    {
        var angle = Uniform([images.shape[0]], -Math.PI, Math.PI, generator);
        var none = torch.zeros_like(angle);
        var theta = torch.stack([angle.cos(), -angle.sin(), none, angle.sin(), angle.cos(), none], 1).reshape(-1, 2, 3);
        var grid = nn.functional.affine_grid(theta.to(images.device), images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, align_corners: false);
    }

    /// <summary>
    /// Content from another source, for occlusions: coloured noise of two scales. The paper takes images of a texture data set; this keeps
    /// its purpose, content that is foreign to the training images, without a further download.
    /// </summary>
    private static Tensor Texture(Tensor images, Generator generator)
    {
        var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
        var coarse = Smooth(Uniform([count, 3, 4, 4], 0, 1, generator), height, width);
        var fine = Smooth(Uniform([count, 3, height / 4, width / 4], -0.5, 0.5, generator), height, width);
        return (coarse + fine * Uniform([count, 1, 1, 1], 0, 1, generator)).clamp(0, 1).to(images.device);
    }

    private static Tensor Smooth(Tensor cells, long height, long width) =>
        nn.functional.interpolate(cells, [height, width], mode: InterpolationMode.Bicubic, align_corners: false);

    private static Tensor Uniform(long[] size, double low, double high, Generator generator) =>
        torch.rand(size, generator: generator) * (high - low) + low;
}
