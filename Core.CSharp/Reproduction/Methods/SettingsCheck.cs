using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Reproduction.Methods;

/// <summary>
/// Refuses settings that no detector can be built or trained with, before anything is read or allocated. Every message names the method,
/// the setting as it is typed, its value, and what it may be.
/// </summary>
/// <param name="method">The method's id.</param>
internal sealed class SettingsCheck(string method)
{
    /// <summary>More images a step than any machine holds.</summary>
    private const int LargestBatch = 1 << 16;

    /// <summary>More passes or steps than any training takes; products of them stay within a long.</summary>
    private const int LargestCount = 100_000_000;

    /// <summary>More channels or code values than any network of the papers has by far.</summary>
    private const int LargestWidth = 1 << 16;

    /// <summary>The largest factor on a network's channels.</summary>
    private const double LargestFactor = 16;

    /// <summary>A whole number within bounds.</summary>
    /// <exception cref="UserError">It is not.</exception>
    public void Whole(long value, long least, long most = LargestCount, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(
            value >= least && value <= most,
            value,
            most == LargestCount ? $"a whole number, {least} or more" : $"a whole number from {least} to {most}",
            name
        );

    /// <summary>Images a gradient step.</summary>
    /// <exception cref="UserError">Less than one, or more than any machine holds.</exception>
    public void Batch(int value, [CallerArgumentExpression(nameof(value))] string name = "") => Whole(value, 1, LargestBatch, name);

    /// <summary>The width of a code.</summary>
    /// <exception cref="UserError">Out of bounds.</exception>
    public void Latent(int value, int least = 1, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Whole(value, least, LargestWidth, name);

    /// <summary>A factor on the channels of a network.</summary>
    /// <exception cref="UserError">Out of bounds.</exception>
    public void Factor(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is > 0 and <= LargestFactor, value, $"a number above 0, at most {LargestFactor}", name);

    /// <summary>A finite number that is not negative.</summary>
    /// <exception cref="UserError">It is not.</exception>
    public void NotNegative(double value, double most = double.MaxValue, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(
            value >= 0 && value <= most,
            value,
            string.Create(CultureInfo.InvariantCulture, $"a number, {(most == double.MaxValue ? "0 or more" : $"0 to {most:r}")}"),
            name
        );

    /// <summary>A share of a whole that is not nothing.</summary>
    /// <exception cref="UserError">Not above 0 and at most 1.</exception>
    public void Share(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is > 0 and <= 1, value, "a number above 0, at most 1", name);

    /// <summary>Names of layers.</summary>
    /// <exception cref="UserError">None, an empty name, or one twice.</exception>
    public void Layers(IReadOnlyList<string> value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(
            value.Count > 0 && value.All(layer => !string.IsNullOrEmpty(layer)) && value.Distinct().Count() == value.Count,
            value,
            "one or more names of layers, none twice",
            name
        );

    /// <summary>Anything else that must hold.</summary>
    /// <param name="holds">Whether the value is one that can be used.</param>
    /// <param name="value">The setting's value.</param>
    /// <param name="allowed">What it may be, to be read after "it must be".</param>
    /// <param name="name">The setting's property.</param>
    /// <exception cref="UserError">It does not hold.</exception>
    public void That(bool holds, object? value, string allowed, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!holds)
        {
            throw new UserError(
                $"{method}: {JsonNamingPolicy.SnakeCaseLower.ConvertName(name)} is {Text(value)}; it must be {allowed}",
                exitCode: 2
            );
        }
    }

    private static string Text(object? value) =>
        value switch
        {
            null => "null",
            string text => text.Length > 0 ? text : "empty",
            IEnumerable several => string.Join(", ", several.Cast<object?>().Select(Text)) is { Length: > 0 } list ? list : "empty",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        };
}
