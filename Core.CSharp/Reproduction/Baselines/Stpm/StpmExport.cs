using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;

namespace Reproduction.Baselines.Stpm;

/// <summary>Scoring as an ONNX graph.</summary>
public sealed partial class StpmDetector : IExportable
{
    ImageSize IExportable.InputSize => Size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var input = _teacher.Preprocessing.Export(imagesRgb01);
        var map = _teacher
            .ExportRaw(input, settings.Layers)
            .Zip(Fitted.Network.ExportRaw(input, settings.Layers), PositionLoss)
            .Select(level => level.Interpolate(settings.ImageSize, settings.ImageSize))
            .Aggregate((product, level) => product * level);
        var filtered = AnomalyMaps.GaussianFilter(map, settings.Sigma);
        return new GraphScores(filtered, filtered.Amax([1, 2, 3]));
    }

    private static OnnxValue PositionLoss(OnnxValue teacher, OnnxValue student) =>
        0.5 * (teacher.Normalised() - student.Normalised()).Square().Sum([1], keepdim: true);
}
