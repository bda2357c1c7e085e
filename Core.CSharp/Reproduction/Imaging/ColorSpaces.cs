namespace Reproduction.Imaging;

/// <summary>Colour spaces in OpenCV's 8-bit encodings; a value is within 1 of OpenCV's.</summary>
public static class ColorSpaces
{
    /// <summary>Changes hue and value, as albumentations' <c>HueSaturationValue</c>: through 8-bit HSV, hue in half degrees and cyclic, the others clipped.</summary>
    /// <param name="image">RGB.</param>
    /// <param name="hue">Half degrees to add to the hue.</param>
    /// <param name="saturation">To add to the saturation, of 255.</param>
    /// <param name="value">To add to the value (brightest channel), of 255.</param>
    public static Image ShiftHsv(Image image, int hue, int saturation, int value)
    {
        var result = image.Copy();
        var pixels = result.Pixels;
        for (var i = 0; i < pixels.Length; i += 3)
        {
            var (h, s, v) = ToHsv(pixels[i], pixels[i + 1], pixels[i + 2]);
            h = ((h + hue) % 180 + 180) % 180;
            (pixels[i], pixels[i + 1], pixels[i + 2]) = FromHsv(h, Math.Clamp(s + saturation, 0, 255), Math.Clamp(v + value, 0, 255));
        }
        return result;
    }

    private static (int H, int S, int V) ToHsv(int r, int g, int b)
    {
        var v = Math.Max(r, Math.Max(g, b));
        var range = v - Math.Min(r, Math.Min(g, b));
        if (range == 0)
            return (0, 0, v);
        var sextants = v == r ? g - b : v == g ? b - r + 2 * range : r - g + 4 * range;
        // OpenCV divides by multiplying with a rounded inverse in 12 bits; exact division would round one hue in five hundred the other way.
        var h = (sextants * (int)Math.Round(30 * 4096.0 / range) + 2048) >> 12;
        var s = ((int)Math.Round(255 * 4096.0 / v) * range + 2048) >> 12;
        return (h < 0 ? h + 180 : h, s, v);
    }

    private static (byte R, byte G, byte B) FromHsv(int h, int s, int v)
    {
        var sextant = h / 30f;
        var whole = (int)sextant;
        var fraction = sextant - whole;
        var saturation = s / 255f;
        var p = Filters.ToByte(v * (1 - saturation));
        var q = Filters.ToByte(v * (1 - saturation * fraction));
        var t = Filters.ToByte(v * (1 - saturation * (1 - fraction)));
        var top = (byte)v;
        return (whole % 6) switch
        {
            0 => (top, t, p),
            1 => (q, top, p),
            2 => (p, top, t),
            3 => (p, q, top),
            4 => (t, p, top),
            _ => (top, p, q),
        };
    }

    private static readonly float[] Linear = [.. Enumerable.Range(0, 256).Select(i => i / 255.0).Select(c =>
        (float)(c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4)))];

    /// <summary>sRGB of linear light in 4096 steps, fine enough for 8 bits except in the darkest values, where it is off by at most 1.</summary>
    private static readonly byte[] Gamma = [.. Enumerable.Range(0, 4097).Select(i => i / 4096.0).Select(c =>
        Filters.ToByte((float)(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * Math.Pow(c, 1 / 2.4) - 0.055))))];

    /// <summary>Equalises the lightness of an RGB image (<see cref="Filters.Clahe"/>) and leaves its colour, as albumentations' <c>CLAHE</c>: through 8-bit CIE L*a*b*.</summary>
    public static Image ClaheLightness(Image image, double clipLimit, int tiles)
    {
        var lab = ToLab(image);
        var lightness = new Image(image.Width, image.Height, 1);
        for (var i = 0; i < lightness.Pixels.Length; i++)
            lightness.Pixels[i] = lab.Pixels[3 * i];
        var equalised = Filters.Clahe(lightness, clipLimit, tiles);
        for (var i = 0; i < equalised.Pixels.Length; i++)
            lab.Pixels[3 * i] = equalised.Pixels[i];
        return FromLab(lab);
    }

    /// <summary>RGB to CIE L*a*b* in 8 bits: lightness times 2.55, a and b plus 128; D65 white.</summary>
    internal static Image ToLab(Image rgb)
    {
        var lab = new Image(rgb.Width, rgb.Height, 3);
        for (var i = 0; i < lab.Pixels.Length; i += 3)
            (lab.Pixels[i], lab.Pixels[i + 1], lab.Pixels[i + 2]) = ToLab(rgb.Pixels[i], rgb.Pixels[i + 1], rgb.Pixels[i + 2]);
        return lab;
    }

    /// <summary>The inverse of <see cref="ToLab(Image)"/>; colours outside sRGB are cut off.</summary>
    internal static Image FromLab(Image lab)
    {
        var rgb = new Image(lab.Width, lab.Height, 3);
        for (var i = 0; i < rgb.Pixels.Length; i += 3)
            (rgb.Pixels[i], rgb.Pixels[i + 1], rgb.Pixels[i + 2]) = FromLab(lab.Pixels[i], lab.Pixels[i + 1], lab.Pixels[i + 2]);
        return rgb;
    }

    private const float WhiteX = 0.950456f;
    private const float WhiteZ = 1.088754f;

    private static (byte L, byte A, byte B) ToLab(byte red, byte green, byte blue)
    {
        float r = Linear[red], g = Linear[green], b = Linear[blue];
        var x = Root((0.412453f * r + 0.357580f * g + 0.180423f * b) / WhiteX);
        var luminance = 0.212671f * r + 0.715160f * g + 0.072169f * b;
        var y = Root(luminance);
        var z = Root((0.019334f * r + 0.119193f * g + 0.950227f * b) / WhiteZ);
        var lightness = luminance > 0.008856f ? 116 * y - 16 : 903.3f * luminance;
        return (Filters.ToByte(lightness * 2.55f), Filters.ToByte(500 * (x - y) + 128), Filters.ToByte(200 * (y - z) + 128));

        static float Root(float t) => t > 0.008856f ? MathF.Cbrt(t) : 7.787f * t + 16f / 116;
    }

    private static (byte R, byte G, byte B) FromLab(byte lightness, byte a, byte b)
    {
        var l = lightness / 2.55f;
        var fy = l > 8 ? (l + 16) / 116 : 7.787f * (l / 903.3f) + 16f / 116;
        var y = l > 8 ? fy * fy * fy : l / 903.3f;
        var x = Cube(fy + (a - 128) / 500f) * WhiteX;
        var z = Cube(fy - (b - 128) / 200f) * WhiteZ;
        return (
            Encode(3.240479f * x - 1.53715f * y - 0.498535f * z),
            Encode(-0.969256f * x + 1.875991f * y + 0.041556f * z),
            Encode(0.055648f * x - 0.204043f * y + 1.057311f * z));

        static float Cube(float f) => f > 0.206893f ? f * f * f : (f - 16f / 116) / 7.787f;
        static byte Encode(float linear) => Gamma[(int)(Math.Clamp(linear, 0, 1) * 4096 + 0.5f)];
    }
}
