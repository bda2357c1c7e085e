using static TorchSharp.torch;

namespace Reproduction.Formats;

/// <summary>The element types that a checkpoint's tensors are stored in, all little-endian.</summary>
public enum ElementType
{
    /// <summary>IEEE 754, 8 bytes.</summary>
    Float64,

    /// <summary>IEEE 754, 4 bytes.</summary>
    Float32,

    /// <summary>IEEE 754, 2 bytes.</summary>
    Float16,

    /// <summary>The upper 2 bytes of a <see cref="Float32"/>.</summary>
    BFloat16,

    /// <summary>Signed, 8 bytes.</summary>
    Int64,

    /// <summary>Signed, 4 bytes.</summary>
    Int32,

    /// <summary>Signed, 2 bytes.</summary>
    Int16,

    /// <summary>Signed, 1 byte.</summary>
    Int8,

    /// <summary>Unsigned, 1 byte.</summary>
    UInt8,

    /// <summary>1 byte, 0 or 1.</summary>
    Bool,
}

/// <summary>Sizes and names of <see cref="ElementType"/> in the formats that use them.</summary>
public static class ElementTypes
{
    private static readonly (ElementType Type, int Size, string SafeTensors, string Storage, ScalarType Scalar)[] Table =
    [
        (ElementType.Float64, 8, "F64", "DoubleStorage", ScalarType.Float64),
        (ElementType.Float32, 4, "F32", "FloatStorage", ScalarType.Float32),
        (ElementType.Float16, 2, "F16", "HalfStorage", ScalarType.Float16),
        (ElementType.BFloat16, 2, "BF16", "BFloat16Storage", ScalarType.BFloat16),
        (ElementType.Int64, 8, "I64", "LongStorage", ScalarType.Int64),
        (ElementType.Int32, 4, "I32", "IntStorage", ScalarType.Int32),
        (ElementType.Int16, 2, "I16", "ShortStorage", ScalarType.Int16),
        (ElementType.Int8, 1, "I8", "CharStorage", ScalarType.Int8),
        (ElementType.UInt8, 1, "U8", "ByteStorage", ScalarType.Byte),
        (ElementType.Bool, 1, "BOOL", "BoolStorage", ScalarType.Bool),
    ];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this ElementType type) => Table[(int)type].Size;

    /// <summary>The safetensors name, e.g. <c>F32</c>.</summary>
    public static string SafeTensorsName(this ElementType type) => Table[(int)type].SafeTensors;

    /// <summary>Whether a value of the type can be NaN or infinite.</summary>
    public static bool IsFloatingPoint(this ElementType type) => type <= ElementType.BFloat16;

    /// <summary>The tensor type with the same elements.</summary>
    public static ScalarType ToScalarType(this ElementType type) => Table[(int)type].Scalar;

    /// <summary>The inverse of <see cref="ToScalarType"/>.</summary>
    /// <exception cref="ArgumentException">A type that no checkpoint stores, e.g. a complex one.</exception>
    public static ElementType Of(ScalarType type)
    {
        var index = Array.FindIndex(Table, row => row.Scalar == type);
        return index >= 0 ? Table[index].Type : throw new ArgumentException($"{type} tensors cannot be stored", nameof(type));
    }

    internal static bool TryParseSafeTensors(string name, out ElementType type) => TryFind(row => row.SafeTensors == name, out type);

    /// <summary>The type of torch's storage class <c>torch.FloatStorage</c> and its siblings.</summary>
    internal static bool TryParseStorage(string name, out ElementType type) => TryFind(row => row.Storage == name, out type);

    private static bool TryFind(
        Predicate<(ElementType Type, int Size, string SafeTensors, string Storage, ScalarType Scalar)> match,
        out ElementType type
    )
    {
        var index = Array.FindIndex(Table, match);
        type = index < 0 ? default : Table[index].Type;
        return index >= 0;
    }
}
