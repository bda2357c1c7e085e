using Reproduction.Backbones;

namespace Reproduction.Papers.Ssae;

/// <summary>
/// The layers that <see cref="SsaeNetwork"/> is trained with, on small maps: what <see cref="ConvolutionCheck"/> looks at.
/// </summary>
internal static class SsaeConvolutions
{
    /// <summary>All of them.</summary>
    /// <param name="of">The method's id.</param>
    /// <param name="width">The factor on all channels.</param>
    public static IEnumerable<ConvolutionLayer> Of(string of, double width)
    {
        int Scaled(int channels) => (int)Math.Round(channels * width);
        var (c64, c128, c256) = (Scaled(64), Scaled(128), Scaled(256));
        var stack = SsaeNetwork.Dilations.Length * c64;
        yield return new(of, 3, c64, 3, 24, Padding: 1);
        foreach (var (from, to) in new[] { (c64, c64), (c64, c128), (c128, c128), (c128, c256), (c256, c256), (stack, stack) })
        {
            yield return new(of, from, to, 3, 8, Padding: 1);
        }
        foreach (var kernel in new[] { 3, 5 })
        {
            foreach (var dilation in new[] { 1, 2, 8 })
            {
                yield return new(of, c256, c64, kernel, 9, Padding: dilation * (kernel - 1) / 2, Dilation: dilation);
            }
            yield return new(of, stack, c64, kernel, 8, Padding: kernel - 1, Dilation: 2);
        }
        foreach (var (from, to) in new[] { (stack, c256), (c256, c128), (c128, c64) })
        {
            yield return new(of, from, to, 3, 8, 2, 1, Transposed: true, OutputPadding: 1);
        }
        yield return new(of, c64, 3, 1, 16);
    }
}
