using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Reproduction;

/// <summary>How settings, models and records are written as JSON.</summary>
public static class SnakeCaseJson
{
    /// <summary>snake_case names, enums by name, NaN and infinities by name, indented.</summary>
    public static JsonSerializerOptions Options { get; } =
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            // A null where a list or a text belongs is a mistake of whoever wrote it, to be told where it is read.
            RespectNullableAnnotations = true,
            WriteIndented = true,
        };

    /// <summary>A record as a JSON object.</summary>
    public static JsonObject ToObject<T>(T record) => JsonSerializer.SerializeToNode(record, Options)!.AsObject();

    /// <summary>A hash of a record's every value: equal values, equal hash.</summary>
    /// <returns>16 hexadecimal digits.</returns>
    public static string Hash<T>(T record) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToObject(record).ToJsonString())))[..16];
}
