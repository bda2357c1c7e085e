using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Reproduction.Methods;

/// <summary>Settings records as text: in run records, in model files, and on the command line as <c>variant+name=value</c>.</summary>
public static class SettingsText
{
    /// <summary>How records are written: snake_case names, enums by name.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    /// <summary>The settings of a variant, with the values after <c>+</c> put in their place.</summary>
    /// <exception cref="UserError">An unknown variant, setting or value.</exception>
    public static object Resolve(IMethod method, string variant, Profile profile, string category, string dataset)
    {
        var parts = variant.Split('+');
        if (method.Variants.All(known => known.Name != parts[0]))
        {
            throw new UserError(
                $"{method.Id} has no variant '{parts[0]}'; its variants are {string.Join(", ", method.Variants.Select(known => known.Name))}", exitCode: 2);
        }
        var settings = method.Settings(new Request(parts[0], profile, category.ToLowerInvariant(), dataset.ToLowerInvariant()));
        return parts.Length == 1 ? settings : Override(settings, parts[1..], method.Id);
    }

    /// <summary>The settings as a JSON object.</summary>
    public static JsonObject ToJson(object settings) => JsonSerializer.SerializeToNode(settings, settings.GetType(), Json)!.AsObject();

    /// <summary>A hash of every setting: equal settings, equal hash.</summary>
    public static string Hash(object settings) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson(settings).ToJsonString())))[..16];

    private static object Override(object settings, IReadOnlyList<string> assignments, string method)
    {
        var json = ToJson(settings);
        foreach (var assignment in assignments)
        {
            var (name, text) = assignment.IndexOf('=') is var at and > 0
                ? (assignment[..at], assignment[(at + 1)..])
                : throw new UserError($"'{assignment}' is not of the form setting=value", exitCode: 2);
            if (!json.ContainsKey(name))
            {
                throw new UserError($"{method} has no setting '{name}'; its settings are {string.Join(", ", json.Select(entry => entry.Key))}", exitCode: 2);
            }
            json[name] = Parse(text);
        }
        try
        {
            return json.Deserialize(settings.GetType(), Json)!;
        }
        catch (JsonException failure)
        {
            throw new UserError($"a value in '{string.Join('+', assignments)}' does not fit its setting: {failure.Message}", failure, exitCode: 2);
        }
    }

    private static JsonNode? Parse(string text)
    {
        try { return JsonNode.Parse(text); }
        catch (JsonException) { return JsonValue.Create(text); }
    }
}
