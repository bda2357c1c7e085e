using Reproduction.Imaging;
using Reproduction.Metrics;

namespace Reproduction.Models;

/// <summary>What a model says of a photograph.</summary>
public enum Verdict
{
    /// <summary>Its score is below the threshold.</summary>
    Good,

    /// <summary>Its score reaches the threshold.</summary>
    Defective,

    /// <summary>It could not be read.</summary>
    Unreadable,
}

/// <summary>One score a position of a photograph, larger is more anomalous.</summary>
/// <param name="Height">Rows: those of the images that the network sees, or of all tiles together.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">Row by row, <c>[Height * Width]</c>, raw.</param>
public sealed record AnomalyMap(int Height, int Width, float[] Values)
{
    /// <summary>The value of a position; (0, 0) is at the left above.</summary>
    public float this[int x, int y] => Values[y * Width + x];
}

/// <summary>A connected part of a photograph whose map reaches the pixel threshold, in pixels of the photograph.</summary>
/// <param name="X">Left end of its box.</param>
/// <param name="Y">Upper end of its box.</param>
/// <param name="Width">Of its box.</param>
/// <param name="Height">Of its box.</param>
/// <param name="Area">Pixels in it.</param>
/// <param name="Peak">The highest value of the map in it, raw.</param>
public sealed record AnomalyRegion(int X, int Y, int Width, int Height, int Area, float Peak);

/// <summary>A photograph as a model judged it.</summary>
public sealed class Judgement
{
    /// <summary>The greatest width and height of an overlay, in pixels.</summary>
    public const int OverlaySide = 1024;

    private readonly Image? _view;
    private readonly float _pixelThreshold;

    internal Judgement(Scored scored, ScoreUnit unit, float threshold, double? pixelThreshold)
    {
        (Name, Threshold, Reason) = (scored.Name, threshold, scored.Reason);
        if (Reason is not null)
        {
            Verdict = Verdict.Unreadable;
            return;
        }
        (RawScore, Score) = (scored.Score, unit.Of(scored.Score));
        Verdict = Score >= threshold ? Verdict.Defective : Verdict.Good;
        (Map, _view, Elapsed) = (scored.Map, scored.Photograph, scored.Elapsed);
        (Width, Height) = (scored.Width, scored.Height);
        _pixelThreshold = (float)(pixelThreshold ?? double.PositiveInfinity);
    }

    /// <summary>The photograph's path, or what <see cref="Photographs.Of"/> calls it.</summary>
    public string Name { get; }

    /// <summary>
    /// The image score, larger is more anomalous: 1 is the model's threshold, 0 the median of the good products that it was chosen with.
    /// Null where the photograph could not be read.
    /// </summary>
    public float? Score { get; }

    /// <summary>The image score as the method defines it; null where the photograph could not be read.</summary>
    public float? RawScore { get; }

    /// <summary>What <see cref="Score"/> was held against: 1, unless another was asked for.</summary>
    public float Threshold { get; }

    /// <summary>The score against the threshold.</summary>
    public Verdict Verdict { get; }

    /// <summary>Whether the score reaches the threshold.</summary>
    public bool IsDefective => Verdict == Verdict.Defective;

    /// <summary>Why it could not be read, and the way out; null where it was judged.</summary>
    public string? Reason { get; }

    /// <summary>Where the anomaly is; null where it was not judged, and for methods that localise nothing.</summary>
    public AnomalyMap? Map { get; }

    /// <summary>Columns of the photograph.</summary>
    public int Width { get; }

    /// <summary>Rows of the photograph.</summary>
    public int Height { get; }

    /// <summary>From the file to the score; photographs that were judged together have equal shares.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>The photograph, at most <see cref="OverlaySide"/> pixels a side; null where it could not be read.</summary>
    public Image? DrawPhotograph() => _view;

    /// <summary>
    /// Draws the map over the photograph, at most <see cref="OverlaySide"/> pixels a side. The photograph keeps its colours; the map's run
    /// from blue to red at twice the pixel threshold and are the more opaque the higher the value; a white line at the pixel threshold.
    /// Null where there is no map.
    /// </summary>
    public Image? DrawOverlay() =>
        Map is { } map && _view is { } view ? Overlay.HeatMap(view, map.Values, map.Height, map.Width, _pixelThreshold) : null;

    /// <summary>The regions whose map reaches the pixel threshold, the largest first; none where there is no map.</summary>
    public IReadOnlyList<AnomalyRegion> FindRegions()
    {
        if (Map is not { } map)
        {
            return [];
        }
        var mask = Thresholds.Segment(map.Values, _pixelThreshold);
        using var found = ConnectedComponents.Label(mask, map.Height, map.Width);
        var peaks = new float[found.Regions.Count];
        Array.Fill(peaks, float.NegativeInfinity);
        var labels = found.Labels;
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] > 0)
            {
                peaks[labels[i] - 1] = Math.Max(peaks[labels[i] - 1], map.Values[i]);
            }
        }
        var (across, down) = ((double)Width / map.Width, (double)Height / map.Height);
        return
        [
            .. found
                .Regions.Select(region =>
                {
                    var (left, top) = ((int)(region.Left * across), (int)(region.Top * down));
                    return new AnomalyRegion(
                        left,
                        top,
                        (int)Math.Ceiling((region.Left + region.Width) * across) - left,
                        (int)Math.Ceiling((region.Top + region.Height) * down) - top,
                        (int)Math.Round(region.Area * across * down),
                        peaks[region.Label - 1]
                    );
                })
                .OrderByDescending(region => region.Area),
        ];
    }
}
