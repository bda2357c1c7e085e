using System.Text.Json;
using Reproduction.Data;
using Reproduction.Imaging;

namespace Reproduction.Experiments;

/// <summary>One drawn test image; the paths are relative to the cell's gallery folder, null where there is nothing to draw.</summary>
public sealed record GalleryEntry(string Image, string Defect, int Label, float Score, string Input, string? Mask, string Map, string Overlay)
{
    /// <summary>Partial maps by their names, each coloured over its own range: residual maps of levels, for one.</summary>
    public required IReadOnlyDictionary<string, string> Parts { get; init; }
}

/// <summary>Pictures of what a cell saw: input, mask, map, overlay of chosen test images, for the report's page.</summary>
public static class Gallery
{
    private const int Side = 192;
    private const double LowQuantile = 0.02;
    private const double HighQuantile = 0.999;
    private const int QuantileSample = 200_000;

    /// <summary>Folder of a cell's pictures.</summary>
    public static string FolderOf(string run, string cell) => Path.Combine(run, "gallery", cell);

    /// <summary>
    /// Draws test images: first the good ones with the highest and the defective ones with the lowest scores, then some of each defect.
    /// Colours span the same range over the whole test set, so that pictures can be compared.
    /// </summary>
    /// <param name="run">The output folder.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="test">Its test images.</param>
    /// <param name="scores">Their scores, with maps.</param>
    /// <param name="count">How many to draw at most.</param>
    public static void Write(string run, Cell cell, IReadOnlyList<Sample> test, TestScores scores, int count)
    {
        var folder = FolderOf(run, cell.Id);
        Directory.CreateDirectory(folder);
        var maps = scores.Map ?? throw new ArgumentException("a gallery needs maps");
        var range = Range(maps.Values);
        var ranges = scores.MapParts.ToDictionary(part => part.Key, part => Range(part.Value.Values));
        var entries = new List<GalleryEntry>();
        foreach (var index in Choose(test, scores.Image, count))
        {
            var sample = test[index];
            var stem = $"{index:0000}";
            var input = Resizer.Resize(sample.Load(), Side, Side, Resampling.BilinearAntialias);
            var map = Picture(maps, index, range);
            var overlay = Overlay.Blend(input, map);
            var mask = sample is { Label: not 0, HasMask: true } ? sample.LoadMask(Side, Side) : null;
            if (mask is not null) overlay = Overlay.Contour(overlay, mask, Overlay.ContourColor);
            entries.Add(new GalleryEntry(
                sample.Id, sample.Defect, sample.Label, scores.Image[index],
                Save($"{stem}-input.jpg", input)!, Save($"{stem}-mask.png", mask), Save($"{stem}-map.jpg", map)!, Save($"{stem}-overlay.jpg", overlay)!)
            {
                Parts = scores.MapParts.ToDictionary(part => part.Key, part => Save($"{stem}-{part.Key}.jpg", Picture(part.Value, index, ranges[part.Key]))!),
            });
        }
        AtomicFile.WriteText(Path.Combine(folder, "gallery.json"), JsonSerializer.Serialize(entries, SettingsText.Json) + "\n");

        string? Save(string name, Image? image)
        {
            if (image is null) return null;
            ImageFile.Write(Path.Combine(folder, name), image);
            return name;
        }
    }

    private static Image Picture(MapStack maps, int index, (float Low, float High) range) =>
        Resizer.Resize(ColorMap.Apply(maps[index], maps.Height, maps.Width, range.Low, range.High), Side, Side, Resampling.BilinearAntialias);

    /// <summary>The colour range of maps: from a low to a high quantile, so that one outlier does not darken the rest.</summary>
    public static (float Low, float High) Range(ReadOnlySpan<float> values)
    {
        var stride = Math.Max(1, values.Length / QuantileSample);
        var sample = new float[(values.Length + stride - 1) / stride];
        for (var i = 0; i < sample.Length; i++) sample[i] = values[i * stride];
        Array.Sort(sample);
        var low = sample[(int)(LowQuantile * (sample.Length - 1))];
        var high = sample[(int)(HighQuantile * (sample.Length - 1))];
        return low < high ? (low, high) : (low, low + 1);
    }

    private static IReadOnlyList<int> Choose(IReadOnlyList<Sample> test, float[] scores, int count)
    {
        var good = Enumerable.Range(0, test.Count).Where(i => test[i].Label == 0).OrderByDescending(i => scores[i]).ToList();
        var missed = Enumerable.Range(0, test.Count).Where(i => test[i].Label != 0).OrderBy(i => scores[i]).ToList();
        var byDefect = missed.GroupBy(i => test[i].Defect).Select(group => group.ToArray()).ToArray();
        var rounds = byDefect.Length == 0 ? 0 : byDefect.Max(group => group.Length);
        var some = Enumerable.Range(0, rounds).SelectMany(round => byDefect.Where(group => round < group.Length).Select(group => group[group.Length - 1 - round]));
        return [.. good.Take(count / 4).Concat(missed.Take(count / 4)).Concat(some).Concat(good).Distinct().Take(count)];
    }
}
