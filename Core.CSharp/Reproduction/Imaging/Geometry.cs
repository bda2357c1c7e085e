using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Reproduction.Imaging;

/// <summary>Flips, turns and affine maps of whole images.</summary>
public static class Geometry
{
    /// <summary>Mirrored left to right.</summary>
    public static Image FlipHorizontally(Image image)
    {
        var result = image.Copy();
        var stride = image.Width * image.Channels;
        for (var start = 0; start < result.Pixels.Length; start += stride)
        {
            ReversePixels(result.Pixels.AsSpan(start, stride), image.Channels);
        }
        return result;
    }

    /// <summary>Turned counter-clockwise by 90 degrees, <paramref name="quarters"/> times, as numpy's <c>rot90</c>.</summary>
    public static Image Rotate90(Image image, int quarters) =>
        (quarters & 3) switch
        {
            1 => Transposed(image, fromRight: true, fromBottom: false),
            2 => TurnedOver(image),
            3 => Transposed(image, fromRight: false, fromBottom: true),
            _ => image,
        };

    private static Image TurnedOver(Image image)
    {
        var result = image.Copy();
        ReversePixels(result.Pixels, image.Channels);
        return result;
    }

    private static void ReversePixels(Span<byte> pixels, int channels)
    {
        // The bytes backwards have the channels backwards too, which one more change of ends in every pixel mends.
        pixels.Reverse();
        if (channels == 3)
        {
            for (var i = 0; i + 2 < pixels.Length; i += 3)
            {
                (pixels[i], pixels[i + 2]) = (pixels[i + 2], pixels[i]);
            }
        }
    }

    /// <summary>Columns as rows. In strips of so few rows that these stay in the cache while the columns are walked down.</summary>
    /// <param name="image">Grey or RGB.</param>
    /// <param name="fromRight">The last column becomes the first row.</param>
    /// <param name="fromBottom">Rows begin with the last row's pixel.</param>
    private static Image Transposed(Image image, bool fromRight, bool fromBottom)
    {
        const int strip = 16;
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var result = new Image(height, width, channels);
        ref var first = ref MemoryMarshal.GetArrayDataReference(image.Pixels);
        ref var firstTarget = ref MemoryMarshal.GetArrayDataReference(result.Pixels);
        for (var top = 0; top < height; top += strip)
        {
            var rows = Math.Min(strip, height - top);
            for (var x = 0; x < width; x++)
            {
                var row = fromRight ? width - 1 - x : x;
                var column = fromBottom ? height - 1 - top : top;
                ref var source = ref Unsafe.Add(ref first, (top * width + x) * channels);
                ref var target = ref Unsafe.Add(ref firstTarget, (row * height + column) * channels);
                CopyPixels(ref source, width * channels, ref target, fromBottom ? -channels : channels, channels, rows);
            }
        }
        return result;
    }

    private static void CopyPixels(ref byte source, int sourceStep, ref byte target, int targetStep, int channels, int count)
    {
        if (channels == 3)
        {
            for (var i = 0; i < count; i++)
            {
                ref var from = ref Unsafe.Add(ref source, i * sourceStep);
                ref var to = ref Unsafe.Add(ref target, i * targetStep);
                Unsafe.WriteUnaligned(ref to, Unsafe.ReadUnaligned<ushort>(ref from));
                Unsafe.Add(ref to, 2) = Unsafe.Add(ref from, 2);
            }
            return;
        }
        for (var i = 0; i < count; i++)
        {
            Unsafe.Add(ref target, i * targetStep) = Unsafe.Add(ref source, i * sourceStep);
        }
    }

    /// <summary>OpenCV samples at 1/32 of a pixel, and rounds the products that make up a position to 1/1024 before it adds them.</summary>
    private const int FractionBits = 5;
    private const int PositionBits = 10;
    private const int One = 1 << FractionBits;

