using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Papers.Favae;

/// <summary>
/// Encoder, decoder and adapters of appendix D. Layers keep the appendix's numbers, so that Table 2's mapping can be read off:
/// a list of convolutions by the number that the appendix prints, each followed by batch norm and LeakyReLU(0.2) but for the last.
/// </summary>
internal sealed class FavaeNetwork : nn.Module
{
    /// <summary>Side of the images that the encoder takes to a latent code of one position, in pixels.</summary>
    public const int Side = 128;

    private const double Slope = 0.2;

    /// <summary>Number, input and output channels, kernel, stride and padding of the encoder's convolutions.</summary>
    private static readonly (string Number, int In, int Out, int Kernel, int Stride, int Padding)[] EncoderLayers =
    [
        ("0", 3, 128, 4, 2, 1),
        ("3", 128, 128, 4, 2, 1),
        ("6", 128, 256, 3, 1, 1),
        ("9", 256, 256, 4, 2, 1),
        ("12", 256, 512, 3, 1, 1),
        ("15", 512, 512, 4, 2, 1),
        ("18", 512, 512, 3, 1, 1),
        ("21", 512, 32, 3, 1, 1),
        ("24", 32, 200, 8, 1, 0),
    ];

    /// <summary>Likewise of the decoder's transposed convolutions.</summary>
    private static readonly (int Number, int In, int Out, int Kernel, int Stride, int Padding)[] DecoderLayers =
    [
        (1, 100, 32, 8, 1, 0),
        (4, 32, 512, 3, 1, 1),
        (7, 512, 512, 3, 1, 1),
        (10, 512, 512, 4, 2, 1),
        (13, 512, 256, 3, 1, 1),
        (16, 256, 256, 4, 2, 1),
        (19, 256, 128, 3, 1, 1),
        (22, 128, 128, 4, 2, 1),
        (25, 128, 3, 4, 2, 1),
    ];

    private readonly ModuleList<nn.Module<Tensor, Tensor>> encoder;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> encoderActivations;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> decoder;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> decoderActivations;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> adapters;
    private readonly Parameter[] _logVariances;
    private readonly int _latent;
    private readonly bool _unboundedPixels;

    /// <param name="latent">Size of the latent code; 100 in the paper.</param>
    /// <param name="width">Factor on all hidden channels; 1 in the paper.</param>
    /// <param name="features">Decoder layer and feature channels of each reconstructed feature map.</param>
    /// <param name="unboundedPixels">Leaves out the decoder's last sigmoid.</param>
    public FavaeNetwork(int latent, double width, IReadOnlyList<(int DecoderLayer, int Channels)> features, bool unboundedPixels = false)
        : base(nameof(FavaeNetwork))
    {
        (_latent, _unboundedPixels) = (latent, unboundedPixels);
        int Scaled(int channels) => channels is 3 ? 3 : Math.Max(8, (int)Math.Round(channels * width));
        int In(int channels) => channels == 100 ? latent : Scaled(channels);
        int Out(int channels) => channels == 200 ? 2 * latent : Scaled(channels);

        encoder = nn.ModuleList<nn.Module<Tensor, Tensor>>([
            .. EncoderLayers.Select(layer =>
                Layers.Conv2d(Scaled(layer.In), Out(layer.Out), layer.Kernel, stride: layer.Stride, padding: layer.Padding)
            ),
        ]);
        encoderActivations = nn.ModuleList<nn.Module<Tensor, Tensor>>([.. EncoderLayers[..^1].Select(layer => Activation(Out(layer.Out)))]);
        decoder = nn.ModuleList<nn.Module<Tensor, Tensor>>([
            .. DecoderLayers.Select(layer =>
                Layers.ConvTranspose2d(In(layer.In), Scaled(layer.Out), layer.Kernel, stride: layer.Stride, padding: layer.Padding)
            ),
        ]);
        decoderActivations = nn.ModuleList<nn.Module<Tensor, Tensor>>([
            .. DecoderLayers[..^1].Select(layer => Activation(Scaled(layer.Out))),
        ]);
        adapters = nn.ModuleList<nn.Module<Tensor, Tensor>>([
            .. features.Select(feature =>
                Adapter(Scaled(DecoderLayers.First(layer => layer.Number == feature.DecoderLayer).Out), feature.Channels)
            ),
        ]);
        // Registering takes nothing out of the caller's dispose scope, as TorchSharp's own layers do with their parameters.
        _logVariances =
        [
            .. features
                .Select(feature => feature.Channels)
                .Prepend(3)
                .Select(channels => (Parameter)nn.Parameter(torch.zeros(channels)).DetachFromDisposeScope()),
        ];
        FeatureLayers = [.. features.Select(feature => feature.DecoderLayer)];
        RegisterComponents();
        for (var i = 0; i < _logVariances.Length; i++)
        {
            register_parameter($"log_variance_{i}", _logVariances[i]);
        }

        this.to_channels_last();
    }

    /// <summary>Appendix D's numbers of the encoder's convolutions.</summary>
    public static IEnumerable<string> EncoderNumbers => EncoderLayers.Select(layer => layer.Number);

    /// <summary>Appendix D's numbers of the decoder's convolutions.</summary>
    public static IEnumerable<int> DecoderNumbers => DecoderLayers.Select(layer => layer.Number);

    /// <summary>The decoder layer that each feature map is decoded from.</summary>
    public IReadOnlyList<int> FeatureLayers { get; }

