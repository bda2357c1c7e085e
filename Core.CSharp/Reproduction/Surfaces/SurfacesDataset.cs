using System.Text.Json;
using Reproduction.Imaging;

namespace Reproduction.Surfaces;

/// <summary>How many images a category of Surfaces gets.</summary>
/// <param name="Train">Good images to train on.</param>
/// <param name="TestGood">Good images to test on.</param>
/// <param name="PerDefect">Test images of each kind of defect.</param>
public sealed record SurfacesCounts(int Train = 80, int TestGood = 16, int PerDefect = 5);

/// <summary>
/// A procedural data set in MVTec layout: six textures and four objects, photographed 256 x 256 under varying light, with eight kinds of
/// defects and their exact masks. It needs no download and its images are nobody's, so that everything can be tried with it. A seed gives
/// the same files on every machine: only arithmetic that IEEE 754 prescribes is used, and PNG's settings are fixed (the same pixels give
/// the same file with the same version of Skia).
/// </summary>
public static class SurfacesDataset
{
    /// <summary>The data set's name.</summary>
    public const string Name = "surfaces";

    /// <summary>The file beside the categories that says how they were made, and by which the folder is recognised.</summary>
    public const string RecordName = "surfaces.json";

    /// <summary>Counts up when the same seed gives other images than before.</summary>
    public const int Version = 2;

    private static readonly IReadOnlyList<SurfaceKind> Kinds = [.. SurfaceKind.Textures, .. SurfaceKind.Objects];

    /// <summary>The categories' names: textures, then objects.</summary>
    public static IReadOnlyList<string> CategoryNames { get; } = [.. Kinds.Select(kind => kind.Name)];

    /// <summary>Writes the data set; files that are there already are overwritten.</summary>
    /// <param name="folder">Where the categories go.</param>
    /// <param name="seed">Chooses every specimen and every defect.</param>
    /// <param name="counts">How many images a category gets.</param>
    /// <param name="progress">Told how many of how many images are written; from several threads.</param>
    /// <exception cref="UserError">The folder cannot be written.</exception>
    public static void Write(string folder, int seed, SurfacesCounts counts, Action<int, int>? progress = null)
    {
        var images = Kinds.SelectMany(kind => Plan(kind, counts)).ToArray();
        try
        {
            foreach (
                var directory in images
                    .SelectMany(image => image.Files)
                    .Select(file => Path.GetDirectoryName(Path.Combine(folder, file))!)
                    .Distinct()
            )
            {
                Directory.CreateDirectory(directory);
            }

            var written = 0;
            Parallel.ForEach(
                images,
                image =>
                {
                    var (photograph, mask) = Render(image, seed);
                    ImageFile.Write(Path.Combine(folder, image.File), photograph);
                    if (mask is not null)
                    {
                        ImageFile.Write(Path.Combine(folder, image.MaskFile), mask);
                    }

                    progress?.Invoke(Interlocked.Increment(ref written), images.Length);
                }
            );
            File.WriteAllText(Path.Combine(folder, RecordName), RecordOf(seed, counts));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{folder}: cannot be written ({e.Message}); give another folder with {ApiName.SurfacesFolder}", e);
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<UserError>().FirstOrDefault() is { } error)
        {
            throw new UserError(error.Message, e, error.ExitCode);
        }
    }

    /// <summary>
    /// Whether a folder holds what <see cref="Write"/> would put there: its record, which is written last, names this version, seed and
    /// counts. The images themselves are not looked at.
    /// </summary>
    public static bool IsWritten(string folder, int seed, SurfacesCounts counts)
    {
        var record = Path.Combine(folder, RecordName);
        return File.Exists(record) && File.ReadAllText(record) == RecordOf(seed, counts);
    }

