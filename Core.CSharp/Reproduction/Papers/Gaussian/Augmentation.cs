using Reproduction.Imaging;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// Which random changes leave a normal image of a category normal, as the public code of Rippel et al. (`gaussian`) rules it.
/// </summary>
/// <param name="Flip">May be mirrored: not with text or a direction (metal_nut, pill, capsule, screw).</param>
/// <param name="Rotate90">May be turned by 90 degrees: not the transistor.</param>
/// <param name="Rotate45">May be turned by up to 45 degrees instead of 15: where turning leaves no artefact at the border.</param>
/// <param name="BackgroundEdge">May be shifted, enlarged and turned at all: not the grid, whose pattern the mirrored border breaks.</param>
/// <param name="Noise">May get Gaussian noise.</param>
public sealed record AugmentationRules(bool Flip, bool Rotate90, bool Rotate45, bool BackgroundEdge, bool Noise)
{
    private static readonly string[] Unflippable = ["metal_nut", "pill", "capsule", "screw"];
    private static readonly string[] FreelyTurned = ["carpet", "grid", "hazelnut", "leather", "tile"];

    /// <summary>
    /// The rules for a category of MVTec AD; another category may be flipped and turned by 90 degrees, and otherwise by 15.
    /// </summary>
    public static AugmentationRules For(string category) =>
        new(
            Flip: !Unflippable.Contains(category),
            Rotate90: category != "transistor",
            Rotate45: FreelyTurned.Contains(category),
            BackgroundEdge: category != "grid",
            Noise: true
        );
}

/// <summary>
/// The random augmentation of `gaussian`'s public code (albumentations 0.4.3, with imgaug's sharpening, embossing and noise). It has one
/// thing that the paper's text does not: <c>HueSaturationValue</c> also shifts the saturation by up to 30, its default.
/// </summary>
public static class Augmentation
{
    private const double Probability = 0.5;
    private const int ClaheTiles = 8;

    /// <summary>An augmented image of the same size (sides swapped by a quarter turn), or the image itself with probability 1/2.</summary>
    /// <param name="image">RGB.</param>
    /// <param name="rules">What is allowed.</param>
    /// <param name="random">Decides; the same state gives the same result.</param>
    public static Image Apply(Image image, AugmentationRules rules, SplitMix64 random)
    {
        if (!random.NextBool(Probability))
        {
            return image;
        }

        if (random.NextBool(0.2))
        {
            image = Blurred(image, random);
        }

        if (random.NextBool(0.3))
        {
            image = Contrasted(image, random);
        }

        if (random.NextBool(0.3))
        {
            image = ColorSpaces.ShiftHsv(image, Integer(random, -10, 10), Integer(random, -30, 30), Integer(random, -10, 20));
        }

        if (rules.Noise && random.NextBool(0.2))
        {
            image = Noisy(image, random.NextDouble(0.01, 0.03) * 255, perChannel: random.NextBool(0.5), random);
        }

        if (rules.Flip && random.NextBool(0.5))
        {
            image = Geometry.FlipHorizontally(image);
        }

        if (rules.Rotate90 && random.NextBool(0.5))
        {
            image = Geometry.Rotate90(image, random.NextInt(4));
        }

        if (random.NextBool(0.2))
        {
            image = Moved(image, rules, random);
        }

        return image;
    }

    /// <summary>One of motion blur (half of the cases), median and mean of 3 x 3.</summary>
    private static Image Blurred(Image image, SplitMix64 random) =>
        random.NextInt(4) switch
        {
            0 => Filters.Median3(image),
            1 => Filters.Blur3(image),
            _ => Filters.Correlate(image, MotionKernel(random)),
        };

    private static Image Contrasted(Image image, SplitMix64 random) =>
        random.NextInt(4) switch
        {
            0 => ColorSpaces.ClaheLightness(image, random.NextDouble(1, 2), ClaheTiles),
            1 => Filters.Correlate(image, SharpenKernel(random.NextDouble(0.2, 0.5), random.NextDouble(0.5, 1))),
            2 => Filters.Correlate(image, EmbossKernel(random.NextDouble(0.2, 0.5), random.NextDouble(0.2, 0.7))),
            _ => BrightnessContrast(image, random.NextDouble(-0.1, 0.2), random.NextDouble(-0.2, 0.2)),
        };

