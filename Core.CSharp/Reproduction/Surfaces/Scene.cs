using Reproduction.Imaging;

namespace Reproduction.Surfaces;

/// <summary>
/// What lies under the camera of a Surfaces image: reflectance, relief and gloss of every pixel, before light falls on it. A defect changes
/// these, and light then treats it as it treats everything else. All planes are row-major, <see cref="Side"/> x <see cref="Side"/>.
/// </summary>
internal sealed class Scene
{
    /// <summary>Rows and columns of an image.</summary>
    internal const int Side = 256;

    internal const int Area = Side * Side;

    /// <summary>Reflectance 0..1 in red, green and blue.</summary>
    internal readonly float[] Red = new float[Area],
        Green = new float[Area],
        Blue = new float[Area];

    /// <summary>Relief in pixels, towards the camera.</summary>
    internal readonly float[] Height = new float[Area];

    /// <summary>0 (matte) to 1 (a mirror-like highlight).</summary>
    internal readonly float[] Gloss = new float[Area];

    /// <summary>0 (background, on which a shadow may fall) to 1 (the surface itself).</summary>
    internal readonly float[] Cover = new float[Area];

    /// <summary>Sets a pixel of a matte surface or a background.</summary>
    internal void Set(int pixel, Color color, float height, float gloss, float cover = 1)
    {
        (Red[pixel], Green[pixel], Blue[pixel]) = (color.R, color.G, color.B);
        (Height[pixel], Gloss[pixel], Cover[pixel]) = (height, gloss, cover);
    }

    /// <summary>Mixes a colour over a pixel's reflectance.</summary>
    internal void Blend(int pixel, Color color, float opacity)
    {
        opacity = Math.Min(opacity, 1);
        Red[pixel] += (color.R - Red[pixel]) * opacity;
        Green[pixel] += (color.G - Green[pixel]) * opacity;
        Blue[pixel] += (color.B - Blue[pixel]) * opacity;
    }

    /// <summary>
    /// The pixels in which two scenes differ by more than can be seen (reflectance by 1/50, relief by a tenth of a pixel): one channel, 0
    /// and 255. With the same scene before and after a defect this is the defect's exact mask.
    /// </summary>
    internal Image Difference(Scene other)
    {
        const float visible = 0.02f;
        const float raised = 0.1f;
        var mask = new Image(Side, Side, 1);
        for (var i = 0; i < Area; i++)
        {
            var reflectance = Math.Max(
                Math.Abs(Red[i] - other.Red[i]),
                Math.Max(Math.Abs(Green[i] - other.Green[i]), Math.Abs(Blue[i] - other.Blue[i]))
            );
            if (reflectance > visible || Math.Abs(Height[i] - other.Height[i]) > raised)
            {
                mask.Pixels[i] = 255;
            }
        }
        return mask;
    }

    internal Scene Copy()
    {
        var copy = new Scene();
        float[][] from = [Red, Green, Blue, Height, Gloss, Cover],
            to = [copy.Red, copy.Green, copy.Blue, copy.Height, copy.Gloss, copy.Cover];
        for (var i = 0; i < from.Length; i++)
        {
            from[i].CopyTo(to[i].AsSpan());
        }

        return copy;
    }
}

/// <summary>A reflectance in red, green and blue, each 0..1.</summary>
internal readonly record struct Color(float R, float G, float B)
{
    internal static Color Grey(float value) => new(value, value, value);

    public static Color operator *(Color color, float factor) => new(color.R * factor, color.G * factor, color.B * factor);

    internal static Color Mix(Color a, Color b, float share) =>
        new(a.R + (b.R - a.R) * share, a.G + (b.G - a.G) * share, a.B + (b.B - a.B) * share);
}
