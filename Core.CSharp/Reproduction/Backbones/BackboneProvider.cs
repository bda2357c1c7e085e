using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>The networks of a folder of weights on one device: each is loaded once, when it is first asked for, and shared.</summary>
/// <param name="folder">The folder of weights; null where the user gave none.</param>
/// <param name="device">Where the networks live.</param>
public sealed class BackboneProvider(string? folder, Device device) : IDisposable
{
    /// <summary>Where the networks are.</summary>
    public Device Device => device;

    private readonly Weights? _weights = folder is null ? null : Weights.Open(folder);
    private readonly Dictionary<(string Name, BorderMode Border), Backbone> _loaded = [];
    private readonly List<Backbone> _used = [];
    private readonly Dictionary<string, string?> _hashes = [];

    /// <summary>The folder of weights; null where the user gave none.</summary>
    public string? Folder => folder;

    /// <summary>The networks with trained weights that were handed out since <see cref="ClearUsed"/>, for run records.</summary>
    public IReadOnlyList<Backbone> Used => [.. _used.Distinct()];

    /// <summary>Forgets which networks were used.</summary>
    public void ClearUsed() => _used.Clear();

    /// <summary>
    /// Makes sure that the files of <see cref="Used"/> are still those that were loaded: what a record says of its weights must hold.
    /// </summary>
    /// <exception cref="UserError">A file was replaced or removed; the message names it.</exception>
    public void CheckUnchanged()
    {
        foreach (var backbone in Used)
        {
            backbone.CheckUnchanged();
        }
    }

    /// <summary>
    /// The sha256 of the file with this name (without extension) as it is now, the folder's or the packaged one, in lower-case hexadecimal;
    /// null when there is none.
    /// </summary>
    public string? Sha256Of(string name)
    {
        if (!_hashes.TryGetValue(name, out var hash))
        {
            var found =
                _weights?.Files.FirstOrDefault(file => file.Name == name)
                ?? (name == PackagedWeights.Name ? PackagedWeights.TryFind(name) : null);
            _hashes[name] = hash = found is not null && File.Exists(found.Path) ? WeightsFile.Hash(found.Path) : null;
        }
        return hash;
    }

    /// <summary>The licences of <see cref="Used"/> by name, as a sidecar or the catalogue of published weights states them.</summary>
    public IReadOnlyDictionary<string, string> Licences() =>
        Used.Select(used => (used.Name, Licence: Find(used.Name).Licence ?? PublishedWeights.LicenceOf(used.WeightsSha256)))
            .Where(used => used.Licence is not null)
            .DistinctBy(used => used.Name)
            .ToDictionary(used => used.Name, used => used.Licence!);

    /// <summary>
    /// Whether a variant with this network runs unasked: the folder has weights for it, as deep as is asked for. Where the user gave no
    /// folder, the packaged weights count; where there is one, they are taken only for what names them.
    /// </summary>
    /// <param name="network">An architecture, or an architecture and its deepest layer: <c>vgg19/relu5_4</c>.</param>
    public bool Has(string network)
    {
        var parts = network.Split('/', 2);
        if ((_weights is null ? PackagedWeights.TryFind(parts[0]) : _weights.TryFind(parts[0])) is null)
        {
            return false;
        }

        return parts.Length == 1 || Load(parts[0], BorderMode.Zeros).LayerNames.Contains(parts[1]);
    }

    /// <summary>A frozen network with trained weights; not the caller's to dispose.</summary>
    /// <param name="network">An architecture, or the name of one of the folder's files without its extension.</param>
    /// <param name="border">The border of a VGG's convolutions.</param>
    /// <exception cref="UserError">
    /// Neither the folder nor the program has such weights, the file is broken, or it was replaced since it was loaded.
    /// </exception>
    public Backbone Get(string network, BorderMode border = BorderMode.Zeros)
    {
        var backbone = Load(network, border);
        backbone.CheckUnchanged();
        _used.Add(backbone);
        return backbone;
    }

    /// <summary>A network of one's own to go on training, with trained weights; the caller disposes it.</summary>
    /// <inheritdoc cref="Get"/>
    public Backbone GetTrainable(string network, BorderMode border = BorderMode.Zeros)
    {
        Get(network, border); // for the record
        return Backbone.Load(
            Find(network),
            new BackboneOptions
            {
                Border = border,
                Device = device,
                Trainable = true,
            }
        );
    }

    /// <summary>A frozen network with random weights; the caller disposes it.</summary>
    public Backbone Random(string architecture, int seed, BorderMode border = BorderMode.Zeros) =>
        Backbone.Random(architecture, seed, new BackboneOptions { Border = border, Device = device });

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var backbone in _loaded.Values)
        {
            backbone.Dispose();
        }

        _loaded.Clear();
    }

    private Backbone Load(string network, BorderMode border)
    {
        if (!_loaded.TryGetValue((network, border), out var backbone))
        {
            _loaded[(network, border)] = backbone = Backbone.Load(Find(network), new BackboneOptions { Border = border, Device = device });
        }
        return backbone;
    }

    private WeightsFile Find(string network) =>
        _weights?.TryFind(network)
        ?? PackagedWeights.TryFind(network)
        ?? (
            _weights is null
                ? throw new UserError(
                    $"{network} needs trained weights: give their folder with {ApiName.NetworkWeights} "
                        + $"('repro weights fetch' downloads the published "
                        + "files), "
                        + $"or take {PackagedWeights.Name}, which comes with the program"
                )
                : _weights.Find(network)
        );
}
