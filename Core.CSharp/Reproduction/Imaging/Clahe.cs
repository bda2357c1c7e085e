namespace Reproduction.Imaging;

/// <summary>
/// Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) as OpenCV's CLAHE: histograms of tiles are clipped, what is cut off
/// is spread evenly, and the tiles' look-up tables are interpolated bilinearly.
/// </summary>
public static class Clahe
{
    private const int Bins = 256;

    /// <summary>The equalised image; every value is within 1 of OpenCV's.</summary>
    /// <param name="grey">One channel.</param>
    /// <param name="clipLimit">The greatest height of a histogram's bin, in multiples of its mean.</param>
    /// <param name="tiles">Tiles a side.</param>
    /// <exception cref="ArgumentException">The image has more than one channel.</exception>
    public static Image Equalise(Image grey, double clipLimit, int tiles)
    {
        if (grey.Channels != 1)
        {
            throw new ArgumentException("CLAHE takes an image of one channel", nameof(grey));
        }
        var (width, height) = (grey.Width, grey.Height);
        var (tileWidth, tileHeight) = TileSize(width, height, tiles);
        var tables = new byte[tiles * tiles * Bins];
        for (var t = 0; t < tiles * tiles; t++)
        {
            FillTable(grey, t % tiles * tileWidth, t / tiles * tileHeight, tileWidth, tileHeight, clipLimit, tables.AsSpan(t * Bins, Bins));
        }
        var result = new Image(width, height, 1);
        var columns = Between(width, tileWidth, tiles);
        var rows = Between(height, tileHeight, tiles);
        for (var y = 0; y < height; y++)
        {
            var (top, bottom, down) = rows[y];
            Interpolate(
                grey.Pixels.AsSpan(y * width, width),
                columns,
                tables.AsSpan(top * tiles * Bins, tiles * Bins),
                tables.AsSpan(bottom * tiles * Bins, tiles * Bins),
                down,
                result.Pixels.AsSpan(y * width, width)
            );
        }
        return result;
    }

    /// <summary>
    /// The image is divided into equal tiles. If that does not go up on EITHER side, OpenCV mirrors it onwards on BOTH, by
    /// <c>tiles - side % tiles</c> pixels: a side that could be divided gets one pixel a tile more.
    /// </summary>
    private static (int Width, int Height) TileSize(int width, int height, int tiles) =>
        width % tiles == 0 && height % tiles == 0 ? (width / tiles, height / tiles) : (width / tiles + 1, height / tiles + 1);

    /// <summary>For every position the two tiles whose centres enclose it, and how far it is from the first to the second.</summary>
    private static (int First, int Second, float Fraction)[] Between(int positions, int size, int tiles)
    {
        var result = new (int, int, float)[positions];
        var inverse = 1f / size;
        for (var i = 0; i < positions; i++)
        {
            var inTiles = i * inverse - 0.5f;
            var first = (int)MathF.Floor(inTiles);
            result[i] = (Math.Max(first, 0), Math.Min(first + 1, tiles - 1), inTiles - first);
        }
        return result;
    }

    private static void Interpolate(
        ReadOnlySpan<byte> source,
        (int First, int Second, float Fraction)[] columns,
        ReadOnlySpan<byte> upper,
        ReadOnlySpan<byte> lower,
        float down,
        Span<byte> target
    )
    {
        for (var x = 0; x < source.Length; x++)
        {
            var (first, second, across) = columns[x];
            var (left, right) = (first * Bins + source[x], second * Bins + source[x]);
            var above = upper[left] * (1 - across) + upper[right] * across;
            var below = lower[left] * (1 - across) + lower[right] * across;
            target[x] = (byte)MathF.Round(above * (1 - down) + below * down);
        }
    }

    private static void FillTable(Image grey, int left, int top, int width, int height, double clipLimit, Span<byte> table)
    {
        Span<int> histogram = stackalloc int[Bins];
        Count(grey, left, top, width, height, histogram);
        var area = width * height;
        Clip(histogram, Math.Max((int)(clipLimit * area / Bins), 1));
        var scale = 255f / area;
        var sum = 0;
        for (var i = 0; i < Bins; i++)
        {
            table[i] = Filters.ToByte((sum += histogram[i]) * scale);
        }
    }

    private static void Count(Image grey, int left, int top, int width, int height, Span<int> histogram)
    {
        histogram.Clear();
        for (var y = top; y < top + height; y++)
        {
            var row = grey.Pixels.AsSpan(Filters.Mirrored(y, grey.Height) * grey.Width, grey.Width);
            var inside = Math.Clamp(grey.Width - left, 0, width);
            foreach (var value in row.Slice(grey.Width - Math.Max(grey.Width - left, 0), inside))
            {
                histogram[value]++;
            }
            for (var x = left + inside; x < left + width; x++)
            {
                histogram[row[Filters.Mirrored(x, grey.Width)]]++;
            }
        }
    }

    /// <summary>
    /// Cuts the bins off at a limit and spreads what is cut off: equally, and the remainder one by one at equal distances from bin 0.
    /// </summary>
    private static void Clip(Span<int> histogram, int limit)
    {
        var clipped = 0;
        foreach (ref var bin in histogram)
        {
            clipped += Math.Max(bin - limit, 0);
            bin = Math.Min(bin, limit);
        }
        foreach (ref var bin in histogram)
        {
            bin += clipped / Bins;
        }
        var rest = clipped % Bins;
        var step = Math.Max(Bins / Math.Max(rest, 1), 1);
        for (var i = 0; i < Bins && rest > 0; i += step, rest--)
        {
            histogram[i]++;
        }
    }
}
