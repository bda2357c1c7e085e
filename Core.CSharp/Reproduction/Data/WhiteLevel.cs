using System.Numerics;
using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// The value of 16-bit samples that is white. Cameras of 10, 12 or 14 bits write files of 16 and leave the upper bits empty: read by the
/// file's range such pictures are nearly black.
/// </summary>
internal static class WhiteLevel
{
    /// <summary>All 16 bits, and what pictures of 8 bits have.</summary>
    public const int Full = ushort.MaxValue;

    private static readonly int[] Depths = [10, 12, 14];

    /// <summary>The greatest value of the fewest bits that hold every picture's values; <see cref="Full"/> where none has 16.</summary>
    /// <exception cref="UserError">A picture of 16 bits cannot be read.</exception>
    public static int Of(IReadOnlyList<Sample> samples)
    {
        var greatest = 0;
        InParallel.For(
            samples.Count,
            i =>
            {
                if (samples[i].IsFile)
                {
                    InterlockedMax(ref greatest, ImageFile.GreatestValue(samples[i].Path));
                }
            }
        );
        return greatest == 0 ? Full : Depths.Select(bits => (1 << bits) - 1).FirstOrDefault(white => greatest <= white, Full);
    }

    /// <summary>The samples, read with a white.</summary>
    public static IReadOnlyList<Sample> With(IReadOnlyList<Sample> samples, int white) =>
        white == Full ? samples : [.. samples.Select(sample => sample with { White = new Lazy<int>(white) })];

    /// <summary>A category whose pictures are all read with the white of all of them, which is looked for when the first is.</summary>
    public static Category Of(Category category)
    {
        var white = new Lazy<int>(() => Of([.. category.Train, .. category.Test]));
        return category with
        {
            Train = [.. category.Train.Select(sample => sample with { White = white })],
            Test = [.. category.Test.Select(sample => sample with { White = white })],
        };
    }

    /// <summary>What a user should know; null where all bits are in use.</summary>
    public static string? Words(int white) =>
        white == Full
            ? null
            : $"pictures have 16 bits a channel of which {BitOperations.Log2((uint)white) + 1} are in use: {white} is taken for white, in "
                + "training and in scoring";

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen) { }
    }
}
