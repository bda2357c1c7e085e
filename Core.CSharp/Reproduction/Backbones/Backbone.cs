using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Reproduction.Formats;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>How a backbone is set up.</summary>
public sealed record BackboneOptions
{
    /// <summary>The border of a VGG's convolutions; the others have zeros only.</summary>
    public BorderMode Border { get; init; } = BorderMode.Zeros;

    /// <summary>
    /// Keeps batch norms apart and lets gradients reach the weights. Without it the network is frozen: batch norms are folded into the
    /// convolutions and no autograd graph is kept.
    /// </summary>
    public bool Trainable { get; init; }

    /// <summary>Where the weights are kept and images are taken to; null: the CPU.</summary>
    public Device? Device { get; init; }
}

/// <summary>
/// A convolutional network as a feature extractor: images in, the feature maps of named layers out. A file that holds only the
/// first part of a network gives the layers of that part.
/// </summary>
public sealed class Backbone : IDisposable
{
    /// <summary>What libtorch says of an input that a pooling, a mirrored border or a joining of layers makes nothing of.</summary>
    private static readonly string[] TooSmall =
    [
        "too small",
        "Kernel size can't be greater",
        "Padding size should be less",
        "must be positive",
        "Sizes of tensors must match",
    ];

    private readonly Network _network;
    private readonly BackboneOptions _options;
    private readonly Dictionary<string, Layer> _layers;
    private readonly string[] _beyond;
    private readonly string? _path;
    private FileStamp? _stamp;

    private Backbone(
        string name,
        Architecture architecture,
        Network network,
        BackboneOptions options,
        Preprocessing preprocessing,
        string weightsSha256,
        string? path = null,
        FileStamp? stamp = null
    )
    {
        this._network = network;
        this._options = options;
        this._path = path;
        this._stamp = stamp;
        WeightsSha256 = weightsSha256;
        Name = name;
        Architecture = architecture.Name;
        Preprocessing = preprocessing;
        var loaded = network.Convolutions.TakeWhile(convolution => convolution.IsLoaded).Count();
        var available = network.Layers.Where(layer => layer.Convolutions <= loaded).ToList();
        _layers = available
            .SelectMany(layer => layer.Aliases.Append(layer.Name).Select(alias => (alias, layer)))
            .ToDictionary(pair => pair.alias, pair => pair.layer);
        _beyond = [.. network.Layers.Where(layer => layer.Convolutions > loaded).SelectMany(layer => layer.Aliases.Append(layer.Name))];
        LayerNames = [.. available.Select(layer => layer.Name)];
    }

    /// <summary>The weights file's name without its extension, or the architecture's for random weights.</summary>
    public string Name { get; }

    /// <summary>E.g. <c>resnet18</c>, <c>vgg19</c>, <c>efficientnet-b4</c>.</summary>
    public string Architecture { get; }

    /// <summary>Of the weights file, in lower-case hexadecimal; <c>random:SEED</c> for random weights.</summary>
    public string WeightsSha256 { get; }

    /// <summary>The layers that can be asked for, from the first to the deepest.</summary>
    public IReadOnlyList<string> LayerNames { get; }

    /// <summary>What <see cref="Forward"/> does to images first.</summary>
    public Preprocessing Preprocessing { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device => _options.Device ?? torch.CPU;

    /// <summary>
    /// Equal for backbones that compute the same features: part of a feature cache's key. Meaningless once the weights are trained.
    /// </summary>
    public string Fingerprint =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{WeightsSha256}|{Architecture}|{_options.Border}|{Preprocessing}"))
        )[..16];

    /// <summary>Loads the weights of a catalogue's file.</summary>
    /// <exception cref="UserError">The file's architecture is unknown, or as for
    /// <see cref="Load(string,string,BackboneOptions)"/>.</exception>
    public static Backbone Load(WeightsFile weights, BackboneOptions? options = null)
    {
        var name =
            weights.Architecture
            ?? throw new UserError(
                $"{weights.Path}: which network is it for? Its name does not tell; write {{\"architecture\": \"NAME\"}} to "
                    + $"{weights.SidecarPath}"
            );
        return Load(weights.Path, Backbones.Architecture.Get(name), weights.Preprocessing, options);
    }

