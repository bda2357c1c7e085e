using System.Runtime.CompilerServices;
using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Papers;

/// <summary>
/// Tells the check of convolutions, which knows no method, what the methods train. As the library is loaded: a program may call whatever
/// part of it first, and the check comes before the first convolution of any.
/// </summary>
internal static class TrainedConvolutions
{
    // CA2255: see above. It costs nothing: methods are made when the check asks.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Tell() =>
        ConvolutionVerdicts.Trained = static () => Registry.Methods.OfType<ITrainsConvolutions>().SelectMany(method => method.Convolutions);
}
