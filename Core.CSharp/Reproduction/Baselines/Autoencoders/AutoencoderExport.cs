using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;

namespace Reproduction.Baselines.Autoencoders;

/// <summary>Scoring as an ONNX graph: patches as one batch, their maps averaged where they overlap.</summary>
public sealed partial class AutoencoderDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var side = settings.ImageSize;
        var images = settings.IsGrey ? imagesRgb01.Mean([1], keepdim: true) : imagesRgb01;
        var corners = AutoencoderEquations.Corners(side, Patch, settings.Stride);
        var places = corners.SelectMany(_ => corners, (top, left) => (top, left)).ToArray();
        var map = AnomalyMaps.Tiled(images, (side, side), places, Patch, patches => Difference(patches, patches.Then(_network)));
        return new GraphScores(map, map.Amax([1, 2, 3]));
    }

    private OnnxValue Difference(OnnxValue images, OnnxValue restored) =>
        settings.Difference == Autoencoders.Difference.L2
            ? (images - restored).Square().Mean([1], keepdim: true)
            : 1 - AutoencoderEquations.Similarity(images, restored, Patch, settings.Window).Mean([1], keepdim: true);
}
