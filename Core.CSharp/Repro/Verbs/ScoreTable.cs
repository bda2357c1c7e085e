using System.Globalization;
using System.Text;
using Repro.Serving;
using Reproduction;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>A picture as it was judged; its map and pixels are let go.</summary>
/// <param name="Page">What the page shows of it.</param>
/// <param name="Verdict">Its score against the threshold.</param>
/// <param name="Threshold">In the unit of scores.</param>
internal sealed record ScoredImage(PageResult Page, Verdict Verdict, float Threshold)
{
    /// <summary>Whether its score reaches the threshold.</summary>
    public bool IsDefective => Verdict == Verdict.Defective;
}

/// <summary>scores.csv, of which every row that was added stays, whatever comes after it.</summary>
internal sealed class ScoreTable : IDisposable
{
    private readonly string _path;
    private readonly bool _labelled;
    private readonly StreamWriter _writer;

    /// <param name="path">The file; its folder is made.</param>
    /// <param name="labelled">Whether there is a column of labels.</param>
    /// <exception cref="UserError">It cannot be written.</exception>
    public ScoreTable(string path, bool labelled)
    {
        (_path, _labelled) = (path, labelled);
        _writer = Guard(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return new StreamWriter(path, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { NewLine = "\n" };
        });
        Guard(() =>
        {
            _writer.WriteLine("path,score,threshold,verdict,reason,raw_score" + (labelled ? ",label" : ""));
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
                        $"{Csv.Field(row.Page.Name)},{row.Page.Score:r},{row.Threshold:r},{row.Verdict.ToString().ToLowerInvariant()},"
                            + $"{Csv.Field(row.Page.Reason ?? "")},{row.Page.Raw:r}{(_labelled ? "," + row.Page.Label : "")}"
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
