using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Models;
using Reproduction.Papers;
using Reproduction.Surfaces;
using TorchSharp;

namespace Benchmarks;

/// <summary>
/// Pictures a second of a fitted detector by libtorch and, exported, by ONNX Runtime: the same pictures in memory, decoded and resized
/// already, one after the other and sixteen at once, on one thread and on two. Networks and image sizes are those of <c>quick</c>.
/// </summary>
public sealed class RuntimesBenchmark : IBenchmark
{
    private const int Pictures = 16;
    private const int Rounds = 5;

    /// <summary>Variants that are fitted in a moment and score as long as any.</summary>
    private static readonly (string Method, string Variant)[] Detectors =
    [
        ("gaussian", "resnet18_cntk-mahalanobis"),
        ("hfae", "resnet18_cntk+epochs=1"),
        ("dfr", "resnet18_cntk+epochs=1"),
        ("favae", "resnet18_cntk+epochs=1+images_per_epoch=16"),
        ("ssae", "objective1+steps=2"),
        ("padim", "resnet18_cntk"),
        ("patchcore", "resnet18_cntk"),
        ("stpm", "resnet18_cntk+epochs=1"),
    ];

    /// <summary>Weights that do not come along; where they are, as beside the repository, an EfficientNet is measured, too.</summary>
    private const string Weights = "../shared/weights";

    /// <inheritdoc/>
    public string Name => "runtimes";

    /// <inheritdoc/>
    public string Description => "pictures/s of a detector by libtorch and by ONNX Runtime, batches of 1 and 16, one thread and two";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var images = new SampleImages([
            .. Enumerable
                .Range(0, Pictures)
                .Select(i => new Sample($"{i}", $"{i}", 0, "good", null)
                {
                    Pixels = () => SurfacesDataset.Render("woven", "train", "good", i, 0).Photograph,
                }),
        ]);
        var measurements = new List<Measurement>();
        IEnumerable<(string Method, string Variant)> further = Directory.Exists(Weights)
            ? [("gaussian", "efficientnetv2_b0-mahalanobis")]
            : [];
        foreach (var (method, variant) in Detectors.Concat(further))
        {
            using var backbones = new BackboneProvider(Detectors.Contains((method, variant)) ? null : Weights, torch.CPU);
            var resources = new Resources
            {
                Backbones = backbones,
                Features = new UncachedFeatures(),
                Device = torch.CPU,
            };
            var configuration = Registry.Find(method).Configure(variant, Profile.Quick, "woven", "surfaces");
            using var detector = configuration.Create(resources);
            detector.Fit(images, new FitContext { Seed = 0 });
            var bytes = OnnxExport.Bytes(new ModelFile(method, variant, configuration.ToJson(), [], 1, null, "", Pictures), detector);
            foreach (var threads in new[] { 1, 2 })
            {
                torch.set_num_threads(threads);
                var (_, exported) = OnnxDetector.Open(options => new InferenceSession(bytes, options), method, threads);
                using (exported)
                {
                    foreach (var size in new[] { 1, Pictures })
                    {
                        var (here, there) = InTurns(detector, exported, images, size);
                        var what = $"{method} {variant.Split('+')[0]}, batches of {size}, {threads} thread{(threads > 1 ? "s" : "")}";
                        measurements.Add(new($"{what}: libtorch", here, "pictures/s"));
                        measurements.Add(new($"{what}: ONNX Runtime", there, "pictures/s"));
                        measurements.Add(new($"{what}: ONNX Runtime over libtorch", there / here, "times faster"));
                        progress.WriteLine($"{what}: {here:F1} by libtorch, {there:F1} by ONNX Runtime");
                    }
                }
            }
        }
        return measurements;
    }

    /// <summary>The best round of each, turn by turn, so that what else the machine does falls on both.</summary>
    private static (double Here, double There) InTurns(IAnomalyDetector here, IAnomalyDetector there, IImages images, int size)
    {
        var (best, other) = (double.PositiveInfinity, double.PositiveInfinity);
        for (var round = 0; round <= Rounds; round++)
        {
            var (first, second) = (Seconds(here, images, size), Seconds(there, images, size));
            if (round > 0) // the first warms up
            {
                (best, other) = (Math.Min(best, first), Math.Min(other, second));
            }
        }
        return (Pictures / best, Pictures / other);
    }

    private static double Seconds(IAnomalyDetector detector, IImages images, int size)
    {
        using var noGradient = torch.no_grad();
        var watch = Stopwatch.StartNew();
        foreach (var batch in ImageBatch.All(images).Chunks(size))
        {
            using var scope = torch.NewDisposeScope();
            using var scores = detector.Score(batch);
        }
        return watch.Elapsed.TotalSeconds;
    }
}
