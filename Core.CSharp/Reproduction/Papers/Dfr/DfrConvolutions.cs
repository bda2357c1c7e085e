using Reproduction.Backbones;

namespace Reproduction.Papers.Dfr;

/// <summary>
/// The layers that <see cref="RegionalAutoencoder"/> is trained with, on small maps: what <see cref="ConvolutionCheck"/> looks at.
/// </summary>
internal static class DfrConvolutions
{
    /// <summary>All of them.</summary>
    /// <param name="of">The method's id.</param>
    public static IEnumerable<ConvolutionLayer> Of(string of)
    {
        foreach (var (from, to) in new[] { (960, 513), (448, 277), (513, 106), (277, 106), (106, 53), (53, 106), (106, 277), (277, 448) })
        {
            yield return new(of, from, to, 1, 12);
        }
    }
}
