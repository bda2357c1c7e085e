using System.Buffers.Binary;
using System.Text;

namespace Reproduction.Formats;

/// <summary>Protobuf's wire format, written field by field; the counterpart of <see cref="ProtobufReader"/>.</summary>
internal sealed class ProtobufWriter
{
    private readonly MemoryStream _bytes = new();

    /// <summary>A whole number, an enumeration's value or a truth value.</summary>
    public ProtobufWriter Integer(int field, long value)
    {
        Key(field, ProtobufWire.Varint);
        Varint((ulong)value);
        return this;
    }

    /// <summary>A 32-bit float.</summary>
    public ProtobufWriter Single(int field, float value)
    {
        Key(field, ProtobufWire.Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>Whole numbers, each in a field of its own, as every reader takes them.</summary>
    public ProtobufWriter Integers(int field, IEnumerable<long> values)
    {
        foreach (var value in values)
        {
            Integer(field, value);
        }
        return this;
    }

    /// <summary>Text in UTF-8.</summary>
    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes as they are.</summary>
    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Key(field, ProtobufWire.Bytes);
        Varint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>A message within this one.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) =>
        Bytes(field, message._bytes.GetBuffer().AsSpan(0, (int)message._bytes.Length));

    /// <summary>The message as it stands in a file.</summary>
    public byte[] ToArray() => _bytes.ToArray();

    private void Key(int field, ProtobufWire wire) => Varint(((ulong)field << 3) | (ulong)wire);

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.WriteByte((byte)(value | 0x80));
        }
        _bytes.WriteByte((byte)value);
    }
}