    private static Image Moved(Image image, AugmentationRules rules, SplitMix64 random)
    {
        var (shift, enlarge, turn) = rules.BackgroundEdge ? (0.05, 0.1, rules.Rotate45 ? 45.0 : 15.0) : (0.0, 0.0, 0.0);
        return Geometry.ShiftScaleRotate(
            image,
            random.NextDouble(-turn, turn),
            1 + random.NextDouble(-0.05, enlarge),
            random.NextDouble(-shift, shift),
            random.NextDouble(-shift, shift)
        );
    }

    private static int Integer(SplitMix64 random, int low, int high) => low + random.NextInt(high - low + 1);

    /// <summary>A random line across a square of 3, 5 or 7 pixels, normalised to sum 1.</summary>
    internal static float[,] MotionKernel(SplitMix64 random)
    {
        var side = 3 + 2 * random.NextInt(3);
        int startX,
            startY,
            endX,
            endY;
        do
        {
            (startX, startY, endX, endY) = (random.NextInt(side), random.NextInt(side), random.NextInt(side), random.NextInt(side));
        } while (startX == endX && startY == endY);
        var steps = Math.Max(Math.Abs(endX - startX), Math.Abs(endY - startY));
        var kernel = new float[side, side];
        for (var i = 0; i <= steps; i++)
        {
            var x = startX + (int)Math.Round((endX - startX) * (double)i / steps);
            var y = startY + (int)Math.Round((endY - startY) * (double)i / steps);
            kernel[y, x] = 1f / (steps + 1);
        }
        return kernel;
    }

    /// <summary>imgaug's sharpening: the image mixed with its Laplacian.</summary>
    /// <param name="alpha">Share of the sharpened image.</param>
    /// <param name="lightness">What the sharpening kernel sums to.</param>
    internal static float[,] SharpenKernel(double alpha, double lightness) =>
        MixedWithIdentity(
            alpha,
            new double[,]
            {
                { -1, -1, -1 },
                { -1, 8 + lightness, -1 },
                { -1, -1, -1 },
            }
        );

    /// <summary>imgaug's embossing: the image mixed with its slope towards the upper left.</summary>
    internal static float[,] EmbossKernel(double alpha, double strength) =>
        MixedWithIdentity(
            alpha,
            new[,]
            {
                { -1 - strength, -strength, 0 },
                { -strength, 1, strength },
                { 0, strength, 1 + strength },
            }
        );

    private static float[,] MixedWithIdentity(double alpha, double[,] effect)
    {
        var kernel = new float[3, 3];
        for (var y = 0; y < 3; y++)
        {
            for (var x = 0; x < 3; x++)
            {
                kernel[y, x] = (float)(alpha * effect[y, x] + (1 - alpha) * (y == 1 && x == 1 ? 1 : 0));
            }
        }

        return kernel;
    }

    /// <summary>(1 + contrast) times the value plus brightness times 255, cut off (not rounded) to 8 bits as in albumentations.</summary>
    internal static Image BrightnessContrast(Image image, double brightness, double contrast)
    {
        var table = new byte[256];
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = (byte)Math.Clamp((float)(i * (1 + contrast) + brightness * 255), 0, 255);
        }
        var result = image.Copy();
        foreach (ref var value in result.Pixels.AsSpan())
        {
            value = table[value];
        }
        return result;
    }

    /// <summary>Adds Gaussian noise.</summary>
    /// <param name="deviation">Its standard deviation in 1/255.</param>
    /// <param name="perChannel">Whether the channels get noise of their own or share it.</param>
    internal static Image Noisy(Image image, double deviation, bool perChannel, SplitMix64 random)
    {
        const int block = 1024;
        var channels = image.Channels;
        var copies = perChannel ? 1 : channels;
        var normals = new double[block * channels / copies];
        var noise = new float[block * channels];
        var bytes = new byte[block * channels];
        var result = new Image(image.Width, image.Height, channels);
        for (var start = 0; start < result.Pixels.Length; start += bytes.Length)
        {
            var count = Math.Min(bytes.Length, result.Pixels.Length - start);
            var drawn = normals.AsSpan(0, count / copies);
            random.NextNormals(drawn);
            for (var i = 0; i < drawn.Length; i++)
            {
                for (var c = 0; c < copies; c++)
                {
                    noise[i * copies + c] = (float)(deviation * drawn[i]);
                }
            }
            image.Pixels.AsSpan(start, count).CopyTo(bytes);
            Filters.Add(bytes, noise);
            bytes.AsSpan(0, count).CopyTo(result.Pixels.AsSpan(start));
        }
        return result;
    }
}
