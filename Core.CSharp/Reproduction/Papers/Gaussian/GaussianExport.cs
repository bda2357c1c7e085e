using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>Scoring as an ONNX graph: frozen features and, in double precision, each level's distance.</summary>
internal sealed partial class GaussianDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    /// <summary>Not by depthwise convolutions and gates.</summary>
    bool IExportable.IsFasterExported => !_backbone.Architecture.Contains("efficientnet", StringComparison.Ordinal);

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var distances = _backbone
            .Export(imagesRgb01, _layers)
            .Zip(_levels, (map, level) => level.Export(map.Mean([2, 3]).To(ScalarType.Float64)))
            .Aggregate((sum, distance) => sum + distance);
        return new GraphScores(null, (distances / _levels.Length).To(ScalarType.Float32));
    }
}
