using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Floor;

/// <summary>Scoring as an ONNX graph.</summary>
public sealed partial class FeatureFloorDetector : IExportable
{
    ImageSize IExportable.InputSize => ImageSize.Square(settings.ImageSize);

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var sizes = _network.Sizes(settings.ImageSize, settings.Layers);
        var levels = _network.Export(imagesRgb01, settings.Layers).Zip(sizes);
        var features = FeaturePyramid.Concatenated([.. levels], sizes[0], InterpolationMode.Bilinear);
        var residual = FloorGraph.Residual(features.Permute(0, 2, 3, 1) - imagesRgb01.Model.Constant(_mean!), _axes!);
        var map = residual.Square().Sum([3], keepdim: true).Sqrt().Permute(0, 3, 1, 2).Interpolate(settings.ImageSize, settings.ImageSize);
        var filtered = AnomalyMaps.GaussianFilter(map, settings.Sigma);
        return new GraphScores(filtered, filtered.Amax([1, 2, 3]));
    }
}

/// <summary>Scoring as an ONNX graph.</summary>
public sealed partial class PixelFloorDetector : IExportable
{
    ImageSize IExportable.InputSize => _size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var residual = FloorGraph
            .Residual(imagesRgb01.Flatten(1) - imagesRgb01.Model.Constant(_mean!), _axes!)
            .Reshape(-1, Colours, settings.ImageSize, settings.ImageSize);
        var map = AnomalyMaps.GaussianFilter(residual.Square().Mean([1], keepdim: true), settings.RelativeSigma * settings.ImageSize);
        return new GraphScores(map, map.Mean([1, 2, 3]));
    }
}

/// <summary><see cref="FloorEquations"/> as operations of an ONNX graph.</summary>
internal static class FloorGraph
{
    /// <summary>As <see cref="FloorEquations.Residual"/>, along the last axis.</summary>
    public static OnnxValue Residual(OnnxValue centred, Tensor axes)
    {
        if (axes.shape[1] == 0)
        {
            return centred;
        }
        using var scope = NewDisposeScope();
        var model = centred.Model;
        return centred - centred.MatMul(model.Constant(axes)).MatMul(model.Constant(axes.t()));
    }
}
