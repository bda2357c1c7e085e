using System.Buffers.Binary;

namespace Reproduction.Imaging;

/// <summary>What a BMP's header says, before anything is allocated for it.</summary>
internal static class BmpFile
{
    private const int HeaderLength = 34;
    private const int OldHeader = 12;

    /// <summary>A run of 255 pixels takes two bytes.</summary>
    private const long GreatestCompression = 128;

    /// <summary>True if the data begin with BM and the length of a header that exists.</summary>
    internal static bool Begins(ReadOnlySpan<byte> data) =>
        data.StartsWith("BM"u8) && (data.Length < 18 || data[14] is OldHeader or 16 or 40 or 52 or 56 or 64 or 108 or 124);

    /// <summary>Refuses a file that is too short for the pixels that its header names.</summary>
    /// <exception cref="CodecException">It is.</exception>
    internal static void CheckLength(ReadOnlySpan<byte> data)
    {
        if (data.Length < HeaderLength)
        {
            throw new CodecException("the file ends within its header");
        }
        var old = data[14] == OldHeader;
        var width = old ? BinaryPrimitives.ReadUInt16LittleEndian(data[18..]) : BinaryPrimitives.ReadInt32LittleEndian(data[18..]);
        var height = old ? BinaryPrimitives.ReadUInt16LittleEndian(data[20..]) : BinaryPrimitives.ReadInt32LittleEndian(data[22..]);
        var bits = BinaryPrimitives.ReadUInt16LittleEndian(data[(old ? 24 : 28)..]);
        var runs = !old && BinaryPrimitives.ReadInt32LittleEndian(data[30..]) is 1 or 2;
        var pixels = Math.Abs((long)width) * Math.Abs((long)height);
        if (pixels / 8 * (runs ? 1 : bits) > data.Length * (runs ? GreatestCompression / 8 : 1))
        {
            throw new CodecException("there is too little data for so many pixels");
        }
    }
}
