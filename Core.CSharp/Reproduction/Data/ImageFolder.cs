using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>Plain folders of photographs, without labels.</summary>
public static class ImageFolder
{
    /// <summary>The folders of a labelled data set: who names the folder above them would mix good, defective and masks.</summary>
    private static readonly string[] Labelled = ["train", "test", "ground_truth"];

    /// <summary>
    /// Names of pictures that are not read: taken for photographs all the same, so that they are refused one by one and not passed over.
    /// </summary>
    private static readonly string[] Unread =
    [
        ".gif",
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".j2k",
        ".jxl",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".orf",
        ".rw2",
        ".raw",
        ".ppm",
        ".pgm",
        ".pnm",
        ".exr",
        ".hdr",
        ".tga",
        ".psd",
        ".dcm",
    ];

    /// <summary>
    /// The photographs of a folder, in the order of their paths; or the one file that is named. A file is a photograph by its name or by
    /// its content. Folders below are looked into when there is no photograph at the top, or when asked for; links to folders never are.
    /// </summary>
    /// <param name="path">A folder or a file.</param>
    /// <param name="recursive">Looks into the folders below even where there are photographs at the top.</param>
    /// <param name="except">A folder that is passed over: the command's own output.</param>
    /// <returns>At least one sample, with label 0 and without mask; its id is the path relative to the folder.</returns>
    /// <exception cref="UserError">There is no such file or folder, no image in it, or it holds train, test or ground_truth.</exception>
    public static IReadOnlyList<Sample> Samples(string path, bool recursive = false, string? except = null)
    {
        if (File.Exists(path))
        {
            return [new Sample(path, Path.GetFileName(path), 0, "good", null)];
        }

        if (!Directory.Exists(path))
        {
            throw new UserError($"{path}: no such file or folder; give photographs or a folder of them");
        }

        RefuseLabelled(path);
        List<string> files = [.. Photographs(path)];
        if (recursive || files.Count == 0)
        {
            foreach (var folder in Below(path, Absolute(except)))
            {
                files.AddRange(Photographs(folder));
            }
        }
        return files.Count > 0
            ?
            [
                .. files
                    .Order(StringComparer.Ordinal)
                    .Select(file => new Sample(file, Path.GetRelativePath(path, file).Replace('\\', '/'), 0, "good", null)),
            ]
            : throw new UserError($"{path}: no {ImageFormats.Names} images in it; put the photographs there");
    }

    /// <summary>The files of a folder that are photographs now, perhaps none: pictures may be on their way.</summary>
    /// <param name="recursive">Of the folders below it, too.</param>
    /// <param name="except">A folder that is passed over.</param>
    /// <exception cref="UserError">There is no such folder, or it cannot be read.</exception>
    public static IReadOnlyList<string> Present(string folder, bool recursive, string? except)
    {
        try
        {
            return
            [
                .. (recursive ? Below(folder, Absolute(except)).Prepend(folder) : [folder])
                    .SelectMany(Photographs)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{folder}: cannot be read ({failure.Message})", failure);
        }
    }

    /// <summary>The photographs below a folder that <see cref="Samples"/> leaves out because there are some at the top.</summary>
    public static IReadOnlyList<string> LeftOut(string path, bool recursive = false, string? except = null) =>
        recursive || !Directory.Exists(path) || !Photographs(path).Any()
            ? []
            : [.. Below(path, Absolute(except)).SelectMany(Photographs).Order(StringComparer.Ordinal)];

    /// <summary>
    /// As <see cref="Samples"/>, of good photographs only: a folder of kinds of products, of which one is good, is refused.
    /// </summary>
    /// <exception cref="UserError">As <see cref="Samples"/>, or good stands among other folders.</exception>
    public static IReadOnlyList<Sample> Good(string path, bool recursive = false)
    {
        if (Directory.Exists(path))
        {
            string[] names = [.. DataFolder.Folders(path).Select(folder => Path.GetFileName(folder))];
            if (names.Length > 1 && names.FirstOrDefault(name => name.Equals("good", StringComparison.OrdinalIgnoreCase)) is { } good)
            {
                throw new UserError(
                    $"{path}: holds {good} beside {names.First(name => name != good)}; name the good photographs alone: "
                        + $"{Path.Combine(path, good)}",
                    exitCode: 2
                );
            }
        }
        return Samples(path, recursive);
    }

    private static string? Absolute(string? folder) => folder is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    private static IEnumerable<string> Below(string path, string? except)
    {
        foreach (var folder in DataFolder.Folders(path))
        {
            if (new DirectoryInfo(folder).LinkTarget is not null || Path.GetFullPath(folder) == except)
            {
                continue;
            }
            RefuseLabelled(folder);
            yield return folder;
            foreach (var below in Below(folder, except))
            {
                yield return below;
            }
        }
    }

    private static void RefuseLabelled(string path)
    {
        if (Labelled.FirstOrDefault(name => Directory.Exists(Path.Combine(path, name))) is { } found)
        {
            throw new UserError(
                $"{path}: holds {found}, so good, defective and masks would be mixed; name one folder of photographs, such as "
                    + $"{Path.Combine(path, "train", "good")}",
                exitCode: 2
            );
        }
    }

    private static IEnumerable<string> Photographs(string folder) =>
        Directory.GetFiles(folder).Where(DataFolder.IsData).Where(IsPhotograph).Order(StringComparer.Ordinal);

    private static bool IsPhotograph(string file) =>
        ImageFile.HasImageName(file)
        || Unread.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)
        || ImageFile.HasImageContent(file);
}
