using System.Text;

namespace Reproduction;

/// <summary>Tables with commas between their fields.</summary>
internal static class Csv
{
    /// <summary>A field as it is written: quoted where it holds a comma, a quotation mark or a line break.</summary>
    public static string Field(string text) =>
        text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    /// <summary>A file's rows, empty lines left out.</summary>
    /// <exception cref="UserError">It cannot be read, or a quotation mark is not closed.</exception>
    public static IReadOnlyList<IReadOnlyList<string>> Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path)) ?? throw new UserError($"{path}: a quotation mark is not closed");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({failure.Message})", failure);
        }
    }

    /// <summary>The rows of a text, empty lines left out; null where a quotation mark is not closed.</summary>
    public static List<IReadOnlyList<string>>? Parse(string text)
    {
        var rows = new List<IReadOnlyList<string>>();
        var (row, field, isQuoted) = (new List<string>(), new StringBuilder(), false);
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (isQuoted && letter == '"' && i + 1 < text.Length && text[i + 1] == '"')
            {
                field.Append('"');
                i++;
            }
            else if (letter == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (!isQuoted && letter == ',')
            {
                EndField();
            }
            else if (!isQuoted && letter is ('\n' or '\r'))
            {
                EndRow();
            }
            else
            {
                field.Append(letter);
            }
        }
        EndRow();
        return isQuoted ? null : rows;

        void EndField()
        {
            row.Add(field.ToString());
            field.Clear();
        }

        void EndRow()
        {
            if (row.Count > 0 || field.Length > 0)
            {
                EndField();
                rows.Add(row);
                row = [];
            }
        }
    }
}
