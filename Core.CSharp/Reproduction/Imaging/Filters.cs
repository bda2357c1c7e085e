using System.Numerics;

namespace Reproduction.Imaging;

/// <summary>
/// Filters over small neighbourhoods with OpenCV's borders and rounding; every value is within 1 of OpenCV's. They go through an image row
/// by row, in vectors as wide as the processor's, and give the same bytes at every width of these.
/// </summary>
public static class Filters
{
    /// <summary>
    /// Elements that a filter takes at once: a vector of bytes, so four of floats. Scratch rows are padded to a multiple of it.
    /// </summary>
    private static readonly int Block = Vector<byte>.Count;

    /// <summary>
    /// Correlates every channel with a kernel, as OpenCV's <c>filter2D</c>: anchored at the centre, borders mirrored without repeating the
    /// edge.
    /// </summary>
    /// <param name="image">Grey or RGB.</param>
    /// <param name="kernel">A square of odd side.</param>
    public static Image Correlate(Image image, float[,] kernel)
    {
        var side = kernel.GetLength(0);
        var radius = side / 2;
        var (height, channels) = (image.Height, image.Channels);
        var length = image.Width * channels;
        var taps = Taps(kernel);
        var weights = Array.ConvertAll(taps, tap => tap.Weight);
        var starts = new int[taps.Length];
        var padded = ScratchRow(image, radius);
        var output = ScratchRow(image, radius);
        var window = new float[side * padded.Length];
        var result = new Image(image.Width, height, channels);
        for (int y = 0, next = 0; y < height; y++)
        {
            for (; next <= Math.Min(y + radius, height - 1); next++)
            {
                PadRow(image, next, radius, Mirrored, padded);
                Widen(padded, window, next % side * padded.Length);
            }
            for (var t = 0; t < taps.Length; t++)
            {
                starts[t] = Mirrored(y + taps[t].Row, height) % side * padded.Length + (taps[t].Column + radius) * channels;
            }
            for (var i = 0; i < length; i += Block)
            {
                WeightedSum(window, starts, weights, i).CopyTo(output, i);
            }
            output.AsSpan(0, length).CopyTo(result.Pixels.AsSpan(y * length));
        }
        return result;
    }

    /// <summary>The weights of a kernel that are not 0, with their places relative to the centre, row by row.</summary>
    private static (int Row, int Column, float Weight)[] Taps(float[,] kernel)
    {
        var radius = kernel.GetLength(0) / 2;
        return
        [
            .. from v in Enumerable.Range(-radius, 2 * radius + 1)
            from u in Enumerable.Range(-radius, 2 * radius + 1)
            where kernel[v + radius, u + radius] != 0
            select (v, u, kernel[v + radius, u + radius]),
        ];
    }

    // Not fused into one rounding, where the processor could: the bytes would differ from machine to machine.
    private static Vector<byte> WeightedSum(float[] window, int[] starts, float[] weights, int offset)
    {
        var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
        for (var t = 0; t < starts.Length; t++)
        {
            var at = starts[t] + offset;
            var weight = new Vector<float>(weights[t]);
            a += new Vector<float>(window, at) * weight;
            b += new Vector<float>(window, at + Vector<float>.Count) * weight;
            c += new Vector<float>(window, at + 2 * Vector<float>.Count) * weight;
            d += new Vector<float>(window, at + 3 * Vector<float>.Count) * weight;
        }
        return ToBytes(a, b, c, d);
    }

    private static void Widen(byte[] row, float[] target, int start)
    {
        for (var i = 0; i < row.Length; i += Block)
        {
            var (a, b, c, d) = Widen(new Vector<byte>(row, i));
            Vector.ConvertToSingle(a).CopyTo(target, start + i);
            Vector.ConvertToSingle(b).CopyTo(target, start + i + Vector<float>.Count);
            Vector.ConvertToSingle(c).CopyTo(target, start + i + 2 * Vector<float>.Count);
            Vector.ConvertToSingle(d).CopyTo(target, start + i + 3 * Vector<float>.Count);
        }
    }

    /// <summary>The mean of 3 x 3 pixels; borders are mirrored as in <see cref="Correlate"/>, as OpenCV's <c>blur</c> does it.</summary>
    public static Image Blur3(Image image)
    {
        var kernel = new float[3, 3];
        for (var i = 0; i < 9; i++)
        {
            kernel[i / 3, i % 3] = 1f / 9;
        }
        return Correlate(image, kernel);
    }

    /// <summary>
    /// The median of 3 x 3 pixels in every channel; borders repeat the edge, as in OpenCV's <c>medianBlur</c>. When every column of three
    /// is sorted, it is the median of the greatest low, the median middle and the least high value, so that neighbouring pixels share the
    /// sorted columns.
    /// </summary>
    public static Image Median3(Image image)
    {
        var (height, channels) = (image.Height, image.Channels);
        var length = image.Width * channels;
        byte[][] rows = [ScratchRow(image, 1), ScratchRow(image, 1), ScratchRow(image, 1)];
        var (low, middle, high, output) = (ScratchRow(image, 1), ScratchRow(image, 1), ScratchRow(image, 1), ScratchRow(image, 1));
        var result = new Image(image.Width, height, channels);
        for (int y = 0, next = 0; y < height; y++)
        {
            for (; next <= Math.Min(y + 1, height - 1); next++)
            {
                PadRow(image, next, 1, Repeated, rows[next % 3]);
            }
            SortColumns(rows[Repeated(y - 1, height) % 3], rows[y % 3], rows[Repeated(y + 1, height) % 3], low, middle, high);
            for (var i = 0; i < length; i += Block)
            {
                var (here, right) = (i + channels, i + 2 * channels);
                var greatestLow = Vector.Max(Vector.Max(At(low, i), At(low, here)), At(low, right));
                var leastHigh = Vector.Min(Vector.Min(At(high, i), At(high, here)), At(high, right));
                Median(greatestLow, Median(At(middle, i), At(middle, here), At(middle, right)), leastHigh).CopyTo(output, i);
            }
            output.AsSpan(0, length).CopyTo(result.Pixels.AsSpan(y * length));
        }
        return result;

        static Vector<byte> At(byte[] row, int i) => new(row, i);
    }

