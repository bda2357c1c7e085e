namespace Reproduction.Metrics;

/// <summary>
/// Scores sorted once for all metrics that depend on their order. Normal and anomalous samples are sorted apart, because a normal
/// one needs no more than its 4-byte key, and almost all pixels are normal; a <see cref="ThresholdSweep"/> merges the two.
/// </summary>
internal sealed unsafe class RankedScores : IDisposable
{
    private readonly NativeBuffer<uint> _normal;
    private readonly NativeBuffer<ulong> _anomalous;

    private RankedScores(NativeBuffer<uint> normal, NativeBuffer<ulong> anomalous, int regions)
    {
        this._normal = normal;
        this._anomalous = anomalous;
        Regions = regions;
    }

    /// <summary>Keys of the normal samples, ascending.</summary>
    public uint* Normal => _normal.Pointer;

    /// <summary>Anomalous samples, ascending: key in the upper 32 bits, area of the sample's region in the lower.</summary>
    public ulong* Anomalous => _anomalous.Pointer;

    public long Negatives => _normal.Length;

    public long Positives => _anomalous.Length;

    /// <summary>Number of ground-truth regions; of anomalous samples where these are no pixels.</summary>
    public int Regions { get; }

    /// <summary>Ranks independent samples.</summary>
    /// <param name="scores">[N].</param>
    /// <param name="labels">[N]; non-zero is anomalous.</param>
    /// <param name="undefined">Why there is no ranking (no samples, a score that is not finite); null when there is one.</param>
    /// <returns>The ranking, or null.</returns>
    /// <exception cref="UserError">The lengths differ.</exception>
    public static RankedScores? OfSamples(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels, out string? undefined)
    {
        if (scores.Length != labels.Length)
        {
            throw new UserError($"{scores.Length} scores but {labels.Length} labels: give one label a score");
        }

        undefined =
            scores.IsEmpty ? "there are no samples"
            : NonFinite.Find(scores) is { } at ? $"score {at} is {scores[at]}"
            : null;
        if (undefined is not null)
        {
            return null;
        }

        var parts = Math.Min(Environment.ProcessorCount, scores.Length);
        var starts = new long[parts + 1];
        for (var part = 0; part <= parts; part++)
        {
            starts[part] = (long)scores.Length * part / parts;
        }

        return Build(scores, labels, starts, null);
    }

    /// <summary>Ranks the pixels of anomaly maps, each anomalous one with the area of its ground-truth region.</summary>
    /// <param name="maps">[N, H, W].</param>
    /// <param name="masks">[N, H, W]; non-zero is anomalous.</param>
    /// <param name="count">N.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="connectivity">4 or 8: which pixels of a mask belong to one region.</param>
    /// <param name="undefined">Why there is no ranking (no pixels, a pixel that is not finite); null when there is one.</param>
    /// <returns>The ranking, or null.</returns>
    /// <exception cref="UserError">The sizes do not match, or the connectivity is neither 4 nor 8.</exception>
    public static RankedScores? OfMaps(
        ReadOnlySpan<float> maps,
        ReadOnlySpan<byte> masks,
        int count,
        int height,
        int width,
        int connectivity,
        out string? undefined
    )
    {
        MapShape.Require("maps", maps.Length, count, height, width);
        MapShape.Require("masks", masks.Length, count, height, width);
        if (connectivity is not (4 or 8))
        {
            throw new UserError($"connectivity {connectivity} is unknown: use 4 or 8");
        }

        undefined =
            maps.IsEmpty ? "there are no pixels"
            : NonFinite.Find(maps) is { } at ? NonFinite.Describe(maps[at], at, height, width)
            : null;
        if (undefined is not null)
        {
            return null;
        }

        var starts = new long[count + 1];
        for (var image = 0; image <= count; image++)
        {
            starts[image] = (long)image * height * width;
        }

        return Build(maps, masks, starts, mask => ConnectedComponents.Label(mask, height, width, connectivity));
    }

    public void Dispose()
    {
        _normal.Dispose();
        _anomalous.Dispose();
    }

    private delegate RegionMap Labelling(ReadOnlySpan<byte> mask);

