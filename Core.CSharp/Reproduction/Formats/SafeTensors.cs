using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Formats;

/// <summary>
/// The safetensors format: eight bytes with the header's length, a JSON header that gives each tensor's type, shape and byte range,
/// then the bytes. Written for caches, models and exports; read as a weights file through <see cref="Checkpoint"/>.
/// </summary>
public static class SafeTensors
{
    private const int LengthBytes = 8;

    // A tensor takes about 100 bytes of header: this is room for tens of thousands.
    private const long LargestHeader = 8 << 20;

    private const int WriteChunk = 16 << 20;

    /// <summary>Reads every tensor of a file to the CPU, in its stored type.</summary>
    /// <returns>The tensors by name, owned by the caller (or by the enclosing dispose scope), and the file's <c>__metadata__</c>.</returns>
    /// <exception cref="UserError">The file is missing or damaged.</exception>
    public static (IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Read(string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        if (checkpoint.Format != CheckpointFormat.SafeTensors)
        {
            throw checkpoint.Broken("is not a safetensors file");
        }
        return (checkpoint.Entries.ToDictionary(entry => entry.Name, entry => entry.ToTensor()), checkpoint.Metadata);
    }

    /// <summary>Writes tensors to a file, whole or not at all (temporary file, then rename). Equal input gives equal bytes.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="tensors">By name, on any device, of any of <see cref="ElementType"/>; written in ordinal order of their names.</param>
    /// <param name="metadata">Written as <c>__metadata__</c>.</param>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        var header = Header(ordered, metadata);
        AtomicFile.Replace(
            path,
            stream =>
            {
                Span<byte> length = stackalloc byte[LengthBytes];
                BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var (_, tensor) in ordered)
                {
                    WriteElements(stream, tensor);
                }
            }
        );
    }

    internal static bool Recognises(ReadOnlySpan<byte> start) => start.Length > LengthBytes && start[LengthBytes] == '{';

    internal static (IReadOnlyList<TensorEntry> Entries, IReadOnlyDictionary<string, string> Metadata) ReadHeader(CheckpointFile file)
    {
        var headerLength = BinaryPrimitives.ReadInt64LittleEndian(file.Read(0, LengthBytes, "the header's length"));
        if (headerLength is < 2 or > LargestHeader)
        {
            throw file.Broken($"claims a header of {headerLength} bytes");
        }
        var header = file.Read(LengthBytes, headerLength, "the header");
        var dataStart = LengthBytes + headerLength;
        var metadata = new Dictionary<string, string>();
        var ranges = new List<(long Begin, long End, TensorEntry Entry)>();
        try
        {
            var json = new Utf8JsonReader(header);
            Expect(ref json, JsonTokenType.StartObject);
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var name = json.GetString()!;
                if (name == "__metadata__")
                {
                    ReadMetadata(ref json, metadata);
                }
                else
                {
                    ranges.Add(ReadEntry(ref json, file, name, dataStart));
                }
            }
            if (json.TokenType != JsonTokenType.EndObject || json.Read())
            {
                throw new JsonException("the header does not end where its length says");
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw file.Broken($"has a damaged header ({FirstLine(exception.Message)})");
        }

        long position = 0;
        foreach (var (begin, end, entry) in ranges.OrderBy(range => range.Begin).ThenBy(range => range.End))
        {
            if (begin != position)
            {
                throw file.Broken(
                    begin < position
                        ? $"{entry.Name} overlaps the tensor before it (it begins at {begin}, that ends at {position})"
                        : $"leaves a gap of {begin - position} bytes before {entry.Name}"
                );
            }
            position = end;
        }
        if (position != file.Length - dataStart)
        {
            throw file.Broken($"its tensors take {position} bytes, the file has {file.Length - dataStart} after the header");
        }
        return ([.. ranges.Select(range => range.Entry)], metadata);
    }

    private static (long Begin, long End, TensorEntry Entry) ReadEntry(
        ref Utf8JsonReader json,
        CheckpointFile file,
        string name,
        long dataStart
    )
    {
        ElementType? type = null;
        long[]? shape = null;
        long[]? range = null;
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var key = json.GetString();
            switch (key)
            {
                case "dtype" when type is null:
                    Expect(ref json, JsonTokenType.String);
                    var typeName = json.GetString()!;
                    type = ElementTypes.TryParseSafeTensors(typeName, out var parsed)
                        ? parsed
                        : throw file.Broken($"{name} has the type {typeName}, which no backbone uses");
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref json);
                    break;
                case "data_offsets" when range is null:
                    range = ReadNumbers(ref json);
                    break;
                default:
                    throw new JsonException($"{name} has an unknown or second entry {key}");
            }
        }
        if (type is null || shape is null || range is not [var begin, var end])
        {
            throw new JsonException($"{name} lacks its dtype, shape or data_offsets");
        }
        var bytes = shape.Aggregate((Int128)type.Value.Size(), (product, length) => Int128.Min(product * length, long.MaxValue));
        if (begin > end || end - begin != bytes)
        {
            throw file.Broken($"{name} has the shape [{string.Join(", ", shape)}] and the byte range {begin}..{end}, which do not agree");
        }
        if (end > file.Length - dataStart)
        {
            throw file.Broken($"is truncated: {name} ends at byte {end} of {file.Length - dataStart}");
        }
        return (begin, end, new TensorEntry(file, name, type.Value, shape, null, dataStart + begin));
    }

    private static void ReadMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata)
    {
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var key = json.GetString()!;
            Expect(ref json, JsonTokenType.String);
            if (!metadata.TryAdd(key, json.GetString()!))
            {
                throw new JsonException($"__metadata__ names {key} twice");
            }
        }
    }

    private static long[] ReadNumbers(ref Utf8JsonReader json)
    {
        var numbers = new List<long>();
        Expect(ref json, JsonTokenType.StartArray);
        while (json.Read() && json.TokenType == JsonTokenType.Number)
        {
            numbers.Add(
                json.TryGetInt64(out var number) && number >= 0
                    ? number
                    : throw new JsonException("a length or an offset is no natural number")
            );
        }
        return json.TokenType == JsonTokenType.EndArray
            ? [.. numbers]
            : throw new JsonException("an array holds something other than numbers");
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (!json.Read() || json.TokenType != type)
        {
            throw new JsonException($"{type} expected, {json.TokenType} found");
        }
    }

    private static byte[] Header(List<KeyValuePair<string, Tensor>> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            long position = 0;
            foreach (var (name, tensor) in ordered)
            {
                var type = ElementTypes.Of(tensor.dtype);
                json.WriteStartObject(name);
                json.WriteString("dtype", type.SafeTensorsName());
                json.WriteStartArray("shape");
                foreach (var length in tensor.shape)
                {
                    json.WriteNumberValue(length);
                }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                position += tensor.numel() * type.Size();
                json.WriteNumberValue(position);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        // Readers map the tensors into memory, which wants them aligned to their element size.
        while (buffer.Length % LengthBytes != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.ToArray();
    }

    private static void WriteElements(Stream stream, Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        var flat = tensor.detach().cpu().contiguous().flatten();
        var step = WriteChunk / ElementTypes.Of(tensor.dtype).Size();
        for (long start = 0; start < flat.numel(); start += step)
        {
            using var chunk = flat.narrow(0, start, Math.Min(step, flat.numel() - start));
            stream.Write(chunk.bytes);
        }
    }

    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
