namespace Reproduction.Imaging;

/// <summary>Flips, turns and affine maps of whole images.</summary>
public static class Geometry
{
    /// <summary>Mirrored left to right.</summary>
    public static Image FlipHorizontally(Image image) => Rearranged(image, image.Width, image.Height, (x, y) => (image.Width - 1 - x, y));

    /// <summary>Turned counter-clockwise by 90 degrees, <paramref name="quarters"/> times, as numpy's <c>rot90</c>.</summary>
    public static Image Rotate90(Image image, int quarters) => (quarters & 3) switch
    {
        1 => Rearranged(image, image.Height, image.Width, (x, y) => (image.Width - 1 - y, x)),
        2 => Rearranged(image, image.Width, image.Height, (x, y) => (image.Width - 1 - x, image.Height - 1 - y)),
        3 => Rearranged(image, image.Height, image.Width, (x, y) => (y, image.Height - 1 - x)),
        _ => image,
    };

    private static Image Rearranged(Image image, int width, int height, Func<int, int, (int X, int Y)> source)
    {
        var channels = image.Channels;
        var result = new Image(width, height, channels);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (u, v) = source(x, y);
                image.Pixels.AsSpan((v * image.Width + u) * channels, channels).CopyTo(result.Pixels.AsSpan((y * width + x) * channels));
            }
        }
        return result;
    }

    /// <summary>OpenCV samples at 1/32 of a pixel, and rounds the products that make up a position to 1/1024 before it adds them.</summary>
    private const int FractionBits = 5;
    private const int PositionBits = 10;

    /// <summary>
    /// Turns, scales and shifts about the centre in the image's own size, as albumentations' <c>ShiftScaleRotate</c>: bilinear at 1/32 of a pixel,
    /// the border mirrored without repeating the edge. Values are within 1 of OpenCV's <c>warpAffine</c>.
    /// </summary>
    /// <param name="degrees">Counter-clockwise.</param>
    /// <param name="scale">Above 1 enlarges.</param>
    /// <param name="shiftX">To the right, as a share of the width.</param>
    /// <param name="shiftY">Downwards, as a share of the height.</param>
    public static Image ShiftScaleRotate(Image image, double degrees, double scale, double shiftX, double shiftY)
    {
        const int one = 1 << FractionBits;
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
        var (centerX, centerY) = (width / 2.0, height / 2.0);
        // Target to source: undo the shift, then turn and scale backwards about the centre.
        var (a, b) = (cosine / scale, -sine / scale);
        var offsetX = centerX - a * (centerX + shiftX * width) - b * (centerY + shiftY * height);
        var offsetY = centerY + b * (centerX + shiftX * width) - a * (centerY + shiftY * height);
        var result = new Image(width, height, channels);
        for (var y = 0; y < height; y++)
        {
            const int half = 1 << (PositionBits - FractionBits - 1);
            var rowX = Fixed(b * y + offsetX) + half;
            var rowY = Fixed(a * y + offsetY) + half;
            for (var x = 0; x < width; x++)
            {
                var u = (Fixed(a * x) + rowX) >> (PositionBits - FractionBits);
                var v = (Fixed(-b * x) + rowY) >> (PositionBits - FractionBits);
                var (fractionX, fractionY) = (u & (one - 1), v & (one - 1));
                u >>= FractionBits;
                v >>= FractionBits;
                var (left, right) = (Filters.Mirrored(u, width) * channels, Filters.Mirrored(u + 1, width) * channels);
                var (upper, lower) = (Filters.Mirrored(v, height) * width * channels, Filters.Mirrored(v + 1, height) * width * channels);
                for (var c = 0; c < channels; c++)
                {
                    var above = image.Pixels[upper + left + c] * (one - fractionX) + image.Pixels[upper + right + c] * fractionX;
                    var below = image.Pixels[lower + left + c] * (one - fractionX) + image.Pixels[lower + right + c] * fractionX;
                    result.Pixels[(y * width + x) * channels + c] =
                        (byte)((above * (one - fractionY) + below * fractionY + (1 << (2 * FractionBits - 1))) >> (2 * FractionBits));
                }
            }
        }
        return result;

        static int Fixed(double value) => (int)Math.Round(value * (1 << PositionBits));
    }
}
