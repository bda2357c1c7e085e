using Reproduction.Backbones;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The layers that <see cref="MseAutoencoder"/> and <see cref="SupervisedClassifier"/> are trained with, on small maps: what
/// <see cref="ConvolutionCheck"/> looks at.
/// </summary>
internal static class GaussianConvolutions
{
    /// <summary>All of them.</summary>
    /// <param name="of">The method's id.</param>
    public static IEnumerable<ConvolutionLayer> Of(string of)
    {
        yield return new(of, 3, 64, 7, 24, 2, 3);
        yield return new(of, 64, 64, 3, 16, Padding: 1);
        foreach (var channels in new[] { 64, 128, 256 })
        {
            yield return new(of, channels, 2 * channels, 3, 14, 2, 1);
            yield return new(of, channels, 2 * channels, 1, 14, 2);
        }
        yield return new(of, 512, 32, 7, 7);
        yield return new(of, 32, 512, 7, 1, Transposed: true);
        yield return new(of, 256, 512, 3, 7, Padding: 1);
        yield return new(of, 512, 1024, 1, 7);
        yield return new(of, 64, 12, 7, 9, Padding: 3);
        // EfficientNet, fine-tuned: the stem, the depthwise kernels, the widening 1x1 and the squeeze of one position.
        yield return new(of, 3, 32, 3, 24, 2);
        foreach (var (channels, kernel, stride) in new[] { (32, 3, 1), (96, 3, 2), (144, 5, 2), (240, 5, 1), (144, 3, 1) })
        {
            yield return new(of, channels, channels, kernel, 14, stride, kernel / 2, Groups: channels);
        }
        yield return new(of, 24, 144, 1, 14);
        yield return new(of, 144, 40, 1, 14);
        yield return new(of, 144, 6, 1, 1);
        yield return new(of, 6, 144, 1, 1);
    }
}
