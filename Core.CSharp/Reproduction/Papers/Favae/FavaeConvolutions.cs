using Reproduction.Backbones;

namespace Reproduction.Papers.Favae;

/// <summary>
/// The layers that <see cref="FavaeNetwork"/> is trained with, on small maps: what <see cref="ConvolutionCheck"/> looks at.
/// </summary>
internal static class FavaeConvolutions
{
    /// <summary>All of them.</summary>
    /// <param name="of">The method's id.</param>
    /// <param name="width">The factor on all channels.</param>
    public static IEnumerable<ConvolutionLayer> Of(string of, double width)
    {
        const int latent = 100;
        int Scaled(int channels) => Math.Max(8, (int)Math.Round(channels * width));
        var (c32, c128, c256, c512) = (Scaled(32), Scaled(128), Scaled(256), Scaled(512));
        yield return new(of, 3, c128, 4, 24, 2, 1);
        yield return new(of, c128, c128, 4, 12, 2, 1);
        yield return new(of, c128, c256, 3, 8, Padding: 1);
        yield return new(of, c256, c256, 4, 8, 2, 1);
        yield return new(of, c256, c512, 3, 8, Padding: 1);
        yield return new(of, c512, c512, 4, 8, 2, 1);
        yield return new(of, c512, c512, 3, 8, Padding: 1);
        yield return new(of, c512, c32, 3, 8, Padding: 1);
        yield return new(of, c32, 2 * latent, 8, 8);
        yield return new(of, latent, c32, 8, 1, Transposed: true);
        yield return new(of, c32, c512, 3, 8, Padding: 1, Transposed: true);
        yield return new(of, c512, c512, 3, 8, Padding: 1, Transposed: true);
        yield return new(of, c512, c512, 4, 4, 2, 1, Transposed: true);
        yield return new(of, c512, c256, 3, 8, Padding: 1, Transposed: true);
        yield return new(of, c256, c256, 4, 8, 2, 1, Transposed: true);
        yield return new(of, c256, c128, 3, 12, Padding: 1, Transposed: true);
        yield return new(of, c128, c128, 4, 8, 2, 1, Transposed: true);
        yield return new(of, c128, 3, 4, 12, 2, 1, Transposed: true);
        yield return new(of, c256, 256, 1, 8);
    }
}
