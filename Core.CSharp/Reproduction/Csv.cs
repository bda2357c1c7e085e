namespace Reproduction;

/// <summary>Tables with commas between their fields.</summary>
internal static class Csv
{
    /// <summary>A field as it is written: quoted where it holds a comma, a quotation mark or a line break.</summary>
    public static string Field(string text) =>
        text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