    /// <summary>Splits and sorts; part i is samples starts[i] to starts[i + 1], one whole mask where regions are labelled.</summary>
    private static RankedScores Build(ReadOnlySpan<float> scores, ReadOnlySpan<byte> labels, long[] starts, Labelling? labelling)
    {
        var parts = starts.Length - 1;
        fixed (float* fixedScores = scores)
        fixed (byte* fixedLabels = labels)
        {
            // A lambda cannot capture the fixed pointers themselves.
            var score = fixedScores;
            var label = fixedLabels;
            var anomalousStarts = new long[parts + 1];
            Parallel.For(
                0,
                parts,
                part =>
                    anomalousStarts[part + 1] =
                        starts[part + 1] - starts[part] - Zeros(label + starts[part], starts[part + 1] - starts[part])
            );
            for (var part = 0; part < parts; part++)
            {
                anomalousStarts[part + 1] += anomalousStarts[part];
            }

            var positives = anomalousStarts[parts];
            var normal = new NativeBuffer<uint>(scores.Length - positives);
            var anomalous = new NativeBuffer<ulong>(positives);
            long regions = 0;
            Parallel.For(
                0,
                parts,
                part =>
                {
                    var nextNormal = normal.Pointer + (starts[part] - anomalousStarts[part]);
                    var nextAnomalous = anomalous.Pointer + anomalousStarts[part];
                    long start = starts[part],
                        length = starts[part + 1] - start;
                    var anyAnomalous = anomalousStarts[part + 1] > anomalousStarts[part];
                    using var map = anyAnomalous ? labelling?.Invoke(new ReadOnlySpan<byte>(label + start, (int)length)) : null;
                    var regionOf = map is null ? default : map.Labels;
                    Interlocked.Add(ref regions, map?.Regions.Count ?? anomalousStarts[part + 1] - anomalousStarts[part]);
                    for (var i = 0; i < length; i++)
                    {
                        var key = RadixSort.ToKey(score[start + i]);
                        if (label[start + i] == 0)
                        {
                            *nextNormal++ = key;
                        }
                        else
                        {
                            *nextAnomalous++ = (ulong)key << 32 | (uint)(map is null ? 1 : map.Regions[regionOf[i] - 1].Area);
                        }
                    }
                }
            );
            return new RankedScores(RadixSort.Sort(normal, 0), RadixSort.Sort(anomalous, 32), (int)regions);
        }
    }

    private static long Zeros(byte* values, long length) => new ReadOnlySpan<byte>(values, (int)length).Count((byte)0);
}

/// <summary>The check that an array holds the maps that it is said to hold.</summary>
internal static class MapShape
{
    /// <exception cref="UserError">The length is not N x H x W.</exception>
    public static void Require(string what, int length, int count, int height, int width)
    {
        if (count < 0 || height < 0 || width < 0 || length != (long)count * height * width)
        {
            throw new UserError(
                $"{what} of {length} pixels cannot be {count} x {height} x {width}: " + "maps and masks must have the same [N, H, W]"
            );
        }
    }
}

/// <summary>Finds what no metric may silently swallow: NaN, which has no rank, and infinity, which no model means to give.</summary>
internal static unsafe class NonFinite
{
    /// <summary>Index of the first value that is NaN or infinite; null when all are finite.</summary>
    public static int? Find(ReadOnlySpan<float> values)
    {
        const int Block = 1 << 16;
        var blocks = (values.Length + Block - 1) / Block;
        var length = values.Length;
        var first = int.MaxValue;
        fixed (float* fixedValues = values)
        {
            var value = fixedValues;
            var found = Parallel.For(
                0,
                blocks,
                (block, loop) =>
                {
                    var end = Math.Min(length, (block + 1) * Block);
                    // The sum of finite values times zero is zero, of any other NaN; the loop has no branch to slow it down.
                    float sum = 0;
                    for (var i = block * Block; i < end; i++)
                    {
                        sum += value[i] * 0f;
                    }

                    if (sum != 0)
                    {
                        loop.Break();
                    }
                }
            );
            if (found.LowestBreakIteration is { } lowest)
            {
                for (first = (int)lowest * Block; float.IsFinite(value[first]); )
                {
                    first++;
                }
            }
        }
        return first == int.MaxValue ? null : first;
    }

    /// <summary>Names the value and its place in [N, H, W].</summary>
    public static string Describe(float value, int index, int height, int width) =>
        $"map {index / (height * width)} holds {value} at row {index / width % height}, column {index % width}";
}
