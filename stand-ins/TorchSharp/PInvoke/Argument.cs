using System.Runtime.InteropServices;

namespace TorchSharp.PInvoke;

/// <summary>What an <see cref="Argument"/> holds; the numbers are those of native/dispatch.cpp.</summary>
internal enum ValueKind
{
    None, Tensor, Integer, Real, Boolean, Complex, Integers, Reals, Booleans, Tensors, OptionalTensors, String, Device, Generator
}

/// <summary>One argument or result as native/dispatch.cpp lays it out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeValue
{
    internal ValueKind Kind;
    internal int Length;
    internal long Bits;
}

/// <summary>One argument of an operator; what the operator's parameter may be converts to it implicitly.</summary>
internal readonly struct Argument
{
    internal readonly ValueKind Kind;
    internal readonly long Bits;
    internal readonly object? Reference;

    private Argument(ValueKind kind, long bits = 0, object? reference = null)
    {
        Kind = reference is null && kind is not (ValueKind.Integer or ValueKind.Real or ValueKind.Boolean or ValueKind.Device) ? ValueKind.None : kind;
        Bits = bits;
        Reference = reference;
    }

    /// <summary>An optional parameter that is not given.</summary>
    internal static Argument None => default;

    /// <summary>A list in which null stands for an absent tensor.</summary>
    internal static Argument OptionalTensors(torch.Tensor?[] tensors) => new(ValueKind.OptionalTensors, 0, tensors);

    public static implicit operator Argument(torch.Tensor? tensor) => new(ValueKind.Tensor, 0, tensor);
    public static implicit operator Argument(torch.Tensor[]? tensors) => new(ValueKind.Tensors, 0, tensors);
    public static implicit operator Argument(long value) => new(ValueKind.Integer, value);
    public static implicit operator Argument(long? value) => value is null ? None : new(ValueKind.Integer, value.Value);
    public static implicit operator Argument(double value) => new(ValueKind.Real, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Argument(double? value) => value is null ? None : (Argument)value.Value;
    public static implicit operator Argument(bool value) => new(ValueKind.Boolean, value ? 1 : 0);
    public static implicit operator Argument(bool? value) => value is null ? None : (Argument)value.Value;
    public static implicit operator Argument(long[]? values) => new(ValueKind.Integers, 0, values);
    public static implicit operator Argument(double[]? values) => new(ValueKind.Reals, 0, values);
    public static implicit operator Argument(bool[]? values) => new(ValueKind.Booleans, 0, values);
    public static implicit operator Argument(string? value) => new(ValueKind.String, 0, value);
    public static implicit operator Argument(torch.ScalarType type) => new(ValueKind.Integer, (long)type);
    public static implicit operator Argument(torch.ScalarType? type) => type is null ? None : new(ValueKind.Integer, (long)type.Value);
    public static implicit operator Argument(torch.Device? device) =>
        device is null ? None : new(ValueKind.Device, (long)device.type * 256 + (device.index < 0 ? 255 : device.index));
    public static implicit operator Argument(torch.Generator? generator) => new(ValueKind.Generator, 0, generator);
    public static implicit operator Argument(Scalar? scalar) => scalar is null ? None : scalar.ToArgument();

    /// <summary>A complex scalar.</summary>
    internal static Argument Complex(System.Numerics.Complex value) => new(ValueKind.Complex, 0, new[] { value.Real, value.Imaginary });

    /// <summary>Bytes of scratch memory that <see cref="Write"/> needs, a multiple of 8.</summary>
    internal int ScratchBytes => Reference switch
    {
        null or torch.Tensor or torch.Generator => 0,
        string text => (System.Text.Encoding.UTF8.GetByteCount(text) + 7) / 8 * 8,
        bool[] values => (values.Length + 7) / 8 * 8,
        Array array => array.Length * 8,
        _ => throw new InvalidOperationException($"an argument cannot be a {Reference.GetType()}")
    };

    /// <summary>Writes the argument for native code; lists and strings are copied into scratch.</summary>
    internal unsafe void Write(NativeValue* value, byte* scratch)
    {
        value->Kind = Kind;
        value->Length = 0;
        value->Bits = Reference is null ? Bits : (long)scratch;
        switch (Reference)
        {
            case torch.Tensor tensor:
                value->Bits = tensor.Handle;
                break;
            case torch.Generator generator:
                value->Bits = generator.Handle;
                break;
            case string text:
                value->Length = System.Text.Encoding.UTF8.GetBytes(text, new Span<byte>(scratch, ScratchBytes));
                break;
            case long[] values:
                value->Length = values.Length;
                values.CopyTo(new Span<long>(scratch, values.Length));
                break;
            case double[] values:
                value->Length = values.Length;
                values.CopyTo(new Span<double>(scratch, values.Length));
                break;
            case bool[] values:
                value->Length = values.Length;
                values.CopyTo(new Span<bool>(scratch, values.Length));
                break;
            case torch.Tensor?[] tensors:
                value->Length = tensors.Length;
                for (var i = 0; i < tensors.Length; i++) ((nint*)scratch)[i] = tensors[i]?.Handle ?? 0;
                break;
        }
    }
}
