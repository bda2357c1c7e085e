using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>Scoring as an ONNX graph: networks, differences, smoothing, maximum.</summary>
internal sealed partial class SsaeDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var map = _networks
            .Select((network, member) => Corrected(member, Smoothed(HeatMap(imagesRgb01, imagesRgb01.Then(network)))))
            .Aggregate((most, other) => most.Maximum(other));
        return new GraphScores(map, map.Sum([1, 2, 3]));
    }

    /// <summary>Equation (2).</summary>
    private OnnxValue HeatMap(OnnxValue images, OnnxValue restored) =>
        _settings.Difference == Difference.Squared
            ? (images - restored).Square().Mean([1], keepdim: true)
            : 1 - SsaeEquations.Similarity(images, restored).Mean([1], keepdim: true);

    /// <summary>Equation (3).</summary>
    private OnnxValue Smoothed(OnnxValue map)
    {
        for (var i = 0; i < _settings.Smoothings; i++)
        {
            map = map.AvgPool2d(_settings.SmoothingSize, 1, _settings.SmoothingSize / 2);
        }
        return map;
    }

    /// <summary>Equation (14).</summary>
    private OnnxValue Corrected(int member, OnnxValue map)
    {
        if (_corrections[member] is not { } average)
        {
            return map;
        }
        using var scope = NewDisposeScope();
        return map * map.Model.Constant(SsaeEquations.Weight(average, _settings.Correction));
    }
}
