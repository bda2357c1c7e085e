namespace Reproduction.Imaging;

/// <summary>A codec refused a file's content; the message says why, without the file's name.</summary>
/// <param name="message">What is wrong, to stand in brackets behind the file's name.</param>
/// <param name="damaged">False if the file may be sound and is only of a kind that is not read.</param>
/// <param name="inner">The library's exception, if there is one.</param>
internal sealed class CodecException(string message, bool damaged = true, Exception? inner = null, string? wayOut = null)
    : Exception(message, inner)
{
    /// <summary>What helps where neither another copy nor another format does.</summary>
    internal string? WayOut { get; } = wayOut;

    /// <summary>False if the file may be sound and is only of a kind that is not read.</summary>
    internal bool Damaged { get; } = damaged;
}

/// <summary>What the codecs share.</summary>
internal static class Samples
{
    /// <summary>A 16-bit sample as the nearest of 256 values: round(255 value / white), which is round(value / 257) for all 16
    /// bits.</summary>
    internal static byte Reduce(ushort value, int white) =>
        value <= white
            ? (byte)((value * byte.MaxValue + white / 2) / white)
            : throw new CodecException(
                $"it has a value of {value}, above {white}, the greatest that the pictures it is taken with use",
                damaged: false,
                wayOut: "take it with the camera's same settings, or fit again with such pictures among the others"
            );

    /// <summary>The <paramref name="index"/>-th sample of 1, 2, 4 or 8 bits in a row that is packed from the highest bit on.</summary>
    internal static int Packed(ReadOnlySpan<byte> row, int index, int bits)
    {
        var position = (long)index * bits;
        return row[(int)(position >> 3)] >> (8 - bits - (int)(position & 7)) & ((1 << bits) - 1);
    }
}
