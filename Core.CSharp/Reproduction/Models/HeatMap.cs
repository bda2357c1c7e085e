using Reproduction.Imaging;

namespace Reproduction.Models;

/// <summary>An anomaly map drawn over its photograph.</summary>
public static class HeatMap
{
    /// <summary>The greatest width and height of an overlay, in pixels.</summary>
    public const int LongestSide = 1024;

    /// <summary>The photograph as large as it is drawn.</summary>
    public static Image View(Image photograph)
    {
        var scale = Math.Min(1.0, (double)LongestSide / Math.Max(photograph.Width, photograph.Height));
        return scale < 1
            // A picture a thousand times as long as it is wide keeps a pixel of its width.
            ? Resizer.Resize(
                photograph,
                Math.Max(1, (int)(photograph.Width * scale)),
                Math.Max(1, (int)(photograph.Height * scale)),
                Resampling.BilinearAntialias
            )
            : photograph;
    }

    /// <summary>Colours and a line at the threshold.</summary>
    /// <param name="view">The photograph, of the size that the result has.</param>
    /// <param name="map">Its map, of any size.</param>
    /// <param name="threshold">Colours are anchored at it, so that the same colour means the same in every picture.</param>
    public static Image Draw(Image view, AnomalyMap map, float threshold)
    {
        var heat = ColorMap.Apply(map.Values, map.Height, map.Width, 0, threshold > 0 ? 2 * threshold : 1);
        var overlay = Overlay.Blend(view, heat);
        var mask = Overlay.Threshold(map.Values, map.Height, map.Width, threshold);
        return Overlay.Contour(overlay, Resizer.Resize(mask, overlay.Width, overlay.Height, Resampling.Nearest), Overlay.ContourColor);
    }
}