    private static void SortColumns(byte[] above, byte[] here, byte[] below, byte[] low, byte[] middle, byte[] high)
    {
        for (var i = 0; i < here.Length; i += Block)
        {
            var (a, b, c) = (new Vector<byte>(above, i), new Vector<byte>(here, i), new Vector<byte>(below, i));
            var (less, more) = (Vector.Min(a, b), Vector.Max(a, b));
            Vector.Min(less, c).CopyTo(low, i);
            Vector.Max(less, Vector.Min(more, c)).CopyTo(middle, i);
            Vector.Max(more, c).CopyTo(high, i);
        }
    }

    private static Vector<byte> Median(Vector<byte> a, Vector<byte> b, Vector<byte> c) =>
        Vector.Max(Vector.Min(a, b), Vector.Min(Vector.Max(a, b), c));

    /// <summary>Adds to bytes in place, rounded and cut off to bytes; as many of both, whole vectors of bytes.</summary>
    internal static void Add(byte[] bytes, float[] addends)
    {
        for (var i = 0; i < bytes.Length; i += Block)
        {
            var (a, b, c, d) = Widen(new Vector<byte>(bytes, i));
            ToBytes(Sum(a, i), Sum(b, i + Vector<float>.Count), Sum(c, i + 2 * Vector<float>.Count), Sum(d, i + 3 * Vector<float>.Count))
                .CopyTo(bytes, i);
        }

        Vector<float> Sum(Vector<int> values, int at) => Vector.ConvertToSingle(values) + new Vector<float>(addends, at);
    }

    /// <summary>An index mirrored into 0 .. length - 1 without repeating the edge: -1 is 1.</summary>
    internal static int Mirrored(int index, int length)
    {
        if (length == 1)
        {
            return 0;
        }
        while (index < 0 || index >= length)
        {
            index = index < 0 ? -index : 2 * (length - 1) - index;
        }
        return index;
    }

    private static int Repeated(int index, int length) => Math.Clamp(index, 0, length - 1);

    /// <summary>
    /// Room for a row with <paramref name="radius"/> more pixels on either side, in whole blocks, and one block more to read beyond it.
    /// </summary>
    private static byte[] ScratchRow(Image image, int radius)
    {
        var length = (image.Width + 2 * radius) * image.Channels;
        return new byte[(length + Block - 1) / Block * Block + Block];
    }

    /// <summary>Copies row <paramref name="y"/> with <paramref name="radius"/> more pixels on either side.</summary>
    private static void PadRow(Image image, int y, int radius, Func<int, int, int> border, byte[] padded)
    {
        var (width, channels) = (image.Width, image.Channels);
        var source = image.Pixels.AsSpan(y * width * channels, width * channels);
        source.CopyTo(padded.AsSpan(radius * channels));
        for (var i = 1; i <= radius; i++)
        {
            source.Slice(border(-i, width) * channels, channels).CopyTo(padded.AsSpan((radius - i) * channels));
            source.Slice(border(width - 1 + i, width) * channels, channels).CopyTo(padded.AsSpan((radius + width - 1 + i) * channels));
        }
    }

    /// <summary>A vector of bytes as four of integers, in order.</summary>
    internal static (Vector<int> A, Vector<int> B, Vector<int> C, Vector<int> D) Widen(Vector<byte> bytes)
    {
        Vector.Widen(bytes, out var lower, out var upper);
        Vector.Widen(lower, out var a, out var b);
        Vector.Widen(upper, out var c, out var d);
        return (Vector.AsVectorInt32(a), Vector.AsVectorInt32(b), Vector.AsVectorInt32(c), Vector.AsVectorInt32(d));
    }

    /// <summary>The inverse of <see cref="Widen(Vector{byte})"/> for values of 0 to 255.</summary>
    internal static Vector<byte> Narrow(Vector<int> a, Vector<int> b, Vector<int> c, Vector<int> d) =>
        Vector.Narrow(
            Vector.Narrow(Vector.AsVectorUInt32(a), Vector.AsVectorUInt32(b)),
            Vector.Narrow(Vector.AsVectorUInt32(c), Vector.AsVectorUInt32(d))
        );

    /// <summary>Four vectors rounded to the nearest byte, halves to even, in order.</summary>
    internal static Vector<byte> ToBytes(Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d)
    {
        return Narrow(Rounded(a), Rounded(b), Rounded(c), Rounded(d));

        static Vector<int> Rounded(Vector<float> value) =>
            Vector.ConvertToInt32Native(Vector.Round(Vector.Min(Vector.Max(value, Vector<float>.Zero), new Vector<float>(255))));
    }

    internal static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0, 255);
}
