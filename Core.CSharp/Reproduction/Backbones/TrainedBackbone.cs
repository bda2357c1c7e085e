using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>
/// A backbone that is trained inside a model, as a module of it: its weights are the module's parameters and its running statistics the
/// module's buffers, so that optimisers, checkpoints and the model's mode reach them. A frozen backbone is no module, because a module is
/// moved, switched and disposed with the model that holds it, and detectors share a frozen one.
/// </summary>
internal sealed class TrainedBackbone : nn.Module
{
    /// <param name="network">A trainable backbone; it becomes this module's.</param>
    /// <param name="deepest">
    /// The deepest layer that is used: what lies behind it takes no part, so that neither the optimiser nor a file of the model has it.
    /// Null for all that is loaded.
    /// </param>
    public TrainedBackbone(Backbone network, string? deepest = null)
        : base(nameof(TrainedBackbone))
    {
        Network = network;
        var all = network.StateDict(fold: false).ToList();
        var used = deepest is null
            ? all.Count
            : all.FindLastIndex(entry => entry.Key.StartsWith(deepest + ".", StringComparison.Ordinal)) + 1;
        foreach (var (name, value) in all[..used])
        {
            // A dot would part a submodule's name from its parameter's.
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

    /// <summary>What computes.</summary>
    public Backbone Network { get; }

    /// <summary>Switches batch norms between the batch's statistics and the running ones.</summary>
    public override void train(bool on = true)
    {
        base.train(on);
        Network.Train(on);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Network.Dispose();
        }
        base.Dispose(disposing);
    }
}
