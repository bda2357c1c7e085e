using System.Globalization;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Baselines.PatchCore;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// <see cref="PatchCoreMethod"/> at the size of bottle: 209 images of 256 x 256, 32 x 32 patches of 384 channels, a coreset of
/// 10 %. Patches are drawn around a few centres in a space of few dimensions, as features lie; the whole detector sees blurred noise.
/// </summary>
public sealed class PatchCoreBenchmark : IBenchmark
{
    private const int Rounds = 3;
    private const int Images = 209;
    private const int PatchesPerImage = 1024;
    private const int Channels = 384;
    private const int Projection = 128;
    private const int SmallSet = 20_000;

    /// <summary>Choices of the plain loop whose time is taken for each of its choices: each reads all points once.</summary>
    private const int TimedChoices = 100;

    /// <inheritdoc/>
    public string Name => "patchcore";

    /// <inheritdoc/>
    public string Description => "patchcore's fit and score at bottle's size; greedy coreset and search against the plain ones";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress) => [.. Detector(progress), .. Coreset(progress), .. Search(progress)];

    /// <summary>Memory first: the highest so far is all that the system tells.</summary>
    private static IEnumerable<Measurement> Detector(TextWriter progress)
    {
        using var scope = NewDisposeScope();
        using var backbones = new BackboneProvider(null, CPU);
        var settings = new PatchCoreSettings { Network = PackagedWeights.Name };
        var resources = new Resources
        {
            Backbones = backbones,
            Features = new UncachedFeatures(),
            Device = CPU,
        };
        using var detector = new PatchCoreDetector(settings, resources);
        progress.WriteLine("fitting");
        var seconds = Gauge.Seconds(() => detector.Fit(new NoiseImages(Images), new FitContext { Seed = 0 }));
        yield return new($"fit on {Images} images, features included", seconds, "s");
        var batch = new ImageBatch(new NoiseImages(Images), [.. Enumerable.Range(0, 8)]);
        progress.WriteLine("scoring");
        void Score()
        {
            using var noGradient = no_grad();
            detector.Score(batch).Dispose();
        }
        var score = Gauge.Seconds(Score, 2 * Rounds);
        yield return new("score, features included, batch 8", batch.Count / score, "images/s");
        // What other work takes of the cores is in the clock and not in this.
        var processor = Enumerable.Range(0, 2 * Rounds).Min(_ => Gauge.ProcessorSeconds(Score));
        yield return new("score, features included, batch 8, processor time on all threads", processor / batch.Count, "s an image");
        yield return new("peak memory of fit and score", Gauge.PeakMebibytes, "MiB");
    }

    private static IEnumerable<Measurement> Coreset(TextWriter progress)
    {
        using var scope = NewDisposeScope();
        var small = Points(SmallSet, Projection);
        var (ours, plain) = (new double[Rounds], new double[Rounds]);
        for (var round = 0; round < Rounds; round++)
        {
            ours[round] = Gauge.Seconds(() => GreedyCoreset.Select(small, SmallSet / 10, 0));
            plain[round] = Gauge.Seconds(() => PlainLoop(small, SmallSet / 10));
            progress.WriteLine($"coreset round {round + 1} of {Rounds}: ours {ours[round]:F2} s, plain loop {plain[round]:F2} s");
        }
        var size = string.Create(CultureInfo.InvariantCulture, $"{SmallSet / 10:N0} of {SmallSet:N0} points, {Projection} dimensions");
        yield return new($"coreset, {size}", ours.Min(), "s");
        yield return new($"coreset, plain loop over matrix by vector, {size}", plain.Min(), "s");
        yield return new($"coreset, {size}", ours.Zip(plain, (our, other) => other / our).Order().ElementAt(Rounds / 2), "times faster");

        var all = Points(Images * PatchesPerImage, Projection);
        var count = Images * PatchesPerImage / 10;
        progress.WriteLine("coreset of all patches");
        var whole = Gauge.Seconds(() => GreedyCoreset.Select(all, count, 0), Rounds);
        var each = Gauge.Seconds(() => PlainLoop(all, TimedChoices), Rounds) / TimedChoices;
        var full = string.Create(
            CultureInfo.InvariantCulture,
            $"{count:N0} of {Images * PatchesPerImage:N0} points, {Projection} dimensions"
        );
        yield return new($"coreset, {full}", whole, "s");
        yield return new($"coreset, plain loop, {TimedChoices} choices of {full}, times {count} / {TimedChoices}", each * count, "s");
    }

    private static IEnumerable<Measurement> Search(TextWriter progress)
    {
        using var scope = NewDisposeScope();
        var (queries, bank) = (Points(PatchesPerImage, Channels), Points(Images * PatchesPerImage / 10, Channels));
        progress.WriteLine("search");
        using var index = new NeighbourIndex(bank);
        var ours = Gauge.Seconds(() => Both(index.Nearest(queries)), 3 * Rounds);
        var met = Gauge.Seconds(() => Both(NearestNeighbours.Nearest(queries, bank)), 3 * Rounds);
        var whole = Gauge.Seconds(() => NearestNeighbours.SquaredDistances(queries, bank).min(1), 3 * Rounds);
        yield return new("search of an image's 1,024 patches in the bank", ours, "s");
        yield return new("search, every distance in blocks with a running minimum", met, "s");
        yield return new("search, all distances in one matrix, then its minima", whole, "s");

        static void Both((Tensor First, Tensor Second) found)
        {
            found.First.Dispose();
            found.Second.Dispose();
        }
    }

    /// <summary>Equation (5) as it is written: every choice meets all points.</summary>
    private static void PlainLoop(Tensor points, int count)
    {
        using var scope = NewDisposeScope();
        var norms = points.square().sum([1L]);
        var distances = full_like(norms, float.PositiveInfinity);
        var next = 0L;
        for (var i = 0; i < count; i++)
        {
            using var each = NewDisposeScope();
            var met = points.Times(points[next]).mul_(-2).add_(norms).add_(norms[next]);
            distances.copy_(minimum(distances, met));
            next = distances.argmax().item<long>();
        }
    }

    /// <summary>Clusters of 24 dimensions in a space of more, with a little noise in all.</summary>
    private static Tensor Points(int count, int dimensions)
    {
        const int inner = 24;
        const int clusters = 50;
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor Normal(params long[] shape) => randn(shape, generator: generator);
        var centres = Normal(clusters, inner) * 2;
        var own = centres.index_select(0, randint(clusters, [count], generator: generator)) + Normal(count, inner);
        return (own.Times(Normal(inner, dimensions) / Math.Sqrt(inner)) + (Normal(count, dimensions) * 0.1)).MoveToOuterDisposeScope();
    }

    private sealed class NoiseImages(int count) : IImages
    {
        public int Count => count;

        public string ContentId(int index) => throw new NotSupportedException();

        /// <summary>Images that are blurred noise, another for each index.</summary>
        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
        {
            using var scope = NewDisposeScope();
            var images = indices.Select(index =>
            {
                using var generator = new Generator((ulong)index + 1);
                return nn.functional.interpolate(
                    rand([1, 3, size.Height / 8, size.Width / 8], generator: generator),
                    size: [size.Height, size.Width],
                    mode: InterpolationMode.Bilinear,
                    align_corners: false
                );
            });
            return cat([.. images]).to(device).MoveToOuterDisposeScope();
        }
    }
}
