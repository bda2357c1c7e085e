using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Papers.Dfr;

/// <summary>Scoring as an ONNX graph, layer by layer as <see cref="Distance"/> has it.</summary>
internal sealed partial class DfrDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var shapes = _backbone
            .Forward(zeros(1, 3, settings.ImageSize, settings.ImageSize), settings.Layers)
            .Select(map => (Channels: map.shape[1], Height: map.shape[2], Width: map.shape[3]))
            .ToArray();
        OnnxValue[] maps =
        [
            .. _backbone.Export(imagesRgb01, settings.Layers).Select(map => FeatureDivisor == 1 ? map : map / FeatureDivisor),
        ];
        var (first, last) = (Autoencoder.First, Autoencoder.Last);
        OnnxValue? hidden = null;
        OnnxValue? sum = null;
        foreach (var (map, shape, channel) in Shares())
        {
            var share = first.Weight.narrow(1, channel, shape.Channels);
            var term =
                shape.Height * shape.Width < (long)_regions.Height * _regions.Width
                    ? _regions.Align(map.Conv2d(share, null), shape.Height, shape.Width)
                    : _regions.Align(map, shape.Height, shape.Width).Conv2d(share, null);
            hidden = hidden is { } before ? before + term : term;
        }
        var code = (hidden!.Value + imagesRgb01.Model.Constant(first.Bias.reshape(1, -1, 1, 1))).Then(Autoencoder.Inner);
        foreach (var (map, shape, channel) in Shares())
        {
            var reconstruction = code.Conv2d(last.Weight.narrow(0, channel, shape.Channels), last.Bias.narrow(0, channel, shape.Channels));
            var term = (reconstruction - _regions.Align(map, shape.Height, shape.Width)).Square().Sum([1], keepdim: true);
            sum = sum is { } before ? before + term : term;
        }
        var small = settings.Norm == ReconstructionNorm.L2 ? sum!.Value.Sqrt() : sum!.Value / Channels; // eq. (5)
        var score = small.Interpolate(settings.ImageSize, settings.ImageSize, settings.UpsampleAlignCorners);
        return new GraphScores(score, score.Amax([1, 2, 3]));

        // Each layer's map with the first of its channels in the concatenated features.
        IEnumerable<(OnnxValue Map, (long Channels, long Height, long Width) Shape, long Channel)> Shares()
        {
            long channel = 0;
            foreach (var (map, shape) in maps.Zip(shapes))
            {
                yield return (map, shape, channel);
                channel += shape.Channels;
            }
        }
    }
}
