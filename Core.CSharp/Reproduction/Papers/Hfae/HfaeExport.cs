using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;

namespace Reproduction.Papers.Hfae;

/// <summary>Scoring as an ONNX graph: <see cref="HfaeEquations"/> once more.</summary>
public sealed partial class HfaeDetector : IExportable
{
    ImageSize IExportable.InputSize => Size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var encoded = _encoder.Export(imagesRgb01, settings.Layers);
        var decoded = Fitted.Export(encoded[^1]);
        var lowest = encoded.Length - decoded.Length;
        var sizes = _encoder.Sizes(settings.ImageSize, settings.Layers);
        var resized = settings.Levels.Select(k =>
        {
            var residual = ResidualMap(encoded[k - 1], decoded[k - 1 - lowest]).Sum([1], keepdim: true); // eq. (5), and (9)'s sum
            var weighted = settings.WeightByPositions ? residual / (sizes[k - 1].Height * sizes[k - 1].Width) : residual;
            return weighted.Interpolate(settings.ImageSize, settings.ImageSize);
        });
        var map = AnomalyMaps.GaussianFilter(resized.Aggregate((sum, level) => sum + level), settings.Sigma); // eq. (10)
        return new GraphScores(map, map.Amax([1, 2, 3])); // eq. (11)
    }

    private OnnxValue ResidualMap(OnnxValue encoded, OnnxValue decoded) =>
        0.5 * (settings.Normalise ? encoded.Normalised() - decoded.Normalised() : encoded - decoded).Square();
}
