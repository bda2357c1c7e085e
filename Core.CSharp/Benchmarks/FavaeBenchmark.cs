using System.Diagnostics;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using Reproduction.Papers.Favae;
using TorchSharp;

namespace Benchmarks;

/// <summary>
/// A training step of <see cref="FavaeMethod"/> with a frozen ResNet-18 as in the quick profile, augmentation included; and what memory a
/// thousand steps take.
/// </summary>
public sealed class FavaeBenchmark : IBenchmark
{
    private const int Images = 209;
    private const int Steps = 1_000;
    private const int WarmUp = 100;

    /// <inheritdoc/>
    public string Name => "favae";

    /// <inheritdoc/>
    public string Description => "a training step of favae with ResNet-18 in the quick profile; memory over 1,000 steps";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var resolved = new FavaeMethod().Settings(new Request("resnet18", Profile.Quick, "bottle", "mvtec"));
        var settings = resolved with { ImagesPerEpoch = Steps * resolved.BatchSize, Epochs = 1 };
        var trained = Train(settings, progress);

        var what = FormattableString.Invariant(
            $"training step, width {settings.Width}, batch {settings.BatchSize}, {torch.get_num_threads()} threads"
        );
        return
        [
            new(what, trained.Step, "s"),
            new($"resident memory that steps {WarmUp} to {Steps} add", trained.Memory, "MiB"),
            new($"tensors that steps {WarmUp} to {Steps} leave", trained.Tensors, "tensors"),
        ];
    }

    /// <summary>
    /// The median step in seconds; and what is added after the first steps to resident memory, in MiB, and to the tensors alive.
    /// </summary>
    private static (double Step, double Memory, double Tensors) Train(FavaeSettings settings, TextWriter progress)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            using var scope = torch.NewDisposeScope();
            using (var network = Backbone.Random(settings.Network, 0))
            {
                SafeTensors.Write(Path.Combine(folder.FullName, settings.Network + ".safetensors"), network.StateDict(fold: true));
            }
            using var backbones = new BackboneProvider(folder.FullName, torch.CPU);
            using var detector = new FavaeDetector(
                settings,
                new Resources
                {
                    Backbones = backbones,
                    Features = new UncachedFeatures(),
                    Device = torch.CPU,
                }
            );
            var steps = new List<double>();
            var atWarm = (Memory: 0.0, Tensors: 0L);
            var atEnd = atWarm;
            var watch = Stopwatch.StartNew();
            detector.Fit(
                new TensorImages(torch.rand([Images, 3, FavaeNetwork.Side, FavaeNetwork.Side])),
                new FitContext
                {
                    Seed = 0,
                    Progress = (done, all, _) =>
                    {
                        steps.Add(watch.Elapsed.TotalSeconds);
                        if (done == WarmUp)
                        {
                            atWarm = (Gauge.ResidentMebibytes, torch.Tensor.TotalCount);
                        }

                        if (done == all)
                        {
                            atEnd = (Gauge.ResidentMebibytes, torch.Tensor.TotalCount);
                        }

                        if (done % WarmUp == 0)
                        {
                            progress.WriteLine($"{done} of {all} steps");
                        }

                        watch.Restart();
                    },
                }
            );
            return (Gauge.Median(steps), atEnd.Memory - atWarm.Memory, atEnd.Tensors - atWarm.Tensors);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
