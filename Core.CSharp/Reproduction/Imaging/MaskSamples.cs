namespace Reproduction.Imaging;

/// <summary>
/// A ground-truth mask as its file stores it, and the rule by which its values are normal or anomalous. Class indices (few small values)
/// are anomalous where they are not 0. All other values are anomalous from half of their type's range on, in a picture of several
/// channels by their greatest: what label tools and resizing leave at the borders of a region stays within its nearer side. Three
/// exceptions: where the colour is the same everywhere and only alpha varies, alpha holds the label; in a palette with colours, every
/// colour but the background is a label, and the background is black, else white, else the first; and pictures stored roughly (JPEG, most
/// WebP) have no class indices, since their black is not exactly 0.
/// </summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; more are not looked at.</param>
/// <param name="Greatest">The greatest value that the type can hold.</param>
/// <param name="Values"><c>[H, W, Channels]</c>.</param>
internal sealed record MaskSamples(int Width, int Height, int Channels, int Greatest, ushort[] Values)
{
    private const int GreatestIndex = 31;
    private const int MostIndices = 20;

    /// <summary>Depths of cameras and files, in bits, that are stored in 16: a mask scaled for one of them keeps its meaning.</summary>
    private static readonly int[] DepthsWithin16 = [8, 10, 12, 14];

    /// <summary>Stored roughly: its black is not exactly 0.</summary>
    internal bool Lossy { get; init; }

    /// <summary>Three bytes a colour, where <see cref="Values"/> are indices into a palette.</summary>
    internal byte[]? Palette { get; init; }

    /// <summary>A PNG's mask.</summary>
    /// <exception cref="CodecException">The compressed data are damaged or too few, or a pixel's colour is not in the palette.</exception>
    internal static MaskSamples Of(PngFile png)
    {
        var values = PngReader.ReadStored(png);
        if (png.Kind == PngFile.Color.Palette && values.Any(index => 3 * index + 3 > png.Palette.Length))
        {
            throw new CodecException("a pixel has a colour that is not in the palette");
        }
        return new MaskSamples(png.Width, png.Height, png.StoredChannels, (1 << png.BitDepth) - 1, values)
        {
            Palette = png.Kind == PngFile.Color.Palette ? png.Palette : null,
        };
    }

    /// <summary>The mask in a picture of bytes with alpha.</summary>
    internal static MaskSamples Of((int Width, int Height, byte[] Rgba) picture, bool lossy) =>
        new(picture.Width, picture.Height, 4, byte.MaxValue, [.. picture.Rgba.Select(value => (ushort)value)]) { Lossy = lossy };

    /// <summary>The greatest value of any colour; alpha does not count.</summary>
    internal int GreatestColor()
    {
        var (greatest, colors) = (0, Channels is 2 or 4 ? Channels - 1 : Channels);
        for (var i = 0; i < Values.Length; i++)
        {
            if (i % Channels < colors)
            {
                greatest = Math.Max(greatest, Values[i]);
            }
        }
        return greatest;
    }

    /// <summary>0 (normal) and 255 (anomalous), row by row.</summary>
    /// <param name="hasBetween">Whether there are values that are neither 0 nor the type's greatest, nor class indices.</param>
    internal byte[] Mark(out bool hasBetween)
    {
        hasBetween = false;
        if (Palette is { } palette)
        {
            if (!IsGrey(palette))
            {
                return MarkColors(palette);
            }
            return new MaskSamples(Width, Height, 1, byte.MaxValue, [.. Values.Select(index => (ushort)palette[3 * index])]).Mark(
                out hasBetween
            );
        }
        var labels = Labels();
        var used = new HashSet<ushort>(labels);
        used.Remove(0);
        var most = used.Count > 0 ? used.Max() : 0;
        var greatest = Greatest == ushort.MaxValue ? RangeOf(most) : Greatest;
        var areIndices = !Lossy && most <= GreatestIndex && used.Count <= MostIndices && (most < greatest || greatest == 1);
        hasBetween = !areIndices && !Lossy && used.Any(value => value != greatest);
        var least = areIndices ? 1 : (greatest + 1) / 2;
        return [.. labels.Select(value => value >= least ? byte.MaxValue : (byte)0)];
    }

    /// <summary>The greatest value of the smallest type that holds a value.</summary>
    private static int RangeOf(int value)
    {
        foreach (var bits in DepthsWithin16)
        {
            if (value < 1 << bits)
            {
                return (1 << bits) - 1;
            }
        }
        return ushort.MaxValue;
    }

    /// <summary>One value a pixel: alpha where only alpha tells pixels apart, else the greatest of the colour's channels.</summary>
    private ushort[] Labels()
    {
        var count = Width * Height;
        var labels = new ushort[count];
        var colors = Channels is 1 or 2 ? 1 : 3;
        var hasAlpha = Channels is 2 or 4;
        var (sameColor, sameAlpha) = (true, true);
        for (var i = 0; i < count; i++)
        {
            var pixel = Values.AsSpan(i * Channels, Channels);
            for (var c = 0; c < colors; c++)
            {
                labels[i] = Math.Max(labels[i], pixel[c]);
                sameColor &= pixel[c] == Values[c];
            }
            sameAlpha &= !hasAlpha || pixel[colors] == Values[colors];
        }
        // Nothing to be seen at all is alpha's word, too: a tool that paints into alpha leaves a picture without a defect so.
        if (hasAlpha && sameColor && (!sameAlpha || Values[colors] == 0))
        {
            for (var i = 0; i < count; i++)
            {
                labels[i] = Values[i * Channels + colors];
            }
        }
        return labels;
    }

    private byte[] MarkColors(byte[] palette)
    {
        var colors = Values.Distinct().Select(index => Color(palette, index)).ToHashSet();
        const int black = 0,
            white = 0xFFFFFF;
        var background =
            colors.Contains(black) ? black
            : colors.Contains(white) ? white
            : Color(palette, 0);
        return [.. Values.Select(index => Color(palette, index) == background ? (byte)0 : byte.MaxValue)];
    }

    private static int Color(byte[] palette, int index) => palette[3 * index] << 16 | palette[3 * index + 1] << 8 | palette[3 * index + 2];

    private static bool IsGrey(byte[] palette)
    {
        for (var i = 0; i + 2 < palette.Length; i += 3)
        {
            if (palette[i] != palette[i + 1] || palette[i] != palette[i + 2])
            {
                return false;
            }
        }
        return true;
    }
}
