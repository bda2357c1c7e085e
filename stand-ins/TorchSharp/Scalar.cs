using TorchSharp.PInvoke;

namespace TorchSharp;

/// <summary>A number that an operator takes beside tensors; it does not take part in type promotion as a tensor does.</summary>
public sealed class Scalar : IDisposable
{
    private readonly double real;
    private readonly double imaginary;
    private readonly long integer;

    private Scalar(torch.ScalarType type, long integer = 0, double real = 0, double imaginary = 0) =>
        (Type, this.integer, this.real, this.imaginary) = (type, integer, real, imaginary);

    /// <summary>Bool, Int64, Float64 or ComplexFloat64: libtorch keeps no narrower ones.</summary>
    public torch.ScalarType Type { get; }

    public static implicit operator Scalar(byte value) => (long)value;
    public static implicit operator Scalar(sbyte value) => (long)value;
    public static implicit operator Scalar(short value) => (long)value;
    public static implicit operator Scalar(int value) => (long)value;
    public static implicit operator Scalar(long value) => new(torch.ScalarType.Int64, integer: value);
    public static implicit operator Scalar(Half value) => (double)value;
    public static implicit operator Scalar(float value) => (double)value;
    public static implicit operator Scalar(double value) => new(torch.ScalarType.Float64, real: value);
    public static implicit operator Scalar(bool value) => new(torch.ScalarType.Bool, integer: value ? 1 : 0);
    public static implicit operator Scalar(System.Numerics.Complex value) =>
        new(torch.ScalarType.ComplexFloat64, real: value.Real, imaginary: value.Imaginary);

    internal double Real => Type is torch.ScalarType.Int64 or torch.ScalarType.Bool ? integer : real;

    internal long Integer => Type is torch.ScalarType.Int64 or torch.ScalarType.Bool ? integer : (long)real;

    internal Argument ToArgument() => Type switch
    {
        torch.ScalarType.Bool => integer != 0,
        torch.ScalarType.Int64 => integer,
        torch.ScalarType.Float64 => real,
        _ => Argument.Complex(new System.Numerics.Complex(real, imaginary))
    };

    public void Dispose()
    {
    }
}

/// <summary>Conversions from and to .NET's numbers.</summary>
public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;
    public static Scalar ToScalar(this sbyte value) => value;
    public static Scalar ToScalar(this short value) => value;
    public static Scalar ToScalar(this int value) => value;
    public static Scalar ToScalar(this long value) => value;
    public static Scalar ToScalar(this float value) => value;
    public static Scalar ToScalar(this double value) => value;
    public static Scalar ToScalar(this bool value) => value;
    public static Scalar ToScalar(this System.Numerics.Complex value) => value;

    public static float ToSingle(this Scalar value) => (float)value.Real;
    public static double ToDouble(this Scalar value) => value.Real;
    public static Half ToHalf(this Scalar value) => (Half)value.Real;
    public static sbyte ToSByte(this Scalar value) => (sbyte)value.Integer;
    public static byte ToByte(this Scalar value) => (byte)value.Integer;
    public static short ToInt16(this Scalar value) => (short)value.Integer;
    public static int ToInt32(this Scalar value) => (int)value.Integer;
    public static long ToInt64(this Scalar value) => value.Integer;
    public static bool ToBoolean(this Scalar value) => value.Real != 0;
}
