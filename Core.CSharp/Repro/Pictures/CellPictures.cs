using System.Text.Json;
using Repro.Records;
using Reproduction;
using Reproduction.Formats;
using Reproduction.Imaging;

namespace Repro.Pictures;

/// <summary>One finished cell's gallery, read back: the drawn images with their maps, and how to read the maps.</summary>
public sealed class CellPictures
{
    private readonly string _folder;
    private readonly MapStatistics _statistics;
    private readonly Dictionary<string, GalleryEntry> _entries;

    private CellPictures(string folder, RunRecord record, IReadOnlyList<GalleryEntry> entries)
    {
        (_folder, Record) = (folder, record);
        _statistics = MapStatistics.Read(folder);
        _entries = entries.ToDictionary(entry => entry.Image);
        Images = [.. entries.Select(entry => entry.Image)];
    }

    /// <summary>The cell's record.</summary>
    public RunRecord Record { get; }

    /// <summary>Ids of the drawn images, those that every method's gallery has first.</summary>
    public IReadOnlyList<string> Images { get; }

    /// <summary>Names of the partial maps.</summary>
    public IEnumerable<string> Parts => _statistics.Distributions.Keys.Where(name => name != MapStatistics.MainMap);

    /// <summary>Reads the gallery of a cell.</summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="record">A record out of it.</param>
    /// <returns>Null where the cell was run without a gallery.</returns>
    /// <exception cref="UserError">The gallery is damaged, or older than the maps that figures need.</exception>
    public static CellPictures? Open(string run, RunRecord record)
    {
        var folder = Gallery.FolderOf(run, record.Cell);
        var index = Path.Combine(folder, Gallery.FileName);
        if (!File.Exists(index))
        {
            return null;
        }

        try
        {
            var entries = JsonSerializer.Deserialize<GalleryEntry[]>(File.ReadAllBytes(index), SnakeCaseJson.Options);
            return entries is { Length: > 0 } ? new CellPictures(folder, record, entries) : null;
        }
        catch (JsonException failure)
        {
            throw new UserError(
                $"{index} has no maps for figures; run its cell again with --force --gallery N ({failure.Message})",
                failure
            );
        }
    }

    /// <summary>What the gallery says of an image.</summary>
    public GalleryEntry this[string image] => _entries[image];

    /// <summary>The image that the model was shown.</summary>
    public Image Input(string image) => ImageFile.Read(Path.Combine(_folder, _entries[image].Input));

    /// <summary>The ground truth, one channel of 0 and 255; null where there is none.</summary>
    public Image? Mask(string image) => _entries[image].Mask is { } file ? ImageFile.ReadMask(Path.Combine(_folder, file)) : null;

    /// <summary>The image as the model restores it; null where it restores none.</summary>
    public Image? Reconstruction(string image) =>
        _entries[image].Reconstruction is { } file ? ImageFile.Read(Path.Combine(_folder, file)) : null;

    /// <summary>The values of one of an image's maps, <c>[H,W]</c>.</summary>
    /// <param name="image">The image's id.</param>
    /// <param name="name"><see cref="MapStatistics.MainMap"/> or one of <see cref="Parts"/>.</param>
    public NpyArray<float> Map(string image, string name = MapStatistics.MainMap) =>
        Npy.Read<float>(Path.Combine(_folder, _entries[image].Values[name]));

    /// <summary>How a map's values are spread over the whole test set.</summary>
    public MapDistribution Distribution(string name = MapStatistics.MainMap) => _statistics.Distributions[name];

    /// <summary>A threshold of the main map's pixels; null where the cell has none of this name.</summary>
    public float? Threshold(string name) => _statistics.Thresholds.TryGetValue(name, out var threshold) ? (float)threshold : null;
}
