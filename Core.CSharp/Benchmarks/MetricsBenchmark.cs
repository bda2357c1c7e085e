using Reproduction;
using Reproduction.Formats;
using Reproduction.Metrics;

namespace Benchmarks;

/// <summary>
/// All metrics of a test set of MVTec AD's full size, from files; and the exact AUPRO beside a loop over 5,000 thresholds, as published
/// code has it. Scores are independent noise, the worst case for the memory access of a radix sort.
/// </summary>
public sealed class MetricsBenchmark : IBenchmark
{
    private const int Images = 83;
    private const int NormalImages = 20;
    private const int Side = 900;
    private const int LoopImages = 20;
    private const int LoopSide = 256;
    private const int LoopThresholds = 5000;
    private const double FprLimit = 0.3;

    /// <inheritdoc/>
    public string Name => "metrics";

    /// <inheritdoc/>
    public string Description => "all metrics of 83 maps of 900 x 900; exact AUPRO against a loop over 5,000 thresholds";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        // First, because the peak memory is that of the whole process.
        List<Measurement> measurements = [.. FullSize(progress)];
        measurements.AddRange(AgainstLoop(progress));
        return measurements;
    }

    private static IEnumerable<Measurement> FullSize(TextWriter progress)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            string mapsPath = Path.Combine(folder.FullName, "maps.npy"),
                masksPath = Path.Combine(folder.FullName, "masks.npy");
            progress.WriteLine($"writing {Images} maps of {Side} x {Side}");
            WriteMaps(mapsPath, masksPath);
            GC.Collect();

            progress.WriteLine("all metrics");
            NpyArray<float>? maps = null;
            NpyArray<byte>? masks = null;
            var read = Gauge.Seconds(() => (maps, masks) = (Npy.Read<float>(mapsPath), Npy.ReadMask(masksPath)));
            var measure = Gauge.Seconds(() =>
                Evaluation.Evaluate(
                    new EvaluationInput
                    {
                        Maps = maps!.Values,
                        Masks = masks!.Values,
                        Count = Images,
                        Height = Side,
                        Width = Side,
                    }
                )
            );
            var what = $"{Images} maps of {Side} x {Side}";
            return
            [
                new($"read {what}", read, "s"),
                new($"all metrics of {what}", measure, "s"),
                new($"read and measure {what}, peak memory of the process", Gauge.PeakMebibytes, "MiB"),
            ];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Measurement> AgainstLoop(TextWriter progress)
    {
        var (maps, masks) = Synthetic(LoopImages, LoopSide);
        double exactArea = 0,
            loopArea = 0;
        var exact = Gauge.Seconds(
            () => exactArea = Pro.Aupro(maps, masks, LoopImages, LoopSide, LoopSide, FprLimit).Value!.Value,
            repeats: 5
        );
        progress.WriteLine($"loop over {LoopThresholds} thresholds");
        var loop = Gauge.Seconds(() => loopArea = AuproByLoop(maps, masks), repeats: 2);
        var what = $"{LoopImages} maps of {LoopSide} x {LoopSide}";
        return
        [
            new($"exact AUPRO of {what}", exact, "s"),
            new($"AUPRO by a loop over {LoopThresholds} thresholds of {what}", loop, "s"),
            new("exact AUPRO against the loop", loop / exact, "times faster"),
            new("AUPRO of the loop minus the exact one", loopArea - exactArea, "fraction"),
        ];
    }

    /// <summary>
    /// AUPRO by counting, at each of equally spaced thresholds, every normal pixel and every region's pixels. The regions are found
    /// once, not at every threshold as in the published code, and the thresholds run on all cores.
    /// </summary>
    private static double AuproByLoop(float[] maps, byte[] masks)
    {
        const int Pixels = LoopSide * LoopSide;
        var normal = new List<float>(maps.Length);
        var regions = new List<float[]>();
        for (var image = 0; image < LoopImages; image++)
        {
            using var components = ConnectedComponents.Label(masks.AsSpan(image * Pixels, Pixels), LoopSide, LoopSide);
            var scores = components.Regions.Select(region => new List<float>(region.Area)).ToArray();
            for (var i = 0; i < Pixels; i++)
            {
                (components.Labels[i] is var label and > 0 ? scores[label - 1] : normal).Add(maps[image * Pixels + i]);
            }

            regions.AddRange(scores.Select(list => list.ToArray()));
        }

        float[] background = [.. normal];
        double low = maps.Min(),
            high = maps.Max();
        var points = new (double Fpr, double Pro)[LoopThresholds + 1];
        Parallel.For(
            0,
            LoopThresholds,
            step =>
            {
                var threshold = (float)(high - (step + 1) * (high - low) / LoopThresholds);
                points[step + 1] = (ShareAbove(background, threshold), regions.Average(region => ShareAbove(region, threshold)));
            }
        );

        double area = 0;
        for (var i = 1; i < points.Length && points[i - 1].Fpr < FprLimit; i++)
        {
            var ((x0, y0), (x1, y1)) = (points[i - 1], points[i]);
            if (x1 > FprLimit)
            {
                (x1, y1) = (FprLimit, y0 + (y1 - y0) * (FprLimit - x0) / (x1 - x0));
            }

            area += (x1 - x0) * (y0 + y1) / 2;
        }
        return area / FprLimit;
    }

    private static double ShareAbove(float[] scores, float threshold)
    {
        var above = 0;
        foreach (var score in scores)
        {
            if (score >= threshold)
            {
                above++;
            }
        }

        return (double)above / scores.Length;
    }

    private static void WriteMaps(string mapsPath, string masksPath)
    {
        var (maps, masks) = Synthetic(Images, Side);
        Npy.Write<float>(mapsPath, maps, Images, Side, Side);
        Npy.Write<byte>(masksPath, masks, Images, Side, Side);
    }

    /// <summary>
    /// Maps of noise that is higher in up to three discs, and the discs; the first images of MVTec AD's share are normal.
    /// </summary>
    private static (float[] Maps, byte[] Masks) Synthetic(int count, int side)
    {
        var maps = new float[count * side * side];
        var masks = new byte[maps.Length];
        Parallel.For(
            0,
            count,
            image =>
            {
                var random = SplitMix64.For((ulong)image, "metrics benchmark");
                var mask = masks.AsSpan(image * side * side, side * side);
                var discs = image * Images < NormalImages * count ? 0 : 1 + random.NextInt(3);
                for (var disc = 0; disc < discs; disc++)
                {
                    Draw(mask, side, random.NextInt(side), random.NextInt(side), side / 20 + random.NextInt(side / 10));
                }

                for (var i = 0; i < mask.Length; i++)
                {
                    maps[image * side * side + i] = (float)(random.NextDouble() + (mask[i] != 0 ? 0.5 * random.NextDouble() : 0));
                }
            }
        );
        return (maps, masks);
    }

    private static void Draw(Span<byte> mask, int side, int centreX, int centreY, int radius)
    {
        for (var y = Math.Max(0, centreY - radius); y < Math.Min(side, centreY + radius); y++)
        {
            for (var x = Math.Max(0, centreX - radius); x < Math.Min(side, centreX + radius); x++)
            {
                if ((x - centreX) * (x - centreX) + (y - centreY) * (y - centreY) < radius * radius)
                {
                    mask[y * side + x] = 1;
                }
            }
        }
    }
}
