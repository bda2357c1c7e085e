using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Reproduction.Models;

namespace Repro.Serving;

/// <summary>What the page of results shows: the model, the pictures, and what they are worth where their labels are known.</summary>
/// <param name="Model">What judged.</param>
/// <param name="Threshold">What the page opens with, in the unit of scores.</param>
/// <param name="Results">The pictures in their order.</param>
/// <param name="Evaluation">Null without labels.</param>
internal sealed record PageData(PageModel Model, float Threshold, IReadOnlyList<PageResult> Results, LabelledScores? Evaluation);

/// <summary>What the page says of a model.</summary>
/// <param name="Method">Id of the paper.</param>
/// <param name="Title">One or two sentences.</param>
/// <param name="Localises">Whether there are maps.</param>
/// <param name="Good">Scores of the good products that the threshold was chosen with, in the unit of scores.</param>
internal sealed record PageModel(string Method, string Title, bool Localises, IReadOnlyList<float> Good)
{
    /// <summary>What a model says of itself.</summary>
    public static PageModel Of(ModelFile model) =>
        new(
            model.Method,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{model.Method} {model.Variant}, fitted on {model.Images} images. Threshold 1 (raw {model.Threshold:g5}): "
                    + $"{model.ThresholdRule}."
            ),
            model.PixelThreshold is not null,
            [.. (model.Calibration?.Good ?? []).Select(model.Unit.Of)]
        );
}

/// <summary>A picture on the page.</summary>
/// <param name="Name">Its path.</param>
/// <param name="File">A link to it; null for one in memory.</param>
/// <param name="Photograph">A link to the picture in a browser's format and size; null where it could not be read.</param>
/// <param name="Overlay">A link to the heat map; null where there is none.</param>
/// <param name="Score">In the unit of scores; null where it was not judged.</param>
/// <param name="Raw">As the method defines it.</param>
/// <param name="Reason">Why it was not judged; null where it was.</param>
/// <param name="Milliseconds">What it took; null where it was not judged.</param>
/// <param name="Width">Of the picture.</param>
/// <param name="Height">Of the picture.</param>
/// <param name="Regions">Above the pixel threshold, the largest first.</param>
/// <param name="Label">good or defective; null where it is not known.</param>
internal sealed record PageResult(
    string Name,
    string? File,
    string? Photograph,
    string? Overlay,
    float? Score,
    float? Raw,
    string? Reason,
    double? Milliseconds,
    int Width,
    int Height,
    IReadOnlyList<AnomalyRegion> Regions,
    string? Label
)
{
    /// <summary>A judgement with the links that belong to it.</summary>
    public static PageResult Of(Judgement judgement, string? file, string? photograph, string? overlay, string? label) =>
        new(
            judgement.Name,
            file,
            photograph,
            overlay,
            judgement.Score,
            judgement.RawScore,
            judgement.Reason,
            judgement.Reason is null ? Math.Round(judgement.Elapsed.TotalMilliseconds, 2) : null,
            judgement.Width,
            judgement.Height,
            judgement.FindRegions(),
            label
        );
}

/// <summary>
/// One page for what <c>score</c> writes and for what a server answers: the data stand in it as JSON, and its script draws them;
/// <c>page.show(data)</c> draws others.
/// </summary>
internal static class ResultPage
{
    private const string Place = "/*DATA*/";

    /// <summary>How <see cref="PageData"/> is written; "&lt;" is escaped, so that no name can end the script.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private static readonly Lazy<string> Template = new(() => Resource("results.html"));

    private static readonly Lazy<string> WithUploadTemplate = new(() =>
        Template.Value.Replace("</body>", Resource("upload.html") + "</body>", StringComparison.Ordinal)
    );

    private static string Resource(string name)
    {
        using var stream = typeof(ResultPage).Assembly.GetManifestResourceStream($"Repro.Serving.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The page of a server, which takes photographs.</summary>
    public static string WithUpload(PageData data) =>
        WithUploadTemplate.Value.Replace(Place, JsonSerializer.Serialize(data, Json), StringComparison.Ordinal);

    /// <summary>The page, whole.</summary>
    public static string Of(PageData data) => Template.Value.Replace(Place, JsonSerializer.Serialize(data, Json), StringComparison.Ordinal);
}
