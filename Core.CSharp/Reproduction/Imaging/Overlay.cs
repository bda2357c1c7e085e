namespace Reproduction.Imaging;

/// <summary>Draws what a detector found over the photograph that it looked at.</summary>
public static class Overlay
{
    /// <summary>White: seen on every colour of the heat map.</summary>
    public static readonly (byte R, byte G, byte B) ContourColor = (255, 255, 255);

    /// <summary>The opacity of twice the threshold, and how it grows up to there.</summary>
    private const double MostOpaque = 0.8;

    private const double OpacityPower = 1.5;

    /// <summary>
    /// A heat map over an image. The image is shown in grey, so that colour means score and nothing else; the heat is the more opaque the
    /// higher the value, so that normal regions stay visible.
    /// </summary>
    /// <param name="image">The photograph; any size.</param>
    /// <param name="heat">The coloured map (<see cref="ColorMap.Apply"/>); resized to the image where it differs.</param>
    /// <param name="opacity">0 (only the image) to 1 (only the heat).</param>
    public static Image Blend(Image image, Image heat, double opacity = 0.5)
    {
        var grey = image.ToGrey();
        var result = Resizer.Resize(heat, image.Width, image.Height, Resampling.Bilinear).Copy();
        var weight = (int)Math.Round(Math.Clamp(opacity, 0, 1) * 256);
        for (var i = 0; i < result.Pixels.Length; i++)
        {
            result.Pixels[i] = (byte)((result.Pixels[i] * weight + grey.Pixels[i / 3] * (256 - weight) + 128) >> 8);
        }

        return result;
    }

    /// <summary>
    /// A map over its photograph, which keeps its colours: from blue to red at twice the threshold, so that the same colour means the same
    /// in every picture, the more opaque the higher the value, so that normal regions are seen as they are, and a line at the threshold.
    /// </summary>
    /// <param name="image">The photograph; the result has its size.</param>
    /// <param name="map">Row-major values, <c>[height * width]</c>; where it is larger than the photograph, the highest value of a pixel is
    /// shown.</param>
    /// <param name="threshold">Of a pixel.</param>
    public static Image HeatMap(Image image, ReadOnlySpan<float> map, int height, int width, float threshold)
    {
        if (height > image.Height || width > image.Width)
        {
            var (rows, columns) = (Math.Min(height, image.Height), Math.Min(width, image.Width));
            return HeatMap(image, Highest(map, height, width, rows, columns), rows, columns, threshold);
        }
        var top = threshold > 0 && float.IsFinite(threshold) ? 2 * threshold : 1;
        var heat = Resizer.Resize(ColorMap.Apply(map, height, width, 0, top), image.Width, image.Height, Resampling.Bilinear);
        var opacity = new Image(width, height, 1);
        for (var i = 0; i < map.Length; i++)
        {
            opacity.Pixels[i] = (byte)Math.Round(255 * MostOpaque * Math.Pow(Math.Clamp(map[i] / top, 0, 1), OpacityPower));
        }
        opacity = Resizer.Resize(opacity, image.Width, image.Height, Resampling.Bilinear);
        var result = image.ToRgb().Copy();
        for (var i = 0; i < result.Pixels.Length; i++)
        {
            var weight = opacity.Pixels[i / 3];
            result.Pixels[i] = (byte)((heat.Pixels[i] * weight + result.Pixels[i] * (255 - weight) + 127) / 255);
        }
        return Contour(result, Threshold(map, height, width, threshold), ContourColor);
    }

    /// <summary>The highest value of each cell of a coarser grid, so that a defect of one pixel stays.</summary>
    private static float[] Highest(ReadOnlySpan<float> map, int height, int width, int rows, int columns)
    {
        var highest = new float[rows * columns];
        Array.Fill(highest, float.NegativeInfinity);
        for (var y = 0; y < height; y++)
        {
            var row = (int)((long)y * rows / height) * columns;
            for (var x = 0; x < width; x++)
            {
                ref var cell = ref highest[row + (int)((long)x * columns / width)];
                cell = Math.Max(cell, map[y * width + x]);
            }
        }
        return highest;
    }

    /// <summary>
    /// The outline of a mask on a copy of the image: the anomalous pixels within <paramref name="thickness"/> pixels (chessboard distance)
    /// of a normal one. The image's border is no outline.
    /// </summary>
    /// <param name="image">The image to draw on.</param>
    /// <param name="mask">One channel, non-zero is inside; resized (nearest) to the image where it differs.</param>
    /// <param name="color">The line's RGB.</param>
    /// <param name="thickness">The line's width in pixels, at least 1.</param>
    public static Image Contour(Image image, Image mask, (byte R, byte G, byte B) color, int thickness = 2)
    {
        var result = image.ToRgb().Copy();
        var (width, height) = (result.Width, result.Height);
        var inside = Resizer.Resize(mask.ToGrey(), width, height, Resampling.Nearest).Pixels;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                if (inside[y * width + x] == 0 || !NearOutside(x, y))
                {
                    continue;
                }

                (result[x, y, 0], result[x, y, 1], result[x, y, 2]) = color;
            }
        }
        return result;

        bool NearOutside(int x, int y)
        {
            var right = Math.Min(x + thickness, width - 1);
            var bottom = Math.Min(y + thickness, height - 1);
            for (var v = Math.Max(y - thickness, 0); v <= bottom; v++)
            {
                for (var u = Math.Max(x - thickness, 0); u <= right; u++)
                {
                    if (inside[v * width + u] == 0)
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    /// <summary>A colour over those pixels of an image that a mask marks; the rest of the image as it is.</summary>
    /// <param name="image">The image; any size.</param>
    /// <param name="mask">One channel, non-zero is marked; resized (nearest) to the image where it differs.</param>
    /// <param name="color">The colour's RGB.</param>
    /// <param name="opacity">0 (only the image) to 1 (only the colour).</param>
    public static Image Tint(Image image, Image mask, (byte R, byte G, byte B) color, double opacity = 0.5)
    {
        var result = image.ToRgb().Copy();
        var marked = Resizer.Resize(mask.ToGrey(), result.Width, result.Height, Resampling.Nearest).Pixels;
        byte[] tint = [color.R, color.G, color.B];
        for (var i = 0; i < result.Pixels.Length; i++)
        {
            if (marked[i / 3] != 0)
            {
                result.Pixels[i] = (byte)Math.Round(result.Pixels[i] * (1 - opacity) + tint[i % 3] * opacity);
            }
        }

        return result;
    }

    /// <summary>The mask of a map's values that reach a threshold: one channel, 0 and 255.</summary>
    /// <param name="map">Row-major values, <c>[height * width]</c>.</param>
    public static Image Threshold(ReadOnlySpan<float> map, int height, int width, float threshold)
    {
        var mask = new Image(width, height, 1);
        for (var i = 0; i < map.Length; i++)
        {
            mask.Pixels[i] = map[i] >= threshold ? (byte)255 : (byte)0;
        }

        return mask;
    }
}
