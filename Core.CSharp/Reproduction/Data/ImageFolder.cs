using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>Plain folders of photographs, without labels.</summary>
public static class ImageFolder
{
    /// <summary>
    /// Every file with a picture's name (<see cref="ImageFile.HasImageName"/>) in a folder and below it, in the order of their paths; or the
    /// one file that is named.
    /// </summary>
    /// <returns>At least one sample, with label 0 and without mask; its id is the path relative to the folder.</returns>
    /// <exception cref="UserError">There is no such file or folder, or no image in it.</exception>
    public static IReadOnlyList<Sample> Samples(string path)
    {
        if (File.Exists(path)) return [new Sample(path, Path.GetFileName(path), 0, "good", null)];
        if (!Directory.Exists(path)) throw new UserError($"{path}: no such file or folder; give photographs or a folder of them");
        var samples = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Where(ImageFile.HasImageName)
            .Order(StringComparer.Ordinal)
            .Select(file => new Sample(file, Path.GetRelativePath(path, file).Replace('\\', '/'), 0, "good", null))
            .ToArray();
        return samples.Length > 0
            ? samples
            : throw new UserError($"{path}: no {ImageFormats.Names} images in it; put the photographs there");
    }
}
