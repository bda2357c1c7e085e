using Reproduction.Data;
using Reproduction.Imaging;

namespace Reproduction.Models;

/// <summary>Photographs that a model is fitted on or judges, in a fixed order: files, or images in memory.</summary>
public sealed class Photographs
{
    private Photographs(string name, IReadOnlyList<Sample> samples, IReadOnlyList<string> leftOut) =>
        (Name, Samples, LeftOut) = (name, samples, leftOut);

    /// <summary>The product that they show: the folder's name; empty for images in memory.</summary>
    public string Name { get; }

    /// <summary>How many there are.</summary>
    public int Count => Samples.Count;

    /// <summary>Paths of the photographs in folders below, which were not taken because there are some at the top.</summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>The photographs, without labels.</summary>
    internal IReadOnlyList<Sample> Samples { get; }

    /// <summary>
    /// The photographs of good products in a folder, to fit a model on; a folder of kinds, of which one is good, is refused.
    /// </summary>
    /// <param name="folder">Of folders below it, photographs are taken only where it has none itself.</param>
    /// <param name="recursive">Takes those of folders below in any case.</param>
    /// <exception cref="UserError">There is no such folder, no image in it, or it holds others than good ones.</exception>
    public static Photographs Good(string folder, bool recursive = false) =>
        new(NameOf(folder), ImageFolder.Good(folder, recursive), ImageFolder.LeftOut(folder, recursive));

    /// <summary>The photographs of a folder, or one file.</summary>
    /// <inheritdoc cref="In(IReadOnlyList{string}, bool, string?)"/>
    public static Photographs In(string path, bool recursive = false) => In([path], recursive);

    /// <summary>The photographs of several folders and files, each once.</summary>
    /// <param name="paths">Folders and files, at least one.</param>
    /// <param name="recursive">Takes those of folders below in any case, not only where a folder has none itself.</param>
    /// <param name="except">A folder that is passed over: what is written there is no photograph the next time.</param>
    /// <exception cref="UserError">There is no such file or folder, or no image in it.</exception>
    public static Photographs In(IReadOnlyList<string> paths, bool recursive = false, string? except = null)
    {
        Sample[] samples =
        [
            .. paths
                .SelectMany(path => ImageFolder.Samples(path, recursive, except).Select(sample => sample with { Id = sample.Path }))
                .DistinctBy(sample => Path.GetFullPath(sample.Path)),
        ];
        var taken = samples.Select(sample => Path.GetFullPath(sample.Path)).ToHashSet();
        string[] left =
        [
            .. paths
                .SelectMany(path => ImageFolder.LeftOut(path, recursive, except))
                .Where(path => !taken.Contains(Path.GetFullPath(path)))
                .Distinct(),
        ];
        return new Photographs(NameOf(paths[0]), samples, left);
    }

    /// <summary>Images in memory; in messages and judgements they are called "image 0" and so on.</summary>
    /// <param name="images">Of any size, grey or RGB; at least one.</param>
    /// <exception cref="UserError">There is none.</exception>
    public static Photographs Of(IReadOnlyList<Image> images) =>
        images.Count > 0
            ? new Photographs(
                "",
                [
                    .. images.Select(
                        (image, index) => new Sample($"image {index}", $"image {index}", 0, "good", null) { Pixels = () => image }
                    ),
                ],
                []
            )
            : throw new UserError("there are no photographs; give at least one", exitCode: 2);

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}
