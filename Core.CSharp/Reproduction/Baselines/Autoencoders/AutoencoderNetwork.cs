using Reproduction.Backbones;
using Reproduction.Formats;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Baselines.Autoencoders;

/// <summary>
/// Table 1 of the paper: nine convolutions from 128 x 128 pixels to the code, and the same backwards. LeakyReLU 0.2 behind each
/// but the last of either half.
/// </summary>
public sealed class AutoencoderNetwork : Module<Tensor, Tensor>, IExportableModule
{
    /// <summary>Side of a patch in pixels.</summary>
    public const int PatchSide = 128;

    private const double Slope = 0.2;
    private const int CodeKernel = 8;

    /// <summary>Channels, kernel and stride of each convolution of the encoder but the last.</summary>
    private static readonly (long Channels, long Kernel, long Stride)[] Table =
    [
        (32, 4, 2),
        (32, 4, 2),
        (32, 3, 1),
        (64, 4, 2),
        (64, 3, 1),
        (128, 4, 2),
        (64, 3, 1),
        (32, 3, 1),
    ];

    private readonly Module<Tensor, Tensor> _encoder;
    private readonly Module<Tensor, Tensor> _decoder;

    /// <summary>A network with random weights.</summary>
    /// <param name="colours">Channels of the image.</param>
    /// <param name="latent">d, the number of values of the code.</param>
    public AutoencoderNetwork(long colours, long latent)
        : base(nameof(AutoencoderNetwork))
    {
        var encoder = new List<(string, Module<Tensor, Tensor>)>();
        var inputs = colours;
        foreach (var (index, (channels, kernel, stride)) in Table.Index())
        {
            encoder.Add(($"conv{index + 1}", Layers.Conv2d(inputs, channels, kernel, stride, padding: 1)));
            encoder.Add(($"relu{index + 1}", LeakyReLU(Slope)));
            inputs = channels;
        }
        encoder.Add(($"conv{Table.Length + 1}", Layers.Conv2d(inputs, latent, CodeKernel)));

        var decoder = new List<(string, Module<Tensor, Tensor>)>
        {
            ($"conv{Table.Length + 1}", Layers.ConvTranspose2d(latent, inputs, CodeKernel)),
        };
        for (var i = Table.Length - 1; i >= 0; i--)
        {
            var outputs = i > 0 ? Table[i - 1].Channels : colours;
            decoder.Add(($"relu{i + 1}", LeakyReLU(Slope)));
            decoder.Add(($"conv{i + 1}", Layers.ConvTranspose2d(inputs, outputs, Table[i].Kernel, Table[i].Stride, padding: 1)));
            inputs = outputs;
        }
        _encoder = Sequential(encoder);
        _decoder = Sequential(decoder);
        RegisterComponents();
    }

    OnnxValue IExportableModule.Export(OnnxValue input) => input.Then(_encoder).Then(_decoder);

    /// <summary>Patches restored from their codes.</summary>
    /// <param name="patches"><c>[N,C,128,128]</c></param>
    /// <returns>The same shape.</returns>
    public override Tensor forward(Tensor patches) => _decoder.call(_encoder.call(patches));
}
