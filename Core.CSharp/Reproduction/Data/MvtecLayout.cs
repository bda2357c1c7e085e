using Reproduction.Imaging;
using Reproduction.Surfaces;

namespace Reproduction.Data;

/// <summary>
/// Folders as MVTec AD has them: <c>category/train/good/*</c>, <c>category/test/good/*</c>, <c>category/test/DEFECT/*</c> and
/// <c>category/ground_truth/DEFECT/STEM_mask.png</c> (or <c>STEM.png</c>, as in VisA), in any case and any format that is read. A category
/// without any ground_truth folder has image labels only. BTAD calls good parts <c>ok</c> in both folders; MVTec LOCO has a folder of masks
/// an image, <c>ground_truth/DEFECT/STEM/*.png</c>, one for each of its defects, and keeps <c>validation/good</c>, which is not used.
/// </summary>
internal static class MvtecLayout
{
    private const string Good = "good";

    private static readonly string[] OtherNamesOfGood = ["ok", "normal", "fine", "pass", "passed", "nominal", "defect_free", "no_defect"];

    private static readonly string[] Btad = ["01", "02", "03"];

    private static readonly string[] Loco = ["breakfast_box", "juice_bottle", "pushpins", "screw_bag", "splicing_connectors"];

    internal static Dataset? TryOpen(string root)
    {
        if (Directory.Exists(Path.Combine(root, "train")))
        {
            var parent = Path.GetDirectoryName(root) ?? root;
            var only = Path.GetFileName(root);
            return new Dataset(NameOf(parent, [only]), root, [only], name => Load(NameOf(parent, [only]), name, root));
        }
        var categories = DataFolder
            .Folders(root)
            .Where(folder => Directory.Exists(Path.Combine(folder, "train")))
            .Select(folder => Path.GetFileName(folder))
            .ToArray();
        if (categories.Length == 0)
        {
            return null;
        }

        var dataset = NameOf(root, categories);
        return new Dataset(dataset, root, categories, name => Load(dataset, name, Path.Combine(root, name)));
    }

    private static string NameOf(string root, IReadOnlyList<string> categories)
    {
        if (File.Exists(Path.Combine(root, SurfacesDataset.RecordName)))
        {
            SurfacesDataset.CheckVersion(root);
            return SurfacesDataset.Name;
        }
        return categories.All(MvtecAd.Categories.Contains) ? MvtecAd.Name
            : categories.All(Visa.Categories.Contains) ? Visa.Name
            : categories.All(Loco.Contains) ? "mvtec-loco"
            : categories.All(name => Btad.Contains(name) && Directory.Exists(Path.Combine(root, name, "train", "ok"))) ? "btad"
            : Path.GetFileName(root);
    }

    private static Category Load(string dataset, string name, string folder)
    {
        var called =
            Directory.Exists(Path.Combine(folder, "train", "ok")) && !Directory.Exists(Path.Combine(folder, "train", Good)) ? "ok" : Good;
        var good = Path.Combine(folder, "train", called);
        var train = DataFolder.Pictures(good).Select(file => new Sample(file, Id(folder, file), 0, "good", null)).ToArray();
        if (train.Length == 0)
        {
            throw new UserError($"{good}: no {ImageFormats.Names} images; put the normal images to train on there");
        }

        return new Category(dataset, name, train, [.. Test(folder, called)]);
    }

    private static IEnumerable<Sample> Test(string folder, string called)
    {
        var test = Path.Combine(folder, "test");
        if (!Directory.Exists(test))
        {
            return [];
        }

        var masks = Path.Combine(folder, "ground_truth");
        var hasMasks = Directory.Exists(masks);
        return DataFolder
            .Folders(test)
            .SelectMany(kind =>
            {
                var defect = KindOf(kind, called);
                string[] files = [.. DataFolder.Pictures(kind)];
                var found = defect == Good || !hasMasks ? null : MasksOf(Path.Combine(masks, defect), files);
                return files.Select(file => new Sample(file, Id(folder, file), defect == Good ? 0 : 1, defect, found?[file][0])
                {
                    FurtherMasks = found?[file][1..] ?? [],
                });
            });
    }

    /// <summary>The kind of defect that a folder's name says, "good" for none.</summary>
    /// <exception cref="UserError">The name means good parts, but is not the layout's: they would count as defects.</exception>
    private static string KindOf(string folder, string called)
    {
        var name = Path.GetFileName(folder);
        if (name.Equals(Good, StringComparison.OrdinalIgnoreCase) || name.Equals(called, StringComparison.OrdinalIgnoreCase))
        {
            return Good;
        }
        return OtherNamesOfGood.Contains(name, StringComparer.OrdinalIgnoreCase)
            ? throw new UserError(
                $"{folder}: its pictures would count as defects of the kind '{name}'; rename the folder to good if they are good ones"
            )
            : name;
    }

    /// <summary>The masks of each image of a kind of defect, at least one each.</summary>
    /// <exception cref="UserError">One is missing, or two images would share one.</exception>
    private static Dictionary<string, string[]> MasksOf(string folder, string[] images)
    {
        string[] there = [.. DataFolder.Pictures(folder)];
        var masks = new Dictionary<string, string[]>();
        var owners = new Dictionary<string, string>();
        foreach (var image in images)
        {
            // MVTec LOCO: a folder of the image's name.
            string[] several = [.. DataFolder.Pictures(Path.Combine(folder, Path.GetFileNameWithoutExtension(image)))];
            masks[image] = several.Length > 0 ? several : [MaskOf(folder, there, image)];
            var mask = masks[image][0];
            if (!owners.TryAdd(mask, image))
            {
                throw new UserError(
                    $"{mask}: would be the mask of both {owners[mask]} and {image}; give one of the two images another name, and its "
                        + "mask the same"
                );
            }
        }
        return masks;
    }

    private static string MaskOf(string folder, string[] there, string image)
    {
        var stem = Path.GetFileNameWithoutExtension(image);
        var candidates = ImageFormats
            .Extensions.SelectMany(extension => new[] { $"{stem}_mask{extension}", $"{stem}{extension}" })
            .ToArray();
        return Named(StringComparison.Ordinal)
            ?? Named(StringComparison.OrdinalIgnoreCase)
            ?? throw new UserError(
                $"{Path.Combine(folder, candidates[0])}: the mask of {image} is missing{Nearby()}; add it, or remove the ground_truth "
                    + "folder to use image labels only"
            );

        string? Named(StringComparison comparison) =>
            candidates
                .Select(name => there.FirstOrDefault(file => Path.GetFileName(file).Equals(name, comparison)))
                .FirstOrDefault(file => file is not null);

        string Nearby()
        {
            string[] names = Directory.Exists(folder)
                ?
                [
                    .. Directory
                        .GetFiles(folder)
                        .Where(DataFolder.IsData)
                        .Select(file => Path.GetFileName(file))
                        .Order(StringComparer.Ordinal),
                ]
                : [];
            var like = names
                .Where(name => name.StartsWith(stem, StringComparison.OrdinalIgnoreCase))
                .DefaultIfEmpty(names.FirstOrDefault())
                .First();
            return like is null ? "" : $" ({names.Length} files are there, such as {like})";
        }
    }

    private static string Id(string folder, string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');
}
