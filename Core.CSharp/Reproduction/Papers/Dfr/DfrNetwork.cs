using Reproduction.Backbones;
using static TorchSharp.torch;

namespace Reproduction.Papers.Dfr;

/// <summary>
/// The autoencoder of Table VIII: six 1x1 convolutions with ReLU between them, no activation on the code and on the output.
/// </summary>
internal sealed class RegionalAutoencoder : nn.Module<Tensor, Tensor>
{
    private readonly Layers.Layer first;
    private readonly nn.Module<Tensor, Tensor> inner;
    private readonly Layers.Layer last;

    /// <param name="channels">c_o.</param>
    /// <param name="latent">c_d.</param>
    /// <param name="hidden">Width of the outermost hidden layers.</param>
    /// <param name="batchNorm">Whether a batch norm follows each hidden convolution.</param>
    public RegionalAutoencoder(long channels, long latent, long hidden, bool batchNorm)
        : base(nameof(RegionalAutoencoder))
    {
        first = Layers.Conv2d(channels, hidden, 1);
        inner = nn.Sequential([
            .. Activation(hidden, batchNorm),
            Layers.Conv2d(hidden, 2 * latent, 1),
            .. Activation(2 * latent, batchNorm),
            Layers.Conv2d(2 * latent, latent, 1),
            Layers.Conv2d(latent, 2 * latent, 1),
            .. Activation(2 * latent, batchNorm),
            Layers.Conv2d(2 * latent, hidden, 1),
            .. Activation(hidden, batchNorm),
        ]);
        last = Layers.Conv2d(hidden, channels, 1);
        Latent = latent;
        RegisterComponents();
        this.to_channels_last();
    }

    /// <summary>c_d.</summary>
    public long Latent { get; }

    /// <summary>The reconstruction of regional features <c>[N,c_o,h_o,w_o]</c>.</summary>
    public override Tensor forward(Tensor features) => last.call(inner.call(first.call(features.channels_last())));

    /// <summary>What the last convolution sees, from the network's maps, without the concatenated features.</summary>
    /// <returns><c>[N,hidden,h_o,w_o]</c>.</returns>
    public Tensor BeforeLast(RegionalFeatures regions, IReadOnlyList<Tensor> maps) =>
        inner.call(regions.Convolve(maps, first.Weight!, first.Bias!));

    /// <summary>The modules between the first and the last convolution.</summary>
    public nn.Module Inner => inner;

    /// <summary>Weights <c>[hidden,c_o,1,1]</c> and bias <c>[hidden]</c> of the first convolution.</summary>
    public (Tensor Weight, Tensor Bias) First => (first.Weight!, first.Bias!);

    /// <summary>Weights <c>[c_o,hidden,1,1]</c> and bias <c>[c_o]</c> of the last convolution.</summary>
    public (Tensor Weight, Tensor Bias) Last => (last.Weight!, last.Bias!);

    private static IEnumerable<nn.Module<Tensor, Tensor>> Activation(long width, bool batchNorm) =>
        batchNorm ? [nn.BatchNorm2d(width), nn.ReLU()] : [nn.ReLU()];
}
