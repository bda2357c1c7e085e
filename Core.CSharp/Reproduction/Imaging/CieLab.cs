namespace Reproduction.Imaging;

/// <summary>
/// CIE L*a*b* in 8 bits: lightness times 2.55, a and b plus 128; sRGB primaries, D65 white. In fixed point with OpenCV's numbers of bits,
/// because these, not the formulas, decide how dark colours are rounded.
/// </summary>
internal static class CieLab
{
    private const int MatrixBits = 12;

    /// <summary>Linear light of 0 to 1 is 0 to 2,040 on the way to L*a*b*.</summary>
    private const int LightScale = 255 << 3;

    /// <summary>f of CIE's formulas is 0 to 2^15 on the way to L*a*b*.</summary>
    private const int RootBits = MatrixBits + 3;

    /// <summary>f and linear light are 0 to 2^14 on the way back.</summary>
    private const int BackBits = 14;
    private const int BackOne = 1 << BackBits;

    /// <summary>
    /// sRGB is looked up for linear light in 4,096 steps, by which the darkest values are off by up to 1, in OpenCV as here.
    /// </summary>
    private const int GammaBits = 12;

    // CIE 1976: above 6/29 f is the cube root, below it is linear.
    private const double Threshold = 216.0 / 24389;
    private const double Slope = 841.0 / 108;
    private const double Intercept = 16.0 / 116;

    private static readonly double[] White = [0.950456, 1, 1.088754];
    private static readonly double[] RgbToXyz = [0.412453, 0.357580, 0.180423, 0.212671, 0.715160, 0.072169, 0.019334, 0.119193, 0.950227];
    private static readonly double[] XyzToRgb =
    [
        3.240479,
        -1.53715,
        -0.498535,
        -0.969256,
        1.875991,
        0.041556,
        0.055648,
        -0.204043,
        1.057311,
    ];

    private static readonly int[] ToXyz = [.. RgbToXyz.Select((weight, i) => Rounded((1 << MatrixBits) * weight / White[i / 3]))];
    private static readonly int[] FromXyz = [.. XyzToRgb.Select((weight, i) => Rounded((1 << MatrixBits) * weight * White[i % 3]))];

    private static readonly ushort[] Linear = Table(256, i => LightScale * Decoded(i / 255.0));
    private static readonly ushort[] Root = Table(LightScale * 3 / 2, i => (1 << RootBits) * F(i * (1f / LightScale)));
    private static readonly byte[] Gamma =
    [
        .. Table(1 << GammaBits, i => 255 * Encoded(i / (double)(1 << GammaBits))).Select(value => (byte)value),
    ];

    /// <summary>f of a lightness, and its luminance.</summary>
    private static readonly ushort[] LightnessRoot = Table(
        256,
        i => BackOne * (i <= 20 ? Slope * Luminance(i) + Intercept : (i / 2.55 + 16) / 116)
    );
    private static readonly ushort[] LightnessLuminance = Table(256, i => BackOne * Luminance(i));

    /// <summary>RGB to L*a*b*.</summary>
    public static Image FromRgb(Image rgb)
    {
        var lab = new Image(rgb.Width, rgb.Height, 3);
        var (source, target) = (rgb.Pixels, lab.Pixels);
        var (linear, root, m) = (Linear, Root, ToXyz);
        var (m0, m1, m2, m3, m4, m5, m6, m7, m8) = (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]);
        for (var i = 0; i + 2 < source.Length && i + 2 < target.Length; i += 3)
        {
            int r = linear[source[i]],
                g = linear[source[i + 1]],
                b = linear[source[i + 2]];
            int fx = root[Descaled(r * m0 + g * m1 + b * m2, MatrixBits)];
            int fy = root[Descaled(r * m3 + g * m4 + b * m5, MatrixBits)];
            int fz = root[Descaled(r * m6 + g * m7 + b * m8, MatrixBits)];
            // 116 and 16 times 2.55; no colour of sRGB leaves 0 to 255.
            target[i] = (byte)Descaled(296 * fy - 1336934, RootBits);
            target[i + 1] = (byte)Descaled(500 * (fx - fy) + (128 << RootBits), RootBits);
            target[i + 2] = (byte)Descaled(200 * (fy - fz) + (128 << RootBits), RootBits);
        }
        return lab;
    }

    /// <summary>The inverse of <see cref="FromRgb"/>; colours outside sRGB are cut off.</summary>
    public static Image ToRgb(Image lab)
    {
        const int shift = MatrixBits + BackBits - GammaBits;
        var rgb = new Image(lab.Width, lab.Height, 3);
        var (source, target) = (lab.Pixels, rgb.Pixels);
        var (luminance, root, gamma, m) = (LightnessLuminance, LightnessRoot, Gamma, FromXyz);
        var (m0, m1, m2, m3, m4, m5, m6, m7, m8) = (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]);
        for (var i = 0; i + 2 < source.Length && i + 2 < target.Length; i += 3)
        {
            int y = luminance[source[i]],
                fy = root[source[i]];
            // a / 500 and b / 200, by a product and a shift.
            var x = Cubed(fy + ((5 * source[i + 1] * 53687 + (1 << 7)) >> 13) - 128 * BackOne / 500);
            var z = Cubed(fy - ((source[i + 2] * 41943 + (1 << 4)) >> 9) + 128 * BackOne / 200 - 1);
            target[i] = gamma[Clipped(Descaled(m0 * x + m1 * y + m2 * z, shift))];
            target[i + 1] = gamma[Clipped(Descaled(m3 * x + m4 * y + m5 * z, shift))];
            target[i + 2] = gamma[Clipped(Descaled(m6 * x + m7 * y + m8 * z, shift))];
        }
        return rgb;

        static int Clipped(int linear) => Math.Clamp(linear, 0, (1 << GammaBits) - 1);
    }

    /// <summary>The inverse of f in fixed point: the cube above 6/29, linear below.</summary>
    private static int Cubed(int f) =>
        f > 6 * BackOne / 29 ? (((f * f) >> BackBits) * f) >> BackBits : f * 108 / 841 - BackOne * 16 / 116 * 108 / 841;

    /// <summary>
    /// CIE's f in single precision, cut off rather than rounded: two of the table's 3,060 roots are so close to a half that it decides.
    /// </summary>
    private static float F(float t)
    {
        var exact = t < Threshold ? Slope * t + Intercept : Math.Cbrt(t);
        var nearest = (float)exact;
        return nearest > exact ? MathF.BitDecrement(nearest) : nearest;
    }

    /// <summary>CIE's luminance of a lightness of 0 to 255.</summary>
    private static double Luminance(int lightness) =>
        lightness <= 20 ? lightness / 2.55 * 27 / 24389 : Math.Pow((lightness / 2.55 + 16) / 116, 3);

    private static double Decoded(double encoded) => encoded <= 0.04045 ? encoded / 12.92 : Math.Pow((encoded + 0.055) / 1.055, 2.4);

    private static double Encoded(double linear) => linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.Pow(linear, 1 / 2.4) - 0.055;

    private static int Descaled(int value, int bits) => (value + (1 << (bits - 1))) >> bits;

    private static int Rounded(double value) => (int)Math.Round(value);

    private static ushort[] Table(int length, Func<int, double> value) =>
        [.. Enumerable.Range(0, length).Select(i => (ushort)Rounded(value(i)))];
}
