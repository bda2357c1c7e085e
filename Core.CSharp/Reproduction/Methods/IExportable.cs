using Reproduction.Data;
using Reproduction.Formats;

namespace Reproduction.Methods;

/// <summary>A detector whose scoring can be written as an ONNX graph, so that it runs without this program.</summary>
internal interface IExportable
{
    /// <summary>What photographs are brought to before they are scored.</summary>
    ImageSize InputSize { get; }

    /// <summary>Whether ONNX Runtime scores it faster than libtorch does on a processor (<c>results/bench/runtimes.json</c>).</summary>
    bool IsFasterExported => true;

    /// <summary>What <see cref="IAnomalyDetector.Score"/> computes.</summary>
    /// <param name="imagesRgb01">float32 <c>[N,3,H,W]</c> of <see cref="InputSize"/>, RGB, 0..1.</param>
    /// <exception cref="UserError">The fitted variant has a part that ONNX has no operation for.</exception>
    GraphScores Export(OnnxValue imagesRgb01);
}

/// <summary>As <see cref="Scores"/>, of a graph.</summary>
/// <param name="Map">float32 <c>[N,1,H,W]</c>; null where the method has no localisation.</param>
/// <param name="Image">float32 <c>[N]</c>.</param>
internal readonly record struct GraphScores(OnnxValue? Map, OnnxValue Image);
