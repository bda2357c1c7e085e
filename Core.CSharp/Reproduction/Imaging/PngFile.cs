using System.Buffers.Binary;
using System.IO.Hashing;

namespace Reproduction.Imaging;

/// <summary>What stands around a PNG's pixels: its header, and its chunks with their checksums.</summary>
internal sealed class PngFile
{
    /// <summary>The kinds of pixels, as the header numbers them.</summary>
    internal enum Color
    {
        Grey = 0,
        Rgb = 2,
        Palette = 3,
        GreyAlpha = 4,
        Rgba = 6,
    }

    private const int SignatureLength = 8;
    private const int HeaderLength = 13;

    /// <summary>Deflate's smallest code for its longest repetition: 258 bytes from 2 bits.</summary>
    private const long GreatestCompression = 1032;

    private PngFile(int width, int height, int bitDepth, Color kind, bool interlaced)
    {
        (Width, Height, BitDepth, Kind, Interlaced) = (width, height, bitDepth, kind, interlaced);
    }

    internal int Width { get; }

    internal int Height { get; }

    /// <summary>Bits a sample, or an index into the palette.</summary>
    internal int BitDepth { get; }

    internal Color Kind { get; }

    /// <summary>The rows are stored in the seven passes of Adam7.</summary>
    internal bool Interlaced { get; }

    /// <summary>Samples a pixel as stored: 1 to 4, alpha included.</summary>
    internal int StoredChannels =>
        Kind switch
        {
            Color.GreyAlpha => 2,
            Color.Rgb => 3,
            Color.Rgba => 4,
            _ => 1,
        };

    /// <summary>Channels of the image that is read: 1 or 3.</summary>
    internal int Channels => Kind is Color.Grey or Color.GreyAlpha ? 1 : 3;

    /// <summary>1 to 8, as <see cref="ExifOrientation"/> numbers them.</summary>
    internal int Orientation { get; private set; } = ExifOrientation.Upright;

    /// <summary>Three bytes a colour; empty before <see cref="ReadChunks"/> and where there is none.</summary>
    internal byte[] Palette { get; private set; } = [];

    /// <summary>The compressed pixels: the content of all IDAT chunks, in their order.</summary>
    internal byte[] Compressed { get; private set; } = [];

    /// <summary>Width and height of a PNG, not yet known to be possible; zeros where the data end before them.</summary>
    internal static (long Width, long Height) Size(ReadOnlySpan<byte> data) =>
        data.Length < SignatureLength + 16
            ? (0, 0)
            : (BinaryPrimitives.ReadUInt32BigEndian(data[16..]), BinaryPrimitives.ReadUInt32BigEndian(data[20..]));

    /// <summary>The header, which is the first chunk; no checksum is looked at.</summary>
    /// <param name="data">A whole file that begins with PNG's signature and whose <see cref="Size"/> is bearable.</param>
    /// <exception cref="CodecException">There is no such header, or it describes nothing that a PNG can hold.</exception>
    internal static PngFile ReadHeader(ReadOnlySpan<byte> data)
    {
        if (data.Length < SignatureLength + 12 + HeaderLength)
        {
            throw new CodecException("the file ends within its header");
        }
        if (BinaryPrimitives.ReadInt32BigEndian(data[8..]) != HeaderLength || !data.Slice(12, 4).SequenceEqual("IHDR"u8))
        {
            throw new CodecException("it does not begin with a header");
        }
        var (width, height) = Size(data);
        var header = data.Slice(SignatureLength + 8, HeaderLength);
        var (depth, kind) = (header[8], (Color)header[9]);
        var possible = kind switch
        {
            Color.Grey => depth is 1 or 2 or 4 or 8 or 16,
            Color.Palette => depth is 1 or 2 or 4 or 8,
            Color.Rgb or Color.GreyAlpha or Color.Rgba => depth is 8 or 16,
            _ => false,
        };
        if (width < 1 || height < 1 || !possible || header[10] != 0 || header[11] != 0 || header[12] > 1)
        {
            throw new CodecException("its header describes no possible image");
        }
        return new PngFile((int)width, (int)height, depth, kind, header[12] == 1);
    }

    /// <summary>Checks every chunk up to the last and keeps what is needed of them.</summary>
    /// <param name="data">The whole file.</param>
    /// <exception cref="CodecException">The file ends too early, a checksum is wrong, or the data are too few for the pixels.</exception>
    internal void ReadChunks(ReadOnlySpan<byte> data)
    {
        var compressed = new MemoryStream(data.Length);
        for (var position = SignatureLength; ; )
        {
            if (data.Length - position < 12)
            {
                throw new CodecException("the file ends before its last chunk");
            }
            var length = BinaryPrimitives.ReadUInt32BigEndian(data[position..]);
            if (length > data.Length - position - 12)
            {
                throw new CodecException("the file ends within a chunk");
            }
            var chunk = data.Slice(position + 4, 4 + (int)length);
            if (Crc32.HashToUInt32(chunk) != BinaryPrimitives.ReadUInt32BigEndian(data[(position + 8 + (int)length)..]))
            {
                throw new CodecException("a checksum is wrong");
            }
            var name = chunk[..4];
            var content = chunk[4..];
            if (name.SequenceEqual("IEND"u8))
            {
                break;
            }
            if (name.SequenceEqual("IDAT"u8))
            {
                compressed.Write(content);
            }
            else if (name.SequenceEqual("PLTE"u8))
            {
                Palette = content.ToArray();
            }
            else if (name.SequenceEqual("eXIf"u8))
            {
                Orientation = ExifOrientation.Read(content);
            }
            position += 12 + (int)length;
        }
        var stored = (long)Height * ((long)Width * StoredChannels * BitDepth / 8);
        if (stored > compressed.Length * GreatestCompression)
        {
            throw new CodecException("there is too little data for so many pixels");
        }
        Compressed = compressed.ToArray();
    }
}
