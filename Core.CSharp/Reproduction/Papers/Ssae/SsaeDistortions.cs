using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>How a part of a training image is changed (sections 3.2 and 4.3).</summary>
public enum Distortion
{
    /// <summary>A patch is deformed by a smooth Gaussian displacement field, which nearly keeps its colours.</summary>
    Elastic,

    /// <summary>A patch is set to zero.</summary>
    CutOut,

    /// <summary>A patch is replaced by another place of the same image.</summary>
    Swap,

    /// <summary>Several shapes are filled from another source.</summary>
    Occlusion,

    /// <summary>The whole image is rotated around its centre.</summary>
    Rotation,
}

/// <summary>
/// Distorted training images of <c>ssae</c>, figure 5: a patch of random size and place is changed and blended into the image under a
/// smooth mask of random shape. Everything runs on whole batches and draws from the generator that it is given.
/// </summary>
public static class SsaeDistortions
{
    private const double LeastPatch = 0.08;
    private const double LargestPatch = 0.35;
    private const double BlendWidth = 0.25;
    private const double LargestShift = 0.12;
    private const double LargestBrightnessChange = 0.3;
    private const int FieldCells = 8;
    private const int OcclusionShapes = 4;

    /// <summary>Changes a part of each image.</summary>
    /// <param name="images"><c>[N,3,H,W]</c>, 0..1.</param>
    /// <param name="kind">What is done to the part.</param>
    /// <param name="brightness">Whether the changed part also becomes brighter or darker at random.</param>
    /// <param name="generator">On the CPU.</param>
    /// <returns>
    /// The distorted images, and the mask M <c>[N,1,H,W]</c>, 0..1: where it is 0 the image is unchanged to the bit,
    /// where it is 1 only the changed content is left.
    /// </returns>
    public static (Tensor Distorted, Tensor Mask) Apply(Tensor images, Distortion kind, bool brightness, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var count = images.shape[0];
        var mask = kind switch
        {
            Distortion.Rotation => torch.ones([count, 1, images.shape[2], images.shape[3]], device: images.device),
            Distortion.Occlusion => torch.stack([.. Enumerable.Range(0, OcclusionShapes).Select(_ => Shape(images, generator))]).amax([0L]),
            _ => Shape(images, generator),
        };
        var content = kind switch
        {
            Distortion.Elastic => Deform(images, generator),
            Distortion.CutOut => torch.zeros_like(images),
            Distortion.Swap => Move(images, torch.zeros([count]), Uniform([count, 2], -0.5, 0.5, generator)),
            Distortion.Occlusion => Texture(images, generator),
            _ => Move(images, Uniform([count], -Math.PI, Math.PI, generator), torch.zeros([count, 2])),
        };
        if (brightness)
        {
            content = (
                content * Uniform([count, 1, 1, 1], 1 - LargestBrightnessChange, 1 + LargestBrightnessChange, generator).to(images.device)
            ).clamp(0, 1);
        }
        // X4 = X2 o X3 + (1 - X2) o X1 of figure 5, for the whole image at once.
        var distorted = torch.where(mask.eq(0), images, mask * content + (1 - mask) * images);
        return (distorted.MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    /// <summary>A smooth blob in a random patch: 1 inside, falling to 0 towards a random outline, 0 outside of the patch.</summary>
    private static Tensor Shape(Tensor images, Generator generator)
    {
        var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
        var half = Uniform([count, 2, 1, 1], LeastPatch, LargestPatch, generator) / 2;
        var centre = half + (1 - 2 * half) * Uniform([count, 2, 1, 1], 0, 1, generator);
        var y = ((torch.arange(height).to(ScalarType.Float32) + 0.5) / height).reshape(1, 1, height, 1);
        var x = ((torch.arange(width).to(ScalarType.Float32) + 0.5) / width).reshape(1, 1, 1, width);
        var v = (y - centre.narrow(1, 0, 1)) / half.narrow(1, 0, 1);
        var u = (x - centre.narrow(1, 1, 1)) / half.narrow(1, 1, 1);
        var radius = (u.square() + v.square()).sqrt();
        var outline = Smooth(Uniform([count, 1, FieldCells, FieldCells], 0.4, 1, generator), height, width);
        return ((outline - radius) / BlendWidth).clamp(0, 1).to(images.device);
    }

    /// <summary>Elastic deformation: every pixel is read from a place displaced by a smooth Gaussian field.</summary>
    private static Tensor Deform(Tensor images, Generator generator)
    {
        var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
        var field = torch.randn([count, 2, FieldCells, FieldCells], generator: generator) * LargestShift;
        var shift = Smooth(field, height, width).permute(0, 2, 3, 1).to(images.device);
        var identity = nn.functional.affine_grid(
            Thetas(torch.zeros([count]), torch.zeros([count, 2])).to(images.device),
            images.shape,
            align_corners: false
        );
        return nn.functional.grid_sample(
            images,
            identity + shift,
            GridSampleMode.Bilinear,
            GridSamplePaddingMode.Reflection,
            align_corners: false
        );
    }

    /// <summary>Images rotated by angles (radians) around their centre and shifted by shares of their size.</summary>
    private static Tensor Move(Tensor images, Tensor angles, Tensor shifts)
    {
        var grid = nn.functional.affine_grid(Thetas(angles, 2 * shifts).to(images.device), images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, align_corners: false);
    }

    private static Tensor Thetas(Tensor angles, Tensor shifts) =>
        torch
            .stack([angles.cos(), -angles.sin(), shifts.select(1, 0), angles.sin(), angles.cos(), shifts.select(1, 1)], 1)
            .reshape(-1, 2, 3);

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
