using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace Reproduction.Formats;

/// <summary>
/// An ONNX model under construction: inputs, constants, operations in the order in which they are asked for, outputs, and words about it.
/// What is computed is written through <see cref="OnnxValue"/>.
/// </summary>
internal sealed class OnnxModelBuilder
{
    /// <summary>The set of operations that the graph is written in: the first whose Resize antialiases.</summary>
    public const int OperatorSet = 18;

    private const int FormatVersion = 8;

    private readonly ProtobufWriter _graph = new();
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<string, string> _names = [];
    private readonly Dictionary<string, OnnxValue> _known = [];
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private int _values;

    /// <summary>Keeps a word about the model with it.</summary>
    public void Describe(string name, string value) => _metadata[name] = value;

    /// <summary>What is fed to the model.</summary>
    /// <param name="name">Its name for whoever runs the model.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="shape">Lengths; those that are names are free.</param>
    public OnnxValue Input(string name, ScalarType type, params object[] shape)
    {
        _graph.Message(11, ValueInfo(name, type, shape));
        return new OnnxValue(this, name, type);
    }

    /// <summary>What the model gives. The value itself is given the name: ONNX Runtime 1.31 breaks graphs while it removes
    /// identities.</summary>
    /// <param name="name">Its name for whoever runs the model.</param>
    /// <param name="value">The value, which is no other output.</param>
    /// <param name="shape">As of <see cref="Input"/>.</param>
    public void Output(string name, OnnxValue value, params object[] shape)
    {
        _names.Add(value.Name, name);
        _graph.Message(12, ValueInfo(name, value.Type, shape));
    }

    /// <summary>A tensor as a constant.</summary>
    /// <param name="tensor">float32, float64, int32, int64 or bytes, of any shape and on any device.</param>
    public OnnxValue Constant(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var plain = tensor.detach().cpu().contiguous();
        return Initialiser(plain.dtype, tensor.shape, plain.bytes);
    }

    /// <summary>A number as a constant of a type.</summary>
    public OnnxValue Constant(double value, ScalarType type)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{type} {value:r}");
        if (!_known.TryGetValue(key, out var known))
        {
            _known[key] = known = type switch
            {
                ScalarType.Float32 => Initialiser(type, [], Bytes((float)value)),
                ScalarType.Float64 => Initialiser(type, [], Bytes(value)),
                ScalarType.Int32 => Initialiser(type, [], Bytes((int)value)),
                ScalarType.Int64 => Initialiser(type, [], Bytes((long)value)),
                _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no constant of this type is needed"),
            };
        }
        return known;

