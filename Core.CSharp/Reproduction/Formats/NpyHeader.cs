using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Reproduction.Formats;

/// <summary>What a <c>.npy</c> file says of its values.</summary>
/// <param name="Kind">b, i, u or f: booleans, signed and unsigned integers, floats.</param>
/// <param name="ItemSize">Bytes of an element.</param>
/// <param name="BigEndian">Whether an element's first byte is its highest.</param>
/// <param name="FortranOrder">Whether the first index is the fastest.</param>
/// <param name="Shape">The extent of each dimension.</param>
/// <param name="Length">Elements.</param>
internal sealed partial record NpyHeader(char Kind, int ItemSize, bool BigEndian, bool FortranOrder, int[] Shape, int Length)
{
    private const int MaxHeaderLength = 1 << 20;

    /// <summary>How every file begins.</summary>
    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The type as NumPy names it.</summary>
    public string TypeName =>
        Kind switch
        {
            'b' => "bool",
            'i' => $"int{ItemSize * 8}",
            'u' => $"uint{ItemSize * 8}",
            _ => $"float{ItemSize * 8}",
        };

    /// <summary>Reads the header and checks that the file holds exactly the values that it announces.</summary>
    public static NpyHeader Read(FileStream stream, string path)
    {
        Span<byte> start = stackalloc byte[8];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.StartsWith(Magic))
        {
            throw new UserError($"{path}: is not a .npy file; write it with numpy.save");
        }

        int version = start[6];
        if (version is < 1 or > 3)
        {
            throw new UserError($"{path}: .npy version {version}.{start[7]} is unknown; versions 1 to 3 can be read");
        }

        Span<byte> size = stackalloc byte[4];
        size.Clear();
        if (stream.ReadAtLeast(size[..(version == 1 ? 2 : 4)], version == 1 ? 2 : 4, throwOnEndOfStream: false) < (version == 1 ? 2 : 4))
        {
            throw Truncated(path);
        }

        var headerLength = BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (headerLength > MaxHeaderLength)
        {
            throw new UserError(
                $"{path}: announces a header of {headerLength} bytes; no array of numbers needs one, so the file is damaged"
            );
        }

        var text = new byte[headerLength];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
        {
            throw Truncated(path);
        }

        var header = Parse(Encoding.UTF8.GetString(text), path);
        long expected = (long)header.Length * header.ItemSize,
            actual = stream.Length - stream.Position;
        if (actual < expected)
        {
            throw new UserError(
                $"{path}: is cut short: "
                    + $"[{string.Join(", ", header.Shape)}] {header.TypeName} needs {expected} bytes and {actual} are there"
            );
        }

        if (actual > expected)
        {
            throw new UserError(
                $"{path}: has {actual - expected} bytes behind its "
                    + $"[{string.Join(", ", header.Shape)}] {header.TypeName}; save one array a file"
            );
        }

        return header;
    }

    private static NpyHeader Parse(string text, string path)
    {
        Match order = OrderEntry().Match(text),
            shape = ShapeEntry().Match(text),
            any = AnyDescriptorEntry().Match(text);
        if (!order.Success || !shape.Success || !any.Success)
        {
            throw new UserError($"{path}: has no readable .npy header (descr, fortran_order, shape): {text.Trim()}");
        }

        var type = DescriptorEntry().Match(text);
        var known = type.Success && int.TryParse(type.Groups[3].Value, CultureInfo.InvariantCulture, out _);
        var kind = known ? type.Groups[2].Value[0] : ' ';
        var size = known ? int.Parse(type.Groups[3].Value, CultureInfo.InvariantCulture) : 0;
        if (!(kind == 'b' && size == 1 || kind is 'i' or 'u' && size is 1 or 2 or 4 or 8 || kind == 'f' && size is 2 or 4 or 8))
        {
            throw new UserError(
                $"{path}: elements of type {any.Groups[1].Value} cannot be read; "
                    + "save it as float32, float64, uint8, bool or an integer type"
            );
        }

        var extents = new List<int>();
        long length = 1;
        foreach (var part in shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out var extent))
            {
                throw new UserError($"{path}: shape ({shape.Groups[1].Value}) is not one that can be read");
            }

            extents.Add(extent);
            // The product is capped while it grows, so that it cannot overflow.
            length = Math.Min(length * extent, int.MaxValue);
        }
        if (extents.Contains(0))
        {
            length = 0;
        }

        if (length > Array.MaxLength)
        {
            throw TooLarge(path, [.. extents]);
        }

        return new NpyHeader(kind, size, type.Groups[1].Value == ">", order.Groups[1].Value == "True", [.. extents], (int)length);
    }

    public static UserError TooLarge(string path, int[] shape) =>
        new($"{path}: [{string.Join(", ", shape)}] has more than {Array.MaxLength} elements or bytes; split it into several files");

    private static UserError Truncated(string path) => new($"{path}: ends within its .npy header; write it again with numpy.save");

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=])([biuf])(\d+)'")]
    private static partial Regex DescriptorEntry();

    [GeneratedRegex(@"'descr'\s*:\s*(\[.*?\]|'[^']*')")]
    private static partial Regex AnyDescriptorEntry();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex OrderEntry();

    // Python 2 wrote long integers as 3L.
    [GeneratedRegex(@"'shape'\s*:\s*\(([\d\sL,]*)\)")]
    private static partial Regex ShapeEntry();
}