    /// <summary>
    /// Turns, scales and shifts about the centre in the image's own size, as albumentations' <c>ShiftScaleRotate</c>: bilinear at 1/32 of a
    /// pixel, the border mirrored without repeating the edge. Values are within 1 of OpenCV's <c>warpAffine</c>.
    /// </summary>
    /// <param name="image">Grey or RGB.</param>
    /// <param name="degrees">Counter-clockwise.</param>
    /// <param name="scale">Above 1 enlarges.</param>
    /// <param name="shiftX">To the right, as a share of the width.</param>
    /// <param name="shiftY">Downwards, as a share of the height.</param>
    public static Image ShiftScaleRotate(Image image, double degrees, double scale, double shiftX, double shiftY)
    {
        const int half = 1 << (PositionBits - FractionBits - 1);
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var (a, b, offsetX, c, d, offsetY) = TargetToSource(width, height, degrees, scale, shiftX, shiftY);
        var (columnsX, columnsY) = (new int[width], new int[width]);
        for (var x = 0; x < width; x++)
        {
            (columnsX[x], columnsY[x]) = (Fixed(a * x), Fixed(c * x));
        }
        var result = new Image(width, height, channels);
        for (var y = 0; y < height; y++)
        {
            var (rowX, rowY) = (Fixed(b * y + offsetX) + half, Fixed(d * y + offsetY) + half);
            for (var x = 0; x < width; x++)
            {
                var u = (columnsX[x] + rowX) >> (PositionBits - FractionBits);
                var v = (columnsY[x] + rowY) >> (PositionBits - FractionBits);
                Sample(image, u, v, result.Pixels.AsSpan((y * width + x) * channels, channels));
            }
        }
        return result;

        static int Fixed(double value) => (int)Math.Round(value * (1 << PositionBits));
    }

    /// <summary>
    /// The affine map from a target's pixel to its source: (a x + b y + offsetX, c x + d y + offsetY). Its steps are those of OpenCV's
    /// <c>getRotationMatrix2D</c> and of <c>warpAffine</c>'s inversion, in their order: another order would round some position the other
    /// way, and so move a pixel by 1/32.
    /// </summary>
    private static (double A, double B, double OffsetX, double C, double D, double OffsetY) TargetToSource(
        int width,
        int height,
        double degrees,
        double scale,
        double shiftX,
        double shiftY
    )
    {
        var (sine, cosine) = Math.SinCos(degrees * (Math.PI / 180));
        var (alpha, beta) = (cosine * scale, sine * scale);
        var (centerX, centerY) = (width / 2.0, height / 2.0);
        var forwardX = (1 - alpha) * centerX - beta * centerY + shiftX * width;
        var forwardY = beta * centerX + (1 - alpha) * centerY + shiftY * height;
        var inverse = 1 / (alpha * alpha - beta * -beta);
        var (a, b, c) = (alpha * inverse, beta * -inverse, -beta * -inverse);
        return (a, b, -a * forwardX - b * forwardY, c, a, -c * forwardX - a * forwardY);
    }

    /// <summary>The value at a position in 1/32 of a pixel, of all channels.</summary>
    private static void Sample(Image image, int u, int v, Span<byte> target)
    {
        var (width, channels) = (image.Width, image.Channels);
        var (fractionX, fractionY) = (u & (One - 1), v & (One - 1));
        u >>= FractionBits;
        v >>= FractionBits;
        var at = (v * width + u) * channels;
        // Four bytes are read at each corner, of which an RGB pixel needs three: the image's last pixels have none to spare.
        var inside = (uint)u < (uint)(width - 1) && (uint)v < (uint)(image.Height - 1);
        if (inside && at + (width + 1) * channels + sizeof(uint) <= image.Pixels.Length)
        {
            ref var corner = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(image.Pixels), at);
            ref var below = ref Unsafe.Add(ref corner, width * channels);
            var upper = Pixel(ref corner) * (One - fractionX) + Pixel(ref Unsafe.Add(ref corner, channels)) * fractionX;
            var lower = Pixel(ref below) * (One - fractionX) + Pixel(ref Unsafe.Add(ref below, channels)) * fractionX;
            var sum = upper * (One - fractionY) + lower * fractionY + Vector128.Create(1 << (2 * FractionBits - 1));
            sum >>= 2 * FractionBits;
            for (var c = 0; c < target.Length; c++)
            {
                target[c] = (byte)sum[c];
            }
            return;
        }
        var (left, right) = (Filters.Mirrored(u, width), Filters.Mirrored(u + 1, width));
        var (first, second) = (Filters.Mirrored(v, image.Height), Filters.Mirrored(v + 1, image.Height));
        for (var c = 0; c < channels; c++)
        {
            var upper = image[left, first, c] * (One - fractionX) + image[right, first, c] * fractionX;
            var lower = image[left, second, c] * (One - fractionX) + image[right, second, c] * fractionX;
            target[c] = (byte)((upper * (One - fractionY) + lower * fractionY + (1 << (2 * FractionBits - 1))) >> (2 * FractionBits));
        }
    }

    /// <summary>Four bytes as integers: an RGB pixel's channels and one more value, or four grey pixels.</summary>
    private static Vector128<int> Pixel(ref byte first) =>
        Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref first)).AsByte())).AsInt32();
}
