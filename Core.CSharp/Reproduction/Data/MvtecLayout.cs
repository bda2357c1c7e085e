using Reproduction.Imaging;
using Reproduction.Surfaces;

namespace Reproduction.Data;

/// <summary>
/// Folders as MVTec AD has them: <c>category/train/good/*</c>, <c>category/test/good/*</c>, <c>category/test/DEFECT/*</c> and
/// <c>category/ground_truth/DEFECT/STEM_mask.png</c> (or <c>STEM.png</c>, as in VisA). A category without any ground_truth folder has image
/// labels only.
/// </summary>
internal static class MvtecLayout
{
    private static readonly string[] Visa =
    [
        "candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1", "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4", "pipe_fryum",
    ];

    internal static Dataset? TryOpen(string root)
    {
        if (Directory.Exists(Path.Combine(root, "train")))
        {
            var parent = Path.GetDirectoryName(root) ?? root;
            var only = Path.GetFileName(root);
            return new Dataset(NameOf(parent, [only]), root, [only], name => Load(NameOf(parent, [only]), name, root));
        }
        var categories = Directory.GetDirectories(root)
            .Where(folder => Directory.Exists(Path.Combine(folder, "train")))
            .Select(folder => Path.GetFileName(folder))
            .Order(StringComparer.Ordinal)
            .ToArray();
        if (categories.Length == 0)
            return null;
        var dataset = NameOf(root, categories);
        return new Dataset(dataset, root, categories, name => Load(dataset, name, Path.Combine(root, name)));
    }

    private static string NameOf(string root, IReadOnlyList<string> categories) =>
        File.Exists(Path.Combine(root, SurfacesDataset.RecordName)) ? SurfacesDataset.Name
        : categories.All(MvtecAd.Categories.Contains) ? MvtecAd.Name
        : categories.All(Visa.Contains) ? "visa"
        : Path.GetFileName(root);

    private static Category Load(string dataset, string name, string folder)
    {
        var good = Path.Combine(folder, "train", "good");
        var train = ImagesIn(good).Select(file => new Sample(file, Id(folder, file), 0, "good", null)).ToArray();
        if (train.Length == 0)
            throw new UserError($"{good}: no {ImageFormats.Names} images; put the normal images to train on there");
        return new Category(dataset, name, train, [.. Test(folder)]);
    }

    private static IEnumerable<Sample> Test(string folder)
    {
        var test = Path.Combine(folder, "test");
        if (!Directory.Exists(test))
            return [];
        var masks = Path.Combine(folder, "ground_truth");
        var hasMasks = Directory.Exists(masks);
        return
            from kind in Directory.GetDirectories(test).Order(StringComparer.Ordinal)
            let defect = Path.GetFileName(kind)
            from file in ImagesIn(kind)
            let isGood = defect == "good"
            let mask = isGood || !hasMasks ? null : MaskOf(Path.Combine(masks, defect), file)
            select new Sample(file, Id(folder, file), isGood ? 0 : 1, defect, mask);
    }

    private static string MaskOf(string folder, string image)
    {
        var stem = Path.GetFileNameWithoutExtension(image);
        var candidates = ImageFormats.Extensions
            .SelectMany(extension => new[] { $"{stem}_mask{extension}", $"{stem}{extension}" })
            .ToArray();
        return candidates.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new UserError($"{Path.Combine(folder, candidates[0])}: the mask of {image} is missing; add it, or remove the ground_truth folder to use image labels only");
    }

    private static IEnumerable<string> ImagesIn(string folder) => Directory.Exists(folder)
        ? Directory.GetFiles(folder).Where(ImageFile.HasImageName).Order(StringComparer.Ordinal)
        : [];

    private static string Id(string folder, string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');
}
