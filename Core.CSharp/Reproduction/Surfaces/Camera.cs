using Reproduction.Imaging;

namespace Reproduction.Surfaces;

/// <summary>Light and camera of a Surfaces image; they vary a little from image to image, as on a real inspection line.</summary>
/// <param name="Turns">Direction that the light comes from, in full turns.</param>
/// <param name="Slant">Horizontal part of the unit vector to the light; 0 is straight from above.</param>
/// <param name="Brightness">Exposure, about 1.</param>
/// <param name="SlopeX">How much brighter the right edge is than the centre.</param>
/// <param name="SlopeY">The same for the lower edge.</param>
/// <param name="Blur">Share of the light that falls on the eight neighbours of a pixel.</param>
/// <param name="NoiseLevel">Standard deviation of the sensor's noise, of 1.</param>
internal sealed record Camera(float Turns, float Slant, float Brightness, float SlopeX, float SlopeY, float Blur, float NoiseLevel)
{
    private const float Ambient = 0.38f;
    private const int ShadowReach = 7;

    internal static Camera Draw(SplitMix64 random) =>
        new(
            random.NextFloat(0.10f, 0.15f),
            random.NextFloat(0.52f, 0.60f),
            random.NextFloat(0.96f, 1.04f),
            random.NextFloat(-0.05f, 0.05f),
            random.NextFloat(-0.05f, 0.05f),
            random.NextFloat(0.2f, 0.4f),
            random.NextFloat(0.006f, 0.011f)
        );

    /// <summary>The scene as an RGB photograph.</summary>
    internal Image Photograph(Scene scene, SplitMix64 random)
    {
        var light = Light(scene);
        var result = new Image(Scene.Side, Scene.Side, 3);
        float[][] planes = [scene.Red, scene.Green, scene.Blue];
        var lit = new float[Scene.Area];
        for (var c = 0; c < 3; c++)
        {
            for (var i = 0; i < Scene.Area; i++)
            {
                lit[i] = planes[c][i] * light.Diffuse[i] + light.Highlight[i];
            }

            var blurred = Blurred(lit);
            for (var i = 0; i < Scene.Area; i++)
            {
                result.Pixels[3 * i + c] = (byte)(Math.Clamp(blurred[i] + NoiseLevel * Normal(random.NextBits()), 0, 1) * 255 + 0.5f);
            }
        }
        return result;
    }

    /// <summary>Lambert's law and a highlight after Blinn (1977), whose 16th power is four squarings.</summary>
    private (float[] Diffuse, float[] Highlight) Light(Scene scene)
    {
        var (lightX, lightY) = (Slant * Portable.Cos(Turns), -Slant * Portable.Sin(Turns));
        var lightZ = MathF.Sqrt(1 - Slant * Slant);
        var halfLength = MathF.Sqrt(lightX * lightX + lightY * lightY + (1 + lightZ) * (1 + lightZ));
        var (halfX, halfY, halfZ) = (lightX / halfLength, lightY / halfLength, (1 + lightZ) / halfLength);
        var shadow = Shadow(scene.Cover, lightX, lightY);
        var (diffuse, highlight) = (new float[Scene.Area], new float[Scene.Area]);
        for (var y = 0; y < Scene.Side; y++)
        {
            var (above, below) = (Math.Max(y - 1, 0) * Scene.Side, Math.Min(y + 1, Scene.Side - 1) * Scene.Side);
            for (var x = 0; x < Scene.Side; x++)
            {
                var i = y * Scene.Side + x;
                var slopeX =
                    (scene.Height[y * Scene.Side + Math.Max(x - 1, 0)] - scene.Height[y * Scene.Side + Math.Min(x + 1, Scene.Side - 1)])
                    * 0.5f;
                var slopeY = (scene.Height[above + x] - scene.Height[below + x]) * 0.5f;
                var length = MathF.Sqrt(slopeX * slopeX + slopeY * slopeY + 1);
                var facing = Math.Max((slopeX * lightX + slopeY * lightY + lightZ) / length, 0);
                var mirror = Math.Max((slopeX * halfX + slopeY * halfY + halfZ) / length, 0);
                mirror *= mirror;
                mirror *= mirror;
                mirror *= mirror;
                mirror *= mirror;
                var exposure = Brightness * (1 + SlopeX * (x - 128) / 128f + SlopeY * (y - 128) / 128f) * (1 - 0.5f * shadow[i]);
                diffuse[i] = exposure * (Ambient + (1 - Ambient) * facing / lightZ);
                highlight[i] = exposure * scene.Gloss[i] * 0.5f * mirror;
            }
        }
        return (diffuse, highlight);
    }

    /// <summary>What an object shades of its background: its cover moved away from the light and blurred, 0..1.</summary>
    private static float[] Shadow(float[] cover, float lightX, float lightY)
    {
        var shadow = new float[Scene.Area];
        if (cover.AsSpan().IndexOfAnyExcept(1f) < 0)
        {
            return shadow;
        }

        var (moveX, moveY) = ((int)MathF.Round(-lightX * ShadowReach * 1.6f), (int)MathF.Round(-lightY * ShadowReach * 1.6f));
        var rows = BoxBlurred(cover, 1, Scene.Side);
        var both = BoxBlurred(rows, Scene.Side, 1);
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var source = Math.Clamp(y - moveY, 0, Scene.Side - 1) * Scene.Side + Math.Clamp(x - moveX, 0, Scene.Side - 1);
                shadow[y * Scene.Side + x] = both[source] * (1 - cover[y * Scene.Side + x]);
            }
        }
        return shadow;
    }

    /// <summary>Means over 2 * <see cref="ShadowReach"/> + 1 values along one axis.</summary>
    private static float[] BoxBlurred(float[] plane, int step, int across)
    {
        var result = new float[Scene.Area];
        for (var line = 0; line < Scene.Side; line++)
        {
            for (var at = 0; at < Scene.Side; at++)
            {
                var sum = 0f;
                for (var k = -ShadowReach; k <= ShadowReach; k++)
                {
                    sum += plane[line * across + Math.Clamp(at + k, 0, Scene.Side - 1) * step];
                }

                result[line * across + at * step] = sum / (2 * ShadowReach + 1);
            }
        }
        return result;
    }

    private float[] Blurred(float[] plane)
    {
        var result = new float[Scene.Area];
        var (side, corner) = (Blur / 6, Blur / 12);
        for (var y = 0; y < Scene.Side; y++)
        {
            var (above, row, below) = (Math.Max(y - 1, 0) * Scene.Side, y * Scene.Side, Math.Min(y + 1, Scene.Side - 1) * Scene.Side);
            for (var x = 0; x < Scene.Side; x++)
            {
                var (left, right) = (Math.Max(x - 1, 0), Math.Min(x + 1, Scene.Side - 1));
                result[row + x] =
                    plane[row + x] * (1 - Blur)
                    + (plane[above + x] + plane[below + x] + plane[row + left] + plane[row + right]) * side
                    + (plane[above + left] + plane[above + right] + plane[below + left] + plane[below + right]) * corner;
            }
        }
        return result;
    }

    /// <summary>A nearly normal variate of deviation 1: the sum of four 16-bit uniform ones.</summary>
    private static float Normal(ulong bits)
    {
        var sum = (int)(bits & 0xFFFF) + (int)((bits >> 16) & 0xFFFF) + (int)((bits >> 32) & 0xFFFF) + (int)(bits >> 48);
        return (sum - 2 * 65535) * (1.7320508f / 65535);
    }
}
