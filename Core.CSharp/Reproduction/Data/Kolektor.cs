namespace Reproduction.Data;

/// <summary>
/// The Kolektor surface defects as published. KolektorSDD (Tabernik et al., 2019): <c>kos01</c> to <c>kos50</c>, each with
/// <c>Part0.jpg</c> and <c>Part0_label.bmp</c> and so on; as it comes with no split for training on good parts only, 80% of the good ones
/// train, the others and all defects test. KolektorSDD2 (Božič et al., 2021): <c>train</c> and <c>test</c> with <c>10301.png</c> and
/// <c>10301_GT.png</c>; the defects of its training part are left out. An image is defective where its mask marks a pixel.
/// </summary>
internal static class Kolektor
{
    private const double TrainShare = 0.8;

    internal static Dataset? TryOpen(string root, int seed)
    {
        if (DataFolder.Folders(root).Where(IsItem).ToArray() is { Length: > 0 } items)
        {
            const string name = "kolektor-sdd";
            return new Dataset(name, root, [name], _ => First(name, items, seed));
        }
        if (HasTruth(Path.Combine(root, "train")) && HasTruth(Path.Combine(root, "test")))
        {
            const string name = "kolektor-sdd2";
            return new Dataset(name, root, [name], _ => Second(name, root));
        }
        return null;

        static bool IsItem(string folder) =>
            Path.GetFileName(folder).StartsWith("kos", StringComparison.Ordinal)
            && DataFolder.Pictures(folder).Any(file => Path.GetFileNameWithoutExtension(file).EndsWith("_label", StringComparison.Ordinal));

        static bool HasTruth(string folder) => DataFolder.Pictures(folder).Any(file => IsMask(file, "_GT"));
    }

    private static Category First(string name, string[] items, int seed)
    {
        Sample[] samples = [.. items.SelectMany(item => Samples(item, "_label", $"test/{{0}}/{Path.GetFileName(item)}-"))];
        Sample[] good = [.. samples.Where(sample => sample.Label == 0)];
        var (chosen, others) = Folds.HoldOut(good, (int)(TrainShare * good.Length), seed);
        var train = chosen.Select(sample => sample with { Id = sample.Id.Replace("test/", "train/", StringComparison.Ordinal) });
        return Checked(name, items[0], [.. train], [.. others, .. samples.Where(sample => sample.Label == 1)]);
    }

    private static Category Second(string name, string root)
    {
        var train = Samples(Path.Combine(root, "train"), "_GT", "train/{0}/").Where(sample => sample.Label == 0);
        return Checked(name, Path.Combine(root, "train"), [.. train], [.. Samples(Path.Combine(root, "test"), "_GT", "test/{0}/")]);
    }

    private static Category Checked(string name, string folder, Sample[] train, Sample[] test) =>
        train.Length > 0
            ? new Category(name, name, train, test)
            : throw new UserError($"{folder}: no image whose mask is empty; at least one good image is needed to train on");

    private static IEnumerable<Sample> Samples(string folder, string suffix, string id)
    {
        string[] files = [.. DataFolder.Pictures(folder)];
        return files.Where(file => !IsMask(file, suffix)).Select(file => Of(file));

        Sample Of(string file)
        {
            var name = Path.GetFileNameWithoutExtension(file) + suffix;
            var mask =
                files.FirstOrDefault(other => Path.GetFileNameWithoutExtension(other) == name)
                ?? throw new UserError($"{Path.Combine(folder, name)}: the mask of {file} is missing; unpack the whole data set");
            var defect = Imaging.ImageFile.ReadMask(mask).Pixels.AsSpan().ContainsAnyExcept((byte)0) ? "defect" : "good";
            var label = defect == "good" ? 0 : 1;
            return new Sample(file, string.Format(null, id, defect) + Path.GetFileName(file), label, defect, label == 1 ? mask : null);
        }
    }

    private static bool IsMask(string file, string suffix) =>
        Path.GetFileNameWithoutExtension(file).EndsWith(suffix, StringComparison.Ordinal);
}
