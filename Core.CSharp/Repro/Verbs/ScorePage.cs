using System.Globalization;
using System.Net;
using System.Text;
using Reproduction;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>A picture as it was judged.</summary>
/// <param name="Judgement">What the model says of it.</param>
/// <param name="Overlay">Name of the heat map beside scores.csv; null where there is none.</param>
internal sealed record ScoredImage(Judgement Judgement, string? Overlay)
{
    /// <summary>In one word, as in scores.csv.</summary>
    public string Verdict =>
        Judgement.Verdict switch
        {
            Reproduction.Models.Verdict.Unreadable => "unreadable",
            Reproduction.Models.Verdict.Defective => "defective",
            _ => "good",
        };
}

/// <summary>scores.csv, of which every row that was added stays, whatever comes after it.</summary>
internal sealed class ScoreTable : IDisposable
{
    private readonly string _path;
    private readonly double _threshold;
    private readonly StreamWriter _writer;

    /// <param name="path">The file; its folder is made.</param>
    /// <param name="threshold">Of the model, for each row.</param>
    /// <exception cref="UserError">It cannot be written.</exception>
    public ScoreTable(string path, double threshold)
    {
        (_path, _threshold) = (path, threshold);
        _writer = Guard(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return new StreamWriter(path, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { NewLine = "\n" };
        });
        Guard(() =>
        {
            _writer.WriteLine("path,score,threshold,verdict,reason");
            _writer.Flush();
            return true;
        });
    }

    /// <summary>Appends rows and hands them to the system.</summary>
    /// <exception cref="UserError">The disk is full.</exception>
    public void Add(IEnumerable<ScoredImage> rows) =>
        Guard(() =>
        {
            foreach (var row in rows)
            {
                _writer.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Csv.Field(row.Judgement.Name)},{row.Judgement.Score:r},{_threshold:r},{row.Verdict},"
                            + $"{Csv.Field(row.Judgement.Reason ?? "")}"
                    )
                );
            }
            _writer.Flush();
            return true;
        });

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"cannot write {_path}: {failure.Message} Free some space or choose another folder with --out.", failure);
        }
    }
}

/// <summary>The page with all heat maps.</summary>
internal static class ScorePage
{
    /// <summary>Writes the page: what could not be judged first, then the highest scores.</summary>
    /// <exception cref="UserError">It cannot be written.</exception>
    public static void Write(ModelFile model, IReadOnlyList<ScoredImage> rows, string path)
    {
        var cards = new StringBuilder();
        foreach (var row in rows.OrderByDescending(row => row.Judgement.Score ?? float.PositiveInfinity))
        {
            var name = WebUtility.HtmlEncode(row.Judgement.Name);
            var told = row.Judgement.Reason is { } reason
                ? WebUtility.HtmlEncode(reason)
                : string.Create(CultureInfo.InvariantCulture, $"score {row.Judgement.Score:g5}: {row.Verdict}");
            cards.Append(CultureInfo.InvariantCulture, $"<figure class=\"{row.Verdict}\">");
            if (row.Overlay is { } overlay)
            {
                cards.Append(
                    CultureInfo.InvariantCulture,
                    $"<img loading=\"lazy\" src=\"{Uri.EscapeDataString(overlay)}\" alt=\"heat map of {name}\">"
                );
            }

            cards.Append(CultureInfo.InvariantCulture, $"<figcaption>{name}<br>{told}</figcaption></figure>\n");
        }
        AtomicFile.WriteText(
            path,
            string.Create(
                CultureInfo.InvariantCulture,
                $$"""
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
                <title>Scores: {{model.Method}} {{model.Variant}}</title>
                <style>
                :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
                body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
                main { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
                figure { margin: 0; border: 1px solid #8886; border-top: 4px solid #2a8f5b; padding: .5rem; overflow-wrap: anywhere; }
                figure.unreadable { border-top-color: #b58900; }
                figure.defective { border-top-color: #c8402f; }
                img { width: 100%; height: auto; }
                </style></head><body>
                <h1>{{rows.Count}} images, {{rows.Count(row => row.Judgement.IsDefective)}} judged defective{{NotJudged(rows)}}</h1>
                <p>{{model.Method}} {{WebUtility.HtmlEncode(
                    model.Variant
                )}}, fitted on {{model.Images}} images. Threshold {{model.Threshold:g5}}: {{WebUtility.HtmlEncode(model.ThresholdRule)}}.
                Highest scores first. Colours run from blue (0) to red (twice the pixel threshold); the white line is the pixel threshold.</p>
                <main>
                {{cards}}</main></body></html>

                """
            )
        );
    }

    private static string NotJudged(IReadOnlyList<ScoredImage> rows) =>
        rows.Count(row => row.Judgement.Reason is not null) is var count and > 0 ? $", {count} not judged" : "";
}