    /// <summary>Log variance of every channel, <c>[3]</c> for the pixels, then <c>[c_i]</c> for each feature map (section 4.2).</summary>
    public IReadOnlyList<Parameter> LogVariances => _logVariances;

    /// <summary>Channels of an encoder layer, for models that reconstruct the encoder's own features.</summary>
    /// <param name="number">The layer's number in appendix D.</param>
    /// <param name="width">The factor on hidden channels.</param>
    public static int EncoderChannels(string number, double width) =>
        Math.Max(8, (int)Math.Round(EncoderLayers.First(layer => layer.Number == number).Out * width));

    /// <summary>Mean and log variance of q(z|x), and the outputs of the encoder's convolutions by their numbers.</summary>
    /// <param name="images"><c>[N,3,128,128]</c>, 0..1.</param>
    /// <returns><c>[N,latent,1,1]</c> twice.</returns>
    public (Tensor Mean, Tensor LogVariance, IReadOnlyDictionary<string, Tensor> Layers) Encode(Tensor images)
    {
        var (code, layers) = Run(images.channels_last(), encoder, encoderActivations, EncoderLayers, Call);
        return (code.narrow(1, 0, _latent), code.narrow(1, _latent, _latent), layers);
    }

    /// <summary>The means of p(x|z) and of every p(y_i|z).</summary>
    /// <param name="code"><c>[N,latent,1,1]</c>.</param>
    /// <param name="sizes">Height and width of each feature map; the adapters' outputs are brought there bilinearly.</param>
    /// <returns><c>[N,3,128,128]</c>, in 0..1 unless pixels are unbounded, then <c>[N,c_i,h_i,w_i]</c> for each feature map.</returns>
    public IReadOnlyList<Tensor> Decode(Tensor code, IReadOnlyList<(long Height, long Width)> sizes)
    {
        var (pixels, layers) = Run(code.channels_last(), decoder, decoderActivations, DecoderLayers, Call);
        return
        [
            _unboundedPixels ? pixels : pixels.sigmoid(),
            .. FeatureLayers.Select((number, i) => Resize(adapters[i].call(layers[number]), sizes[i])),
        ];
    }

    /// <summary>As <see cref="Encode"/>, as operations of an ONNX graph.</summary>
    /// <param name="images"><c>[N,3,128,128]</c>.</param>
    public (OnnxValue Mean, IReadOnlyDictionary<string, OnnxValue> Layers) Encode(OnnxValue images)
    {
        var (code, layers) = Run(images, encoder, encoderActivations, EncoderLayers, Append);
        return (code.Narrow(1, 0, _latent), layers);
    }

    /// <summary>As <see cref="Decode(Tensor, IReadOnlyList{ValueTuple{long, long}})"/>, as operations of an ONNX graph.</summary>
    public IReadOnlyList<OnnxValue> Decode(OnnxValue code, IReadOnlyList<(long Height, long Width)> sizes)
    {
        var (pixels, layers) = Run(code, decoder, decoderActivations, DecoderLayers, Append);
        return
        [
            _unboundedPixels ? pixels : pixels.Sigmoid(),
            .. FeatureLayers.Select((number, i) => layers[number].Then(adapters[i]).Interpolate(sizes[i].Height, sizes[i].Width)),
        ];
    }

    /// <summary>The last convolution's output, and the outputs of all of them by their numbers.</summary>
    private static (TValue Output, IReadOnlyDictionary<TNumber, TValue> Layers) Run<TNumber, TValue>(
        TValue input,
        IList<nn.Module<Tensor, Tensor>> convolutions,
        IList<nn.Module<Tensor, Tensor>> activations,
        (TNumber Number, int In, int Out, int Kernel, int Stride, int Padding)[] layers,
        Func<nn.Module<Tensor, Tensor>, TValue, TValue> apply
    )
        where TNumber : notnull
    {
        var outputs = new Dictionary<TNumber, TValue>();
        for (var i = 0; i < convolutions.Count; i++)
        {
            input = apply(convolutions[i], input);
            outputs[layers[i].Number] = input;
            input = i < activations.Count ? apply(activations[i], input) : input;
        }
        return (input, outputs);
    }

    private static Tensor Call(nn.Module<Tensor, Tensor> module, Tensor value) => module.call(value);

    private static OnnxValue Append(nn.Module<Tensor, Tensor> module, OnnxValue value) => value.Then(module);

    private static Tensor Resize(Tensor value, (long Height, long Width) size) =>
        (value.shape[2], value.shape[3]) == size
            ? value
            : nn.functional.interpolate(value, [size.Height, size.Width], mode: InterpolationMode.Bilinear, align_corners: false);

    private static Sequential Activation(int channels) => nn.Sequential(nn.BatchNorm2d(channels), nn.LeakyReLU(Slope));

    private static Sequential Adapter(int from, int to) => nn.Sequential(Layers.Conv2d(from, to, 1), nn.ReLU(), Layers.Conv2d(to, to, 1));
}

/// <summary>What one optimiser trains: the network, and the extractor of M5.</summary>
internal sealed class TrainedTogether : nn.Module
{
    private readonly FavaeNetwork network;
    private readonly TrainedBackbone? extractor;

    public TrainedTogether(FavaeNetwork network, Backbone? extractor)
        : base(nameof(TrainedTogether))
    {
        this.network = network;
        this.extractor = extractor is null ? null : new TrainedBackbone(extractor);
        RegisterComponents();
    }
}
