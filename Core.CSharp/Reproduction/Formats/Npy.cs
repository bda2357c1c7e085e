using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Reproduction.Formats;

/// <summary>An array read from a <c>.npy</c> file.</summary>
/// <param name="Values">The elements in C order (last index fastest).</param>
/// <param name="Shape">The extent of each dimension; empty for a scalar.</param>
/// <param name="StoredType">The type in the file, as NumPy names it: <c>float32</c>, <c>uint8</c>, <c>bool</c>.</param>
public sealed record NpyArray<T>(T[] Values, int[] Shape, string StoredType)
    where T : unmanaged;

/// <summary>
/// NumPy's array files, format versions 1 to 3: booleans, integers and floats of 2 to 8 bytes in either byte order. Arrays of Python
/// objects are refused, because reading them would run what the file says.
/// </summary>
public static class Npy
{
    private const int BlockBytes = 1 << 20;

    /// <summary>
    /// Reads an array as <typeparamref name="T"/> (float, double, byte, bool as byte, int or long). Values that it cannot hold are an
    /// error; only floats are rounded to a narrower float type. An array in Fortran order is turned into C order.
    /// </summary>
    /// <exception cref="UserError">The file is missing, not a <c>.npy</c> file, of another type, shorter or longer than its header
    /// says, or too large.</exception>
    public static NpyArray<T> Read<T>(string path)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        using var stream = Open(path);
        var header = NpyHeader.Read(stream, path);
        var values = new T[header.Length];
        ReadValues(stream, header, path, values);
        if (header.FortranOrder && header.Shape.Length > 1)
        {
            values = ToCOrder(values, header.Shape);
        }

