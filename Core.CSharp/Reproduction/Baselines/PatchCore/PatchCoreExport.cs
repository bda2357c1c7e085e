using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.PatchCore;

/// <summary>Scoring as an ONNX graph: the search is one product of an image's patches with the whole bank.</summary>
public sealed partial class PatchCoreDetector : IExportable
{
    ImageSize IExportable.InputSize => ImageSize.Square(settings.ImageSize);

    /// <summary>All distances of a batch to the bank would be in memory at once, gigabytes of them.</summary>
    bool IExportable.IsFasterExported => false;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        using var scope = NewDisposeScope();
        var model = imagesRgb01.Model;
        var sizes = _network.Sizes(settings.ImageSize, settings.Layers);
        var grid = sizes[0];
        var positions = grid.Height * grid.Width;
        var levels = _network
            .Export(imagesRgb01, settings.Layers)
            .Select(level => level.AvgPool2d(settings.PatchSize, 1, settings.PatchSize / 2, countsBorder: false))
            .Zip(sizes);
        var patches = FeaturePyramid.Concatenated([.. levels], grid, InterpolationMode.Bilinear);
        // [N,P,C]
        var rows = patches.Reshape(0, AllChannels, positions).Permute(0, 2, 1);
        if (settings.Dimension > 0 && settings.Dimension != AllChannels)
        {
            var averaging = nn.functional.adaptive_avg_pool1d(eye(AllChannels).unsqueeze(0), settings.Dimension).squeeze(0);
            rows = rows.MatMul(model.Constant(averaging));
        }
        var bank = model.Constant(Bank);
        var norms = model.Constant(Bank.square().sum([1L]));
        var transposed = model.Constant(Bank.t());
        var index = (norms - (2 * rows.MatMul(transposed))).ArgMin(2);
        var distances = (rows - bank.IndexSelect(0, index)).Square().Sum([2]).Sqrt();
        var farthest = distances.ArgMax(1, keepdim: true);
        var nearest = distances.GatherEach(farthest);
        var image = nearest;
        if (settings.Neighbours > 1)
        {
            var tested = rows.GatherEach(farthest);
            var closest = bank.IndexSelect(0, index.GatherEach(farthest));
            var among = Math.Min(settings.Neighbours, Bank.shape[0]);
            var (_, around) = (norms - (2 * closest.MatMul(transposed))).Least(among);
            var neighbourhood = (tested.Unsqueeze(1) - bank.IndexSelect(0, around)).Square().Sum([2]).Sqrt();
            image = Reweighted(nearest, neighbourhood);
        }
        var map = distances.Reshape(-1, 1, grid.Height, grid.Width).Interpolate(settings.ImageSize, settings.ImageSize);
        return new GraphScores(AnomalyMaps.GaussianFilter(map, settings.Sigma), image);
    }

    private long AllChannels => settings.Layers.Sum(layer => (long)_network.Channels(layer));

    /// <summary>Equation (7).</summary>
    private static OnnxValue Reweighted(OnnxValue nearest, OnnxValue neighbourhood)
    {
        var largest = neighbourhood.Amax([1], keepdim: true);
        var share = (nearest.Unsqueeze(1) - largest).Exp() / (neighbourhood - largest).Exp().Sum([1], keepdim: true);
        return (1 - share.Reshape(-1)) * nearest;
    }
}
