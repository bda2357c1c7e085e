using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

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
            : 1 - Similarity(images, restored).Mean([1], keepdim: true);

    /// <summary>As <see cref="AutoencoderEquations.Similarity"/>, of patches.</summary>
    private OnnxValue Similarity(OnnxValue a, OnnxValue b)
    {
        const double c1 = 0.01 * 0.01;
        const double c2 = 0.03 * 0.03;
        using var scope = NewDisposeScope();
        var window = AutoencoderEquations.WindowMatrix(Patch, settings.Window);
        var (down, across) = (a.Model.Constant(window), a.Model.Constant(window.t()));
        var (meanA, meanB) = (Weighted(a), Weighted(b));
        var varianceA = Weighted(a.Square()) - meanA.Square();
        var varianceB = Weighted(b.Square()) - meanB.Square();
        var covariance = Weighted(a * b) - (meanA * meanB);
        return ((2 * meanA * meanB) + c1)
            * ((2 * covariance) + c2)
            / ((meanA.Square() + meanB.Square() + c1) * (varianceA + varianceB + c2));

        OnnxValue Weighted(OnnxValue value) => down.MatMul(value).MatMul(across);
    }
}
