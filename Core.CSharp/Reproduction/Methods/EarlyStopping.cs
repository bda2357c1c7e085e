using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// A network with the parameters that did best on the validation images, and how often none was better: registered as one module, so
/// that checkpoints hold both.
/// </summary>
public sealed class EarlyStopping : nn.Module
{
    private readonly nn.Module _network;
    private readonly Dictionary<string, Tensor> _best = [];
    private readonly Tensor _loss = torch.tensor(float.PositiveInfinity).DetachFromDisposeScope();
    private readonly Tensor _misses = torch.tensor(0L).DetachFromDisposeScope();

    /// <summary>Starts with the parameters as they are; they stay the caller's.</summary>
    public EarlyStopping(nn.Module network)
        : base(nameof(EarlyStopping))
    {
        _network = network;
        register_module("network", network);
        register_buffer("loss", _loss);
        register_buffer("misses", _misses);
        foreach (var (name, value) in _network.state_dict())
        {
            register_buffer("best_" + name.Replace('.', '_'), _best[name] = value.detach().clone().DetachFromDisposeScope());
        }
    }

    /// <summary>Takes note of a validation loss.</summary>
    /// <param name="loss">The lower, the better.</param>
    /// <param name="patience">Losses in a row without a better one after which it is time.</param>
    /// <returns>Whether the patience is over.</returns>
    public bool ShouldStop(double loss, int patience)
    {
        using var noGradient = torch.no_grad();
        if (loss < _loss.item<float>())
        {
            _loss.fill_((float)loss);
            _misses.zero_();
            foreach (var (name, value) in _network.state_dict())
            {
                _best[name].copy_(value);
            }

            return false;
        }
        _misses.add_(1);
        return _misses.item<long>() >= patience;
    }

    /// <summary>Puts the best parameters back, where any validation took place.</summary>
    public void Restore()
    {
        if (!float.IsFinite(_loss.item<float>()))
        {
            return;
        }

        using var noGradient = torch.no_grad();
        foreach (var (name, value) in _network.state_dict())
        {
            value.copy_(_best[name]);
        }
    }

    /// <summary>The network is the caller's: only what this module made is freed.</summary>
    protected override void Dispose(bool disposing)
    {
        foreach (var value in _best.Values)
        {
            value.Dispose();
        }

        _loss.Dispose();
        _misses.Dispose();
    }
}
