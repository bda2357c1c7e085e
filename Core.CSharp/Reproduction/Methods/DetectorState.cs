using System.Globalization;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>The parameters of a fitted model: tensors by name, and numbers or texts that are not tensors.</summary>
/// <remarks>
/// What is read from a file may be another model's or damaged. It is taken out of here name by name, with the shape that is needed, and
/// never by <c>copy_</c> or <c>load_state_dict</c> alone: those spread a tensor of a fitting but wrong shape over the right one without a
/// word.
/// </remarks>
/// <param name="Tensors">Tensors by name, on any device; the receiver does not own them.</param>
/// <param name="Values">Other values by name, written with invariant culture.</param>
public sealed record DetectorState(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>The length of a dimension that any tensor may have.</summary>
    public const long Any = -1;

    /// <summary>Where the state comes from: a file's path.</summary>
    public string Origin { get; init; } = "the saved state";

    /// <summary>What a user does when it does not fit.</summary>
    public string WayOut { get; init; } = "fit the model again";

    /// <summary>What stands before the names in the file.</summary>
    private string Prefix { get; init; } = "";

    /// <summary>The tensors and values whose names begin with a prefix, without it.</summary>
    public DetectorState Under(string prefix) =>
        this with
        {
            Tensors = Part(Tensors, prefix),
            Values = Part(Values, prefix),
            Prefix = Prefix + prefix,
        };

    /// <summary>The same without the tensors whose names begin with a prefix.</summary>
    public DetectorState Without(string prefix) =>
        this with
        {
            Tensors = Tensors.Where(entry => !entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(),
        };

    /// <summary>Gives a module the values of these tensors, which must be its own in name, shape and type.</summary>
    /// <param name="module">Unchanged where something does not fit.</param>
    /// <param name="finite">Whether NaN and infinities are refused.</param>
    /// <exception cref="UserError">The first tensor that is missing, superfluous, of another shape or type, or not finite.</exception>
    public void LoadInto(nn.Module module, bool finite = true) => LoadInto(module.state_dict(), finite);

    /// <summary>Gives tensors the values of these, which must be the same in name, shape and type.</summary>
    /// <param name="live">Unchanged where something does not fit.</param>
    /// <param name="finite">Whether NaN and infinities are refused.</param>
    /// <exception cref="UserError">The first tensor that is missing, superfluous, of another shape or type, or not finite.</exception>
    public void LoadInto(IReadOnlyDictionary<string, Tensor> live, bool finite = true)
    {
        foreach (var (name, target) in live)
        {
            Tensor(name, target.dtype, target.shape, finite);
        }

        CheckNoOther(live.Keys);
        using var noGradient = no_grad();
        foreach (var (name, target) in live)
        {
            target.copy_(Tensors[name]);
        }
    }

    /// <summary>Refuses tensors that nobody asks for: they are another model's.</summary>
    /// <exception cref="UserError">The first of them.</exception>
    public void CheckNoOther(IEnumerable<string> names)
    {
        var known = names.ToHashSet();
        if (Tensors.FirstOrDefault(entry => !known.Contains(entry.Key)) is { Key: { } stranger, Value: var tensor })
        {
            throw Wrong($"holds {Prefix}{stranger} {Shape(tensor.shape)}, which its settings have no place for");
        }
    }

    /// <summary>A tensor that is needed.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its shape; <see cref="Any"/> for a length that is free, but not 0.</param>
    /// <param name="finite">Whether NaN and infinities are refused.</param>
    /// <exception cref="UserError">It is missing, of another shape or type, or not finite.</exception>
    public Tensor Tensor(string name, ScalarType type, long[] shape, bool finite = true)
    {
        if (!Tensors.TryGetValue(name, out var tensor))
        {
            throw Wrong($"lacks {Prefix}{name} {Shape(shape)}");
        }

        var found = tensor.shape;
        if (found.Length != shape.Length || found.Zip(shape).Any(pair => pair.Second == Any ? pair.First < 1 : pair.First != pair.Second))
        {
            throw Wrong($"has {Prefix}{name} of shape {Shape(found)}, its settings need {Shape(shape)}");
        }
        if (tensor.dtype != type)
        {
            throw Wrong($"has {Prefix}{name} of type {tensor.dtype}, {type} is needed");
        }

        if (finite && tensor.is_floating_point())
        {
            using var scope = NewDisposeScope();
            if (!tensor.isfinite().all().item<bool>())
            {
                throw Wrong($"holds NaN or an infinity in {Prefix}{name}");
            }
        }
        return tensor;
    }

    /// <summary>A number that is needed.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="finite">Whether NaN and infinities are refused.</param>
    /// <exception cref="UserError">It is missing, no number, or not finite.</exception>
    public double Number(string name, bool finite = true) =>
        double.TryParse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && (!finite || double.IsFinite(number))
            ? number
            : throw Wrong($"says '{Values[name]}' for {Prefix}{name}, a number is needed");

    /// <summary>A whole number that is needed.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="least">The least that it may be.</param>
    /// <exception cref="UserError">It is missing, no whole number, or below <paramref name="least"/>.</exception>
    public long Whole(string name, long least) =>
        long.TryParse(Text(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw Wrong($"says '{Values[name]}' for {Prefix}{name}, a whole number from {least} is needed");

    /// <summary>A text that is needed.</summary>
    /// <exception cref="UserError">It is missing.</exception>
    public string Text(string name) => Values.TryGetValue(name, out var text) ? text : throw Wrong($"does not say {Prefix}{name}");

    /// <summary>An error that names the file and the way out.</summary>
    /// <param name="problem">Begins with a verb.</param>
    public UserError Wrong(string problem) => new($"{Origin} {problem}; {WayOut}");

    private static Dictionary<string, T> Part<T>(IReadOnlyDictionary<string, T> all, string prefix) =>
        all.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);

    private static string Shape(IEnumerable<long> shape) =>
        $"[{string.Join(", ", shape.Select(length => length == Any ? "N" : $"{length}"))}]";
}

/// <summary>Entries of a state.</summary>
public static class StateEntries
{
    /// <summary>The entries with a prefix before their names: what <see cref="DetectorState.Under"/> takes off again.</summary>
    public static IEnumerable<KeyValuePair<string, T>> Prefixed<T>(this IEnumerable<KeyValuePair<string, T>> entries, string prefix) =>
        entries.Select(entry => new KeyValuePair<string, T>(prefix + entry.Key, entry.Value));
}
