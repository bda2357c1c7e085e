using System.Diagnostics;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>A photograph that a detector scored, or the reason why it could not.</summary>
/// <param name="Name">The photograph's path.</param>
/// <param name="Score">Raw.</param>
/// <param name="Map">Null where the method localises nothing.</param>
/// <param name="Photograph">As the detector saw it, shrunk to at most <see cref="Judgement.OverlaySide"/> a side; null unless asked
/// for.</param>
/// <param name="Width">Of the photograph's file; 0 where <paramref name="Photograph"/> is not asked for.</param>
/// <param name="Height">As <paramref name="Width"/>.</param>
/// <param name="Elapsed">From the file to the score; of photographs that were scored together each has its share.</param>
/// <param name="Reason">Why it could not be read.</param>
internal sealed record Scored(
    string Name,
    float Score,
    AnomalyMap? Map,
    Image? Photograph,
    int Width,
    int Height,
    TimeSpan Elapsed,
    string? Reason = null
);

/// <summary>How a detector is shown photographs: whole or in tiles, all of them or a part.</summary>
/// <param name="Tiles">Null: whole.</param>
/// <param name="Region">Null: all of them counts.</param>
internal sealed record Sight(Tiling? Tiles, RegionOfInterest? Region)
{
    private const int Batch = 8;

    /// <summary>What a detector is fitted on.</summary>
    /// <exception cref="UserError">A photograph that is to be cut cannot be read.</exception>
    public IReadOnlyList<Sample> Training(IReadOnlyList<Sample> photographs)
    {
        Sample[] shown = [.. photographs.Select(sample => Region?.Of(sample) ?? sample)];
        if (Tiles is null)
        {
            return shown;
        }
        var decoded = new DecodedPhotographs();
        var cut = new IReadOnlyList<Sample>[shown.Length];
        InParallel.For(shown.Length, i => cut[i] = Cut(shown[i], decoded.Of(shown[i]), () => decoded.Of(shown[i])));
        return [.. cut.SelectMany(tiles => tiles)];
    }

    /// <summary>Scores photographs in their order, a few at a time as they are asked for.</summary>
    /// <param name="score">Scores a batch, one caller at a time.</param>
    /// <param name="photographs">As they lie on the disk.</param>
    /// <param name="views">Whether the photographs themselves are wanted, too.</param>
    /// <exception cref="UserError">A score is no finite number.</exception>
    public IEnumerable<Scored> Score(Func<ImageBatch, Scores> score, IReadOnlyList<Sample> photographs, bool views)
    {
        IReadOnlyList<Sample> shown = [.. photographs.Select(sample => Region?.Of(sample) ?? sample)];
        return Tiles is { } tiling ? shown.Select(sample => InTiles(score, sample, tiling, views)) : Whole(score, shown, views);
    }

    /// <summary>What counts of a map.</summary>
    public IEnumerable<float> Counted(AnomalyMap map) => Region?.Inside(map) ?? map.Values;

    private IEnumerable<Scored> Whole(Func<ImageBatch, Scores> score, IReadOnlyList<Sample> shown, bool views)
    {
        var images = new SampleImages(shown) { ViewSide = views ? Judgement.OverlaySide : 0 };
        foreach (var batch in ImageBatch.All(images).Chunks(Batch))
        {
            foreach (var scored in TogetherOrApart(score, shown, images, batch, views))
            {
                yield return scored;
            }
            images.Forget(batch.Indices);
        }
    }

    /// <summary>
    /// A batch's scores in its order. If it cannot be scored as a whole, the photographs that cannot be read are told apart.
    /// </summary>
    private Scored[] TogetherOrApart(
        Func<ImageBatch, Scores> score,
        IReadOnlyList<Sample> shown,
        SampleImages images,
        ImageBatch batch,
        bool views
    )
    {
        try
        {
            return Together(score, shown, images, batch, views);
        }
        catch (UserError) when (batch.Indices.Any(index => images.WhyUnreadable(index) is not null))
        {
            int[] sound = [.. batch.Indices.Where(index => images.WhyUnreadable(index) is null)];
            var scored = sound.Length > 0 ? Together(score, shown, images, batch with { Indices = sound }, views) : [];
            return
            [
                .. batch.Indices.Select(index =>
                    images.WhyUnreadable(index) is { } reason ? Unreadable(shown[index], reason) : scored[Array.IndexOf(sound, index)]
                ),
            ];
        }
    }

