using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Repro.Records;
using Reproduction;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Imaging;
using static TorchSharp.torch;

namespace Repro.Pictures;

/// <summary>One drawn test image; the paths are relative to the cell's gallery folder, null where there is nothing to draw.</summary>
public sealed record GalleryEntry(
    string Image,
    string Defect,
    int Label,
    float Score,
    string Input,
    string? Mask,
    string Map,
    string Overlay
)
{
    /// <summary>Partial maps by their names, each coloured over its own range: residual maps of levels, for one.</summary>
    public required IReadOnlyDictionary<string, string> Parts { get; init; }

    /// <summary>The image as the model restores it.</summary>
    public string? Reconstruction { get; init; }

    /// <summary>
    /// The maps themselves, float32 <c>[H,W]</c> of at most <see cref="Gallery.LongestSide"/> a side: the main one
    /// (<see cref="MapStatistics.MainMap"/>) and the partial ones by their names.
    /// </summary>
    public required IReadOnlyDictionary<string, string> Values { get; init; }
}

/// <summary>
/// Pictures of what a cell saw: input, mask, map, overlay of chosen test images, for the report's page and the papers' figures.
/// </summary>
public static class Gallery
{
    /// <summary>The file that lists the entries.</summary>
    public const string FileName = "gallery.json";

    /// <summary>Rows and columns of the maps that are kept as arrays; larger ones are averaged down.</summary>
    public const int LongestSide = 256;

    private const int Side = 192;

    /// <summary>Folder of a cell's pictures.</summary>
    public static string FolderOf(string run, string cell) => Path.Combine(run, "gallery", cell);

    /// <summary>
    /// Which test images to draw: half of them of each kind of defect in turn, the same for every method, so that methods can be compared;
    /// a quarter the good ones with the highest and a quarter the defective ones with the lowest scores.
    /// </summary>
    /// <param name="test">The test images.</param>
    /// <param name="scores">A score an image.</param>
    /// <param name="count">How many to choose at most.</param>
    /// <returns>Indices, those that are the same for every method first.</returns>
    public static IReadOnlyList<int> Choose(IReadOnlyList<Sample> test, IReadOnlyList<float> scores, int count)
    {
        var all = Enumerable.Range(0, test.Count).ToArray();
        var shuffled = all.OrderBy(i => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(test[i].Id)))).ToArray();
        var inTurn = shuffled
            .Where(i => test[i].Label != 0)
            .GroupBy(i => test[i].Defect)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .SelectMany(group => group.Select((index, round) => (index, round)))
            .OrderBy(entry => entry.round)
            .Select(entry => entry.index)
            .Concat(shuffled.Where(i => test[i].Label == 0))
            .ToArray();
        var worst = count / 4;
        return
        [
            .. inTurn
                .Take(count - (2 * worst))
                .Concat(all.Where(i => test[i].Label == 0).OrderByDescending(i => scores[i]).Take(worst))
                .Concat(all.Where(i => test[i].Label != 0).OrderBy(i => scores[i]).Take(worst))
                .Concat(inTurn)
                .Distinct()
                .Take(count),
        ];
    }

    /// <summary>
    /// Draws test images and keeps their maps. Colours span the same range over the whole test set, so that pictures can be compared.
    /// </summary>
    /// <param name="run">The output folder.</param>
    /// <param name="cell">The cell's id.</param>
    /// <param name="test">Its test images.</param>
    /// <param name="chosen">Which of them to draw.</param>
    /// <param name="scores">The scores of all, with maps.</param>
    /// <param name="reconstructions">The chosen images as the model restores them; empty where it restores none.</param>
    /// <param name="thresholds">Thresholds of the main map's pixels by name.</param>
    public static void Write(
        string run,
        string cell,
        IReadOnlyList<Sample> test,
        IReadOnlyList<int> chosen,
        TestScores scores,
        IReadOnlyList<Image> reconstructions,
        IReadOnlyDictionary<string, double> thresholds
    )
    {
        var folder = FolderOf(run, cell);
        Directory.CreateDirectory(folder);
        var stacks = new Dictionary<string, MapStack>(scores.MapParts)
        {
            [MapStatistics.MainMap] = scores.Map ?? throw new ArgumentException("a gallery needs maps"),
        };
        var statistics = new MapStatistics(
            stacks.ToDictionary(stack => stack.Key, stack => MapDistribution.Of(stack.Value.Values)),
            thresholds
        );
        var entries = chosen
            .Select(
                (index, position) =>
                {
                    var sample = test[index];
                    var stem = $"{index:0000}";
                    var input = Resizer.Resize(sample.Load(), Side, Side, Resampling.BilinearAntialias);
                    var map = Picture(MapStatistics.MainMap, index);
                    var overlay = Overlay.Blend(input, map);
                    var mask = sample is { Label: not 0, HasMask: true } ? sample.LoadMask(Side, Side) : null;
                    if (mask is not null)
                    {
                        overlay = Overlay.Contour(overlay, mask, Overlay.ContourColor);
                    }

                    return new GalleryEntry(
                        sample.Id,
                        sample.Defect,
                        sample.Label,
                        scores.Image[index],
                        Save($"{stem}-input.jpg", input)!,
                        Save($"{stem}-mask.png", mask),
                        Save($"{stem}-map.jpg", map)!,
                        Save($"{stem}-overlay.jpg", overlay)!
                    )
                    {
                        Parts = scores.MapParts.ToDictionary(
                            part => part.Key,
                            part => Save($"{stem}-{part.Key}.jpg", Picture(part.Key, index))!
                        ),
                        Reconstruction = Save(
                            $"{stem}-reconstruction.jpg",
                            reconstructions.Count == 0
                                ? null
                                : Resizer.Resize(reconstructions[position], Side, Side, Resampling.BilinearAntialias)
                        ),
                        Values = stacks.ToDictionary(stack => stack.Key, stack => Keep($"{stem}-{stack.Key}.npy", stack.Value, index)),
                    };
                }
            )
            .ToArray();
        AtomicFile.WriteText(
            Path.Combine(folder, MapStatistics.FileName),
            JsonSerializer.Serialize(statistics, SnakeCaseJson.Options) + "\n"
        );
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(entries, SnakeCaseJson.Options) + "\n");

        Image Picture(string name, int index)
        {
            var (maps, distribution) = (stacks[name], statistics.Distributions[name]);
            var coloured = ColorMap.Apply(maps[index], maps.Height, maps.Width, distribution.Low, distribution.High);
            return Resizer.Resize(coloured, Side, Side, Resampling.BilinearAntialias);
        }

        string? Save(string name, Image? image)
        {
            if (image is null)
            {
                return null;
            }

            ImageFile.Write(Path.Combine(folder, name), image);
            return name;
        }

        string Keep(string name, MapStack maps, int index)
        {
            var (values, height, width) = Reduced(maps[index], maps.Height, maps.Width);
            Npy.Write<float>(Path.Combine(folder, name), values, height, width);
            return name;
        }
    }

    private static (float[] Values, int Height, int Width) Reduced(ReadOnlySpan<float> map, int height, int width)
    {
        var (newHeight, newWidth) = (Math.Min(height, LongestSide), Math.Min(width, LongestSide));
        if ((newHeight, newWidth) == (height, width))
        {
            return (map.ToArray(), height, width);
        }

        using var scope = NewDisposeScope();
        var reduced = nn.functional.interpolate(
            tensor(map.ToArray()).reshape(1, 1, height, width),
            [newHeight, newWidth],
            mode: InterpolationMode.Area
        );
        return (reduced.contiguous().data<float>().ToArray(), newHeight, newWidth);
    }
}
