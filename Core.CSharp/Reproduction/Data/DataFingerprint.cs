using System.Security.Cryptography;
using System.Text;

namespace Reproduction.Data;

/// <summary>Tells whether two runs saw the same images.</summary>
public static class DataFingerprint
{
    private const string Folder = "fingerprints";

    /// <summary>
    /// The sha256 of a category's sample ids, labels, image contents and mask contents, in their order; in lower-case hexadecimal.
    /// </summary>
    /// <exception cref="UserError">An image or a mask cannot be read; the message names it.</exception>
    public static string Of(Category category)
    {
        Sample[] samples = [.. category.Train, .. category.Test];
        var lines = new string[samples.Length];
        InParallel.For(
            samples.Length,
            i =>
            {
                var (sample, mask) = (samples[i], HashOf(samples[i]));
                lines[i] = $"{sample.Id}\t{sample.Label}\t{SampleImages.HashOf(sample)}\t{mask}\n";
            }
        );
        return Hash($"{category.Train.Count}\n{string.Concat(lines)}");
    }

    /// <summary>
    /// As <see cref="Of(Category)"/>, without reading what was read before: as long as names, sizes and times of all files are those of a
    /// former call, so is the fingerprint, which is kept in a file of a few bytes.
    /// </summary>
    /// <param name="category">The images.</param>
    /// <param name="cache">The folder of kept features; nothing is kept where it cannot be written.</param>
    /// <exception cref="UserError">As <see cref="Of(Category)"/>.</exception>
    public static string Of(Category category, string cache)
    {
        var states = new Dictionary<string, string>();
        var text = new StringBuilder().Append(category.Train.Count).Append('\n');
        foreach (var sample in category.Train.Concat(category.Test))
        {
            text.Append(sample.Id)
                .Append('\t')
                .Append(sample.Label)
                .Append('\t')
                .Append(StateOf(sample.Path))
                .Append('\t')
                .AppendJoin('\t', sample.Masks.DefaultIfEmpty("-").Select(StateOf))
                .Append('\n');
        }
        var kept = Path.Combine(cache, Folder, Hash(text.ToString()));
        try
        {
            if (File.Exists(kept) && File.ReadAllText(kept) is { Length: 64 } before)
            {
                return before;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is computed.
        }
        var fingerprint = Of(category);
        try
        {
            AtomicFile.WriteText(kept, fingerprint);
        }
        catch (UserError)
        {
            // It is only computed again the next time.
        }
        return fingerprint;

        string StateOf(string path)
        {
            if (!states.TryGetValue(path, out var state))
            {
                var file = new FileInfo(path);
                states[path] = state = file.Exists ? $"{Path.GetFullPath(path)}\t{file.Length}\t{file.LastWriteTimeUtc.Ticks}" : path;
            }
            return state;
        }
    }

    private static string HashOf(Sample sample) => string.Join(',', sample.Masks.Select(SampleImages.HashOfFile).DefaultIfEmpty("-"));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
