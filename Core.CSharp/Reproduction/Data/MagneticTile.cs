using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// The magnetic tile defects of Huang et al. ("Saliency of magnetic tile surface defects") as published: MT_Free, MT_Blowhole, MT_Break,
/// MT_Crack, MT_Fray and MT_Uneven, each with Imgs/*.jpg (images of many sizes) and Imgs/*.png (masks). The usual protocol: 80% of the free
/// images train, the others and all defects test.
/// </summary>
internal static class MagneticTile
{
    private const string Name = "magnetic-tile";
    private const double TrainShare = 0.8;
    private static readonly string[] Defects = ["Blowhole", "Break", "Crack", "Fray", "Uneven"];

    internal static Dataset? TryOpen(string root, int seed) =>
        Directory.Exists(Path.Combine(root, "MT_Free")) ? new Dataset(Name, root, [Name], _ => Load(root, seed)) : null;

    private static Category Load(string root, int seed)
    {
        var free = ImagesOf(root, "Free");
        var (chosen, others) = Folds.HoldOut(free, (int)(TrainShare * free.Length), seed);
        var train = chosen.Select(file => new Sample(file, $"train/good/{Path.GetFileName(file)}", 0, "good", null)).ToArray();
        var good = others.Select(file => new Sample(file, $"test/good/{Path.GetFileName(file)}", 0, "good", null));
        var defective =
            from kind in Defects
            let defect = kind.ToLowerInvariant()
            from file in ImagesOf(root, kind)
            select new Sample(file, $"test/{defect}/{Path.GetFileName(file)}", 1, defect, MaskOf(file));
        return new Category(Name, Name, train, [.. good, .. defective]);
    }

    private static string[] ImagesOf(string root, string kind)
    {
        var folder = Path.Combine(root, $"MT_{kind}", "Imgs");
        string[] files = [.. DataFolder.Pictures(folder).Where(file => ImageFormats.OfName(file) == ImageFormats.Jpeg)];
        if (files.Length == 0)
        {
            throw new UserError($"{folder}: no JPEG images; unpack the whole magnetic tile data set");
        }

        return files;
    }

    private static string MaskOf(string image)
    {
        var mask = Path.ChangeExtension(image, ".png");
        return File.Exists(mask)
            ? mask
            : DataFolder
                .Pictures(Path.GetDirectoryName(image)!)
                .FirstOrDefault(file => mask.Equals(file, StringComparison.OrdinalIgnoreCase))
                ?? throw new UserError($"{mask}: the mask of {image} is missing; unpack the whole magnetic tile data set");
    }
}
