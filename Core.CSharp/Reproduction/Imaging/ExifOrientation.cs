using System.Buffers.Binary;

namespace Reproduction.Imaging;

/// <summary>The orientation tag (0x0112) of EXIF: how the stored rows must be turned for display.</summary>
internal static class ExifOrientation
{
    internal const int Upright = 1;

    private const ushort OrientationTag = 0x0112;

    /// <summary>The tag's value 1..8; 1 (upright) where there is no such tag or a damaged one.</summary>
    /// <param name="exif">
    /// What a JPEG's APP1 segment, a PNG's eXIf or a WebP's EXIF chunk holds: a TIFF structure, with "Exif" and two zeros before it or not.
    /// </param>
    internal static int Read(ReadOnlySpan<byte> exif)
    {
        var tiff = exif.StartsWith("Exif\0\0"u8) ? exif[6..] : exif;
        if (tiff.Length < 8)
        {
            return Upright;
        }
        var little = tiff[0] == (byte)'I';
        var directory = UInt32(tiff, 4, little);
        if (directory + 2 > tiff.Length)
        {
            return Upright;
        }
        var entries = UInt16(tiff, (int)directory, little);
        for (var i = 0; i < entries; i++)
        {
            var entry = directory + 2 + 12L * i;
            if (entry + 12 > tiff.Length)
            {
                break;
            }
            if (UInt16(tiff, (int)entry, little) == OrientationTag)
            {
                return UInt16(tiff, (int)entry + 8, little) is var value and >= 1 and <= 8 ? value : Upright;
            }
        }
        return Upright;
    }

    private static ushort UInt16(ReadOnlySpan<byte> data, int at, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(data[at..]) : BinaryPrimitives.ReadUInt16BigEndian(data[at..]);

    private static long UInt32(ReadOnlySpan<byte> data, int at, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(data[at..]) : BinaryPrimitives.ReadUInt32BigEndian(data[at..]);

    /// <summary>The image as it is to be shown. 2 mirrors, 3 turns by 180 degrees, 4 flips; 5 to 8 also swap rows and columns.</summary>
    internal static Image Apply(Image image, int orientation)
    {
        if (orientation == Upright)
        {
            return image;
        }
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var transposed = orientation >= 5;
        var mirrored = orientation is 2 or 3 or 7 or 8;
        var flipped = orientation is 3 or 4 or 6 or 7;
        var result = transposed ? new Image(height, width, channels) : new Image(width, height, channels);
        for (var y = 0; y < result.Height; y++)
        {
            for (var x = 0; x < result.Width; x++)
            {
                var (sourceX, sourceY) = transposed ? (y, x) : (x, y);
                if (mirrored)
                {
                    sourceX = width - 1 - sourceX;
                }
                if (flipped)
                {
                    sourceY = height - 1 - sourceY;
                }
                var pixel = image.Pixels.AsSpan((sourceY * width + sourceX) * channels, channels);
                pixel.CopyTo(result.Pixels.AsSpan((y * result.Width + x) * channels));
            }
        }
        return result;
    }
}
