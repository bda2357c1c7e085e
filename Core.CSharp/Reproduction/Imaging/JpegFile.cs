using System.Buffers.Binary;

namespace Reproduction.Imaging;

/// <summary>What stands around a JPEG's pixels: its frame's header, its orientation, and whether it goes on to its end.</summary>
internal sealed class JpegFile
{
    private const byte FirstRestart = 0xD0;
    private const byte LastRestart = 0xD7;
    private const byte StartOfImage = 0xD8;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;
    private const byte App1 = 0xE1;

    /// <summary>A block of 64 samples takes at least a bit, in every kind that is Huffman-coded.</summary>
    private const long GreatestCompression = 512;

    private JpegFile(byte kind, int bitDepth, int width, int height, int components)
    {
        (Kind, BitDepth, Width, Height, Components) = (kind, bitDepth, width, height, components);
    }

    /// <summary>The marker of the frame's header: 0xC0 and 0xC1 sequential, 0xC2 progressive, others rare.</summary>
    internal byte Kind { get; }

    internal int BitDepth { get; }

    internal int Width { get; }

    internal int Height { get; }

    /// <summary>1 grey, 3 colour, 4 CMYK or YCCK.</summary>
    internal int Components { get; }

    /// <summary>1 to 8, as <see cref="ExifOrientation"/> numbers them.</summary>
    internal int Orientation { get; private set; } = ExifOrientation.Upright;

    /// <summary>Where the pixels' data begin.</summary>
    private int ScanStart { get; set; }

    /// <summary>The first scan holds all of the image's components.</summary>
    private bool OneScan { get; set; }

    /// <summary>Everything before the first scan.</summary>
    /// <param name="data">A file that begins with JPEG's signature.</param>
    /// <exception cref="CodecException">The file ends before that, or holds no image that is read.</exception>
    internal static JpegFile ReadHeader(ReadOnlySpan<byte> data)
    {
        JpegFile? frame = null;
        int? orientation = null;
        for (var position = 0; NextMarker(data, ref position, out var marker, out var segment) && marker != EndOfImage; )
        {
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) && segment.Length >= 6)
            {
                var height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]);
                var width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
                frame = new JpegFile(marker, segment[0], width, height, segment[5]);
            }
            else if (marker == App1 && segment.StartsWith("Exif\0\0"u8))
            {
                orientation ??= ExifOrientation.Read(segment);
            }
            else if (marker == StartOfScan && frame is not null && segment.Length > 0)
            {
                frame.Check(data.Length);
                (frame.ScanStart, frame.OneScan) = (position, segment[0] == frame.Components);
                frame.Orientation = orientation ?? ExifOrientation.Upright;
                return frame;
            }
        }
        throw new CodecException("the file ends before the image begins");
    }

    private void Check(int length)
    {
        if (Width < 1 || Height < 1)
        {
            throw new CodecException("its header describes no possible image");
        }
        if (Kind > 0xC2 || BitDepth != 8 || Components is not (1 or 3 or 4))
        {
            throw new CodecException(
                $"a JPEG of a rare kind (frame 0x{Kind:X2}, {BitDepth} bits, {Components} channels), which is not read",
                damaged: false
            );
        }
        if ((long)Width * Height > length * GreatestCompression)
        {
            throw new CodecException("there is too little data for so many pixels");
        }
    }

    /// <summary>
    /// The file with all its scans, for Skia. Where a scan has no more data and a marker follows, libjpeg paints the rest grey and Skia
    /// does not tell; where the input itself ends, it does. So the last marker is taken away where the image is one scan: data that fall
    /// short by more than a few blocks, be it by a cut that was mended or by damage, are then an error.
    /// </summary>
    /// <exception cref="CodecException">The file has no end: it is truncated.</exception>
    internal byte[] WithoutEnd(ReadOnlySpan<byte> data)
    {
        var end = FindEnd(data);
        if (!OneScan || Kind == 0xC2)
        {
            return data[..(end + 2)].ToArray();
        }
        // libjpeg reads up to 8 bytes ahead of what it decodes.
        var open = new byte[end + 8];
        data[..end].CopyTo(open);
        return open;
    }

    private int FindEnd(ReadOnlySpan<byte> data)
    {
        for (var position = ScanStart; NextMarker(data, ref position, out var marker, out _); )
        {
            if (marker == EndOfImage)
            {
                return position - 2;
            }
        }
        throw new CodecException("the file ends within its pixels");
    }

    /// <summary>
    /// The next marker and what belongs to it; the position moves behind both. What stands before the marker is passed over, be it pixels
    /// or, as in libjpeg, something that should not be there. False at the end of the data.
    /// </summary>
    private static bool NextMarker(ReadOnlySpan<byte> data, ref int position, out byte marker, out ReadOnlySpan<byte> segment)
    {
        marker = 0;
        segment = default;
        while (data[position..].IndexOf((byte)0xFF) is var next and >= 0 && position + next + 1 < data.Length)
        {
            position += next + 1;
            switch (data[position])
            {
                case 0xFF:
                    continue;
                case 0x00:
                    position++;
                    continue;
            }
            marker = data[position++];
            if (marker is StartOfImage or EndOfImage or (>= FirstRestart and <= LastRestart))
            {
                return true;
            }
            if (
                position + 2 > data.Length
                || BinaryPrimitives.ReadUInt16BigEndian(data[position..]) is var length && (length < 2 || position + length > data.Length)
            )
            {
                return false;
            }
            segment = data.Slice(position + 2, length - 2);
            position += length;
            return true;
        }
        return false;
    }
}
