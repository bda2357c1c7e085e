using Reproduction;

namespace Repro.Verbs;

/// <summary>Which pictures show defects, by the folders that they lie in or by a table.</summary>
internal sealed class ScoreLabels
{
    /// <summary>What is given for the labels of folders.</summary>
    public const string Folders = "folders";

    private static readonly string[] Good = ["good", "ok", "normal", "0"];

    private readonly Func<string, bool?> _find;

    private ScoreLabels(Func<string, bool?> find) => _find = find;

    /// <summary>Reads labels.</summary>
    /// <param name="source"><see cref="Folders"/>, or a CSV file with the columns path and label.</param>
    /// <exception cref="UserError">There is no such file, or it is no table of labels.</exception>
    public static ScoreLabels Read(string source) =>
        source == Folders ? new ScoreLabels(path => !IsGood(Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path))) ?? ""))
        : File.Exists(source) ? new ScoreLabels(Table(source))
        : throw new UserError(
            $"--labels {source}: no such file; give a CSV file with the columns path and label, or 'folders' for pictures in folders "
                + $"called {string.Join(", ", Good.SkipLast(1))} and others",
            exitCode: 2
        );

    /// <summary>Whether a picture shows a defect; null where that is not known.</summary>
    public bool? Of(string path) => _find(path);

    private static bool IsGood(string label) => Good.Contains(label.Trim(), StringComparer.OrdinalIgnoreCase);

    /// <summary>Paths are taken as they stand, else from the table's folder; a name alone does where it is unique in the table.</summary>
    private static Func<string, bool?> Table(string file)
    {
        var rows = Csv.Read(file);
        if (rows.Count == 0 || Column("path") is not { } path || Column("label") is not { } label)
        {
            throw new UserError($"{file}: is no table of labels; its first line must name the columns path and label", exitCode: 2);
        }
        var (whole, names) = (new Dictionary<string, bool>(), new Dictionary<string, bool?>());
        foreach (var (index, row) in rows.Index().Skip(1))
        {
            if (row.Count <= Math.Max(path, label) || row[path].Length == 0 || row[label].Length == 0)
            {
                throw new UserError($"{file}: row {index + 1} has no path or no label", exitCode: 2);
            }
            var isDefective = !IsGood(row[label]);
            whole[Path.GetFullPath(row[path])] = isDefective;
            whole[Path.GetFullPath(row[path], Path.GetDirectoryName(Path.GetFullPath(file))!)] = isDefective;
            var name = Path.GetFileName(row[path]);
            names[name] = names.ContainsKey(name) ? null : isDefective;
        }
        return picture =>
            whole.TryGetValue(Path.GetFullPath(picture), out var known) ? known : names.GetValueOrDefault(Path.GetFileName(picture));

        int? Column(string name) =>
            rows[0]
                .Index()
                .Where(field => field.Item.Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                .Select(field => (int?)field.Index)
                .FirstOrDefault();
    }
}
