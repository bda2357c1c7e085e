namespace Reproduction.Data;

/// <summary>What is known of MVTec AD beside its files. Its name is given to folders that hold its categories and no others.</summary>
public static class MvtecAd
{
    /// <summary>The data set's name.</summary>
    public const string Name = "mvtec";

    /// <summary><c>papers/mvtec.csv</c>, as Analysis.FSharp has it too: a category and its kind a row.</summary>
    private static readonly IReadOnlyList<IReadOnlyList<string>> Rows = Read();

    /// <summary>The 15 categories.</summary>
    public static IReadOnlyList<string> Categories { get; } = [.. Rows.Select(row => row[0])];

    private static readonly string[] Textures = [.. Rows.Where(row => row[1] == "texture").Select(row => row[0])];

    /// <summary>Whether a category is one of MVTec AD's five textures; a category of the same name in another data set is not.</summary>
    /// <param name="dataset">The data set's name.</param>
    /// <param name="category">The category's name.</param>
    public static bool IsTexture(string dataset, string category) => dataset == Name && Textures.Contains(category);

    private static List<IReadOnlyList<string>> Read()
    {
        using var text = new StreamReader(typeof(MvtecAd).Assembly.GetManifestResourceStream("mvtec.csv")!);
        return Csv.Parse(text.ReadToEnd())![1..];
    }
}
