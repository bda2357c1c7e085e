using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// What a folder holds of a user's data: not what systems and archives leave there, which is names that begin with a dot (.DS_Store,
/// ._x.png, .ipynb_checkpoints), @eaDir, __MACOSX and Thumbs.db.
/// </summary>
internal static class DataFolder
{
    private static readonly string[] Litter = ["@eaDir", "__MACOSX", "Thumbs.db", "desktop.ini"];

    /// <summary>Whether a file or a folder may be a user's.</summary>
    internal static bool IsData(string path)
    {
        var name = Path.GetFileName(path);
        return !name.StartsWith('.') && !Litter.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The subfolders, by name.</summary>
    internal static IEnumerable<string> Folders(string folder) =>
        Directory.GetDirectories(folder).Where(IsData).Order(StringComparer.Ordinal);

    /// <summary>The files with a picture's name, by name; none where there is no such folder.</summary>
    internal static IEnumerable<string> Pictures(string folder) =>
        Directory.Exists(folder)
            ? Directory.GetFiles(folder).Where(IsData).Where(ImageFile.HasImageName).Order(StringComparer.Ordinal)
            : [];
}
