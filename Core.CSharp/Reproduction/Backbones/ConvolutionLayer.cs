namespace Reproduction.Backbones;

/// <summary>A convolution whose results are checked, by its shape.</summary>
/// <param name="Of">The network that has it.</param>
/// <param name="In">Input channels.</param>
/// <param name="Out">Output channels.</param>
/// <param name="Kernel">Width and height of the kernel.</param>
/// <param name="Side">Width and height of the input map.</param>
/// <param name="Stride">In both directions.</param>
/// <param name="Padding">On each side.</param>
/// <param name="Dilation">In both directions.</param>
/// <param name="Groups">1, or <paramref name="In"/> for a depthwise convolution.</param>
/// <param name="Transposed">Whether it is a transposed convolution.</param>
/// <param name="OutputPadding">Of a transposed convolution.</param>
internal sealed record ConvolutionLayer(
    string Of,
    int In,
    int Out,
    int Kernel,
    int Side,
    int Stride = 1,
    int Padding = 0,
    int Dilation = 1,
    int Groups = 1,
    bool Transposed = false,
    int OutputPadding = 0
)
{
    /// <summary>Shape of the kernel in libtorch's order.</summary>
    public long[] KernelShape => Transposed ? [In, Out / Groups, Kernel, Kernel] : [Out, In / Groups, Kernel, Kernel];

    /// <summary>Width and height of the output map.</summary>
    public int OutputSide =>
        Transposed
            ? (Side - 1) * Stride - 2 * Padding + Dilation * (Kernel - 1) + OutputPadding + 1
            : (Side + 2 * Padding - Dilation * (Kernel - 1) - 1) / Stride + 1;

    /// <summary>All that matters of it in one text.</summary>
    public string Shape => $"{this} side {Side} padding {Padding} {OutputPadding} groups {Groups}";

    /// <summary>As a user reads it: <c>favae 4x4 512 to 512, stride 2, transposed</c>.</summary>
    public override string ToString() =>
        $"{Of} {Kernel}x{Kernel} {In} to {Out}"
        + (Stride > 1 ? $", stride {Stride}" : "")
        + (Dilation > 1 ? $", dilation {Dilation}" : "")
        + (Groups > 1 ? ", depthwise" : "")
        + (Transposed ? ", transposed" : "");

    /// <summary>
    /// The layers that the five papers' networks are trained with, on maps so small that all of them take seconds, and layers with small
    /// odd numbers of channels, as a narrowed network or a latent code has: libraries pad those to whole vectors.
    /// </summary>
    public static IReadOnlyList<ConvolutionLayer> OfOurNetworks { get; } =
    [
        .. Hfae(),
        .. Favae(1),
        .. Favae(0.25),
        .. Favae(0.0625),
        .. Ssae(1),
        .. Ssae(0.25),
        .. Ssae(0.0625),
        .. Dfr(),
        .. Gaussian(),
        .. Odd(),
    ];

    private static IEnumerable<ConvolutionLayer> Hfae()
    {
        foreach (var channels in new[] { 64, 128, 256 })
        {
            yield return new("hfae", channels, channels, 3, 8, Padding: 1);
            yield return new("hfae", channels, channels, 1, 8);
            yield return new("hfae", 2 * channels, channels, 1, 8);
        }
        yield return new("hfae", 64, 64, 5, 8, Padding: 2);
    }

    private static IEnumerable<ConvolutionLayer> Favae(double width)
    {
        const int latent = 100;
        int Scaled(int channels) => Math.Max(8, (int)Math.Round(channels * width));
        var (c32, c128, c256, c512) = (Scaled(32), Scaled(128), Scaled(256), Scaled(512));
        yield return new("favae", 3, c128, 4, 24, 2, 1);
        yield return new("favae", c128, c128, 4, 12, 2, 1);
        yield return new("favae", c128, c256, 3, 8, Padding: 1);
        yield return new("favae", c256, c256, 4, 8, 2, 1);
        yield return new("favae", c256, c512, 3, 8, Padding: 1);
        yield return new("favae", c512, c512, 4, 8, 2, 1);
        yield return new("favae", c512, c512, 3, 8, Padding: 1);
        yield return new("favae", c512, c32, 3, 8, Padding: 1);
        yield return new("favae", c32, 2 * latent, 8, 8);
        yield return new("favae", latent, c32, 8, 1, Transposed: true);
        yield return new("favae", c32, c512, 3, 8, Padding: 1, Transposed: true);
        yield return new("favae", c512, c512, 3, 8, Padding: 1, Transposed: true);
        yield return new("favae", c512, c512, 4, 4, 2, 1, Transposed: true);
        yield return new("favae", c512, c256, 3, 8, Padding: 1, Transposed: true);
        yield return new("favae", c256, c256, 4, 8, 2, 1, Transposed: true);
        yield return new("favae", c256, c128, 3, 12, Padding: 1, Transposed: true);
        yield return new("favae", c128, c128, 4, 8, 2, 1, Transposed: true);
        yield return new("favae", c128, 3, 4, 12, 2, 1, Transposed: true);
        yield return new("favae", c256, 256, 1, 8);
    }

    private static IEnumerable<ConvolutionLayer> Ssae(double width)
    {
        int Scaled(int channels) => (int)Math.Round(channels * width);
        var (c64, c128, c256) = (Scaled(64), Scaled(128), Scaled(256));
        var stack = 6 * c64;
        yield return new("ssae", 3, c64, 3, 24, Padding: 1);
        foreach (var (from, to) in new[] { (c64, c64), (c64, c128), (c128, c128), (c128, c256), (c256, c256), (stack, stack) })
        {
            yield return new("ssae", from, to, 3, 8, Padding: 1);
        }
        foreach (var kernel in new[] { 3, 5 })
        {
            foreach (var dilation in new[] { 1, 2, 8 })
            {
                yield return new("ssae", c256, c64, kernel, 9, Padding: dilation * (kernel - 1) / 2, Dilation: dilation);
            }
            yield return new("ssae", stack, c64, kernel, 8, Padding: kernel - 1, Dilation: 2);
        }
        foreach (var (from, to) in new[] { (stack, c256), (c256, c128), (c128, c64) })
        {
            yield return new("ssae", from, to, 3, 8, 2, 1, Transposed: true, OutputPadding: 1);
        }
        yield return new("ssae", c64, 3, 1, 16);
    }

    private static IEnumerable<ConvolutionLayer> Dfr()
    {
        foreach (var (from, to) in new[] { (960, 513), (448, 277), (513, 106), (277, 106), (106, 53), (53, 106), (106, 277), (277, 448) })
        {
            yield return new("dfr", from, to, 1, 12);
        }
    }

    private static IEnumerable<ConvolutionLayer> Gaussian()
    {
        yield return new("gaussian", 3, 64, 7, 24, 2, 3);
        yield return new("gaussian", 64, 64, 3, 16, Padding: 1);
        foreach (var channels in new[] { 64, 128, 256 })
        {
            yield return new("gaussian", channels, 2 * channels, 3, 14, 2, 1);
            yield return new("gaussian", channels, 2 * channels, 1, 14, 2);
        }
        yield return new("gaussian", 512, 32, 7, 7);
        yield return new("gaussian", 32, 512, 7, 1, Transposed: true);
        yield return new("gaussian", 256, 512, 3, 7, Padding: 1);
        yield return new("gaussian", 512, 1024, 1, 7);
        yield return new("gaussian", 64, 12, 7, 9, Padding: 3);
        // EfficientNet, fine-tuned: the stem, the depthwise kernels, the widening 1x1 and the squeeze of one position.
        yield return new("gaussian", 3, 32, 3, 24, 2);
        foreach (var (channels, kernel, stride) in new[] { (32, 3, 1), (96, 3, 2), (144, 5, 2), (240, 5, 1), (144, 3, 1) })
        {
            yield return new("gaussian", channels, channels, kernel, 14, stride, kernel / 2, Groups: channels);
        }
        yield return new("gaussian", 24, 144, 1, 14);
        yield return new("gaussian", 144, 40, 1, 14);
        yield return new("gaussian", 144, 6, 1, 1);
        yield return new("gaussian", 6, 144, 1, 1);
    }

    private static IEnumerable<ConvolutionLayer> Odd()
    {
        foreach (var (from, to) in new[] { (3, 5), (5, 7), (7, 13), (13, 20), (20, 3), (13, 13) })
        {
            yield return new("odd", from, to, 1, 11);
            yield return new("odd", from, to, 3, 11, Padding: 1);
            yield return new("odd", from, to, 5, 11, Padding: 2);
            yield return new("odd", from, to, 3, 11, 2, 1);
            yield return new("odd", from, to, 3, 11, Padding: 1, Transposed: true);
            yield return new("odd", from, to, 4, 11, 2, 1, Transposed: true);
        }
    }
}
