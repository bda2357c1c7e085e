using Reproduction.Backbones;

namespace Reproduction.Papers.Hfae;

/// <summary>
/// The layers that <see cref="HfaeDecoder"/> is trained with over a ResNet-18, with the kernels of the variants, on small maps: what
/// <see cref="ConvolutionCheck"/> looks at.
/// </summary>
internal static class HfaeConvolutions
{
    /// <summary>All of them.</summary>
    /// <param name="of">The method's id.</param>
    public static IEnumerable<ConvolutionLayer> Of(string of)
    {
        foreach (var channels in new[] { 64, 128, 256 })
        {
            yield return new(of, channels, channels, 3, 8, Padding: 1);
            yield return new(of, channels, channels, 1, 8);
            yield return new(of, 2 * channels, channels, 1, 8);
        }
        yield return new(of, 64, 64, 5, 8, Padding: 2);
    }
}