        static ReadOnlySpan<byte> Bytes<T>(T number)
            where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>([number]));
    }

    /// <summary>Axes, lengths or indices: a list of int64.</summary>
    public OnnxValue Integers(params long[] values)
    {
        var key = "list " + string.Join(",", values);
        return _known.TryGetValue(key, out var known)
            ? known
            : _known[key] = Initialiser(ScalarType.Int64, [values.Length], MemoryMarshal.AsBytes<long>(values));
    }

    /// <summary>Adds an operation with one output.</summary>
    /// <param name="operation">Its name in ONNX's own domain.</param>
    /// <param name="type">Of the output's elements.</param>
    /// <param name="inputs">Null for one that is left out.</param>
    /// <param name="attributes">A long, a float, a text or a list of longs, by name.</param>
    public OnnxValue Apply(
        string operation,
        ScalarType type,
        IEnumerable<OnnxValue?> inputs,
        params (string Name, object Value)[] attributes
    )
    {
        var output = string.Create(CultureInfo.InvariantCulture, $"v{_values++}");
        _nodes.Add(new Node(operation, [.. inputs.Select(input => input?.Name ?? "")], output, attributes));
        return new OnnxValue(this, output, type);
    }

    /// <summary>Adds an operation with two outputs.</summary>
    /// <inheritdoc cref="Apply"/>
    public (OnnxValue First, OnnxValue Second) ApplyTwo(
        string operation,
        IEnumerable<OnnxValue?> inputs,
        ScalarType first,
        ScalarType second,
        params (string Name, object Value)[] attributes
    )
    {
        var output = string.Create(CultureInfo.InvariantCulture, $"v{_values++}");
        var further = string.Create(CultureInfo.InvariantCulture, $"v{_values++}");
        _nodes.Add(new Node(operation, [.. inputs.Select(input => input?.Name ?? "")], output, attributes) { Further = further });
        return (new OnnxValue(this, output, first), new OnnxValue(this, further, second));
    }

    /// <summary>The model as a file's bytes; the model is then at its end.</summary>
    /// <param name="producer">Which program made it, and its version.</param>
    public byte[] ToArray((string Name, string Version) producer)
    {
        var graph = new ProtobufWriter().Integer(1, FormatVersion).Text(2, producer.Name).Text(3, producer.Version);
        _nodes.ForEach(node => _graph.Message(1, Written(node)));
        _nodes.Clear();
        graph.Message(7, _graph.Text(2, "detector"));
        graph.Message(8, new ProtobufWriter().Text(1, "").Integer(2, OperatorSet));
        foreach (var (name, value) in _metadata)
        {
            graph.Message(14, new ProtobufWriter().Text(1, name).Text(2, value));
        }
        return graph.ToArray();
    }

    private ProtobufWriter Written(Node operation)
    {
        var node = new ProtobufWriter();
        foreach (var input in operation.Inputs)
        {
            node.Text(1, Name(input));
        }
        var output = Name(operation.Output);
        node.Text(2, output);
        if (operation.Further is { } further)
        {
            node.Text(2, Name(further));
        }
        node.Text(3, $"{operation.Operation}_{output}").Text(4, operation.Operation);
        foreach (var (name, value) in operation.Attributes)
        {
            node.Message(5, Attribute(name, value));
        }
        return node;

        string Name(string value) => _names.GetValueOrDefault(value, value);
    }

    private static ProtobufWriter Attribute(string name, object value)
    {
        var attribute = new ProtobufWriter().Text(1, name);
        return value switch
        {
            float number => attribute.Single(2, number).Integer(20, 1),
            long number => attribute.Integer(3, number).Integer(20, 2),
            string text => attribute.Bytes(4, Encoding.UTF8.GetBytes(text)).Integer(20, 3),
            long[] numbers => attribute.Integers(8, numbers).Integer(20, 7),
            _ => throw new ArgumentException($"no attribute is a {value.GetType().Name}", nameof(value)),
        };
    }

    private OnnxValue Initialiser(ScalarType type, long[] shape, ReadOnlySpan<byte> bytes)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"c{_values++}");
        _graph.Message(5, new ProtobufWriter().Integers(1, shape).Integer(2, Code(type)).Text(8, name).Bytes(9, bytes));
        return new OnnxValue(this, name, type);
    }

    private static ProtobufWriter ValueInfo(string name, ScalarType type, object[] shape)
    {
        var dimensions = new ProtobufWriter();
        foreach (var length in shape)
        {
            dimensions.Message(
                1,
                length is string free ? new ProtobufWriter().Text(2, free) : new ProtobufWriter().Integer(1, Convert.ToInt64(length))
            );
        }
        var tensor = new ProtobufWriter().Integer(1, Code(type)).Message(2, dimensions);
        return new ProtobufWriter().Text(1, name).Message(2, new ProtobufWriter().Message(1, tensor));
    }

    /// <summary>ONNX's number of an element type.</summary>
    public static long Code(ScalarType type) =>
        type switch
        {
            ScalarType.Float32 => 1,
            ScalarType.Byte => 2,
            ScalarType.Int32 => 6,
            ScalarType.Int64 => 7,
            ScalarType.Bool => 9,
            ScalarType.Float64 => 11,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no value of this type is needed"),
        };

    private sealed record Node(string Operation, string[] Inputs, string Output, (string Name, object Value)[] Attributes)
    {
        public string? Further { get; init; }
    }
}
