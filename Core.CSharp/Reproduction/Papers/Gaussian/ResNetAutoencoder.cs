using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The autoencoder that <c>gaussian</c> compares with (section IV.C): a ResNet-18 encoder, a bottleneck, and a decoder in which every
/// operation of the encoder is inverted, strides by pixel shuffles. Images <c>[N,3,224,224]</c> in 0..1 become their reconstructions.
/// </summary>
internal sealed class ResNetAutoencoder : Module<Tensor, Tensor>, IExportableModule
{
    /// <summary>Side of the images in pixels: the bottleneck's kernel takes the whole 7 x 7 map that the encoder leaves of it.</summary>
    public const int ImageSide = 224;

    private readonly Sequential encoder;
    private readonly Sequential decoder;

    /// <param name="latent">Size of the bottleneck; the paper's is 32.</param>
    public ResNetAutoencoder(int latent)
        : base(nameof(ResNetAutoencoder))
    {
        encoder = Sequential(
            Layers.Conv2d(3, 64, 7, stride: 2, padding: 3, bias: false),
            BatchNorm2d(64),
            ReLU(),
            MaxPool2d(3, stride: 2, padding: 1),
            Down(64, 64, 1),
            Down(64, 64, 1),
            Down(64, 128, 2),
            Down(128, 128, 1),
            Down(128, 256, 2),
            Down(256, 256, 1),
            Down(256, 512, 2),
            Down(512, 512, 1),
            Layers.Conv2d(512, latent, 7, bias: false)
        );
        decoder = Sequential(
            Layers.ConvTranspose2d(latent, 512, 7, bias: false),
            ReLU(),
            Up(512, 512, 1),
            Up(512, 256, 2),
            Up(256, 256, 1),
            Up(256, 128, 2),
            Up(128, 128, 1),
            Up(128, 64, 2),
            Up(64, 64, 1),
            Up(64, 64, 1),
            Upsample(scale_factor: [2.0, 2.0]),
            UpConvolution(64, 3, 7, 2),
            Sigmoid()
        );
        RegisterComponents();
        this.to_channels_last();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor images) => decoder.call(encoder.call(images.channels_last()));

    /// <inheritdoc/>
    public OnnxValue Export(OnnxValue input) => input.Then(encoder).Then(decoder);

    private static ResidualBlock Down(int from, int to, int stride) =>
        new(
            Sequential(
                Layers.Conv2d(from, to, 3, stride: stride, padding: 1, bias: false),
                BatchNorm2d(to),
                ReLU(),
                Layers.Conv2d(to, to, 3, padding: 1, bias: false),
                BatchNorm2d(to)
            ),
            stride == 1 ? null : Sequential(Layers.Conv2d(from, to, 1, stride: stride, bias: false), BatchNorm2d(to))
        );

    private static ResidualBlock Up(int from, int to, int scale) =>
        new(
            Sequential(
                // As in the authors' code: no ReLU between the convolutions, one before the sum.
                Layers.Conv2d(from, from, 3, padding: 1, bias: false),
                BatchNorm2d(from),
                UpConvolution(from, to, 3, scale),
                BatchNorm2d(to),
                ReLU()
            ),
            scale == 1 ? null : Sequential(UpConvolution(from, to, 1, scale), BatchNorm2d(to))
        );

    /// <summary>
    /// The inverse of a strided convolution: scale^2 times the channels, rearranged into scale times the rows and columns.
    /// </summary>
    private static Sequential UpConvolution(int from, int to, int kernel, int scale) =>
        Sequential(Layers.Conv2d(from, to * scale * scale, kernel, padding: kernel / 2, bias: false), PixelShuffle(scale));

    private sealed class ResidualBlock : Module<Tensor, Tensor>, IExportableModule
    {
        private readonly Sequential main;
        private readonly Sequential? shortcut;

        public ResidualBlock(Sequential main, Sequential? shortcut)
            : base(nameof(ResidualBlock))
        {
            this.main = main;
            this.shortcut = shortcut;
            RegisterComponents();
        }

        public OnnxValue Export(OnnxValue input) => (input.Then(main) + (shortcut is null ? input : input.Then(shortcut))).Relu();

        public override Tensor forward(Tensor x) => functional.relu(main.call(x) + (shortcut is null ? x : shortcut.call(x)));
    }
}
