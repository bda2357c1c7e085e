using Reproduction.Data;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>What is kept of a feature map.</summary>
public enum Pooling
{
    /// <summary>The whole map, <c>[N,C,H,W]</c>.</summary>
    None,

    /// <summary>The mean over all positions, <c>[N,C]</c>.</summary>
    Average,
}

/// <summary>
/// Features of frozen networks, computed once a (weights, image, preprocessing) and reused by every method, variant and fold.
/// </summary>
public interface IFeatures
{
    /// <summary>Feature maps of the named layers.</summary>
    /// <param name="batch">N images.</param>
    /// <param name="backbone">The frozen network.</param>
    /// <param name="layers">Names out of <see cref="Backbone.LayerNames"/>.</param>
    /// <param name="size">What the images are resized to before the network.</param>
    /// <param name="pooling">What is kept of each map.</param>
    /// <returns>One float32 tensor a layer, <c>[N,C,H,W]</c> or <c>[N,C]</c>, on the backbone's device; the caller disposes them.</returns>
    Tensor[] Get(ImageBatch batch, Backbone backbone, IReadOnlyList<string> layers, ImageSize size, Pooling pooling = Pooling.None);
}
