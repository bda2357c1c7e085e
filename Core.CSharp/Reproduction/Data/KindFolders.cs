using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// One product with a folder a kind and no split, as anomalib's Folder takes it: <c>good</c>, a folder for each kind of defect, and perhaps
/// <c>mask</c> (or <c>masks</c>, <c>ground_truth</c>) with a folder a kind or the masks themselves. 80% of the good images train, the
/// others
/// and all defects test. A kind without masks has image labels only.
/// </summary>
internal static class KindFolders
{
    private const double TrainShare = 0.8;
    private const string Good = "good";
    private static readonly string[] NamesOfMasks = ["mask", "masks", "ground_truth"];

    internal static Dataset? TryOpen(string root, int seed)
    {
        string[] kinds = [.. DataFolder.Folders(root).Where(folder => DataFolder.Pictures(folder).Any())];
        if (
            kinds.All(folder => Path.GetFileName(folder) != Good)
            || kinds.All(folder => Path.GetFileName(folder) == Good || IsMasks(folder))
        )
        {
            return null;
        }
        var name = Path.GetFileName(root);
        return new Dataset(name, root, [name], _ => Load(root, name, seed));
    }

    private static Category Load(string root, string name, int seed)
    {
        string[] good = [.. DataFolder.Pictures(Path.Combine(root, Good))];
        var (train, others) = Folds.HoldOut(good, (int)Math.Ceiling(TrainShare * good.Length), seed);
        var masks = DataFolder.Folders(root).FirstOrDefault(IsMasks);
        var defects = DataFolder
            .Folders(root)
            .Where(folder => Path.GetFileName(folder) != Good && !IsMasks(folder))
            .SelectMany(folder => Defects(folder, masks));
        return new Category(
            name,
            name,
            [.. train.Select(file => GoodSample(file, "train"))],
            [.. others.Select(file => GoodSample(file, "test")), .. defects]
        );
    }

    private static Sample GoodSample(string file, string split) => new(file, $"{split}/{Good}/{Path.GetFileName(file)}", 0, Good, null);

    private static IEnumerable<Sample> Defects(string folder, string? masks)
    {
        var kind = Path.GetFileName(folder);
        string[] there = masks is null ? [] : [.. DataFolder.Pictures(Path.Combine(masks, kind))];
        // Masks without folders of their own: by the images' names, which then are unlike in all kinds.
        there = there.Length == 0 && masks is not null ? [.. DataFolder.Pictures(masks)] : there;
        return DataFolder.Pictures(folder).Select(file => new Sample(file, $"test/{kind}/{Path.GetFileName(file)}", 1, kind, MaskOf(file)));

        string? MaskOf(string file)
        {
            var stem = Path.GetFileNameWithoutExtension(file);
            return there.FirstOrDefault(mask =>
                    Path.GetFileNameWithoutExtension(mask) is var name && (name == stem || name == stem + "_mask")
                )
                ?? (
                    there.Length == 0
                        ? null
                        : throw new UserError(
                            $"{file}: has no mask among the {there.Length} of {Path.GetDirectoryName(there[0])}, such as "
                                + $"{Path.GetFileName(there[0])}; add {stem}{ImageFormats.Extensions[0]} or remove that folder"
                        )
                );
        }
    }

    private static bool IsMasks(string folder) => NamesOfMasks.Contains(Path.GetFileName(folder), StringComparer.OrdinalIgnoreCase);
}
