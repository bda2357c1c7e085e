using System.Text.Json;
using System.Text.Json.Nodes;

namespace Reproduction.Methods;

/// <summary>The settings of one run, tied to the detector that they are for: they can be written, changed by name, and built.</summary>
public abstract class Configuration
{
    /// <summary>A hash of every setting: equal settings, equal hash.</summary>
    public string Hash => SnakeCaseJson.Hash(ToJson());

    /// <summary>Every hyperparameter with its value.</summary>
    public abstract JsonObject ToJson();

    /// <summary>The same with other values of some settings.</summary>
    /// <param name="assignments">Each of the form <c>setting=value</c>, the value as in JSON; former names of settings are
    /// understood.</param>
    /// <exception cref="UserError">An unknown setting, or a value that does not fit.</exception>
    public abstract Configuration With(IReadOnlyList<string> assignments);

    /// <summary>The same with the values that a record or a model holds, under the names that its settings had then.</summary>
    /// <exception cref="UserError">A value does not fit.</exception>
    public abstract Configuration With(JsonObject recorded);

    /// <summary>A detector that has not been fitted yet.</summary>
    /// <exception cref="UserError">A setting has a value that no detector can be built with.</exception>
    public abstract IAnomalyDetector Create(Resources resources);
}

/// <inheritdoc/>
/// <typeparam name="TSettings">The method's settings.</typeparam>
/// <param name="method">The method's id, for messages.</param>
/// <param name="former">Former names of settings with those that they have now.</param>
/// <param name="settings">The settings.</param>
/// <param name="create">Builds a detector.</param>
public sealed class Configuration<TSettings>(
    string method,
    IReadOnlyDictionary<string, string> former,
    TSettings settings,
    Func<TSettings, Resources, IAnomalyDetector> create
) : Configuration
    where TSettings : class
{
    /// <summary>The settings.</summary>
    public TSettings Settings => settings;

    /// <inheritdoc/>
    public override JsonObject ToJson() => SnakeCaseJson.ToObject(settings);

    /// <inheritdoc/>
    public override IAnomalyDetector Create(Resources resources) => create(settings, resources);

    /// <summary>The same with changed settings.</summary>
    /// <param name="change">Makes the settings out of these.</param>
    public Configuration<TSettings> With(Func<TSettings, TSettings> change) => new(method, former, change(settings), create);

    /// <inheritdoc/>
    public override Configuration<TSettings> With(JsonObject recorded)
    {
        var json = ToJson();
        foreach (var (name, value) in recorded)
        {
            json[former.GetValueOrDefault(name, name)] = value?.DeepClone();
        }
        return Read(json, "the settings of the file");
    }

    /// <inheritdoc/>
    public override Configuration<TSettings> With(IReadOnlyList<string> assignments)
    {
        if (assignments.Count == 0)
        {
            return this;
        }
        var json = ToJson();
        foreach (var assignment in assignments)
        {
            var (given, text) = assignment.IndexOf('=') is var at and > 0
                ? (assignment[..at], assignment[(at + 1)..])
                : throw new UserError($"'{assignment}' is not of the form setting=value", exitCode: 2);
            var name = former.GetValueOrDefault(given, given);
            if (!json.ContainsKey(name))
            {
                throw new UserError(
                    $"{method} has no setting '{given}'; its settings are {string.Join(", ", json.Select(entry => entry.Key))}",
                    exitCode: 2
                );
            }
            json[name] = Parse(text);
        }
        return Read(json, string.Join('+', assignments));
    }

    private Configuration<TSettings> Read(JsonObject json, string source)
    {
        try
        {
            return new Configuration<TSettings>(method, former, json.Deserialize<TSettings>(SnakeCaseJson.Options)!, create);
        }
        catch (JsonException failure)
        {
            throw new UserError($"a value in '{source}' does not fit its setting: {failure.Message}", failure, exitCode: 2);
        }
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}

/// <summary>Variants as they are typed: <c>resnet18+image_size=224+epochs=8</c>.</summary>
public static class VariantText
{
    /// <summary>The configuration of a variant, with the values after <c>+</c> put in their place.</summary>
    /// <exception cref="UserError">An unknown variant, setting or value.</exception>
    public static Configuration Configure(this IMethod method, string variant, Profile profile, string category, string dataset)
    {
        var (request, assignments) = Read(variant, profile, category, dataset);
        return method.Configure(request).With(assignments);
    }

    /// <summary>What is asked for, and the changed settings.</summary>
    internal static (Request Request, string[] Assignments) Read(string variant, Profile profile, string category, string dataset)
    {
        var parts = variant.Split('+');
        return (new Request(parts[0], profile, category.ToLowerInvariant(), dataset.ToLowerInvariant()), parts[1..]);
    }
}