    /// <summary>Loads a weights file of a given architecture; a sidecar beside it may give its preprocessing.</summary>
    /// <param name="path">In any of <see cref="CheckpointFormat"/>.</param>
    /// <param name="architecture">The network's name; of an EfficientNet the file's tensor names decide the form.</param>
    /// <param name="options">Null: frozen, zero borders, on the CPU.</param>
    /// <exception cref="UserError">The file is damaged, or for another architecture: the first tensor that is missing, of another shape, or
    /// not finite.</exception>
    public static Backbone Load(string path, string architecture, BackboneOptions? options = null)
    {
        var weights = WeightsFile.Describe(path);
        var named = Backbones.Architecture.Get(architecture);
        // `resnet50` is what users call both; a sidecar or a file name that says v1 is about this very file.
        var described = weights.Architecture is null ? null : Backbones.Architecture.Find(weights.Architecture);
        var chosen = named.Name == "resnet50" && described?.Name == "resnet50_v1" ? described : named;
        return Load(path, chosen, weights.Preprocessing, options);
    }

    /// <summary>A network with random weights: Kaiming's normal initialisation (fan out), batch norms and biases neutral.</summary>
    /// <param name="architecture">The network's name.</param>
    /// <param name="seed">Equal seeds give equal weights on every machine.</param>
    /// <param name="options">Null: frozen, zero borders, on the CPU.</param>
    /// <exception cref="UserError">There is no such architecture.</exception>
    public static Backbone Random(string architecture, int seed, BackboneOptions? options = null)
    {
        options ??= new BackboneOptions();
        var named = Backbones.Architecture.Get(architecture);
        var network = named.Create(options.Border);
        WeightLoading.Randomise(network, seed, options);
        return new Backbone(named.Name, named, network, options, named.Preprocessing, $"random:{seed}");
    }

    /// <summary>The channels C of a layer's <c>[N,C,H,W]</c>.</summary>
    /// <exception cref="UserError">The backbone has no such layer.</exception>
    public int Channels(string layer) => (int)Find(layer).Channels;

    /// <summary>Feature maps of images.</summary>
    /// <param name="imagesRgb01"><c>[N,3,H,W]</c>, RGB, 0..1; <see cref="Preprocessing"/> is applied here.</param>
    /// <param name="layers">Names out of <see cref="LayerNames"/>, or other names for them; only what they need is computed.</param>
    /// <returns>One <c>[N,C,H',W']</c> a layer, in the order asked for, with the channels innermost in memory, on
    /// <see cref="Device"/>.</returns>
    /// <exception cref="UserError">The backbone has no such layer.</exception>
    public Tensor[] Forward(Tensor imagesRgb01, IReadOnlyList<string> layers)
    {
        using var scope = torch.NewDisposeScope();
        var features = ForwardRaw(Preprocessing.Apply(imagesRgb01.to(Device)), layers);
        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }

    /// <summary>As <see cref="Forward"/>, of an input that is already preprocessed.</summary>
    /// <param name="input"><c>[N,3,H,W]</c>, fed as it is.</param>
    /// <param name="layers">Names out of <see cref="LayerNames"/>, or other names for them.</param>
    public Tensor[] ForwardRaw(Tensor input, IReadOnlyList<string> layers)
    {
        if (input.dim() != 4 || input.shape[1] != 3)
        {
            throw new UserError($"{Architecture} takes images [N,3,H,W], not [{string.Join(",", input.shape)}]");
        }
        var names = layers.Select(layer => Find(layer).Name).ToList();
        if (names.Count == 0)
        {
            return [];
        }
        using var gradients = _options.Trainable ? null : torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var taps = new Taps<Tensor>(names, output => output.alias());
        Run(input, taps);
        return [.. names.Select(name => taps[name].channels_last().MoveToOuterDisposeScope())];
    }

    /// <summary>As <see cref="Forward"/>, as operations of an ONNX graph.</summary>
    internal OnnxValue[] Export(OnnxValue imagesRgb01, IReadOnlyList<string> layers) =>
        ExportRaw(Preprocessing.Export(imagesRgb01), layers);

    /// <summary>As <see cref="ForwardRaw"/>, as operations of an ONNX graph.</summary>
    internal OnnxValue[] ExportRaw(OnnxValue input, IReadOnlyList<string> layers)
    {
        var names = layers.Select(layer => Find(layer).Name).ToList();
        var taps = new Taps<OnnxValue>(names, output => output);
        _network.Export(input, taps);
        return [.. names.Select(name => taps[name])];
    }

