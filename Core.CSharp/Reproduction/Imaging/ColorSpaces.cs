using System.Numerics;

namespace Reproduction.Imaging;

/// <summary>Colour spaces in OpenCV's 8-bit encodings; a value is within 1 of OpenCV's.</summary>
public static class ColorSpaces
{
    /// <summary>Half degrees of a sixth of the hue's circle.</summary>
    private const int Sextant = 30;

    /// <summary>
    /// OpenCV divides by multiplying with a rounded inverse in 12 bits; exact division would round one hue in five hundred the other way.
    /// </summary>
    private const int InverseBits = 12;

    /// <summary>
    /// Changes hue and value, as albumentations' <c>HueSaturationValue</c>: through 8-bit HSV, hue in half degrees and cyclic, the others
    /// clipped.
    /// </summary>
    /// <remarks>The way back rounds to the nearest value; OpenCV 4.6 does so at a row's end only, and cuts off what it converts in
    /// vectors.</remarks>
    /// <param name="image">RGB.</param>
    /// <param name="hue">Half degrees to add to the hue.</param>
    /// <param name="saturation">To add to the saturation, of 255.</param>
    /// <param name="value">To add to the value (brightest channel), of 255.</param>
    public static Image ShiftHsv(Image image, int hue, int saturation, int value)
    {
        var result = new Image(image.Width, image.Height, 3);
        var turn = (hue % (6 * Sextant) + 6 * Sextant) % (6 * Sextant);
        var block = Vector<byte>.Count;
        var (red, green, blue) = (new byte[block], new byte[block], new byte[block]);
        for (var start = 0; start < result.Pixels.Length; start += 3 * block)
        {
            var count = Math.Min(block, (result.Pixels.Length - start) / 3);
            var source = image.Pixels.AsSpan(start, 3 * count);
            for (var i = 0; i < count; i++)
            {
                (red[i], green[i], blue[i]) = (source[3 * i], source[3 * i + 1], source[3 * i + 2]);
            }
            ShiftHsv(red, green, blue, turn, saturation, value);
            var target = result.Pixels.AsSpan(start, 3 * count);
            for (var i = 0; i < count; i++)
            {
                (target[3 * i], target[3 * i + 1], target[3 * i + 2]) = (red[i], green[i], blue[i]);
            }
        }
        return result;
    }

    private static void ShiftHsv(byte[] red, byte[] green, byte[] blue, int hue, int saturation, int value)
    {
        var r = Filters.Widen(new Vector<byte>(red));
        var g = Filters.Widen(new Vector<byte>(green));
        var b = Filters.Widen(new Vector<byte>(blue));
        ShiftHsv(ref r.A, ref g.A, ref b.A, hue, saturation, value);
        ShiftHsv(ref r.B, ref g.B, ref b.B, hue, saturation, value);
        ShiftHsv(ref r.C, ref g.C, ref b.C, hue, saturation, value);
        ShiftHsv(ref r.D, ref g.D, ref b.D, hue, saturation, value);
        Filters.Narrow(r.A, r.B, r.C, r.D).CopyTo(red);
        Filters.Narrow(g.A, g.B, g.C, g.D).CopyTo(green);
        Filters.Narrow(b.A, b.B, b.C, b.D).CopyTo(blue);
    }

    private static void ShiftHsv(ref Vector<int> red, ref Vector<int> green, ref Vector<int> blue, int hue, int saturation, int value)
    {
        var most = new Vector<int>(255);
        var brightest = Vector.Max(red, Vector.Max(green, blue));
        var range = brightest - Vector.Min(red, Vector.Min(green, blue));
        var sextants = Vector.ConditionalSelect(
            Vector.Equals(brightest, red),
            green - blue,
            Vector.ConditionalSelect(Vector.Equals(brightest, green), blue - red + 2 * range, red - green + 4 * range)
        );
        var h = ScaledQuotient(sextants, Sextant, range) + new Vector<int>(hue);
        var circle = new Vector<int>(6 * Sextant);
        h += Vector.LessThan(h, Vector<int>.Zero) & circle;
        h -= Vector.GreaterThanOrEqual(h, circle) & circle;
        var s = Clamped(ScaledQuotient(range, 255, brightest) + new Vector<int>(saturation), most);
        var v = Clamped(brightest + new Vector<int>(value), most);
        red = Channel(h, s, v, 5);
        green = Channel(h, s, v, 3);
        blue = Channel(h, s, v, 1);
    }

    /// <summary>scale times numerator / denominator, rounded as OpenCV rounds it; 0 where all are 0.</summary>
    private static Vector<int> ScaledQuotient(Vector<int> numerator, int scale, Vector<int> denominator)
    {
        // Single precision is exact here: the quotient of a number below 2^20 by one below 2^8 lies further from a half than its error.
        var inverse = new Vector<float>(scale << InverseBits) / Vector.ConvertToSingle(Vector.Max(denominator, Vector<int>.One));
        return (numerator * Vector.ConvertToInt32Native(Vector.Round(inverse)) + new Vector<int>(1 << (InverseBits - 1))) >> InverseBits;
    }

    /// <summary>
    /// A channel of a colour in HSV: value (1 - saturation m), where m rises from 0 to 1, stays and falls over six sextants of the hue. In
    /// whole numbers up to the last division, so that every processor rounds alike.
    /// </summary>
    /// <param name="hue">0 to 179, in half degrees.</param>
    /// <param name="saturation">0 to 255.</param>
    /// <param name="value">0 to 255.</param>
    /// <param name="sextants">By how much the channel's course is ahead: 5 for red, 3 for green, 1 for blue.</param>
    private static Vector<int> Channel(Vector<int> hue, Vector<int> saturation, Vector<int> value, int sextants)
    {
        var circle = new Vector<int>(6 * Sextant);
        var k = hue + new Vector<int>(sextants * Sextant);
        k -= Vector.GreaterThanOrEqual(k, circle) & circle;
        var m = Clamped(Vector.Min(k, new Vector<int>(4 * Sextant) - k), new Vector<int>(Sextant));
        var scaled = Vector.ConvertToSingle(value * (new Vector<int>(255 * Sextant) - saturation * m));
        return Vector.ConvertToInt32Native(Vector.Round(scaled / new Vector<float>(255 * Sextant)));
    }

    private static Vector<int> Clamped(Vector<int> value, Vector<int> most) => Vector.Max(Vector.Min(value, most), Vector<int>.Zero);

    /// <summary>
    /// Equalises the lightness of an RGB image (<see cref="Clahe"/>) and leaves its colour, as albumentations' <c>CLAHE</c>: through 8-bit
    /// CIE L*a*b*.
    /// </summary>
    public static Image ClaheLightness(Image image, double clipLimit, int tiles)
    {
        var lab = CieLab.FromRgb(image);
        var lightness = new Image(image.Width, image.Height, 1);
        for (var i = 0; i < lightness.Pixels.Length; i++)
        {
            lightness.Pixels[i] = lab.Pixels[3 * i];
        }
        var equalised = Clahe.Equalise(lightness, clipLimit, tiles);
        for (var i = 0; i < equalised.Pixels.Length; i++)
        {
            lab.Pixels[3 * i] = equalised.Pixels[i];
        }
        return CieLab.ToRgb(lab);
    }
}