        return new NpyArray<T>(values, header.Shape, header.TypeName);
    }

    /// <summary>Reads a mask: <c>uint8</c>, <c>bool</c> or any other integer type, as 0 and 1 for zero and non-zero.</summary>
    /// <exception cref="UserError">As for <see cref="Read{T}"/>; also an array of floats.</exception>
    public static NpyArray<byte> ReadMask(string path)
    {
        using var stream = Open(path);
        var header = NpyHeader.Read(stream, path);
        if (header.Kind == 'f')
        {
            throw new UserError($"{path}: a mask of {header.TypeName} is ambiguous; save it as uint8 or bool, non-zero for anomalous");
        }

        var bytes = new byte[
            header.Length * (long)header.ItemSize <= Array.MaxLength
                ? header.Length * header.ItemSize
                : throw NpyHeader.TooLarge(path, header.Shape)
        ];
        stream.ReadExactly(bytes);
        var values = new byte[header.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = bytes.AsSpan(i * header.ItemSize, header.ItemSize).ContainsAnyExcept((byte)0) ? (byte)1 : (byte)0;
        }

        if (header.FortranOrder && header.Shape.Length > 1)
        {
            values = ToCOrder(values, header.Shape);
        }

        return new NpyArray<byte>(values, header.Shape, header.TypeName);
    }

    /// <summary>Writes an array in C order, format version 1.0, whole or not at all.</summary>
    /// <typeparam name="T">float, double, byte, bool, sbyte, short, ushort, int, uint, long or ulong.</typeparam>
    /// <param name="path">File to write or replace.</param>
    /// <param name="values">The elements, last index fastest.</param>
    /// <param name="shape">The extent of each dimension.</param>
    /// <exception cref="ArgumentException">The shape does not have as many elements as there are values, or NumPy has no such
    /// type.</exception>
    /// <exception cref="UserError">The folder cannot be written or the disk is full.</exception>
    public static void Write<T>(string path, ReadOnlySpan<T> values, params ReadOnlySpan<int> shape)
        where T : unmanaged
    {
        long length = 1;
        foreach (var extent in shape)
        {
            length *= extent;
        }

        if (length != values.Length)
        {
            throw new ArgumentException(
                $"{values.Length} values do not fill the shape [{string.Join(", ", shape.ToArray())}]",
                nameof(shape)
            );
        }

        var extents = string.Concat(shape.ToArray().Select(extent => extent.ToString(CultureInfo.InvariantCulture) + ", "));
        var text = $"{{'descr': '{Descriptor<T>()}', 'fortran_order': False, 'shape': ({extents.TrimEnd()}), }}";
        // The values begin at a multiple of 64 bytes: magic, version and length take 10, the header ends with a line feed.
        var padded = (10 + text.Length + 1 + 63) / 64 * 64 - 10;
        var header = new byte[10 + padded];
        NpyHeader.Magic.CopyTo(header);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)padded);
        Encoding.ASCII.GetBytes(text.PadRight(padded - 1) + "\n", header.AsSpan(10));

        try
        {
            AtomicFile.Replace(
                path,
                values,
                (stream, values) =>
                {
                    stream.Write(header);
                    var block = BlockBytes / Unsafe.SizeOf<T>();
                    for (var start = 0; start < values.Length; start += block)
                    {
                        stream.Write(MemoryMarshal.AsBytes(values.Slice(start, Math.Min(block, values.Length - start))));
                    }
                }
            );
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be written ({error.Message}); free some space or choose another folder", error);
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BlockBytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be opened ({error.Message}); give the path of a .npy file", error);
        }
    }

    private static void ReadValues<T>(FileStream stream, NpyHeader header, string path, T[] values)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var buffer = new byte[BlockBytes];
        var perBlock = BlockBytes / header.ItemSize;
        for (var start = 0; start < values.Length; start += perBlock)
        {
            var count = Math.Min(perBlock, values.Length - start);
            var bytes = buffer.AsSpan(0, count * header.ItemSize);
            stream.ReadExactly(bytes);
            if (header.BigEndian)
            {
                for (var i = 0; i < bytes.Length; i += header.ItemSize)
                {
                    bytes.Slice(i, header.ItemSize).Reverse();
                }
            }

            Convert(bytes, header, values.AsSpan(start, count), path);
        }
    }

    private static void Convert<T>(ReadOnlySpan<byte> bytes, NpyHeader header, Span<T> target, string path)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        switch (header.Kind, header.ItemSize)
        {
            case ('b' or 'u', 1):
                Cast<byte, T>(bytes, target, header, path);
                break;
            case ('u', 2):
                Cast<ushort, T>(bytes, target, header, path);
                break;
            case ('u', 4):
                Cast<uint, T>(bytes, target, header, path);
                break;
            case ('u', 8):
                Cast<ulong, T>(bytes, target, header, path);
                break;
            case ('i', 1):
                Cast<sbyte, T>(bytes, target, header, path);
                break;
            case ('i', 2):
                Cast<short, T>(bytes, target, header, path);
                break;
            case ('i', 4):
                Cast<int, T>(bytes, target, header, path);
                break;
            case ('i', 8):
                Cast<long, T>(bytes, target, header, path);
                break;
            case ('f', 2):
                Cast<Half, T>(bytes, target, header, path);
                break;
            case ('f', 4):
                Cast<float, T>(bytes, target, header, path);
                break;
            default:
                Cast<double, T>(bytes, target, header, path);
                break;
        }
    }

    private static void Cast<TStored, T>(ReadOnlySpan<byte> bytes, Span<T> target, NpyHeader header, string path)
        where TStored : unmanaged, System.Numerics.INumber<TStored>
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var stored = MemoryMarshal.Cast<byte, TStored>(bytes);
        if (typeof(TStored) == typeof(T))
        {
            MemoryMarshal.Cast<TStored, T>(stored).CopyTo(target);
            return;
        }
        var toFloat = typeof(T) == typeof(float) || typeof(T) == typeof(double);
        if (header.Kind == 'f' && !toFloat)
        {
            throw new UserError($"{path}: holds {header.TypeName} where integers are needed; save it as an integer type");
        }

        for (var i = 0; i < stored.Length; i++)
        {
            try
            {
                target[i] = T.CreateChecked(stored[i]);
            }
            catch (OverflowException error)
            {
                throw new UserError($"{path}: the {header.TypeName} value {stored[i]} is too large for {typeof(T).Name}", error);
            }
        }
    }

    /// <summary>Reorders values stored first index fastest into last index fastest.</summary>
    private static T[] ToCOrder<T>(T[] fortran, int[] shape)
    {
        var ordered = new T[fortran.Length];
        var strides = new int[shape.Length];
        for (int d = 0, stride = 1; d < shape.Length; stride *= shape[d++])
        {
            strides[d] = stride;
        }

        var index = new int[shape.Length];
        for (int i = 0, source = 0; i < ordered.Length; i++)
        {
            ordered[i] = fortran[source];
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                source += strides[d];
                if (++index[d] < shape[d])
                {
                    break;
                }

                source -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        return ordered;
    }

    private static string Descriptor<T>() =>
        default(T) switch
        {
            float => "<f4",
            double => "<f8",
            bool => "|b1",
            byte => "|u1",
            sbyte => "|i1",
            short => "<i2",
            ushort => "<u2",
            int => "<i4",
            uint => "<u4",
            long => "<i8",
            ulong => "<u8",
            _ => throw new ArgumentException($"NumPy arrays of {typeof(T).Name} are not written"),
        };
}
