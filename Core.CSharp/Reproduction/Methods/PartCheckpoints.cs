using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// Checkpoints of one part of a fit that trains several models one after the other: they hold the parts that are finished as well, and the
/// facts about their fits.
/// </summary>
/// <param name="store">Where they are kept.</param>
/// <param name="part">Which part it is, from 0.</param>
/// <param name="models">All parts; those before <paramref name="part"/> are finished.</param>
/// <param name="facts">About the fits so far.</param>
public sealed class PartCheckpoints(ICheckpoints store, int part, IReadOnlyList<nn.Module> models, IDictionary<string, double> facts)
    : ICheckpoints
{
    // What stands in files: parts were first the members of an ensemble.
    private const string Part = "member";
    private const string Fact = "fact.";

    /// <inheritdoc/>
    public bool Due => store.Due;

    /// <inheritdoc/>
    public void Save(DetectorState state) =>
        store.Save(
            new DetectorState(
                state.Tensors.Concat(models.Take(part).SelectMany((model, i) => model.state_dict().Prefixed(Finished(i)))).ToDictionary(),
                state
                    .Values.Append(new(Part, part.ToString(CultureInfo.InvariantCulture)))
                    .Concat(facts.Select(fact => new KeyValuePair<string, string>(fact.Key, Text(fact.Value))).Prefixed(Fact))
                    .ToDictionary()
            )
        );

    /// <inheritdoc/>
    public DetectorState? Load() => store.Load() is { } state && PartOf(state) == part ? state : null;

    /// <summary>Restores this part, and the facts, where the checkpoint is of a later one.</summary>
    /// <returns>Whether it is.</returns>
    /// <exception cref="UserError">The checkpoint does not fit.</exception>
    public bool RestoreIfFinished()
    {
        using var scope = torch.NewDisposeScope();
        if (store.Load() is not { } state || PartOf(state) <= part)
        {
            return false;
        }

        state.Under(Finished(part)).LoadInto(models[part], finite: false);
        var told = state.Under(Fact);
        foreach (var name in told.Values.Keys)
        {
            facts[name] = told.Number(name, finite: false);
        }

        return true;
    }

    private static string Finished(int part) => string.Create(CultureInfo.InvariantCulture, $"finished.{part}.");

    private static string Text(double value) => value.ToString("r", CultureInfo.InvariantCulture);

    private static long PartOf(DetectorState state) => state.Whole(Part, 0);
}
