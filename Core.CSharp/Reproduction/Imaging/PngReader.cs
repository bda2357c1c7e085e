using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Reproduction.Imaging;

/// <summary>
/// The pixels of those PNGs that Skia does not give exactly: it rounds 16-bit samples to half floats, and paints an index beyond the
/// palette in the palette's last colour. They are inflated, unfiltered row by row and reduced to 8 bits, with alpha dropped. The names a, b
/// and c are those of the PNG specification, section 9.
/// </summary>
internal static class PngReader
{
    /// <summary>Adam7: a pass's first column and row, and the distance to the next ones.</summary>
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
    [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];

    /// <summary>True for the kinds that <see cref="Read"/> reads.</summary>
    internal static bool Reads(PngFile png) => png.BitDepth == 16 || png.Kind == PngFile.Color.Palette;

    /// <summary>The image; never more is inflated than its header implies.</summary>
    /// <param name="png">Of 16 bits or with a palette; its chunks are read.</param>
    /// <param name="white">The 16-bit value that becomes 255.</param>
    /// <exception cref="CodecException">The compressed data are damaged or too few, a pixel's colour is not in the palette, or a value is
    /// above white.</exception>
    internal static Image Read(PngFile png, int white)
    {
        var pixels = new byte[(long)png.Width * png.Height * png.Channels];
        ReadRows(
            png,
            (row, width, x, y, step) =>
            {
                var target = pixels.AsSpan(y * png.Width * png.Channels, png.Width * png.Channels);
                if (png.Kind == PngFile.Color.Palette)
                {
                    PlaceColors(row, width, png, target, x, step);
                }
                else
                {
                    PlaceSamples(row, width, png, target, x, step, white);
                }
            }
        );
        return new Image(png.Width, png.Height, png.Channels, pixels);
    }

    /// <summary>The samples as they are stored, of any kind of PNG: alpha among them, indices where there is a palette.</summary>
    /// <param name="png">Its chunks are read.</param>
    /// <returns><c>[H, W, StoredChannels]</c>, each from 0 to 2^bits - 1.</returns>
    /// <exception cref="CodecException">The compressed data are damaged or too few.</exception>
    internal static ushort[] ReadStored(PngFile png)
    {
        var stored = png.StoredChannels;
        var samples = new ushort[(long)png.Width * png.Height * stored];
        ReadRows(
            png,
            (row, width, x, y, step) =>
            {
                for (var i = 0; i < width * stored; i++)
                {
                    var column = x + i / stored * step;
                    samples[(y * png.Width + column) * stored + i % stored] =
                        png.BitDepth == 16
                            ? BinaryPrimitives.ReadUInt16BigEndian(row[(2 * i)..])
                            : (ushort)Samples.Packed(row, i, png.BitDepth);
                }
            }
        );
        return samples;
    }

    /// <summary>Takes a row of a pass: its first column, its row, and the distance of its columns.</summary>
    private delegate void Placing(ReadOnlySpan<byte> row, int width, int x, int y, int step);

    private static void ReadRows(PngFile png, Placing place)
    {
        try
        {
            using var rows = new ZLibStream(new MemoryStream(png.Compressed), CompressionMode.Decompress);
            foreach (var pass in png.Interlaced ? Passes : [(0, 0, 1, 1)])
            {
                ReadPass(rows, png, pass, place);
            }
            // Only a read beyond the last row makes the stream compare its own checksum.
            _ = rows.ReadByte();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new CodecException("its compressed pixels are damaged or too few", inner: e);
        }
    }

    private static void ReadPass(ZLibStream rows, PngFile png, (int X, int Y, int StepX, int StepY) pass, Placing place)
    {
        var width = (png.Width - pass.X + pass.StepX - 1) / pass.StepX;
        if (width < 1)
        {
            return;
        }
        var bits = png.StoredChannels * png.BitDepth;
        var distance = Math.Max(1, bits / 8);
        // Left of a row's first pixel stand zeros, so that no filter needs an exception there; so they do above the first row.
        var row = new byte[distance + ((width * bits) + 7) / 8];
        var above = new byte[row.Length];
        for (var y = pass.Y; y < png.Height; y += pass.StepY)
        {
            var filter = rows.ReadByte();
            rows.ReadExactly(row.AsSpan(distance));
            Unfilter(filter, row, above, distance);
            place(row.AsSpan(distance), width, pass.X, y, pass.StepX);
            (row, above) = (above, row);
        }
    }

    private static void Unfilter(int filter, Span<byte> row, ReadOnlySpan<byte> above, int distance)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (var i = distance; i < row.Length; i++)
                {
                    row[i] += row[i - distance];
                }
                break;
            case 2:
                AddAbove(row, above);
                break;
            case 3:
                for (var i = distance; i < row.Length; i++)
                {
                    row[i] += (byte)((row[i - distance] + above[i]) >> 1);
                }
                break;
            case 4:
                for (var i = distance; i < row.Length; i++)
                {
                    row[i] += Paeth(row[i - distance], above[i], above[i - distance]);
                }
                break;
            default:
                throw new CodecException("a row of its pixels is missing or has a filter that PNG does not have");
        }
    }

    private static void AddAbove(Span<byte> row, ReadOnlySpan<byte> above)
    {
        var vectors = MemoryMarshal.Cast<byte, Vector<byte>>(row);
        var vectorsAbove = MemoryMarshal.Cast<byte, Vector<byte>>(above);
        for (var i = 0; i < vectors.Length; i++)
        {
            vectors[i] += vectorsAbove[i];
        }
        for (var i = vectors.Length * Vector<byte>.Count; i < row.Length; i++)
        {
            row[i] += above[i];
        }
    }

    /// <summary>Left (a), above (b) or above left (c), whichever is nearest to a + b - c; the first of them where several are.</summary>
    private static byte Paeth(int a, int b, int c)
    {
        var (toA, toB, toC) = (Math.Abs(b - c), Math.Abs(a - c), Math.Abs(a + b - c - c));
        return (byte)(
            toA <= toB && toA <= toC ? a
            : toB <= toC ? b
            : c
        );
    }

    /// <summary>Puts a row's colours into the image's row, from column <paramref name="x"/> on in steps.</summary>
    private static void PlaceColors(ReadOnlySpan<byte> row, int width, PngFile png, Span<byte> target, int x, int step)
    {
        for (var i = 0; i < width; i++)
        {
            var index = Samples.Packed(row, i, png.BitDepth);
            if (3 * index + 3 > png.Palette.Length)
            {
                throw new CodecException("a pixel has a colour that is not in the palette");
            }
            png.Palette.AsSpan(3 * index, 3).CopyTo(target[(3 * (x + i * step))..]);
        }
    }

    private static void PlaceSamples(ReadOnlySpan<byte> row, int width, PngFile png, Span<byte> target, int x, int step, int white)
    {
        var (stored, channels) = (png.StoredChannels, png.Channels);
        for (var i = 0; i < width; i++)
        {
            for (var c = 0; c < channels; c++)
            {
                var at = 2 * (i * stored + c);
                target[(x + i * step) * channels + c] = Samples.Reduce((ushort)(row[at] << 8 | row[at + 1]), white);
            }
        }
    }
}
