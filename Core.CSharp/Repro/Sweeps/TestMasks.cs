using Repro.Records;
using Reproduction;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Metrics;

namespace Repro.Sweeps;

/// <summary>The ground truth of a test set in the size of the maps, and what was lost on the way there.</summary>
internal static class TestMasks
{
    /// <summary>Reads and resizes (nearest) all masks.</summary>
    /// <param name="test">Images that are good or have a mask.</param>
    /// <param name="height">Rows of the maps.</param>
    /// <param name="width">Columns of the maps.</param>
    /// <returns><c>[N, H, W]</c> of 0 and 255, and the regions of the masks with those that have no pixel left.</returns>
    /// <exception cref="Reproduction.UserError">A mask cannot be read.</exception>
    internal static (byte[] Masks, MaskRegions Regions) Read(IReadOnlyList<Sample> test, int height, int width)
    {
        var masks = new byte[(long)test.Count * height * width];
        var (whole, lost) = (0, 0);
        InParallel.For(
            test.Count,
            i =>
            {
                if (test[i].LoadWholeMask() is not { } mask)
                {
                    return;
                }
                Resizer.Resize(mask, width, height, Resampling.Nearest).Pixels.CopyTo(masks.AsSpan(i * height * width));
                var (all, left) = Count(mask, height, width);
                Interlocked.Add(ref whole, all);
                Interlocked.Add(ref lost, all - left);
            }
        );
        return (masks, new MaskRegions(whole, lost));
    }

    /// <summary>Reads all masks and resizes them so that a pixel is anomalous where more than half of what it stands for is.</summary>
    /// <param name="test">Images that are good or have a mask.</param>
    /// <param name="height">Rows of the maps.</param>
    /// <param name="width">Columns of the maps.</param>
    /// <param name="resampling">How pixels are weighed.</param>
    /// <returns><c>[N, H, W]</c> of 0 and 1.</returns>
    internal static byte[] ReadByMajority(IReadOnlyList<Sample> test, int height, int width, Resampling resampling)
    {
        var masks = new byte[(long)test.Count * height * width];
        InParallel.For(
            test.Count,
            i =>
            {
                if (test[i].LoadWholeMask() is not { } mask)
                {
                    return;
                }
                var whole = new Image(mask.Width, mask.Height, 1);
                for (var p = 0; p < mask.Pixels.Length; p++)
                {
                    whole.Pixels[p] = mask.Pixels[p] == 0 ? (byte)0 : byte.MaxValue;
                }
                var shares = Resizer.Resize(whole, width, height, resampling).Pixels;
                for (var p = 0; p < shares.Length; p++)
                {
                    masks[(long)i * height * width + p] = shares[p] > byte.MaxValue / 2 ? (byte)1 : (byte)0;
                }
            }
        );
        return masks;
    }

    /// <summary>The regions of a mask, and how many of them some pixel of the resized mask stands for.</summary>
    private static (int All, int Left) Count(Image mask, int height, int width)
    {
        using var regions = ConnectedComponents.Label(mask.Pixels, mask.Height, mask.Width);
        // The numbers of the regions take the same way as the mask, a byte a channel.
        var numbers = new Image(mask.Width, mask.Height, 3);
        var labels = regions.Labels;
        for (var i = 0; i < labels.Length; i++)
        {
            var number = labels[i];
            (numbers.Pixels[3 * i], numbers.Pixels[3 * i + 1], numbers.Pixels[3 * i + 2]) = (
                (byte)number,
                (byte)(number >> 8),
                (byte)(number >> 16)
            );
        }
        var left = new HashSet<int>();
        foreach (var number in Resizer.Resize(numbers, width, height, Resampling.Nearest).Pixels.Chunk(3))
        {
            left.Add(number[0] | number[1] << 8 | number[2] << 16);
        }
        left.Remove(0);
        return (regions.Regions.Count, left.Count);
    }
}
