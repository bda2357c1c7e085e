namespace TorchSharp.Utils;

/// <summary>Non-negative integers, 7 bits a byte, least significant first; the top bit says that more follow.</summary>
internal static class LEB128Codec
{
    internal static void Encode(this BinaryWriter writer, long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        for (; value >= 0x80; value >>= 7) writer.Write((byte)(value | 0x80));
        writer.Write((byte)value);
    }

    internal static long Decode(this BinaryReader reader)
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            if (shift > 56) throw new InvalidDataException("An encoded number is longer than 63 bits.");
            var digit = reader.ReadByte();
            value |= (digit & 0x7fL) << shift;
            if (digit < 0x80) return value;
        }
    }
}
