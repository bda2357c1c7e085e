using System.Buffers.Binary;

namespace Reproduction.Imaging;

/// <summary>What stands around a WebP's pixels: whether they are exact, the orientation, and whether the file is whole.</summary>
/// <param name="Lossless">The pixels are stored exactly.</param>
/// <param name="Orientation">1 to 8, as <see cref="ExifOrientation"/> numbers them.</param>
internal readonly record struct WebpFile(bool Lossless, int Orientation)
{
    private const int HeaderLength = 12;

    /// <summary>Walks the chunks.</summary>
    /// <param name="data">A file that begins with WebP's signature.</param>
    /// <exception cref="CodecException">The file ends before its header says.</exception>
    internal static WebpFile Read(ReadOnlySpan<byte> data)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]) + 8L;
        if (length > data.Length)
        {
            throw new CodecException("the file ends before its header says");
        }
        var (lossless, orientation) = (false, ExifOrientation.Upright);
        for (var position = HeaderLength; position + 8 <= length; )
        {
            var name = data.Slice(position, 4);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(data[(position + 4)..]);
            if (size > length - position - 8)
            {
                throw new CodecException("the file ends within a chunk");
            }
            lossless |= name.SequenceEqual("VP8L"u8);
            if (name.SequenceEqual("EXIF"u8))
            {
                orientation = ExifOrientation.Read(data.Slice(position + 8, (int)size));
            }
            // Chunks begin at even places.
            position += 8 + (int)(size + 1 & ~1u);
        }
        return new WebpFile(lossless, orientation);
    }
}
