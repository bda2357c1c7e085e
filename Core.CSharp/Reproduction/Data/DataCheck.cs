using System.Collections.Concurrent;
using System.Security.Cryptography;
using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>What reading every file of a category finds.</summary>
/// <param name="Errors">What makes a run fail or its numbers wrong: unreadable files, an image that is in train and in test, or good and
/// defective.</param>
/// <param name="Warnings">What a user should know: empty masks, masks of another shape than their image, grey or inverted ones, 16-bit
/// images.</param>
/// <param name="Smallest">The image of least area, width and height in pixels.</param>
/// <param name="Largest">The image of greatest area.</param>
public sealed record DataFindings(
    IReadOnlyList<string> Errors,
    IReadOnlyList<string> Warnings,
    (int Width, int Height) Smallest,
    (int Width, int Height) Largest
);

/// <summary>Reads a whole category to find what is wrong with it before a long run does.</summary>
public static class DataCheck
{
    /// <summary>
    /// Masks and images may differ in size, but their sides' ratio by no more than this, or the mask lies wrongly on the image.
    /// </summary>
    private const double RatioTolerance = 0.02;

    /// <summary>Decodes every image and mask of a category.</summary>
    public static DataFindings Run(Category category)
    {
        var samples = category.Train.Concat(category.Test).ToArray();
        var (errors, warnings) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        var sizes = new (int Width, int Height)[samples.Length];
        var hashes = new string?[samples.Length];
        var deep = 0;
        var masks = new MaskFindings();
        Parallel.For(
            0,
            samples.Length,
            i =>
            {
                try
                {
                    var image = samples[i].Load();
                    sizes[i] = (image.Width, image.Height);
                    hashes[i] = Convert.ToHexString(SHA256.HashData(image.Pixels));
                    if (samples[i].IsFile && ImageFile.Inspect(samples[i].Path).BitDepth == 16)
                    {
                        Interlocked.Increment(ref deep);
                    }

                    if (samples[i] is { Label: 1, MaskPath: not null })
                    {
                        masks.Check(samples[i], image, warnings.Add);
                    }
                }
                catch (UserError e)
                {
                    errors.Add(e.Message);
                }
            }
        );
        if (deep > 0)
        {
            warnings.Add($"{deep} images have 16 bits a channel; they are rounded to 8");
        }

        masks.Tell(warnings.Add);
        Twins(category, samples, hashes, errors.Add);
        var read = sizes.Where(size => size.Width > 0).DefaultIfEmpty().OrderBy(size => (long)size.Width * size.Height).ToArray();
        return new DataFindings([.. errors.Order(StringComparer.Ordinal)], [.. warnings.Order(StringComparer.Ordinal)], read[0], read[^1]);
    }

    /// <summary>Only the warnings, from the defective images and their masks: what makes a run's numbers other than they seem.</summary>
    /// <returns>None for files that cannot be read: those fail the run, with their name.</returns>
    public static IReadOnlyList<string> Warnings(Category category)
    {
        var warnings = new ConcurrentBag<string>();
        var masks = new MaskFindings();
        Parallel.ForEach(
            category.Test.Where(sample => sample is { Label: 1, MaskPath: not null }),
            sample =>
            {
                try
                {
                    masks.Check(sample, sample.Load(), warnings.Add);
                }
                catch (UserError)
                {
                    // The run names it.
                }
            }
        );
        masks.Tell(warnings.Add);
        return [.. warnings.Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// Pictures that are there twice where it matters: in training and test, or in the test both as good and as defective.
    /// </summary>
    private static void Twins(Category category, Sample[] samples, string?[] hashes, Action<string> tell)
    {
        var (trained, tested) = (new Dictionary<string, Sample>(), new Dictionary<string, Sample>());
        for (var i = 0; i < samples.Length; i++)
        {
            if (hashes[i] is not { } hash)
            {
                continue;
            }
            var sample = samples[i];
            if (i < category.Train.Count)
            {
                trained.TryAdd(hash, sample);
                continue;
            }
            if (trained.TryGetValue(hash, out var twin))
            {
                tell($"{sample.Path} ({sample.Id}): the same picture as {twin.Id}, on which models are trained; remove one of them");
            }
            if (!tested.TryAdd(hash, sample) && tested[hash].Label != sample.Label)
            {
                tell(
                    $"{sample.Path} ({sample.Id}): the same picture as {tested[hash].Id}; it cannot be good and defective, remove one "
                        + "of them"
                );
            }
        }
    }

    /// <summary>What the masks of a category have in common; any number of threads may check.</summary>
    private sealed class MaskFindings
    {
        /// <summary>A defect that covers more of its image than this is more likely the background of an inverted mask.</summary>
        private const double NearlyAll = 0.9;

        private readonly ConcurrentBag<string> _between = [];
        private int _masks;
        private int _corners;

        internal void Check(Sample sample, Image image, Action<string> warn)
        {
            var path = sample.MaskPath!;
            var (mask, hasBetween) = sample.InspectMask();
            Interlocked.Increment(ref _masks);
            if (hasBetween)
            {
                _between.Add(path);
            }
            var (right, bottom) = (mask.Width - 1, mask.Height - 1);
            if (mask[0, 0, 0] + mask[right, 0, 0] + mask[0, bottom, 0] + mask[right, bottom, 0] == 4 * byte.MaxValue)
            {
                Interlocked.Increment(ref _corners);
            }
            var ratio = (double)mask.Width / mask.Height / ((double)image.Width / image.Height);
            if (Math.Abs(ratio - 1) > RatioTolerance)
            {
                warn(
                    $"{path}: {mask.Width} x {mask.Height} pixels for an image of {image.Width} x {image.Height}; the sides' ratios "
                        + "differ, the mask will be stretched"
                );
            }
            var share = (double)mask.Pixels.Count(value => value != 0) / mask.Pixels.Length;
            if (share == 0)
            {
                warn($"{path}: marks no pixel although its image is anomalous; it counts for the image metrics only");
            }
            if (share > NearlyAll)
            {
                warn(
                    $"{path}: marks {100 * share:0} of 100 pixels as anomalous; is it inverted? Anomalous is white (or 1 and above), "
                        + "normal is black (0)"
                );
            }
        }

        internal void Tell(Action<string> warn)
        {
            if (!_between.IsEmpty)
            {
                warn(
                    $"{_between.Count} of {_masks} masks have values between normal and anomalous, such as "
                        + $"{_between.Min(StringComparer.Ordinal)}; "
                        + "those of at least half the greatest value count as anomalous"
                );
            }
            if (_masks > 0 && _corners == _masks)
            {
                warn(
                    $"all {_masks} masks mark all four corners of their image as anomalous; are they inverted? Anomalous is white (or "
                        + "1 and above), normal is black (0)"
                );
            }
        }
    }
}
