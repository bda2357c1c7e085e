using System.Text;

namespace Reproduction.Data;

/// <summary>
/// VisA as published (Zou et al., "SPot-the-Difference"): <c>CATEGORY/Data/Images/{Normal,Anomaly}</c>, masks of classes in
/// <c>CATEGORY/Data/Masks/Anomaly</c>, and the split in <c>split_csv/1cls.csv</c> with the columns object, split, label, image, mask. In
/// its
/// one-class layout, which the authors' script writes, it is read as <see cref="MvtecLayout"/>.
/// </summary>
internal static class Visa
{
    /// <summary>The data set's name.</summary>
    public const string Name = "visa";

    private static readonly string[] Columns = ["object", "split", "label", "image", "mask"];

    /// <summary>The 12 categories.</summary>
    public static IReadOnlyList<string> Categories { get; } =
    ["candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1", "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4", "pipe_fryum"];

    internal static Dataset? TryOpen(string root)
    {
        var table = Path.Combine(root, "split_csv", "1cls.csv");
        if (!File.Exists(table))
        {
            return null;
        }
        var rows = Rows(table);
        return new Dataset(
            Name,
            root,
            [.. rows.Select(row => row[0]).Distinct()],
            name => Load(root, table, name, [.. rows.Where(row => row[0] == name)])
        );
    }

    private static List<string[]> Rows(string table)
    {
        string[] lines = [.. File.ReadAllLines(table, Encoding.UTF8).Where(line => line.Trim().Length > 0)];
        if (lines.Length == 0 || !lines[0].Split(',').SequenceEqual(Columns))
        {
            throw new UserError($"{table}: its first line is not '{string.Join(',', Columns)}'; take the file that VisA is published with");
        }
        List<string[]> rows = [.. lines[1..].Select(line => line.Split(','))];
        return
            rows.FindIndex(row =>
                row.Length != Columns.Length || row[1] is not ("train" or "test") || row[2] is not ("normal" or "anomaly")
            )
                is var wrong
                    and >= 0
            ? throw new UserError($"{table}: line {wrong + 2} is not object, train or test, normal or anomaly, image, mask")
            : rows;
    }

    private static Category Load(string root, string table, string name, string[][] rows)
    {
        var samples = rows.ToLookup(row => row[1], row => SampleOf(root, table, row));
        Sample[] train = [.. samples["train"].Where(sample => sample.Label == 0)];
        return train.Length > 0
            ? new Category(Name, name, train, [.. samples["test"]])
            : throw new UserError($"{table}: has no normal training image of {name}");
    }

    private static Sample SampleOf(string root, string table, string[] row)
    {
        var isNormal = row[2] == "normal";
        var image = Existing(row[3]);
        return new Sample(
            image,
            $"{row[1]}/{(isNormal ? "good" : "anomaly")}/{Path.GetFileName(image)}",
            isNormal ? 0 : 1,
            isNormal ? "good" : "anomaly",
            isNormal || row[4].Length == 0 ? null : Existing(row[4])
        );

        string Existing(string file)
        {
            var path = Path.Combine(root, file.Replace('/', Path.DirectorySeparatorChar));
            return File.Exists(path) ? path : throw new UserError($"{path}: is named in {table} and missing; unpack the whole of VisA");
        }
    }
}
