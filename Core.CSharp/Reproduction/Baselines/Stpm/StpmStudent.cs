using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Stpm;

/// <summary>A network of the teacher's architecture with random weights, up to the deepest level that is matched.</summary>
public sealed class StpmStudent : nn.Module<Tensor, Tensor[]>
{
    private readonly Backbone _network;
    private readonly string[] _layers;

    /// <summary>A student with random weights.</summary>
    /// <param name="settings">Architecture and levels.</param>
    /// <param name="seed">Equal seeds give equal weights.</param>
    /// <param name="device">Where it is trained.</param>
    public StpmStudent(StpmSettings settings, int seed, Device device)
        : base(nameof(StpmStudent))
    {
        _layers = settings.Layers;
        _network = Backbone.Random(settings.Network, seed, new BackboneOptions { Trainable = true, Device = device });
        var all = _network.StateDict(fold: false).ToList();
        // What lies behind the deepest level takes no part, so that neither the optimiser nor a model's file has it.
        var last = all.FindLastIndex(entry => entry.Key.StartsWith(_layers[^1] + ".", StringComparison.Ordinal));
        foreach (var (name, value) in all[..(last + 1)])
        {
            var key = name.Replace('.', '_');
            if (value is Parameter parameter)
            {
                register_parameter(key, parameter);
            }
            else
            {
                register_buffer(key, value);
            }
        }
    }

    /// <summary>The student's features.</summary>
    /// <param name="input"><c>[N,3,H,W]</c>, preprocessed as the teacher's.</param>
    /// <returns><c>[N,C_l,H_l,W_l]</c> a level.</returns>
    public override Tensor[] forward(Tensor input) => _network.ForwardRaw(input, _layers);

    /// <summary>As <see cref="forward"/>, as operations of an ONNX graph.</summary>
    internal OnnxValue[] Export(OnnxValue input) => _network.ExportRaw(input, _layers);

    /// <summary>Switches batch norms between the batch's statistics and the running ones.</summary>
    public void Learn(bool learning)
    {
        train(learning);
        _network.Train(learning);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _network.Dispose();
        base.Dispose(disposing);
    }
}
