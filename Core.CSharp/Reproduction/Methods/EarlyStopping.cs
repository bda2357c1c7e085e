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
    private readonly Tensor _loss;
    private readonly Tensor _misses = torch.tensor(0L).DetachFromDisposeScope();

    /// <summary>Starts with the parameters as they are; they stay the caller's.</summary>
    /// <param name="network">What is trained.</param>
    /// <param name="precision">In which the best loss is kept: single, or double where losses differ by less.</param>
    public EarlyStopping(nn.Module network, ScalarType precision = ScalarType.Float32)
        : base(nameof(EarlyStopping))
    {
        _network = network;
        _loss = torch.tensor(double.PositiveInfinity, precision).DetachFromDisposeScope();
        register_module("network", network);
        register_buffer("loss", _loss);
        register_buffer("misses", _misses);
        foreach (var (name, value) in _network.state_dict())
        {
            register_buffer("best_" + name.Replace('.', '_'), _best[name] = value.detach().clone().DetachFromDisposeScope());
        }
    }

    /// <summary>The best validation loss so far; infinite before the first.</summary>
    public double Best
    {
        get
        {
            using var value = _loss.to(ScalarType.Float64);
            return value.item<double>();
        }
    }

    /// <summary>Takes note of a validation loss.</summary>
    /// <param name="loss">The lower, the better.</param>
    /// <param name="patience">Losses in a row without a better one after which it is time.</param>
    /// <returns>Whether the patience is over.</returns>
    public bool ShouldStop(double loss, int patience)
    {
        using var noGradient = torch.no_grad();
        if (loss < Best)
        {
            _loss.fill_(loss);
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
        if (!double.IsFinite(Best))
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
