using System.Buffers.Binary;
using System.Text;

namespace Reproduction.Formats;

/// <summary>
/// The records of a zip archive as <c>torch.save</c> writes it: stored, never compressed. Reading only stored records in place means
/// that no archive can unfold to more than its own size.
/// </summary>
internal static class StoredZip
{
    private const uint LocalSignature = 0x04034b50;
    private const uint CentralSignature = 0x02014b50;
    private const uint EndSignature = 0x06054b50;
    private const int LocalSize = 30;
    private const int CentralSize = 46;
    private const int EndSize = 22;
    private const int LongestComment = ushort.MaxValue;
    private const long LargestDirectory = 16 << 20;

    public static bool Recognises(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) == LocalSignature;

    /// <summary>Offset and length in the file, in bytes, of each record.</summary>
    /// <exception cref="UserError">The archive is truncated, compressed or encrypted, or its records overlap or repeat a name.</exception>
    public static Dictionary<string, (long Offset, long Length)> Read(CheckpointFile file)
    {
        var (directoryOffset, directoryLength, count) = FindDirectory(file);
        var directory = file.Read(directoryOffset, directoryLength, "the zip directory");
        var records = new Dictionary<string, (long Offset, long Length)>();
        var position = 0;
        for (var index = 0; index < count; index++)
        {
            if (directory.Length - position < CentralSize)
            {
                throw file.Broken($"has a zip directory of {count} records that ends in record {index}");
            }
            var header = directory.AsSpan(position, CentralSize);
            int nameLength = U16(header, 28);
            var next = position + CentralSize + nameLength + U16(header, 30) + U16(header, 32);
            if (U32(header, 0) != CentralSignature || next > directory.Length)
            {
                throw file.Broken($"has a damaged zip directory (record {index})");
            }
            var name = Encoding.UTF8.GetString(directory, position + CentralSize, nameLength);
            var record = Locate(file, name, header, directoryOffset);
            if (!records.TryAdd(name, record))
            {
                throw file.Broken($"holds the zip record {name} twice");
            }
            position = next;
        }
        long end = 0;
        foreach (var (name, (offset, length)) in records.OrderBy(record => record.Value.Offset).ThenBy(record => record.Value.Length))
        {
            if (offset < end)
            {
                throw file.Broken($"its zip record {name} overlaps another");
            }
            end = offset + length;
        }
        return records;
    }

    private static (long Offset, long Length, int Count) FindDirectory(CheckpointFile file)
    {
        var tailLength = Math.Min(file.Length, EndSize + LongestComment);
        var tailStart = file.Length - tailLength;
        var tail = file.Read(tailStart, tailLength, "the end of the zip archive");
        for (var position = tail.Length - EndSize; position >= 0; position--)
        {
            var end = tail.AsSpan(position);
            if (U32(end, 0) != EndSignature || position + EndSize + U16(end, 20) != tail.Length)
            {
                continue;
            }
            long length = U32(end, 12);
            long offset = U32(end, 16);
            if (offset == uint.MaxValue || length == uint.MaxValue || U16(end, 10) == ushort.MaxValue)
            {
                throw file.Broken("is a zip archive of more than 4 GB or 65,535 records, larger than any backbone");
            }
            if (offset + length > tailStart + position || length > LargestDirectory)
            {
                throw file.Broken($"has a zip directory of {length} bytes at offset {offset}, past its end");
            }
            return (offset, length, U16(end, 10));
        }
        throw file.Broken("is truncated: the zip archive has no directory at its end");
    }

    private static (long Offset, long Length) Locate(CheckpointFile file, string name, ReadOnlySpan<byte> header, long directoryOffset)
    {
        const int encrypted = 1;
        if ((U16(header, 8) & encrypted) != 0)
        {
            throw file.Broken($"its zip record {name} is encrypted");
        }
        long compressed = U32(header, 20);
        long length = U32(header, 24);
        if (U16(header, 10) != 0 || compressed != length)
        {
            throw file.Broken(
                $"its zip record {name} is compressed ({compressed} to {length} bytes); torch.save never compresses, save the file "
                    + "with it again"
            );
        }
        long offset = U32(header, 42);
        var local = file.Read(offset, LocalSize, $"the zip record {name}");
        if (U32(local, 0) != LocalSignature || U16(local, 26) != U16(header, 28))
        {
            throw file.Broken($"its zip record {name} is not where the directory says");
        }
        var start = offset + LocalSize + U16(local, 26) + U16(local, 28);
        if (start + length > directoryOffset)
        {
            throw file.Broken($"its zip record {name} runs into the directory");
        }
        return (start, length);
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
