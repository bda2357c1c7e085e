using System.Buffers.Binary;

namespace Reproduction.Formats;

/// <summary>An attribute of an ONNX node; of its values the one that its kind has.</summary>
internal sealed record OnnxAttribute(float Single, long Integer, string? Text, IReadOnlyList<long> Integers);

/// <summary>An operation of an ONNX graph: its kind, the names of the values that it takes and gives, its attributes.</summary>
internal sealed record OnnxNode(
    string Operation,
    IReadOnlyList<string> Inputs,
    IReadOnlyList<string> Outputs,
    IReadOnlyDictionary<string, OnnxAttribute> Attributes
);

/// <summary>What an ONNX graph computes: its nodes in their order, and the names of what goes in and comes out.</summary>
internal sealed record OnnxGraph(IReadOnlyList<OnnxNode> Nodes, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs);

/// <summary>
/// ONNX models: a protobuf <c>ModelProto</c>, of which the graph's initialisers (the weights) and its nodes (which weight is for which
/// layer) are read. Initialisers hold their elements in the file itself, as bytes or as one packed list.
/// </summary>
internal static class OnnxFile
{
    private const int MostTensors = 1 << 16;
    private const int MostDimensions = 64;
    private const int MostNumbers = 1 << 16;

    private static readonly Dictionary<long, ElementType> Types = new()
    {
        [1] = ElementType.Float32,
        [2] = ElementType.UInt8,
        [3] = ElementType.Int8,
        [5] = ElementType.Int16,
        [6] = ElementType.Int32,
        [7] = ElementType.Int64,
        [9] = ElementType.Bool,
        [10] = ElementType.Float16,
        [11] = ElementType.Float64,
        [16] = ElementType.BFloat16,
    };

    /// <summary>A model begins with its version of the format, a small number, and goes on with another of its first fields.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start) =>
        start.Length > 2
        && start[0] == 0x08
        && start[1] is > 0 and < 0x80
        && start[2] is 0x12 or 0x1a or 0x22 or 0x28 or 0x32 or 0x3a or 0x42;

    public static (IReadOnlyList<TensorEntry> Entries, OnnxGraph Graph, IReadOnlyDictionary<string, string> Metadata) Read(
        CheckpointFile file
    )
    {
        var reader = new ProtobufReader(file);
        var metadata = new Dictionary<string, string>();
        var graph = new Parts();
        foreach (var field in reader.Fields(0, file.Length))
        {
            switch (field.Number)
            {
                case 2:
                    metadata["producer"] = reader.Text(field);
                    break;
                case 3:
                    metadata["producer_version"] = reader.Text(field);
                    break;
                case 7:
                    ReadGraph(file, reader, field, graph);
                    break;
            }
        }
        return graph.Found
            ? (graph.Entries, new OnnxGraph(graph.Nodes, graph.Inputs, graph.Outputs), metadata)
            : throw file.Broken("has no graph");
    }

    private static void ReadGraph(CheckpointFile file, ProtobufReader reader, ProtobufField message, Parts graph)
    {
        graph.Found = true;
        foreach (var field in reader.Fields(message))
        {
            switch (field.Number)
            {
                case 1:
                    graph.Nodes.Add(ReadNode(file, reader, field));
                    break;
                case 5:
                    graph.Entries.Add(ReadTensor(file, reader, field));
                    break;
                case 11:
                    graph.Inputs.Add(ReadName(reader, field));
                    break;
                case 12:
                    graph.Outputs.Add(ReadName(reader, field));
                    break;
                case 15:
                    throw file.Broken("has sparse initialisers, which no backbone has");
            }
            if (Math.Max(graph.Entries.Count, graph.Nodes.Count) > MostTensors)
            {
                throw file.Broken($"has more than {MostTensors} tensors or operations");
            }
        }
    }

    private static string ReadName(ProtobufReader reader, ProtobufField message) =>
        reader.Fields(message).Where(field => field.Number == 1).Select(reader.Text).LastOrDefault() ?? "";

    private static OnnxNode ReadNode(CheckpointFile file, ProtobufReader reader, ProtobufField message)
    {
        var operation = "";
        var inputs = new List<string>();
        var outputs = new List<string>();
        var attributes = new Dictionary<string, OnnxAttribute>();
        foreach (var field in reader.Fields(message))
        {
            switch (field.Number)
            {
                case 1:
                    inputs.Add(reader.Text(field));
                    break;
                case 2:
                    outputs.Add(reader.Text(field));
                    break;
                case 4:
                    operation = reader.Text(field);
                    break;
                case 5:
                    var (name, attribute) = ReadAttribute(reader, field);
                    if (!attributes.TryAdd(name, attribute))
                    {
                        throw file.Broken($"gives a {operation} two attributes {name}");
                    }
                    break;
            }
        }
        return new OnnxNode(operation, inputs, outputs, attributes);
    }

