using Reproduction.Formats;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>A named output of a network.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Channels">C of its <c>[N,C,H,W]</c>.</param>
/// <param name="Convolutions">How many of the network's convolutions, in their order, it needs.</param>
/// <param name="Aliases">Other names for it.</param>
internal sealed record Layer(string Name, long Channels, int Convolutions, string[] Aliases);

/// <summary>
/// The structure of a network: its convolutions in the order in which they are computed, its named layers, and the computation.
/// A file may hold only the first convolutions; then only the layers that need no other are there.
/// </summary>
internal abstract class Network : IDisposable
{
    private readonly List<Convolution> _convolutions = [];
    private readonly List<Layer> _layers = [];

    public IReadOnlyList<Convolution> Convolutions => _convolutions;

    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>Whether batch norms that were not folded use the batch's statistics.</summary>
    public bool Training { get; set; }

    /// <summary>Tensors of a published file that no layer uses, by the start of their names.</summary>
    public abstract IReadOnlyList<string> ClassifierPrefixes { get; }

    /// <summary>Computes from the input on until <paramref name="taps"/> has all it wants.</summary>
    /// <param name="input"><c>[N,3,H,W]</c>, preprocessed; stays the caller's.</param>
    /// <param name="taps">Collects the layers that are wanted.</param>
    public abstract void Run(Tensor input, Taps<Tensor> taps);

    /// <summary>As <see cref="Run"/>, as operations of an ONNX graph.</summary>
    public abstract void Export(OnnxValue input, Taps<OnnxValue> taps);

    public void Dispose() => _convolutions.ForEach(convolution => convolution.Dispose());

    protected Convolution Add(ConvolutionSpec spec)
    {
        _convolutions.Add(new Convolution(spec));
        return _convolutions[^1];
    }

    /// <summary>Names the output of all convolutions so far.</summary>
    protected void Name(string name, long channels, params string[] aliases) =>
        _layers.Add(new Layer(name, channels, _convolutions.Count, aliases));

    protected Tensor Apply(Convolution convolution, Tensor input) => convolution.Apply(input, Training);

    /// <summary>Frees what was computed as soon as it is used up: a batch's feature maps would fill the memory.</summary>
    protected static Tensor Replace(Tensor old, Tensor value)
    {
        old.Dispose();
        return value;
    }
}

/// <summary>Collects the wanted layers of one forward pass.</summary>
/// <typeparam name="T">A tensor, or a value of a graph.</typeparam>
/// <param name="wanted">Names of layers.</param>
/// <param name="keep">Makes a reference of a taken output that stays when its giver frees his own.</param>
internal sealed class Taps<T>(IReadOnlyCollection<string> wanted, Func<T, T> keep)
{
    private readonly HashSet<string> _wanted = [.. wanted];
    private readonly Dictionary<string, T> _taken = [];

    public T this[string layer] => _taken[layer];

    public bool Wants(string layer) => _wanted.Contains(layer);

    /// <summary>Takes a layer's output if it is wanted; the caller may then free its own reference but not change the values.</summary>
    /// <returns>Whether all wanted layers are there, so that the network can stop.</returns>
    public bool Take(string layer, T output)
    {
        if (_wanted.Contains(layer))
        {
            _taken[layer] = keep(output);
        }
        return _taken.Count == _wanted.Count;
    }
}
