using Reproduction.Imaging;

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
/// <param name="Height">Rows, those of the images that the network sees.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">Row by row, <c>[Height * Width]</c>.</param>
public sealed record AnomalyMap(int Height, int Width, float[] Values)
{
    /// <summary>The value of a position; (0, 0) is at the left above.</summary>
    public float this[int x, int y] => Values[y * Width + x];
}

/// <summary>A photograph as a model judged it.</summary>
public sealed class Judgement
{
    /// <summary>The greatest width and height of an overlay, in pixels.</summary>
    public const int OverlaySide = 1024;

    private readonly Image? _view;
    private readonly float _pixelThreshold;

    internal Judgement(string name, float score, bool isDefective, AnomalyMap? map, Image? view, float pixelThreshold)
    {
        (Name, Score, Verdict) = (name, score, isDefective ? Verdict.Defective : Verdict.Good);
        (Map, _view, _pixelThreshold) = (map, view, pixelThreshold);
    }

    internal Judgement(string name, string reason) => (Name, Verdict, Reason) = (name, Verdict.Unreadable, reason);

    /// <summary>The photograph's path, or what <see cref="Photographs.Of"/> calls it.</summary>
    public string Name { get; }

    /// <summary>The image score, larger is more anomalous; null where the photograph could not be read.</summary>
    public float? Score { get; }

    /// <summary>The score against the model's threshold.</summary>
    public Verdict Verdict { get; }

    /// <summary>Whether the score reaches the threshold.</summary>
    public bool IsDefective => Verdict == Verdict.Defective;

    /// <summary>Why it could not be read, and the way out; null where it was judged.</summary>
    public string? Reason { get; }

    /// <summary>Where the anomaly is; null where it was not judged, and for methods that localise nothing.</summary>
    public AnomalyMap? Map { get; }

    /// <summary>
    /// Draws the map over the photograph in grey, at most <see cref="OverlaySide"/> pixels a side: blue at 0, red at twice the model's
    /// pixel threshold, a white line at the pixel threshold. Null where there is no map.
    /// </summary>
    public Image? DrawOverlay() =>
        Map is { } map && _view is { } view ? Overlay.HeatMap(view, map.Values, map.Height, map.Width, _pixelThreshold) : null;
}