    /// <summary>Height and width of the layers of a square image.</summary>
    internal (long Height, long Width)[] Sizes(long side, IReadOnlyList<string> layers)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return [.. Forward(torch.zeros(1, 3, side, side), layers).Select(map => (map.shape[2], map.shape[3]))];
    }

    private void Run(Tensor input, Taps<Tensor> taps)
    {
        ConvolutionVerdicts.Require(Device);
        try
        {
            _network.Run(input.to(Device).channels_last(), taps);
        }
        catch (ExternalException failure) when (TooSmall.Any(words => failure.Message.Contains(words, StringComparison.Ordinal)))
        {
            throw new UserError(
                $"{Architecture} cannot take images of {input.shape[3]} x {input.shape[2]} pixels "
                    + $"({failure.Message.Split('\n', 2)[0].TrimEnd('.')}); take larger ones, "
                    + "with sides that 32 divides, or layers that are not so deep",
                failure
            );
        }
    }

    /// <summary>Switches the batch norms of a trainable backbone between the batch's statistics (training) and the running ones.</summary>
    public void Train(bool training)
    {
        if (training && !_options.Trainable)
        {
            throw new InvalidOperationException($"{Name} is frozen; load it with {nameof(BackboneOptions.Trainable)}");
        }
        _network.Training = training;
    }

    /// <summary>The parameters of a trainable backbone; none of a frozen one.</summary>
    public IEnumerable<Parameter> parameters() => named_parameters().Select(parameter => parameter.Value);

    /// <summary>As <see cref="parameters"/>, with the names of a state dict.</summary>
    public IEnumerable<(string Name, Parameter Value)> named_parameters() =>
        _network.Convolutions.Where(convolution => convolution.IsLoaded).SelectMany(convolution => convolution.NamedParameters());

    /// <summary>The weights under their published names, e.g. for <see cref="SafeTensors.Write"/>.</summary>
    /// <param name="fold">
    /// Folds the batch norms of a trainable backbone into its convolutions, in new tensors; a frozen one's are folded already.
    /// </param>
    public IReadOnlyDictionary<string, Tensor> StateDict(bool fold) =>
        _network
            .Convolutions.Where(convolution => convolution.IsLoaded)
            .SelectMany(convolution => convolution.StateDict(fold))
            .ToDictionary(entry => entry.Name, entry => entry.Value);

    /// <summary>Makes sure that the weights file is still the one that was loaded; random weights have none.</summary>
    /// <exception cref="UserError">It was replaced or removed.</exception>
    public void CheckUnchanged()
    {
        if (_path is null || FileStamp.Of(_path) is var now && now == _stamp)
        {
            return;
        }
        if (now is null || WeightsFile.Hash(_path) is var hash && hash != WeightsSha256)
        {
            throw Changed(_path);
        }
        _stamp = now;
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => _network.Dispose();

    private static Backbone Load(string path, Architecture architecture, Preprocessing? preprocessing, BackboneOptions? options)
    {
        options ??= new BackboneOptions();
        var stamp = FileStamp.Of(path);
        using var opened = Checkpoint.Open(path);
        var checkpoint = architecture.Unwrapped(opened);
        architecture = architecture.FormOf(checkpoint);
        var network = architecture.Create(options.Border);
        try
        {
            WeightLoading.Load(network, architecture.Name, architecture.Rename?.Invoke(checkpoint, network) ?? checkpoint, options);
            var sha256 = WeightsFile.Hash(path);
            if (FileStamp.Of(path) != stamp)
            {
                throw Changed(path);
            }
            return new Backbone(
                Path.GetFileNameWithoutExtension(path),
                architecture,
                network,
                options,
                preprocessing ?? architecture.Preprocessing,
                sha256,
                path,
                stamp
            );
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private static UserError Changed(string path) =>
        new($"{path}: the file is no longer the one that was loaded; put it back, or run the same command again to use the new one");

    /// <summary>What tells cheaply that a file may have been replaced.</summary>
    private sealed record FileStamp(long Length, DateTime Written)
    {
        /// <returns>Null when there is no such file.</returns>
        public static FileStamp? Of(string path) =>
            new FileInfo(path) is { Exists: true } file ? new FileStamp(file.Length, file.LastWriteTimeUtc) : null;
    }

    private Layer Find(string layer) =>
        _layers.TryGetValue(layer, out var found)
            ? found
            : throw (
                _beyond.Contains(layer)
                    ? new UserError(
                        $"{Name} holds {Architecture} only up to {LayerNames[^1]}, so {layer} is not there; give a complete weights file"
                    )
                    : new UserError($"{Architecture} has no layer '{layer}'; its layers are {string.Join(", ", LayerNames)}")
            );
}
