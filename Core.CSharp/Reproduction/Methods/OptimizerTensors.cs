using System.Globalization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// What an optimiser has gathered over its steps, as tensors for a checkpoint. TorchSharp's own format stores the bytes of a tensor in the
/// order in which they lie in memory and reads them back in another where the layout differs, and leaves what it reads to the current
/// dispose scope.
/// </summary>
internal static class OptimizerTensors
{
    private const string Prefix = "optimizer.";
    private const string Step = "step";

    /// <summary>The state by name; tensors that are not the optimiser's own belong to the current dispose scope.</summary>
    /// <param name="optimizer">Adam or SGD.</param>
    public static IEnumerable<(string Name, Tensor Value)> Save(OptimizerHelper optimizer)
    {
        foreach (var (index, state) in optimizer.state_dict().State.Index())
        {
            foreach (var (name, value) in Parts(state))
            {
                if (value is not null)
                {
                    yield return (Name(index, name), value);
                }
            }
            if (state is Adam.State adam)
            {
                yield return (Name(index, Step), torch.tensor(adam.step));
            }
        }
    }

    /// <summary>Brings the state back that <see cref="Save"/> gave, in the layout of the parameters.</summary>
    /// <param name="optimizer">Of the same kind over the same parameters in the same order.</param>
    /// <param name="saved">May hold other tensors as well.</param>
    /// <exception cref="UserError">A tensor is missing, or of another shape or type.</exception>
    public static void Load(OptimizerHelper optimizer, DetectorState saved)
    {
        using var noGradient = torch.no_grad();
        var parameters = optimizer.parameters().ToArray();
        foreach (var (index, state) in optimizer.state_dict().State.Index())
        {
            // SGD has no momentum before its first step.
            if (state is SGD.State sgd && saved.Tensors.ContainsKey(Name(index, nameof(sgd.momentum_buffer))))
            {
                sgd.momentum_buffer ??= torch.zeros_like(parameters[index]).DetachFromDisposeScope();
            }
            foreach (var (name, value) in Parts(state))
            {
                value?.copy_(saved.Tensor(Name(index, name), value.dtype, value.shape, finite: false));
            }
            if (state is Adam.State adam)
            {
                adam.step = saved.Tensor(Name(index, Step), ScalarType.Int64, []).item<long>();
            }
        }
    }

    private static (string Name, Tensor? Value)[] Parts(OptimizerState state) =>
        state switch
        {
            Adam.State adam =>
            [
                (nameof(adam.exp_avg), adam.exp_avg),
                (nameof(adam.exp_avg_sq), adam.exp_avg_sq),
                (nameof(adam.max_exp_avg_sq), adam.max_exp_avg_sq),
            ],
            SGD.State sgd => [(nameof(sgd.momentum_buffer), sgd.momentum_buffer)],
            _ => throw new NotSupportedException($"checkpoints do not know the state of {state.GetType().DeclaringType?.Name}"),
        };

    private static string Name(int index, string part) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{index}.{part}");
}