    /// <summary>
    /// Refuses a folder that another version of the generator wrote: its images are others under the same names, and measurements on them
    /// belong in no table with those on this version's.
    /// </summary>
    /// <exception cref="UserError">The record names another version, or none.</exception>
    internal static void CheckVersion(string folder)
    {
        var file = Path.Combine(folder, RecordName);
        int? version = null;
        try
        {
            using var record = JsonDocument.Parse(File.ReadAllText(file));
            version = record.RootElement.GetProperty("version").GetInt32();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException) { }
        if (version != Version)
        {
            throw new UserError(
                $"{file}: made by {(version is null ? "an unknown version" : $"version {version}")} of Surfaces, and this program's is "
                    + $"{Version}, whose images differ; write it anew with 'repro data surfaces'"
            );
        }
    }

    private static string RecordOf(int seed, SurfacesCounts counts) =>
        JsonSerializer.Serialize(
            new
            {
                dataset = Name,
                version = Version,
                seed,
                train = counts.Train,
                test_good = counts.TestGood,
                per_defect = counts.PerDefect,
            }
        ) + "\n";

    /// <summary>One image of a category without writing it.</summary>
    /// <param name="category">One of <see cref="CategoryNames"/>.</param>
    /// <param name="split">"train" or "test".</param>
    /// <param name="defect">"good" or a defect's name as in the folders.</param>
    /// <param name="index">The image's number, from 0.</param>
    /// <returns>RGB, and the mask of a defective image: one channel, 0 and 255.</returns>
    public static (Image Photograph, Image? Mask) Render(string category, string split, string defect, int index, int seed)
    {
        var kind = Kinds.Single(kind => kind.Name == category);
        return Render(
            new Planned(kind, split, defect == "good" ? null : kind.Defects.Single(candidate => NameOf(candidate) == defect), index),
            seed
        );
    }

    private sealed record Planned(SurfaceKind Kind, string Split, DefectKind? Defect, int Index)
    {
        internal string Folder => Defect is { } defect ? NameOf(defect) : "good";

        internal string File => $"{Kind.Name}/{Split}/{Folder}/{Index:D3}.png";

        internal string MaskFile => $"{Kind.Name}/ground_truth/{Folder}/{Index:D3}_mask.png";

        internal IEnumerable<string> Files => Defect is null ? [File] : [File, MaskFile];
    }

    private static IEnumerable<Planned> Plan(SurfaceKind kind, SurfacesCounts counts) =>
        [
            .. Enumerable.Range(0, counts.Train).Select(i => new Planned(kind, "train", null, i)),
            .. Enumerable.Range(0, counts.TestGood).Select(i => new Planned(kind, "test", null, i)),
            .. kind.Defects.SelectMany(defect => Enumerable.Range(0, counts.PerDefect).Select(i => new Planned(kind, "test", defect, i))),
        ];

    private static string NameOf(DefectKind defect) =>
        defect == DefectKind.MissingPart ? "missing_part" : defect.ToString().ToLowerInvariant();

    private static (Image Photograph, Image? Mask) Render(Planned image, int seed)
    {
        SplitMix64 Draw(string what) => SplitMix64.For((ulong)seed, $"{image.File} {what}");

        var camera = Draw("camera");
        if (image.Defect is not { } defect)
        {
            return (Camera.Draw(camera).Photograph(Paint(null, ""), camera), null);
        }

        var sound = Paint(null, "");
        // A defect may by chance be too faint or too small to count, or lie where a painter has nothing to break: draw again.
        for (var attempt = 0; ; attempt++)
        {
            const int leastArea = 25;
            Scene defective;
            if (defect is DefectKind.MissingPart or DefectKind.Misprint)
            {
                defective = Paint(defect, $"fault {attempt}");
            }
            else
            {
                var random = Draw($"defect {attempt}");
                defective = sound.Copy();
                var (least, most) = image.Kind.Strength;
                Defects.Apply(defective, defect, random.NextFloat(least, most), random);
            }
            var mask = defective.Difference(sound);
            if (mask.Pixels.Count(value => value != 0) >= leastArea)
            {
                return (Camera.Draw(camera).Photograph(defective, camera), mask);
            }
        }

        Scene Paint(DefectKind? fault, string what)
        {
            var scene = new Scene();
            image.Kind.Paint(scene, Draw("specimen"), new Fault(fault, Draw(what)));
            return scene;
        }
    }
}
