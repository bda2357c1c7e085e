using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Reproduction.Imaging;

/// <summary>How pixels are interpolated when an image changes size.</summary>
public enum Resampling
{
    /// <summary>
    /// The pixel under the target pixel's centre, as PIL (and so torchvision on PIL images) chooses it. OpenCV's INTER_NEAREST takes the
    /// pixel under the target pixel's upper left corner, which shifts the image by up to half a source pixel; it is not used.
    /// </summary>
    Nearest,

    /// <summary>The two by two nearest pixels, as OpenCV's INTER_LINEAR: no antialiasing when the image shrinks.</summary>
    Bilinear,

    /// <summary>A triangle filter as wide as the scale, as PIL's BILINEAR: antialiased when the image shrinks.</summary>
    BilinearAntialias,
}

/// <summary>Resizes 8-bit images to 8-bit images; every value is within 1 of OpenCV's or PIL's.</summary>
public static class Resizer
{
    /// <summary>The image shrunk to at most so many pixels a side, antialiased; the image itself if it is not larger.</summary>
    /// <param name="longestSide">At least 1.</param>
    public static Image Within(Image image, int longestSide)
    {
        var scale = (double)longestSide / Math.Max(image.Width, image.Height);
        return scale < 1
            // A picture a thousand times as long as it is wide keeps a pixel of its width.
            ? Resize(image, Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)), Resampling.BilinearAntialias)
            : image;
    }

    /// <summary>The image at another size; the image itself if it has that size already. Any number of threads may call.</summary>
    /// <param name="width">Columns of the result, at least 1.</param>
    /// <param name="height">Rows of the result, at least 1.</param>
    public static Image Resize(Image image, int width, int height, Resampling resampling)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (width == image.Width && height == image.Height)
        {
            return image;
        }

        return resampling switch
        {
            Resampling.Nearest => Nearest(image, width, height),
            Resampling.Bilinear => Bilinear(image, width, height),
            Resampling.BilinearAntialias => BilinearAntialias(image, width, height),
            _ => throw new ArgumentOutOfRangeException(nameof(resampling)),
        };
    }

    private static Image Nearest(Image image, int width, int height)
    {
        var channels = image.Channels;
        var result = new Image(width, height, channels);
        var columns = NearestSources(image.Width, width);
        var rows = NearestSources(image.Height, height);
        for (var y = 0; y < height; y++)
        {
            var source = image.Pixels.AsSpan(rows[y] * image.Width * channels, image.Width * channels);
            var target = result.Pixels.AsSpan(y * width * channels, width * channels);
            for (var x = 0; x < width; x++)
            {
                for (var c = 0; c < channels; c++)
                {
                    target[x * channels + c] = source[columns[x] * channels + c];
                }
            }
        }
        return result;
    }

    private static int[] NearestSources(int from, int to)
    {
        var step = (double)from / to;
        var sources = new int[to];
        // PIL adds the step up; a product would round differently now and then.
        var position = step * 0.5;
        for (var i = 0; i < to; i++, position += step)
        {
            sources[i] = Math.Min((int)position, from - 1);
        }

        return sources;
    }

    /// <summary>Fixed point with 11 bits a weight, as in OpenCV.</summary>
    private const int BilinearBits = 11;

    private static Image Bilinear(Image image, int width, int height)
    {
        var channels = image.Channels;
        var result = new Image(width, height, channels);
        var columns = BilinearSources(image.Width, width);
        var (top, rowWeights) = BilinearSources(image.Height, height);
        var stride = image.Width * channels;
        // Bytes are read four, sums written four at a time: both rows have room beyond their ends.
        var source = new byte[stride + channels + sizeof(uint)];
        var length = width * channels;
        var block = Vector<byte>.Count;
        var (upper, lower, output) = (new int[length + block], new int[length + block], new byte[length + block]);
        var (upperRow, lowerRow) = (-1, -1);
        for (var y = 0; y < height; y++)
        {
            var first = top[y];
            var second = Math.Min(first + 1, image.Height - 1);
            if (first == lowerRow)
            {
                (upper, lower) = (lower, upper);
                (upperRow, lowerRow) = (lowerRow, upperRow);
            }
            if (first != upperRow)
            {
                image.Pixels.AsSpan(first * stride, stride).CopyTo(source);
                BlendColumns(source, channels, columns, upper);
            }
            if (second != lowerRow)
            {
                image.Pixels.AsSpan(second * stride, stride).CopyTo(source);
                BlendColumns(source, channels, columns, lower);
            }
            (upperRow, lowerRow) = (first, second);
            for (var i = 0; i < length; i += block)
            {
                BlendRows(upper, lower, rowWeights[y], i).CopyTo(output, i);
            }
            output.AsSpan(0, length).CopyTo(result.Pixels.AsSpan(y * length));
        }
        return result;
    }

    /// <summary>The weighted sums of neighbouring pixels of a row, with <see cref="BilinearBits"/> more bits than a byte.</summary>
    private static void BlendColumns(byte[] row, int channels, (int[] First, int[] Weight) columns, int[] sums)
    {
        ref var start = ref MemoryMarshal.GetArrayDataReference(row);
        var (first, weights) = columns;
        for (var x = 0; x < first.Length && x < weights.Length; x++)
        {
            // At the right border the weight of the pixel that would lie beyond it is 0.
            ref var pixel = ref Unsafe.Add(ref start, first[x] * channels);
            var left = FourBytes(ref pixel);
            var right = FourBytes(ref Unsafe.Add(ref pixel, channels));
            ((left << BilinearBits) + (right - left) * weights[x]).StoreUnsafe(ref sums[x * channels]);
        }

        static Vector128<int> FourBytes(ref byte at) =>
            Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref at)).AsByte())).AsInt32();
    }

    private static Vector<byte> BlendRows(int[] upper, int[] lower, int weight, int offset)
    {
        var count = Vector<int>.Count;
        return Filters.Narrow(Blend(offset), Blend(offset + count), Blend(offset + 2 * count), Blend(offset + 3 * count));

        Vector<int> Blend(int at)
        {
            var (above, below) = (new Vector<int>(upper, at), new Vector<int>(lower, at));
            var half = new Vector<int>(1 << (2 * BilinearBits - 1));
            return ((above << BilinearBits) + (below - above) * weight + half) >> (2 * BilinearBits);
        }
    }

    /// <summary>For every target position the source pixel before it and the weight (11 bits) of the one after.</summary>
    private static (int[] First, int[] Weight) BilinearSources(int from, int to)
    {
        var first = new int[to];
        var weights = new int[to];
        var scale = (double)from / to;
        for (var i = 0; i < to; i++)
        {
            var position = (float)((i + 0.5) * scale - 0.5);
            var floor = (int)MathF.Floor(position);
            var fraction = position - floor;
            if (floor < 0)
            {
                (floor, fraction) = (0, 0);
            }

            if (floor >= from - 1)
            {
                (floor, fraction) = (from - 1, 0);
            }

            first[i] = floor;
            weights[i] = (int)MathF.Round(fraction * (1 << BilinearBits));
        }
        return (first, weights);
    }

    /// <summary>Fixed point: 8 bits of value and 2 of headroom leave 22 of 32 bits for the weights, as in PIL.</summary>
    private const int AntialiasBits = 32 - 8 - 2;

    private static Image BilinearAntialias(Image image, int width, int height)
    {
        var result = image;
        if (width != image.Width)
        {
            var target = new Image(width, result.Height, image.Channels);
            FilterRows(result, target, TriangleFilter(image.Width, width));
            result = target;
        }
        if (height != image.Height)
        {
            var target = new Image(width, height, image.Channels);
            FilterColumns(result, target, TriangleFilter(image.Height, height));
            result = target;
        }
        return result;
    }

    private static void FilterRows(Image source, Image target, (int First, int[] Weights)[] filter)
    {
        var channels = source.Channels;
        for (var y = 0; y < target.Height; y++)
        {
            var row = source.Pixels.AsSpan(y * source.Width * channels, source.Width * channels);
            var output = target.Pixels.AsSpan(y * target.Width * channels, target.Width * channels);
            for (var x = 0; x < target.Width; x++)
            {
                var (first, weights) = filter[x];
                for (var c = 0; c < channels; c++)
                {
                    var sum = 1 << (AntialiasBits - 1);
                    for (int i = 0, at = first * channels + c; i < weights.Length; i++, at += channels)
                    {
                        sum += row[at] * weights[i];
                    }

                    output[x * channels + c] = Clip(sum >> AntialiasBits);
                }
            }
        }
    }

    private static void FilterColumns(Image source, Image target, (int First, int[] Weights)[] filter)
    {
        var stride = source.Width * source.Channels;
        var sums = new int[stride];
        for (var y = 0; y < target.Height; y++)
        {
            var (first, weights) = filter[y];
            sums.AsSpan().Fill(1 << (AntialiasBits - 1));
            for (var i = 0; i < weights.Length; i++)
            {
                var row = source.Pixels.AsSpan((first + i) * stride, stride);
                var weight = weights[i];
                for (var x = 0; x < row.Length; x++)
                {
                    sums[x] += row[x] * weight;
                }
            }
            var output = target.Pixels.AsSpan(y * stride, stride);
            for (var x = 0; x < output.Length; x++)
            {
                output[x] = Clip(sums[x] >> AntialiasBits);
            }
        }
    }

    private static byte Clip(int value) => (byte)Math.Clamp(value, 0, 255);

    private static (int First, int[] Weights)[] TriangleFilter(int from, int to)
    {
        var scale = (double)from / to;
        var support = Math.Max(scale, 1.0);
        var filter = new (int First, int[] Weights)[to];
        for (var i = 0; i < to; i++)
        {
            var center = (i + 0.5) * scale;
            var first = Math.Max((int)(center - support + 0.5), 0);
            var last = Math.Min((int)(center + support + 0.5), from);
            var exact = new double[last - first];
            for (var j = 0; j < exact.Length; j++)
            {
                exact[j] = Math.Max(0, 1 - Math.Abs((j + first - center + 0.5) / support));
            }

            var total = exact.Sum();
            filter[i] = (first, [.. exact.Select(weight => (int)(weight / total * (1 << AntialiasBits) + 0.5))]);
        }
        return filter;
    }
}
