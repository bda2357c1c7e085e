using Reproduction.Backbones;

namespace Reproduction.Methods;

/// <summary>
/// A method that trains a network of its own with convolutions: libtorch's are checked in its shapes before any is computed.
/// </summary>
internal interface ITrainsConvolutions
{
    /// <summary>The shapes under every profile, on maps so small that those of all methods take seconds.</summary>
    IEnumerable<ConvolutionLayer> Convolutions { get; }
}
