namespace Reproduction.Imaging;

/// <summary>An 8-bit image: rows from the top, channels interleaved, no padding. Immutable by convention once it is shared.</summary>
public sealed class Image
{
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="channels">1 (grey) or 3 (RGB).</param>
    /// <param name="pixels">HWC bytes, <c>height * width * channels</c> of them; not copied. Null: all zero.</param>
    /// <exception cref="ArgumentException">The sizes are not positive, or the array has another length.</exception>
    public Image(int width, int height, int channels, byte[]? pixels = null)
    {
        if (width < 1 || height < 1 || channels is not (1 or 3))
        {
            throw new ArgumentException($"an image of {width} x {height} with {channels} channels cannot be");
        }

        pixels ??= new byte[checked(width * height * channels)];
        if (pixels.LongLength != (long)width * height * channels)
        {
            throw new ArgumentException($"{pixels.Length} bytes do not fill an image of {width} x {height} with {channels} channels");
        }

        (Width, Height, Channels, Pixels) = (width, height, channels, pixels);
    }

    /// <summary>An image out of a buffer, whose pixels are copied.</summary>
    /// <param name="pixels">Rows from the top.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="order">Of a pixel's bytes.</param>
    /// <param name="stride">Bytes from the start of a row to that of the next; 0 where rows follow one another without a gap.</param>
    /// <exception cref="ArgumentException">The sizes are not positive, the stride is less than a row, or the buffer is too
    /// short.</exception>
    public static Image FromPixels(ReadOnlySpan<byte> pixels, int width, int height, PixelOrder order, int stride = 0)
    {
        var (bytes, red, green, blue) = order switch
        {
            PixelOrder.Grey => (1, 0, 0, 0),
            PixelOrder.Rgb => (3, 0, 1, 2),
            PixelOrder.Bgr => (3, 2, 1, 0),
            PixelOrder.Rgba => (4, 0, 1, 2),
            PixelOrder.Bgra => (4, 2, 1, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(order)),
        };
        var image = new Image(width, height, bytes == 1 ? 1 : 3);
        var row = checked(width * bytes);
        var step = stride == 0 ? row : stride;
        if (step < row || pixels.Length < (long)step * (height - 1) + row)
        {
            throw new ArgumentException(
                $"{pixels.Length} bytes with {step} a row do not hold an image of {width} x {height} with {bytes} bytes a pixel"
            );
        }
        for (var y = 0; y < height; y++)
        {
            var source = pixels.Slice(y * step, row);
            var target = image.Pixels.AsSpan(y * width * image.Channels, width * image.Channels);
            if (order is PixelOrder.Grey or PixelOrder.Rgb)
            {
                source.CopyTo(target);
                continue;
            }
            for (int from = 0, to = 0; from < row; from += bytes, to += 3)
            {
                (target[to], target[to + 1], target[to + 2]) = (source[from + red], source[from + green], source[from + blue]);
            }
        }
        return image;
    }

    /// <summary>In pixels.</summary>
    public int Width { get; }

    /// <summary>In pixels.</summary>
    public int Height { get; }

    /// <summary>1 (grey) or 3 (RGB).</summary>
    public int Channels { get; }

    /// <summary>HWC bytes: channel <c>c</c> at (<c>x</c>, <c>y</c>) is <c>Pixels[(y * Width + x) * Channels + c]</c>.</summary>
    public byte[] Pixels { get; }

    /// <summary>The value of a channel at a pixel; (0, 0) is at the left above.</summary>
    public byte this[int x, int y, int channel]
    {
        get => Pixels[(y * Width + x) * Channels + channel];
        set => Pixels[(y * Width + x) * Channels + channel] = value;
    }

    /// <summary>This image if it is RGB; otherwise the grey values three times.</summary>
    public Image ToRgb()
    {
        if (Channels == 3)
        {
            return this;
        }

        var rgb = new byte[Pixels.Length * 3];
        for (var i = 0; i < Pixels.Length; i++)
        {
            rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = Pixels[i];
        }

        return new Image(Width, Height, 3, rgb);
    }

    /// <summary>This image if it is grey; otherwise its ITU-R 601 luma, rounded as PIL's <c>convert('L')</c> rounds it.</summary>
    public Image ToGrey()
    {
        if (Channels == 1)
        {
            return this;
        }

        var grey = new byte[Width * Height];
        for (var i = 0; i < grey.Length; i++)
        {
            grey[i] = (byte)((Pixels[3 * i] * 19595 + Pixels[3 * i + 1] * 38470 + Pixels[3 * i + 2] * 7471 + 0x8000) >> 16);
        }

        return new Image(Width, Height, 1, grey);
    }

    /// <summary>A copy whose pixels can be changed without changing this image.</summary>
    public Image Copy() => new(Width, Height, Channels, (byte[])Pixels.Clone());
}
