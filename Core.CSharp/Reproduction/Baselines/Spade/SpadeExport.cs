using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Spade;

/// <summary>Scoring as an ONNX graph: one neighbour after the other, so that no more than one's pyramid is compared at a time.</summary>
public sealed partial class SpadeDetector : IExportable
{
    ImageSize IExportable.InputSize => ImageSize.Square(settings.ImageSize);

    /// <summary>The gallery, hundreds of megabytes, would be in memory three times.</summary>
    bool IExportable.IsFasterExported => false;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        using var scope = NewDisposeScope();
        var model = imagesRgb01.Model;
        var (training, pyramids) = (Fitted(_pooled), Fitted(_pyramids));
        string[] layers = [.. settings.Layers.Append(settings.PooledLayer).Distinct()];
        var maps = layers.Zip(_network.Export(imagesRgb01, layers)).ToDictionary();
        var sizes = layers.Zip(_network.Sizes(settings.ImageSize, layers)).ToDictionary();
        var grid = sizes[settings.GridLayer];
        var features = maps[settings.PooledLayer].Mean([2, 3]);
        var count = Math.Min(settings.Neighbours, training.shape[0]);
        var squares = features.Square().Sum([1], keepdim: true) + model.Constant(training.square().sum([1L]));
        var distances = (squares - (2 * features.MatMul(model.Constant(training.t())))).ClampMin(0);
        var (least, places) = distances.Least(count);
        var pyramid = FeaturePyramid.Concatenated(
            [.. settings.Layers.Select(layer => (maps[layer], sizes[layer]))],
            grid,
            InterpolationMode.Bilinear
        );
        // [N,P,C]
        var positions = pyramid.Reshape(0, pyramids.shape[2], grid.Height * grid.Width).Permute(0, 2, 1);
        var all = model.Constant(pyramids);
        OnnxValue? nearest = null;
        for (var neighbour = 0L; neighbour < count; neighbour++)
        {
            var gallery = all.IndexSelect(0, places.Narrow(1, neighbour, 1).Reshape(-1));
            var products = positions.MatMul(gallery.Permute(0, 2, 1));
            var norms = gallery.Square().Sum([2]).Unsqueeze(1);
            var place = (norms - (2 * products)).ArgMin(2);
            var found = gallery.Apply("GatherND", ScalarType.Float32, [place.Unsqueeze(2)], ("batch_dims", 1L));
            var distance = (positions - found).Square().Sum([2]);
            nearest = nearest is { } before ? before.Minimum(distance) : distance;
        }
        var map = nearest!.Value.Sqrt().Reshape(-1, 1, grid.Height, grid.Width).Interpolate(settings.ImageSize, settings.ImageSize);
        return new GraphScores(AnomalyMaps.GaussianFilter(map, settings.Sigma), least.Mean([1]));
    }
}
