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
            : 1 - Similarity(images, restored).Mean([1], keepdim: true);

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

    /// <summary>As <see cref="SsaeEquations.Similarity"/>.</summary>
    private static OnnxValue Similarity(OnnxValue a, OnnxValue b)
    {
        const double c1 = 0.01 * 0.01,
            c2 = 0.03 * 0.03;
        const long colours = 3;
        using var scope = NewDisposeScope();
        var line = SsaeEquations.SsimLine();
        var half = line.shape[0] / 2;
        var rows = line.reshape(1, 1, -1, 1).expand(colours, 1, -1, -1);
        var columns = line.reshape(1, 1, 1, -1).expand(colours, 1, -1, -1);
        var (meanA, meanB) = (Blur(a), Blur(b));
        var varianceA = Blur(a.Square()) - meanA.Square();
        var varianceB = Blur(b.Square()) - meanB.Square();
        var covariance = Blur(a * b) - (meanA * meanB);
        return ((2 * meanA * meanB) + c1)
            * ((2 * covariance) + c2)
            / ((meanA.Square() + meanB.Square() + c1) * (varianceA + varianceB + c2));

        OnnxValue Blur(OnnxValue value) =>
            value.Pad(half, half, half, half, "reflect").Conv2d(rows, null, groups: colours).Conv2d(columns, null, groups: colours);
    }
}
