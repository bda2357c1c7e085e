namespace Reproduction.Imaging;

/// <summary>Filters over small neighbourhoods with OpenCV's borders and rounding; every value is within 1 of OpenCV's.</summary>
public static class Filters
{
    /// <summary>Correlates every channel with a kernel, as OpenCV's <c>filter2D</c>: anchored at the centre, borders mirrored without repeating the edge.</summary>
    /// <param name="kernel">A square of odd side.</param>
    public static Image Correlate(Image image, float[,] kernel)
    {
        var radius = kernel.GetLength(0) / 2;
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var result = new Image(width, height, channels);
        var taps = (
            from v in Enumerable.Range(-radius, 2 * radius + 1)
            from u in Enumerable.Range(-radius, 2 * radius + 1)
            where kernel[v + radius, u + radius] != 0
            select (v, u, weight: kernel[v + radius, u + radius])).ToArray();
        var padded = PadRows(image, radius, Mirrored);
        var sums = new float[width * channels];
        var stride = (width + 2 * radius) * channels;
        for (var y = 0; y < height; y++)
        {
            Array.Clear(sums);
            foreach (var (v, u, weight) in taps)
            {
                var row = padded.AsSpan(Mirrored(y + v, height) * stride + (u + radius) * channels, sums.Length);
                for (var i = 0; i < row.Length; i++)
                    sums[i] += row[i] * weight;
            }
            var target = result.Pixels.AsSpan(y * sums.Length, sums.Length);
            for (var i = 0; i < target.Length; i++)
                target[i] = ToByte(sums[i]);
        }
        return result;
    }

    /// <summary>The mean of 3 x 3 pixels.</summary>
    public static Image Blur3(Image image)
    {
        var kernel = new float[3, 3];
        for (var i = 0; i < 9; i++)
            kernel[i / 3, i % 3] = 1f / 9;
        return Correlate(image, kernel);
    }

    /// <summary>The median of 3 x 3 pixels in every channel; borders repeat the edge, as in OpenCV's <c>medianBlur</c>.</summary>
    public static Image Median3(Image image)
    {
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var result = new Image(width, height, channels);
        var padded = PadRows(image, 1, Repeated);
        var stride = (width + 2) * channels;
        Span<byte> values = stackalloc byte[9];
        for (var y = 0; y < height; y++)
        {
            for (var i = 0; i < width * channels; i++)
            {
                for (var v = 0; v < 3; v++)
                {
                    var at = Repeated(y + v - 1, height) * stride + i;
                    for (var u = 0; u < 3; u++)
                        values[3 * v + u] = padded[at + u * channels];
                }
                values.Sort();
                result.Pixels[y * width * channels + i] = values[4];
            }
        }
        return result;
    }

    /// <summary>
    /// Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of one channel, as OpenCV's CLAHE: histograms of tiles are clipped, what
    /// is cut off is spread evenly, and the tiles' look-up tables are interpolated bilinearly.
    /// </summary>
    /// <param name="grey">One channel.</param>
    /// <param name="clipLimit">The greatest height of a histogram's bin, in multiples of its mean.</param>
    /// <param name="tiles">Tiles a side.</param>
    public static Image Clahe(Image grey, double clipLimit, int tiles)
    {
        var tileWidth = (grey.Width + tiles - 1) / tiles;
        var tileHeight = (grey.Height + tiles - 1) / tiles;
        var tables = new byte[tiles * tiles][];
        for (var t = 0; t < tables.Length; t++)
            tables[t] = EqualisingTable(grey, t % tiles * tileWidth, t / tiles * tileHeight, tileWidth, tileHeight, clipLimit);
        var result = new Image(grey.Width, grey.Height, 1);
        for (var y = 0; y < grey.Height; y++)
        {
            var (top, bottom, down) = Between(y, tileHeight, tiles);
            for (var x = 0; x < grey.Width; x++)
            {
                var (left, right, across) = Between(x, tileWidth, tiles);
                var value = grey.Pixels[y * grey.Width + x];
                var upper = tables[top * tiles + left][value] * (1 - across) + tables[top * tiles + right][value] * across;
                var lower = tables[bottom * tiles + left][value] * (1 - across) + tables[bottom * tiles + right][value] * across;
                result.Pixels[y * grey.Width + x] = ToByte(upper * (1 - down) + lower * down);
            }
        }
        return result;
    }

    /// <summary>The two tiles whose centres enclose a position, and how far it is from the first to the second.</summary>
    private static (int First, int Second, float Fraction) Between(int position, int size, int tiles)
    {
        var inTiles = (float)position / size - 0.5f;
        var first = (int)MathF.Floor(inTiles);
        return (Math.Max(first, 0), Math.Min(first + 1, tiles - 1), inTiles - first);
    }

    private static byte[] EqualisingTable(Image grey, int left, int top, int width, int height, double clipLimit)
    {
        const int bins = 256;
        var histogram = new int[bins];
        for (var y = top; y < top + height; y++)
            for (var x = left; x < left + width; x++)
                histogram[grey.Pixels[Mirrored(y, grey.Height) * grey.Width + Mirrored(x, grey.Width)]]++;

        var area = width * height;
        var limit = Math.Max((int)(clipLimit * area / bins), 1);
        var clipped = 0;
        for (var i = 0; i < bins; i++)
        {
            if (histogram[i] <= limit)
                continue;
            clipped += histogram[i] - limit;
            histogram[i] = limit;
        }
        var rest = clipped % bins;
        for (var i = 0; i < bins; i++)
            histogram[i] += clipped / bins;
        if (rest > 0)
        {
            var step = Math.Max(bins / rest, 1);
            for (var i = 0; i < bins && rest > 0; i += step, rest--)
                histogram[i]++;
        }
        var table = new byte[bins];
        var sum = 0;
        for (var i = 0; i < bins; i++)
            table[i] = ToByte((sum += histogram[i]) * (255f / area));
        return table;
    }

    /// <summary>An index mirrored into 0 .. length - 1 without repeating the edge: -1 is 1.</summary>
    internal static int Mirrored(int index, int length)
    {
        if (length == 1)
            return 0;
        while (index < 0 || index >= length)
            index = index < 0 ? -index : 2 * (length - 1) - index;
        return index;
    }

    private static int Repeated(int index, int length) => Math.Clamp(index, 0, length - 1);

    /// <summary>The pixels with <paramref name="radius"/> columns more on either side.</summary>
    private static byte[] PadRows(Image image, int radius, Func<int, int, int> border)
    {
        var (width, channels) = (image.Width, image.Channels);
        var padded = new byte[image.Height * (width + 2 * radius) * channels];
        for (var y = 0; y < image.Height; y++)
        {
            var source = image.Pixels.AsSpan(y * width * channels, width * channels);
            var target = padded.AsSpan(y * (width + 2 * radius) * channels, (width + 2 * radius) * channels);
            source.CopyTo(target[(radius * channels)..]);
            for (var i = 1; i <= radius; i++)
            {
                source.Slice(border(-i, width) * channels, channels).CopyTo(target[((radius - i) * channels)..]);
                source.Slice(border(width - 1 + i, width) * channels, channels).CopyTo(target[((radius + width - 1 + i) * channels)..]);
            }
        }
        return padded;
    }

    internal static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0, 255);
}
