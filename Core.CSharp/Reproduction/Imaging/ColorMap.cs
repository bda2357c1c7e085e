namespace Reproduction.Imaging;

/// <summary>The colours of a heat map: both run from blue for low over green and yellow to red for high.</summary>
public enum Palette
{
    /// <summary>Google's (A. Mikhailov, 2019): brightness rises and falls smoothly where jet's jumps.</summary>
    Turbo,

    /// <summary>MATLAB's, as the papers' figures have it: each component rises and falls in a straight line.</summary>
    Jet,
}

/// <summary>Scores as colours.</summary>
public static class ColorMap
{
    // The published polynomial approximation (R. Pierard, A. Mikhailov): degree 5 in the value for each of red, green, blue.
    private static readonly double[][] Coefficients =
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ];

    /// <summary>Where jet's red, green and blue are brightest.</summary>
    private static readonly double[] JetCentres = [0.75, 0.5, 0.25];

    private static readonly byte[] TurboTable =
    [
        .. Enumerable.Range(0, 256).SelectMany(i => Coefficients.Select(c => Turbo(c, i / 255.0))),
    ];

    private static readonly byte[] JetTable =
    [
        .. Enumerable.Range(0, 256).SelectMany(i => JetCentres.Select(centre => Jet(centre, i / 255.0))),
    ];

    private static byte Jet(double centre, double value) => (byte)Math.Round(Math.Clamp(1.5 - (4 * Math.Abs(value - centre)), 0, 1) * 255);

    private static byte Turbo(double[] coefficients, double value)
    {
        var sum = 0.0;
        for (var i = coefficients.Length - 1; i >= 0; i--)
        {
            sum = sum * value + coefficients[i];
        }

        return (byte)Math.Round(Math.Clamp(sum, 0, 1) * 255);
    }

    /// <summary>The RGB colour of a value; values outside 0..1, and NaN, are shown as the nearer end (NaN as 0).</summary>
    public static ReadOnlySpan<byte> Color(float value, Palette palette = Palette.Turbo) =>
        (palette == Palette.Turbo ? TurboTable : JetTable).AsSpan(
            3 * (int)((float.IsNaN(value) ? 0 : Math.Clamp(value, 0, 1)) * 255 + 0.5f),
            3
        );

    /// <summary>A map as a colour image.</summary>
    /// <param name="map">Row-major values, <c>[height * width]</c>.</param>
    /// <param name="low">The value shown as the map's lowest colour.</param>
    /// <param name="high">The value shown as its highest; must be above <paramref name="low"/>.</param>
    /// <param name="palette">The colours.</param>
    public static Image Apply(ReadOnlySpan<float> map, int height, int width, float low, float high, Palette palette = Palette.Turbo)
    {
        if (map.Length != height * width)
        {
            throw new ArgumentException($"{map.Length} values do not fill a map of {height} x {width}");
        }

        if (!(low < high))
        {
            throw new ArgumentException($"the range {low} to {high} is empty");
        }

        var image = new Image(width, height, 3);
        for (var i = 0; i < map.Length; i++)
        {
            Color((map[i] - low) / (high - low), palette).CopyTo(image.Pixels.AsSpan(3 * i));
        }

        return image;
    }
}
