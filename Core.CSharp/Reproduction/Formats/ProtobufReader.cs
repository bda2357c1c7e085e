using System.Buffers.Binary;
using System.Text;

namespace Reproduction.Formats;

/// <summary>How a protobuf field's value is written.</summary>
internal enum ProtobufWire
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>A field of a protobuf message: a varint's value, or where the bytes of any other kind lie in the file.</summary>
/// <param name="Number">Its number in the message's definition.</param>
/// <param name="Wire">How its value is written.</param>
/// <param name="Value">Of a varint; 0 for the others.</param>
/// <param name="Start">Offset of the first byte of the value in the file.</param>
/// <param name="Length">Bytes of the value.</param>
internal readonly record struct ProtobufField(int Number, ProtobufWire Wire, ulong Value, long Start, long Length)
{
    public long End => Start + Length;
}

/// <summary>
/// Protobuf's wire format, read from a file field by field: values of any size are told by their place and not read, so that 60 MB of
/// weights cost nothing here. (Google.Protobuf's reader hands such values out as copies only.) Every length is checked against the
/// message that it is in.
/// </summary>
internal sealed class ProtobufReader(CheckpointFile file)
{
    // A network of a thousand layers has some ten thousand.
    private const int MostFields = 1 << 20;
    private const int LongestVarint = 10;

    /// <summary>In bytes; names have some dozens.</summary>
    public const int LongestText = 4096;

    private readonly byte[] _window = new byte[4096];
    private long _windowStart;
    private int _windowLength;
    private int _fields;

    /// <summary>The fields of the message in a range of the file, in their order.</summary>
    /// <exception cref="UserError">
    /// While they are gone through: a field that is cut off or of a kind that ONNX does not use, or too many.
    /// </exception>
    public IEnumerable<ProtobufField> Fields(long start, long end)
    {
        var position = start;
        while (position < end)
        {
            if (++_fields > MostFields)
            {
                throw file.Broken($"has more than {MostFields} fields");
            }
            var key = Varint(ref position, end);
            var number = key >> 3;
            var wire = (ProtobufWire)(key & 7);
            if (number is 0 or > int.MaxValue || !Enum.IsDefined(wire))
            {
                throw file.Broken($"has no readable field at byte {position}");
            }
            var value = wire == ProtobufWire.Varint ? Varint(ref position, end) : 0;
            ulong length = wire switch
            {
                ProtobufWire.Varint => 0UL,
                ProtobufWire.Fixed32 => (ulong)sizeof(uint),
                ProtobufWire.Fixed64 => (ulong)sizeof(ulong),
                _ => Varint(ref position, end),
            };
            if (length > (ulong)(end - position))
            {
                throw file.Broken(
                    $"is truncated or damaged: a field at byte {position} takes {length} bytes, its message has {end - position} left"
                );
            }
            yield return new ProtobufField((int)number, wire, value, position, (long)length);
            position += (long)length;
        }
    }

    /// <summary>The fields of the message that a field holds.</summary>
    /// <exception cref="UserError">The field holds no message, or as above.</exception>
    public IEnumerable<ProtobufField> Fields(ProtobufField message)
    {
        Expect(message, ProtobufWire.Bytes);
        return Fields(message.Start, message.End);
    }

    /// <summary>A field's value as a whole number.</summary>
    /// <exception cref="UserError">It is none.</exception>
    public long Integer(ProtobufField field)
    {
        Expect(field, ProtobufWire.Varint);
        return (long)field.Value;
    }

    /// <summary>A field's value as a 32-bit float.</summary>
    /// <exception cref="UserError">It is none.</exception>
    public float Single(ProtobufField field)
    {
        Expect(field, ProtobufWire.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(file.Read(field.Start, sizeof(float), "a number"));
    }

    /// <summary>A field's value as a text of at most <see cref="LongestText"/> bytes.</summary>
    /// <exception cref="UserError">It is none, or longer.</exception>
    public string Text(ProtobufField field)
    {
        Expect(field, ProtobufWire.Bytes);
        return field.Length <= LongestText
            ? Encoding.UTF8.GetString(file.Read(field.Start, field.Length, "a name"))
            : throw file.Broken($"has a name of {field.Length} bytes at byte {field.Start}");
    }

    /// <summary>Adds the whole numbers of a repeated field: one varint, or several packed together.</summary>
    /// <param name="field">The field.</param>
    /// <param name="numbers">What they are added to.</param>
    /// <param name="most">So many are allowed there.</param>
    /// <exception cref="UserError">It holds something else, or too many.</exception>
    public void Integers(ProtobufField field, List<long> numbers, int most)
    {
        if (field.Wire == ProtobufWire.Varint)
        {
            numbers.Add((long)field.Value);
        }
        else
        {
            Expect(field, ProtobufWire.Bytes);
            for (var position = field.Start; position < field.End && numbers.Count <= most; )
            {
                numbers.Add((long)Varint(ref position, field.End));
            }
        }
        if (numbers.Count > most)
        {
            throw file.Broken($"has a list of more than {most} numbers at byte {field.Start}");
        }
    }

    private void Expect(ProtobufField field, ProtobufWire wire)
    {
        if (field.Wire != wire)
        {
            throw file.Broken($"has a {field.Wire} at byte {field.Start} where ONNX has {wire}");
        }
    }

    private ulong Varint(ref long position, long end)
    {
        ulong value = 0;
        for (var count = 0; count < LongestVarint; count++)
        {
            if (position >= end)
            {
                throw file.Broken($"is truncated or damaged: a number goes on beyond byte {end}, where its message ends");
            }
            var part = At(position++);
            value |= (ulong)(part & 0x7f) << (7 * count);
            if (part < 0x80)
            {
                return value;
            }
        }
        throw file.Broken($"has a number without an end before byte {position}");
    }

    private byte At(long position)
    {
        if (position < _windowStart || position >= _windowStart + _windowLength)
        {
            _windowLength = (int)Math.Min(_window.Length, file.Length - position);
            _windowStart = position;
            file.Read(position, _window.AsSpan(0, _windowLength));
        }
        return _window[position - _windowStart];
    }
}
