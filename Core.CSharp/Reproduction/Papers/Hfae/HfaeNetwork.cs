using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Papers.Hfae;

/// <summary>
/// The decoder D: reconstructs the features of all levels from the deepest one, eq. (3)-(4). A level is a group of convolution
/// blocks (convolution, batch norm, LeakyReLU) and a 1x1 convolution; the next lower level starts from its output, upsampled.
/// </summary>
public sealed class HfaeDecoder : Module<Tensor, Tensor[]>
{
    private readonly ModuleList<Module<Tensor, Tensor>> _firstBlocks;
    private readonly ModuleList<Module<Tensor, Tensor>> _furtherBlocks;

    // A 1x1 block treats every position alike and nearest upsampling repeats positions, so their order makes no difference but to the
    // time: before it, the block has a quarter of the positions. (Only the running variance differs, by its factor n/(n-1).)
    private readonly bool _firstBlockIsPointwise;

    /// <summary>A decoder with random weights.</summary>
    /// <param name="channels">c_1 ... c_K of the encoded features.</param>
    /// <param name="settings">Levels, kernel sizes, slope.</param>
    public HfaeDecoder(IReadOnlyList<long> channels, HfaeSettings settings)
        : base(nameof(HfaeDecoder))
    {
        var lowest = settings.Levels.Min() - 1;
        var inputs = channels.Skip(1).Append(channels[^1]).ToArray();
        _firstBlockIsPointwise = settings.KernelSizes[0] == 1;
        _firstBlocks = ModuleList([
            .. Enumerable
                .Range(lowest, channels.Count - lowest)
                .Select(k => Block(inputs[k], channels[k], settings.KernelSizes[0], settings.NegativeSlope)),
        ]);
        _furtherBlocks = ModuleList([
            .. Enumerable
                .Range(lowest, channels.Count - lowest)
                .Select(k =>
                    (Module<Tensor, Tensor>)
                        Sequential([
                            .. settings
                                .KernelSizes.Skip(1)
                                .Select((kernel, i) => ($"block{i + 2}", Block(channels[k], channels[k], kernel, settings.NegativeSlope))),
                            ("out", Layers.Conv2d(channels[k], channels[k], 1)),
                        ])
                ),
        ]);
        RegisterComponents();
        this.to_channels_last();
    }

    /// <summary>Eq. (3)-(4).</summary>
    /// <param name="deepest">f_enc^K, <c>[N,c_K,h,w]</c>; it enters the deepest level as it is.</param>
    /// <returns>
    /// The reconstructed features f_dec^l ... f_dec^K, l being the lowest of the levels in the settings: <c>[N,c_k,2^(K-k)h,2^(K-k)w]</c>.
    /// </returns>
    public override Tensor[] forward(Tensor deepest)
    {
        var decoded = new Tensor[_firstBlocks.Count];
        for (var i = decoded.Length - 1; i >= 0; i--)
        {
            var first = _firstBlocks[i];
            var feature =
                i == decoded.Length - 1 ? first.call(deepest.channels_last())
                : _firstBlockIsPointwise ? Upsampled(first.call(decoded[i + 1]))
                : first.call(Upsampled(decoded[i + 1]));
            decoded[i] = _furtherBlocks[i].call(feature);
        }
        return decoded;
    }

    /// <summary>As <see cref="forward"/>, as operations of an ONNX graph.</summary>
    internal OnnxValue[] Export(OnnxValue deepest)
    {
        var decoded = new OnnxValue[_firstBlocks.Count];
        for (var i = decoded.Length - 1; i >= 0; i--)
        {
            var input = i == decoded.Length - 1 ? deepest : decoded[i + 1].Repeated(2);
            decoded[i] = input.Then(_firstBlocks[i]).Then(_furtherBlocks[i]);
        }
        return decoded;
    }

    /// <summary>Eq. (4): nearest neighbours, twice the height and width.</summary>
    private static Tensor Upsampled(Tensor feature) =>
        functional.interpolate(feature, scale_factor: [2, 2], mode: InterpolationMode.Nearest);

    private static Module<Tensor, Tensor> Block(long input, long output, int kernel, double slope) =>
        Sequential(
            ("conv", Layers.Conv2d(input, output, kernel, padding: kernel / 2, bias: false)),
            ("norm", BatchNorm2d(output)),
            ("relu", LeakyReLU(slope, inplace: true))
        );
}