    private Scored[] Together(
        Func<ImageBatch, Scores> score,
        IReadOnlyList<Sample> shown,
        SampleImages images,
        ImageBatch batch,
        bool views
    )
    {
        var timer = Stopwatch.StartNew();
        var (values, maps) = Values(score, batch, i => shown[batch.Indices[i]].Path);
        var each = timer.Elapsed / batch.Count;
        return
        [
            .. batch.Indices.Select(
                (index, i) =>
                {
                    var (width, height) = views ? images.SizeOf(index) : (0, 0);
                    var view = views ? images.View(index) : null;
                    return new Scored(shown[index].Path, values[i], Mapped(maps?[i]), view, width, height, each);
                }
            ),
        ];
    }

    private AnomalyMap? Mapped(AnomalyMap? map) => map is not null && Region is not null ? Region.Of(map) : map;

    /// <summary>The tiles' maps blended, and the highest of their scores.</summary>
    private Scored InTiles(Func<ImageBatch, Scores> score, Sample sample, Tiling tiling, bool views)
    {
        var timer = Stopwatch.StartNew();
        Image photograph;
        try
        {
            photograph = sample.Load();
        }
        catch (UserError failure)
        {
            return Unreadable(sample, failure.Message);
        }
        var (width, height) = (photograph.Width, photograph.Height);
        var tiles = TilesOf(photograph);
        var images = new SampleImages(Cut(sample, photograph, () => photograph));
        TileBlend? blend = null;
        var highest = float.NegativeInfinity;
        foreach (var batch in ImageBatch.All(images).Chunks(Batch))
        {
            using var scope = NewDisposeScope();
            using var scores = score(batch);
            scores.CheckFinite(_ => sample.Path);
            highest = Math.Max(highest, scores.Image.max().item<float>());
            if (scores.Map is { } map)
            {
                blend ??= new TileBlend(width, height, tiling.Overlap, Math.Min(1, (double)map.shape[3] / tiles[0].Width));
                for (var i = 0; i < batch.Count; i++)
                {
                    blend.Add(tiles[batch.Indices[i]], map.narrow(0, i, 1));
                }
            }
            images.Forget(batch.Indices);
        }
        var view = views ? Resizer.Within(photograph, Judgement.OverlaySide) : null;
        return new Scored(sample.Path, highest, Mapped(blend?.Finish()), view, width, height, timer.Elapsed);
    }

    private IReadOnlyList<Tile> TilesOf(Image photograph)
    {
        var (width, height) = (photograph.Width, photograph.Height);
        var tiles = Tiles!.Tiles(width, height);
        return Region?.Of(tiles, width, height) ?? tiles;
    }

    private Sample[] Cut(Sample sample, Image photograph, Func<Image> again) =>
        [.. TilesOf(photograph).Select(tile => sample with { Id = $"{sample.Id} {tile.X},{tile.Y}", Pixels = () => tile.Of(again()) })];

    private static Scored Unreadable(Sample sample, string reason) => new(sample.Path, 0, null, null, 0, 0, TimeSpan.Zero, reason);

    private static (float[] Image, AnomalyMap[]? Maps) Values(Func<ImageBatch, Scores> score, ImageBatch batch, Func<int, string> name)
    {
        using var scope = NewDisposeScope();
        using var scores = score(batch);
        scores.CheckFinite(name);
        AnomalyMap[]? maps = null;
        if (scores.Map?.cpu().contiguous() is { } map)
        {
            var (height, width) = ((int)map.shape[2], (int)map.shape[3]);
            maps = [.. map.data<float>().ToArray().Chunk(height * width).Select(values => new AnomalyMap(height, width, values))];
        }
        return (scores.Image.cpu().data<float>().ToArray(), maps);
    }
}
