using Reproduction.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>Features of images that are seen once: nothing is kept.</summary>
public sealed class UncachedFeatures : IFeatures
{
    /// <inheritdoc/>
    public Tensor[] Get(ImageBatch batch, Backbone backbone, IReadOnlyList<string> layers, ImageSize size, Pooling pooling = Pooling.None)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var maps = backbone.Forward(batch.Pixels(size, backbone.Device), layers);
        return [.. maps.Select(map => (pooling == Pooling.Average ? map.mean([2L, 3L]) : map).MoveToOuterDisposeScope())];
    }
}
