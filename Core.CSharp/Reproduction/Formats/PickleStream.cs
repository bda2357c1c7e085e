using System.Buffers.Binary;
using System.Text;

namespace Reproduction.Formats;

/// <summary>Buffered reading of a range of a checkpoint, for pickles whose length is known only when they end.</summary>
internal sealed class PickleStream(CheckpointFile file, long start, long length)
{
    private const int LongestLine = 1024;

    private readonly byte[] _buffer = new byte[64 << 10];
    private readonly long _end = start + length;
    private long _bufferStart = start;
    private int _buffered;
    private int _next;

    /// <summary>Offset in the file of the next byte.</summary>
    public long Position => _bufferStart + _next;

    public byte ReadByte()
    {
        if (_next == _buffered)
        {
            Refill();
        }
        return _buffer[_next++];
    }

    public byte[] ReadBytes(long count)
    {
        if (count < 0 || count > _end - Position)
        {
            throw file.Broken($"is truncated: its pickle takes {count} bytes at offset {Position}, {_end - Position} are left");
        }
        var bytes = new byte[count];
        var fromBuffer = (int)Math.Min(count, _buffered - _next);
        _buffer.AsSpan(_next, fromBuffer).CopyTo(bytes);
        _next += fromBuffer;
        if (fromBuffer < count)
        {
            file.Read(Position, bytes.AsSpan(fromBuffer));
            _bufferStart = Position + count - fromBuffer;
            _buffered = _next = 0;
        }
        return bytes;
    }

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(ReadBytes(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(ReadBytes(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(4));

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(ReadBytes(8));

    public string ReadLine()
    {
        var line = new StringBuilder();
        for (var character = ReadByte(); character != '\n'; character = ReadByte())
        {
            if (line.Length == LongestLine)
            {
                throw Broken("its pickle has a global's name without an end");
            }
            line.Append((char)character);
        }
        return line.ToString();
    }

    public UserError Broken(string problem) => file.Broken(problem);

    private void Refill()
    {
        _bufferStart += _next;
        _next = 0;
        _buffered = (int)Math.Min(_buffer.Length, _end - _bufferStart);
        if (_buffered <= 0)
        {
            throw file.Broken("is truncated: its pickle has no end");
        }
        file.Read(_bufferStart, _buffer.AsSpan(0, _buffered));
    }
}
