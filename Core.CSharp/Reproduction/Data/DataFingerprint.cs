using System.Security.Cryptography;
using System.Text;

namespace Reproduction.Data;

/// <summary>Tells whether two runs saw the same images.</summary>
public static class DataFingerprint
{
    /// <summary>The sha256 of a category's sample ids, labels, image contents and mask contents, in their order; in lower-case hexadecimal.</summary>
    /// <exception cref="UserError">An image or a mask cannot be read; the message names it.</exception>
    public static string Of(Category category)
    {
        Sample[] samples = [.. category.Train, .. category.Test];
        var lines = new string[samples.Length];
        SampleImages.ForEach(samples.Length, i =>
        {
            var (sample, mask) = (samples[i], samples[i].MaskPath is { } path ? SampleImages.HashOfFile(path) : "-");
            lines[i] = $"{sample.Id}\t{sample.Label}\t{SampleImages.HashOf(sample)}\t{mask}\n";
        });
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{category.Train.Count}\n{string.Concat(lines)}")));
    }
}
