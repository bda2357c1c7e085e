using Reproduction.Imaging;
using Reproduction.Metrics;

namespace Reproduction.Methods;

/// <summary>
/// A method whose authors measured their maps otherwise than this program does: both are recorded, theirs as a part of their name.
/// </summary>
public interface IOwnMeasures
{
    /// <summary>What the authors' measures are called as a part; null where these settings have none.</summary>
    string? MeasuresName { get; }

    /// <summary>How masks are brought to the maps' size; a pixel of more than half is anomalous.</summary>
    Resampling MaskResampling { get; }

    /// <summary>Area under the authors' PRO curve.</summary>
    /// <param name="maps">Scores, <c>[count,height,width]</c>.</param>
    /// <param name="masks">0 for normal, likewise.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="height">Rows of the maps.</param>
    /// <param name="width">Columns of the maps.</param>
    MetricValue Aupro(ReadOnlySpan<float> maps, ReadOnlySpan<byte> masks, int count, int height, int width);
}