    private static (string Name, OnnxAttribute Attribute) ReadAttribute(ProtobufReader reader, ProtobufField message)
    {
        var name = "";
        var attribute = new OnnxAttribute(0, 0, null, []);
        var integers = new List<long>();
        foreach (var field in reader.Fields(message))
        {
            switch (field.Number)
            {
                case 1:
                    name = reader.Text(field);
                    break;
                case 2:
                    attribute = attribute with { Single = reader.Single(field) };
                    break;
                case 3:
                    attribute = attribute with { Integer = reader.Integer(field) };
                    break;
                case 4 when field.Length <= ProtobufReader.LongestText:
                    attribute = attribute with { Text = reader.Text(field) };
                    break;
                case 8:
                    reader.Integers(field, integers, MostNumbers);
                    break;
            }
        }
        return (name, attribute with { Integers = integers });
    }

    private static TensorEntry ReadTensor(CheckpointFile file, ProtobufReader reader, ProtobufField message)
    {
        var name = "";
        var code = 0L;
        var shape = new List<long>();
        ProtobufField? data = null;
        foreach (var field in reader.Fields(message))
        {
            switch (field.Number)
            {
                case 1:
                    reader.Integers(field, shape, MostDimensions);
                    break;
                case 2:
                    code = reader.Integer(field);
                    break;
                case 8:
                    name = reader.Text(field);
                    break;
                case 3:
                    throw file.Broken("has a tensor in segments; save the model with whole tensors");
                case 13:
                case 14 when reader.Integer(field) != 0:
                    throw file.Broken("keeps weights in another file (external data); save the model with its weights inside");
                case >= 4 and <= 7 or 9 or 10 or 11:
                    if (data is not null)
                    {
                        throw file.Broken($"gives the elements of tensor {name} in several pieces; save the model with raw data");
                    }
                    data = field;
                    break;
            }
        }
        if (!Types.TryGetValue(code, out var type))
        {
            throw file.Broken($"tensor {name} has ONNX's type {code}, which no backbone uses");
        }
        if (shape.Any(length => length < 0))
        {
            throw file.Broken($"tensor {name} has the shape [{string.Join(", ", shape)}]");
        }
        var bytes = shape.Aggregate((Int128)type.Size(), (product, length) => Int128.Min(product * length, long.MaxValue));
        return Place(file, reader, name, type, [.. shape], bytes, data);
    }

    /// <summary>The tensor where its elements lie in the file; decoded ones where they are written as varints.</summary>
    private static TensorEntry Place(
        CheckpointFile file,
        ProtobufReader reader,
        string name,
        ElementType type,
        long[] shape,
        Int128 bytes,
        ProtobufField? data
    )
    {
        // raw_data, float_data and double_data are the elements' own bytes; int32_data (all narrow types) and int64_data are varints.
        var isPlain = data is null or { Number: 9 } || (data.Value.Number, type) is (4, ElementType.Float32) or (10, ElementType.Float64);
        var isCoded = data is { Number: 7 }
            ? type == ElementType.Int64
            : data is { Number: 5 } && type is not (ElementType.Float32 or ElementType.Float64 or ElementType.Int64);
        if (!isPlain && !isCoded)
        {
            throw file.Broken($"gives the elements of {name}, {type}, in field {data!.Value.Number}; save the model with raw data");
        }
        if (isPlain)
        {
            if (data is { Wire: not ProtobufWire.Bytes } || (data?.Length ?? 0) != bytes)
            {
                throw file.Broken(
                    $"tensor {name} has the shape [{string.Join(", ", shape)}] and {data?.Length ?? 0} bytes, which do not agree"
                );
            }
            return new TensorEntry(file, name, type, shape, null, data?.Start ?? 0);
        }
        var numbers = new List<long>();
        reader.Integers(data!.Value, numbers, MostNumbers);
        if (numbers.Count * type.Size() != bytes)
        {
            throw file.Broken($"tensor {name} has the shape [{string.Join(", ", shape)}] and {numbers.Count} elements, which do not agree");
        }
        var elements = new byte[(int)bytes];
        Span<byte> element = stackalloc byte[sizeof(long)];
        foreach (var (index, number) in numbers.Index())
        {
            BinaryPrimitives.WriteInt64LittleEndian(element, number);
            element[..type.Size()].CopyTo(elements.AsSpan(index * type.Size()));
        }
        return new TensorEntry(file, name, type, shape, elements);
    }

    private sealed class Parts
    {
        public bool Found { get; set; }

        public List<OnnxNode> Nodes { get; } = [];

        public List<TensorEntry> Entries { get; } = [];

        public List<string> Inputs { get; } = [];

        public List<string> Outputs { get; } = [];
    }
}
