using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Favae;

/// <summary>Scoring as an ONNX graph: tiles as one batch, their maps averaged where they overlap.</summary>
internal sealed partial class FavaeDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var (height, width) = (_size.Height, _size.Width);
        var starts = Starts(height).SelectMany(_ => Starts(width), (top, left) => (top, left)).ToArray();
        var map = AnomalyMaps.Tiled(imagesRgb01, (height, width), starts, FavaeNetwork.Side, NegativeLogProbability);
        return new GraphScores(map, map.Sum([1, 2, 3]));
    }

    /// <summary>Equation (8)'s first terms, summed over pixels and layers, <c>[N,1,128,128]</c>.</summary>
    private OnnxValue NegativeLogProbability(OnnxValue images)
    {
        using var noGradient = torch.no_grad();
        var (code, encoderLayers) = _network.Encode(images);
        var targets = Features(images, encoderLayers).Prepend(images).ToArray();
        var means = _network.Decode(code, Sizes());
        return targets
            .Zip(means, _network.LogVariances)
            .Select(layer => NegativeLogProbability(layer.First, layer.Second, Bounded(layer.Third)))
            .Select(map => map.Interpolate(FavaeNetwork.Side, FavaeNetwork.Side))
            .Aggregate((sum, map) => sum + map);
    }

    private static OnnxValue NegativeLogProbability(OnnxValue target, OnnxValue mean, Tensor logVariance)
    {
        var model = target.Model;
        var scaled = (target - mean) * model.Constant((logVariance * -0.5).exp().reshape(1, -1, 1, 1));
        var constant = (logVariance + Math.Log(2 * Math.PI)).sum().item<float>();
        return 0.5 * (scaled.Square().Sum([1], keepdim: true) + constant);
    }

    private IEnumerable<OnnxValue> Features(OnnxValue images, IReadOnlyDictionary<string, OnnxValue> encoderLayers) =>
        _settings.Extractor switch
        {
            FeatureExtractor.None => [],
            FeatureExtractor.Encoder or FeatureExtractor.EncoderStopped => _settings.Layers.Select(layer => encoderLayers[layer]),
            _ => _extractor!.Export(images, _settings.Layers),
        };

    /// <summary>Heights and widths of the feature maps of a tile.</summary>
    private (long Height, long Width)[] Sizes()
    {
        using var scope = torch.NewDisposeScope();
        var tile = torch.zeros(1, 3, FavaeNetwork.Side, FavaeNetwork.Side, device: _resources.Device);
        var (_, _, encoderLayers) = _network.Encode(tile);
        return [.. Features(tile, encoderLayers).Select(map => (map.shape[2], map.shape[3]))];
    }
}
