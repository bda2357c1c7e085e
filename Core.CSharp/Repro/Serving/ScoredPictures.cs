using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Serving;

/// <summary>A picture that a server judged, as its page shows it.</summary>
/// <param name="Id">Counts up from 1.</param>
/// <param name="Result">Its row.</param>
/// <param name="Verdict">Against the model's own threshold.</param>
/// <param name="Photograph">JPEG; null where it could not be read.</param>
/// <param name="Overlay">JPEG; null where there is no map.</param>
internal sealed record ScoredPicture(long Id, PageResult Result, Verdict Verdict, byte[]? Photograph, byte[]? Overlay);

/// <summary>The last pictures that a server judged: older ones are forgotten, so that its memory stays flat. Threads may share
/// it.</summary>
/// <param name="most">How many are kept.</param>
internal sealed class ScoredPictures(int most)
{
    private const int JpegQuality = 85;

    private readonly Lock _lock = new();
    private readonly Queue<ScoredPicture> _kept = new();
    private readonly Dictionary<long, ScoredPicture> _byId = [];
    private long _last;

    /// <summary>Keeps what a model said of a picture.</summary>
    public ScoredPicture Add(string name, Judgement judgement)
    {
        var id = Interlocked.Increment(ref _last);
        var (photograph, overlay) = (Encoded(judgement.DrawPhotograph()), Encoded(judgement.DrawOverlay()));
        var result = PageResult.Of(
            judgement,
            null,
            photograph is null ? null : $"photographs/{id}.jpg",
            overlay is null ? null : $"overlays/{id}.jpg",
            null
        ) with
        {
            Name = name,
        };
        var picture = new ScoredPicture(id, result, judgement.Verdict, photograph, overlay);
        lock (_lock)
        {
            _kept.Enqueue(picture);
            _byId[id] = picture;
            if (_kept.Count > most)
            {
                _byId.Remove(_kept.Dequeue().Id);
            }
        }
        return picture;
    }

    /// <summary>A picture that is still kept; null otherwise.</summary>
    public ScoredPicture? Find(long id)
    {
        lock (_lock)
        {
            return _byId.GetValueOrDefault(id);
        }
    }

    /// <summary>What is kept, the oldest first.</summary>
    public IReadOnlyList<PageResult> Results()
    {
        lock (_lock)
        {
            return [.. _kept.OrderBy(picture => picture.Id).Select(picture => picture.Result)];
        }
    }

    private static byte[]? Encoded(Image? picture) => picture is null ? null : ImageFile.EncodeJpeg(picture, JpegQuality);
}
