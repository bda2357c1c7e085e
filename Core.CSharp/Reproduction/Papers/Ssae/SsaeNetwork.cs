using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Papers.Ssae;

/// <summary>The autoencoder of Table 1: three halvings, four stacked dilated convolutions, three doublings, a sigmoid at the end.</summary>
internal sealed class SsaeNetwork : nn.Module<Tensor, Tensor>, IExportableModule
{
    /// <summary>Image sides must be divisible by this: three max-poolings.</summary>
    public const int Divisor = 8;

    internal static readonly int[] Dilations = [1, 2, 4, 8, 16, 32];
    private const int Stacks = 4;

    private readonly Sequential layers;

    /// <param name="kernel">f of Table 1: 3 or 5.</param>
    /// <param name="width">Factor on all channels; 1 in the paper.</param>
    /// <param name="activated">Whether the dilated convolutions of a stack have batch norm and ReLU, too.</param>
    public SsaeNetwork(int kernel, double width, bool activated = false)
        : base(nameof(SsaeNetwork))
    {
        int Scaled(int channels) => Math.Max(4, (int)Math.Round(channels * width));
        var (c64, c128, c256) = (Scaled(64), Scaled(128), Scaled(256));
        var stack = Dilations.Length * c64;
        layers = nn.Sequential([
            .. Conv(3, c64),
            .. Conv(c64, c64),
            nn.MaxPool2d(2),
            .. Conv(c64, c128),
            .. Conv(c128, c128),
            nn.MaxPool2d(2),
            .. Conv(c128, c256),
            .. Conv(c256, c256),
            nn.MaxPool2d(2),
            .. Enumerable
                .Range(0, Stacks)
                .SelectMany(i =>
                    (IEnumerable<nn.Module<Tensor, Tensor>>)
                        [
                            new StackedDilatedConvolution(i == 0 ? c256 : stack, c64, kernel, Dilations),
                            .. activated ? Activation(stack) : [],
                            .. Conv(stack, stack),
                        ]
                ),
            .. Up(stack, c256),
            .. Conv(c256, c256),
            .. Conv(c256, c256),
            .. Up(c256, c128),
            .. Conv(c128, c128),
            .. Conv(c128, c128),
            .. Up(c128, c64),
            .. Conv(c64, c64),
            .. Conv(c64, c64),
            Layers.Conv2d(c64, 3, 1),
            nn.Sigmoid(),
        ]);
        RegisterComponents();
        this.to_channels_last();
    }

    /// <summary>The reconstruction of images <c>[N,3,H,W]</c>, H and W divisible by 8; 0..1.</summary>
    public override Tensor forward(Tensor images) => layers.call(images.channels_last());

    /// <inheritdoc/>
    public OnnxValue Export(OnnxValue input) => input.Then(layers);

    private static IEnumerable<nn.Module<Tensor, Tensor>> Activation(int channels) => [nn.BatchNorm2d(channels), nn.ReLU()];

    private static IEnumerable<nn.Module<Tensor, Tensor>> Conv(int from, int to) =>
        [Layers.Conv2d(from, to, 3, padding: 1), .. Activation(to)];

    private static IEnumerable<nn.Module<Tensor, Tensor>> Up(int from, int to) =>
        [Layers.ConvTranspose2d(from, to, 3, stride: 2, padding: 1, outputPadding: 1), .. Activation(to)];
}

/// <summary>SDC of Table 1: convolutions with growing dilation side by side on the same input, their outputs concatenated.</summary>
internal sealed class StackedDilatedConvolution : nn.Module<Tensor, Tensor>, IExportableModule
{
    private readonly ModuleList<Conv2d> convolutions;
    private readonly IReadOnlyList<int> _dilations;
    private readonly int _kernel;

    public StackedDilatedConvolution(int from, int each, int kernel, IReadOnlyList<int> dilations)
        : base(nameof(StackedDilatedConvolution))
    {
        (_dilations, _kernel) = (dilations, kernel);
        convolutions = nn.ModuleList<Conv2d>([
            .. dilations.Select(dilation => nn.Conv2d(from, each, kernel, padding: dilation * (kernel - 1) / 2, dilation: dilation)),
        ]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public OnnxValue Export(OnnxValue input) => OnnxValue.Cat([.. convolutions.Select(convolution => input.Then(convolution))], 1);

    /// <summary><c>[N,C,H,W]</c> to <c>[N,6 * each,H,W]</c>.</summary>
    public override Tensor forward(Tensor input) =>
        torch.cat([.. convolutions.Select((convolution, i) => Within(input, convolution, _dilations[i]))], 1);

    /// <summary>
    /// The convolution without the taps that see nothing but padding because they lie a map's side or more from the centre: the same result
    /// and gradients in fewer multiplications, a tenth of the time for the widest dilations of the network at full width on maps of 16 x
    /// 16.
    /// </summary>
    private Tensor Within(Tensor input, Conv2d convolution, int dilation)
    {
        var farthest = _kernel / 2;
        var reach = (int)Math.Min(farthest, (Math.Max(input.shape[2], input.shape[3]) - 1) / dilation);
        if (reach == farthest)
        {
            return convolution.call(input);
        }

        var taps = 2 * reach + 1;
        var weight = convolution.weight!.narrow(2, farthest - reach, taps).narrow(3, farthest - reach, taps);
        return nn.functional.conv2d(
            input,
            weight,
            convolution.bias,
            padding: [reach * dilation, reach * dilation],
            dilation: [reach > 0 ? dilation : 1, reach > 0 ? dilation : 1]
        );
    }
}
