using System.Collections.Concurrent;
using System.Security.Cryptography;
using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>What reading every file of a category finds.</summary>
/// <param name="Errors">What makes a run fail or its numbers wrong: unreadable files, an image that is in train and in test.</param>
/// <param name="Warnings">What a user should know: empty masks, masks of another shape than their image, 16-bit images.</param>
/// <param name="Smallest">The image of least area, width and height in pixels.</param>
/// <param name="Largest">The image of greatest area.</param>
public sealed record DataFindings(
    IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings, (int Width, int Height) Smallest, (int Width, int Height) Largest);

/// <summary>Reads a whole category to find what is wrong with it before a long run does.</summary>
public static class DataCheck
{
    /// <summary>Masks and images may differ in size, but their sides' ratio by no more than this, or the mask lies wrongly on the image.</summary>
    private const double RatioTolerance = 0.02;

    /// <summary>Decodes every image and mask of a category.</summary>
    public static DataFindings Run(Category category)
    {
        var samples = category.Train.Concat(category.Test).ToArray();
        var (errors, warnings) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        var sizes = new (int Width, int Height)[samples.Length];
        var hashes = new string?[samples.Length];
        var deep = 0;
        Parallel.For(0, samples.Length, i =>
        {
            try
            {
                var image = samples[i].Load();
                sizes[i] = (image.Width, image.Height);
                hashes[i] = Convert.ToHexString(SHA256.HashData(image.Pixels));
                if (samples[i].IsFile && ImageFile.Inspect(samples[i].Path).BitDepth == 16)
                    Interlocked.Increment(ref deep);
                if (samples[i] is { Label: 1, MaskPath: { } mask })
                    CheckMask(mask, image, warnings.Add);
            }
            catch (UserError e)
            {
                errors.Add(e.Message);
            }
        });
        if (deep > 0)
            warnings.Add($"{deep} images have 16 bits a channel; they are rounded to 8");
        var trained = new Dictionary<string, Sample>();
        for (var i = 0; i < samples.Length; i++)
        {
            if (hashes[i] is not { } hash)
                continue;
            if (i < category.Train.Count)
                trained.TryAdd(hash, samples[i]);
            else if (trained.TryGetValue(hash, out var twin))
                errors.Add($"{samples[i].Path} ({samples[i].Id}): the same picture as {twin.Id}, on which models are trained; remove one of them");
        }
        var read = sizes.Where(size => size.Width > 0).DefaultIfEmpty().OrderBy(size => (long)size.Width * size.Height).ToArray();
        return new DataFindings([.. errors.Order(StringComparer.Ordinal)], [.. warnings.Order(StringComparer.Ordinal)], read[0], read[^1]);
    }

    private static void CheckMask(string path, Image image, Action<string> warn)
    {
        var mask = ImageFile.ReadMask(path);
        var ratio = (double)mask.Width / mask.Height / ((double)image.Width / image.Height);
        if (Math.Abs(ratio - 1) > RatioTolerance)
            warn($"{path}: {mask.Width} x {mask.Height} pixels for an image of {image.Width} x {image.Height}; the sides' ratios differ, the mask will be stretched");
        if (!mask.Pixels.Contains((byte)255))
            warn($"{path}: marks no pixel although its image is anomalous; it counts for the image metrics only");
    }
}
