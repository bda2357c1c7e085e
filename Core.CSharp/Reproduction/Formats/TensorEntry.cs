using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Formats;

/// <summary>One named tensor of a checkpoint: where its elements lie in the file. Nothing is read before it is asked for.</summary>
public sealed class TensorEntry
{
    private readonly CheckpointFile _file;
    private readonly long[] _shape;
    private readonly long[] _strides;
    private readonly long _offset;
    private readonly byte[]? _decoded;

    /// <param name="file">The file, whose range the caller has checked.</param>
    /// <param name="name">As in the file, without wrappers such as <c>module.</c>.</param>
    /// <param name="type">Of the stored elements.</param>
    /// <param name="shape">Lengths of the dimensions.</param>
    /// <param name="strides">In elements; null: row-major.</param>
    /// <param name="offset">Of the first element, in bytes from the start of the file.</param>
    internal TensorEntry(CheckpointFile file, string name, ElementType type, long[] shape, long[]? strides, long offset)
    {
        this._file = file;
        this._shape = shape;
        this._strides = strides ?? RowMajor(shape);
        this._offset = offset;
        Name = name;
        Type = type;
        ElementCount = shape.Contains(0) ? 0 : shape.Aggregate(1L, (product, length) => checked(product * length));
    }

    /// <summary>A tensor whose elements the file writes in a code of its own, so that they were decoded with the header.</summary>
    internal TensorEntry(CheckpointFile file, string name, ElementType type, long[] shape, byte[] decoded)
        : this(file, name, type, shape, null, 0) => this._decoded = decoded;

    /// <summary>The same elements under another name.</summary>
    internal TensorEntry Renamed(string name) =>
        _decoded is null ? new(_file, name, Type, _shape, _strides, _offset) : new(_file, name, Type, _shape, _decoded);

    /// <summary>The tensor's name, as its network's library publishes it.</summary>
    public string Name { get; }

    /// <summary>The type of the stored elements.</summary>
    public ElementType Type { get; }

    /// <summary>Lengths of the dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => _shape;

    /// <summary>The product of <see cref="Shape"/>.</summary>
    public long ElementCount { get; }

    /// <summary>Size of the elements in row-major order, in bytes.</summary>
    public long ByteCount => ElementCount * Type.Size();

    /// <summary>The elements in row-major order, little-endian, in the stored type.</summary>
    /// <exception cref="UserError">The file ends before the tensor does.</exception>
    public byte[] ReadBytes()
    {
        var bytes = new byte[ByteCount];
        ReadBytes(bytes);
        return bytes;
    }

    /// <summary>The elements in row-major order, converted to 32-bit floats.</summary>
    /// <exception cref="UserError">The file ends before the tensor does.</exception>
    public float[] ReadSingles()
    {
        var values = new float[ElementCount];
        if (Type == ElementType.Float32)
        {
            ReadBytes(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
        var bytes = ReadBytes();
        switch (Type)
        {
            case ElementType.Float64:
                Convert<double>(bytes, values, value => (float)value);
                break;
            case ElementType.Float16:
                Convert<Half>(bytes, values, value => (float)value);
                break;
            case ElementType.BFloat16:
                Convert<ushort>(bytes, values, value => BitConverter.Int32BitsToSingle(value << 16));
                break;
            case ElementType.Int64:
                Convert<long>(bytes, values, value => value);
                break;
            case ElementType.Int32:
                Convert<int>(bytes, values, value => value);
                break;
            case ElementType.Int16:
                Convert<short>(bytes, values, value => value);
                break;
            case ElementType.Int8:
                Convert<sbyte>(bytes, values, value => value);
                break;
            default:
                Convert<byte>(bytes, values, value => value);
                break;
        }
        return values;
    }

    /// <summary>A CPU tensor of <see cref="Shape"/> in the stored type.</summary>
    /// <exception cref="UserError">The file ends before the tensor does.</exception>
    public Tensor ToTensor()
    {
        var tensor = torch.empty(_shape, Type.ToScalarType());
        if (ElementCount > 0)
        {
            ReadBytes(tensor.bytes);
        }
        return tensor;
    }

    /// <summary>A CPU tensor of <see cref="Shape"/> in float32, every element finite.</summary>
    /// <exception cref="UserError">An element is NaN or infinite, or the file ends before the tensor does.</exception>
    public Tensor ToFiniteSingles()
    {
        var values = ReadSingles();
        CheckFinite(values);
        return torch.tensor(values, _shape);
    }

    /// <summary>Reads the tensor and throws if an element is NaN or infinite.</summary>
    /// <exception cref="UserError">Names the tensor and the first such element.</exception>
    public void CheckFinite()
    {
        if (Type.IsFloatingPoint())
        {
            CheckFinite(ReadSingles());
        }
    }

    private void CheckFinite(float[] values)
    {
        for (var index = 0; index < values.Length; index++)
        {
            if (!float.IsFinite(values[index]))
            {
                throw _file.Broken($"{Name} holds {values[index]} at element {index}");
            }
        }
    }

    private void ReadBytes(Span<byte> target)
    {
        if (ElementCount == 0)
        {
            return;
        }
        if (_decoded is not null)
        {
            _decoded.CopyTo(target);
            return;
        }
        if (IsRowMajor())
        {
            _file.Read(_offset, target);
            return;
        }
        var size = Type.Size();
        var extent = _shape.Zip(_strides, (length, stride) => (length - 1) * stride).Sum() + 1;
        var storage = _file.Read(_offset, extent * size, Name);
        var index = new long[_shape.Length];
        for (long element = 0; element < ElementCount; element++)
        {
            long source = 0;
            for (var dimension = 0; dimension < _shape.Length; dimension++)
            {
                source += index[dimension] * _strides[dimension];
            }
            storage.AsSpan((int)(source * size), size).CopyTo(target[(int)(element * size)..]);
            for (var dimension = _shape.Length - 1; dimension >= 0 && ++index[dimension] == _shape[dimension]; dimension--)
            {
                index[dimension] = 0;
            }
        }
    }

    private bool IsRowMajor()
    {
        var expected = RowMajor(_shape);
        return Enumerable.Range(0, _shape.Length).All(dimension => _shape[dimension] == 1 || _strides[dimension] == expected[dimension]);
    }

    private static void Convert<T>(byte[] bytes, float[] values, Func<T, float> convert)
        where T : struct
    {
        var source = MemoryMarshal.Cast<byte, T>(bytes);
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = convert(source[index]);
        }
    }

    private static long[] RowMajor(long[] shape)
    {
        var strides = new long[shape.Length];
        long stride = 1;
        for (var dimension = shape.Length - 1; dimension >= 0; dimension--)
        {
            strides[dimension] = stride;
            stride *= Math.Max(shape[dimension], 1);
        }
        return strides;
    }
}
