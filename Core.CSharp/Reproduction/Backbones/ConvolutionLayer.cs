namespace Reproduction.Backbones;

/// <summary>A convolution whose results are checked, by its shape.</summary>
/// <param name="Of">The method whose network has it.</param>
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
    /// Layers with small odd numbers of channels, as a narrowed network or a latent code has: libraries pad those to whole vectors.
    /// </summary>
    public static IEnumerable<ConvolutionLayer> Odd()
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
