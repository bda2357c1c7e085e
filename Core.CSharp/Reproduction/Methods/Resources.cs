using Reproduction.Backbones;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>What a method may use beside the images.</summary>
public sealed record Resources
{
    /// <summary>The folder of weights; its networks are loaded once and shared.</summary>
    public required BackboneProvider Backbones { get; init; }

    /// <summary>Features of frozen networks, computed once an image and kept.</summary>
    public required IFeatures Features { get; init; }

    /// <summary>Where tensors live and training runs.</summary>
    public required Device Device { get; init; }
}
