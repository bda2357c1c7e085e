using Repro.Serving;
using Reproduction;
using Reproduction.Data;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>How a folder is watched.</summary>
/// <param name="Folder">Where pictures arrive.</param>
/// <param name="Recursive">In the folders below it, too.</param>
/// <param name="Interval">Between two looks: a picture is complete once it has not changed from one to the next.</param>
/// <param name="Settle">How long a picture that cannot be read must not have changed until it counts as unreadable.</param>
internal sealed record WatchOptions(string Folder, bool Recursive, TimeSpan Interval, TimeSpan Settle);

/// <summary>Judges the pictures of a folder as they arrive, each once.</summary>
internal sealed class WatchRun : IDisposable
{
    private const int Batch = 8;

    /// <summary>Pictures on the page: the last ones.</summary>
    private const int OnPage = 1000;

    private readonly Model _model;
    private readonly WatchOptions _options;
    private readonly string _output;
    private readonly TextWriter _print;
    private readonly ScoreRun _drawing;
    private readonly WatchJournal _journal;
    private readonly ScoreTable _table;
    private readonly Queue<ScoredImage> _page = new();
    private Dictionary<string, (long Bytes, long Modified)> _seen = [];
    private int _count;

    /// <param name="model">Stays the caller's.</param>
    /// <param name="path">The model's file.</param>
    /// <param name="options">What is watched.</param>
    /// <param name="output">Where results are written.</param>
    /// <param name="print">Told of each picture.</param>
    /// <exception cref="UserError">The folder's journal is another model's or in use.</exception>
    public WatchRun(Model model, string path, WatchOptions options, string output, TextWriter print)
    {
        (_model, _options, _output, _print) = (model, options, output, print);
        _drawing = new ScoreRun(model, new ScoreOptions(), null, output);
        _drawing.PrepareFolder();
        _journal = WatchJournal.Open(Path.Combine(output, "watch.jsonl"), path);
        // From the journal: a row that was cut off with the process is whole again.
        _table = new ScoreTable(Path.Combine(output, "scores.csv"), labelled: false);
        Keep(_journal.Pictures.Select(picture => picture.Image));
    }

    /// <summary>Pictures that were judged, by this watch and former ones.</summary>
    public int Count => _count;

    /// <summary>Looks until it is cancelled.</summary>
    public void Run(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Look(cancellation);
            cancellation.WaitHandle.WaitOne(_options.Interval);
        }
    }

    /// <summary>Judges what is complete and new.</summary>
    /// <returns>How many pictures are there that are not judged yet.</returns>
    public int Look(CancellationToken cancellation)
    {
        var now = new Dictionary<string, (long Bytes, long Modified)>();
        foreach (var file in ImageFolder.Present(_options.Folder, _options.Recursive, _output))
        {
            var info = new FileInfo(file);
            if (info.Exists && !_journal.Knows(file, info.Length, info.LastWriteTimeUtc.Ticks))
            {
                now[file] = (info.Length, info.LastWriteTimeUtc.Ticks);
            }
        }
        string[] complete =
        [
            .. now.Where(file => Was(file.Key) == file.Value && (file.Value.Bytes > 0 || IsSettled(file.Value.Modified)))
                .Select(file => file.Key),
        ];
        _seen = now;
        var judged = 0;
        foreach (var batch in complete.Chunk(Batch))
        {
            if (cancellation.IsCancellationRequested)
            {
                break;
            }
            judged += Judge(batch, now);
        }
        if (judged > 0)
        {
            WritePage();
        }
        return now.Count - judged;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _table.Dispose();
        _journal.Dispose();
    }

    private (long, long)? Was(string file) => _seen.TryGetValue(file, out var state) ? state : null;

    private int Judge(string[] files, Dictionary<string, (long Bytes, long Modified)> states)
    {
        var judged = new List<WatchedPicture>();
        string[] there = [.. files.Where(File.Exists)];
        foreach (var judgement in there.Length > 0 ? _model.Score(Photographs.In(there)) : [])
        {
            var (bytes, modified) = states[judgement.Name];
            if (judgement.Reason is not null && (!File.Exists(judgement.Name) || !IsSettled(modified)))
            {
                continue; // It may be on its way still, or gone.
            }
            judged.Add(new WatchedPicture(judgement.Name, bytes, modified, _drawing.Drawn(judgement, _count + judged.Count)));
        }
        _journal.Add(judged);
        Keep(judged.Select(picture => picture.Image));
        foreach (var image in judged.Select(picture => picture.Image))
        {
            var score = image.Page.Score is { } value ? FormattableString.Invariant($" {value:0.000}") : $" ({image.Page.Reason})";
            _print.WriteLine($"{image.Verdict.ToString().ToLowerInvariant()}{score} {image.Page.Name}");
        }
        _print.Flush();
        return judged.Count;
    }

    private bool IsSettled(long modified) => DateTime.UtcNow - new DateTime(modified, DateTimeKind.Utc) >= _options.Settle;

    private void Keep(IEnumerable<ScoredImage> images)
    {
        ScoredImage[] all = [.. images];
        _table.Add(all);
        _count += all.Length;
        foreach (var image in all)
        {
            _page.Enqueue(image);
            if (_page.Count > OnPage)
            {
                _page.Dequeue();
            }
        }
    }

    private void WritePage() =>
        AtomicFile.WriteText(
            Path.Combine(_output, "index.html"),
            ResultPage.Of(new PageData(PageModel.Of(_model.Description), 1, [.. _page.Select(image => image.Page)], null))
        );
}
