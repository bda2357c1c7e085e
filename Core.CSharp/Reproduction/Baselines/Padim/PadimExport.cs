using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Padim;

/// <summary>Scoring as an ONNX graph.</summary>
public sealed partial class PadimDetector : IExportable
{
    ImageSize IExportable.InputSize => Size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        using var scope = NewDisposeScope();
        var model = imagesRgb01.Model;
        var sizes = _network.Sizes(settings.ImageSize, settings.Layers);
        var grid = sizes[0];
        var chosen = new List<(OnnxValue, (long, long))>();
        var before = 0L;
        foreach (var (level, layer, size) in _network.Export(imagesRgb01, settings.Layers).Zip(settings.Layers, sizes))
        {
            var (from, count) = (before, _network.Channels(layer));
            long[] own = [.. _channels.Where(channel => channel >= from && channel < from + count).Select(channel => channel - from)];
            if (own.Length > 0)
            {
                chosen.Add((level.IndexSelect(1, model.Integers(own)), size));
            }
            before += count;
        }
        var embedded = FeaturePyramid.Concatenated(chosen, grid, InterpolationMode.Nearest);
        // [P,C,N], as a matrix a position takes it.
        var vectors = embedded.Reshape(0, _channels.Length, grid.Height * grid.Width).Permute(2, 1, 0);
        var centred = vectors - model.Constant(Fitted.Mean.unsqueeze(2));
        var distance = model.Constant(_inverseFactor!).MatMul(centred).Square().Sum([1]).Sqrt();
        var map = distance.Permute(1, 0).Reshape(-1, 1, grid.Height, grid.Width).Interpolate(settings.ImageSize, settings.ImageSize);
        var filtered = AnomalyMaps.GaussianFilter(map, settings.Sigma);
        return new GraphScores(filtered, filtered.Amax([1, 2, 3]));
    }
}
