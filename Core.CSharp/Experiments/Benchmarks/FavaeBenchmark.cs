using System.Diagnostics;
using Reproduction.Backbones;
using Reproduction.Papers;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Experiments.Benchmarks;

/// <summary>
/// A training step of <see cref="Favae"/> with a frozen ResNet-18 as in the quick profile, augmentation included, beside the same step in
/// PyTorch (<c>scripts/bench/favae.py</c>) where python3 has it; and what memory a thousand steps take.
/// </summary>
public sealed class FavaeBenchmark : IBenchmark
{
    private const int Images = 209;
    private const int Steps = 1_000;
    private const int WarmUp = 100;
    private const int PyTorchSteps = 150;

    /// <inheritdoc/>
    public string Name => "favae";

    /// <inheritdoc/>
    public string Description => "a training step of favae with ResNet-18 in the quick profile against the same step in PyTorch; memory over 1,000 steps";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var resolved = (FavaeSettings)SettingsText.Resolve(Registry.Find("favae"), "resnet18", Profile.Quick, "bottle", "mvtec");
        var settings = resolved with { ImagesPerEpoch = Steps * resolved.BatchSize, Epochs = 1 };
        progress.WriteLine("training in PyTorch");
        var theirs = PyTorchLoop.Seconds(
            "favae.py",
            [
                ("--images", Images), ("--batch", settings.BatchSize), ("--steps", PyTorchSteps), ("--width-percent", (int)Math.Round(100 * settings.Width)),
                ("--threads", torch.get_num_threads()),
            ],
            progress);
        progress.WriteLine($"training for {Steps} steps");
        var (ours, memory, tensors) = Ours(settings);

        var what = FormattableString.Invariant($"training step, width {settings.Width}, batch {settings.BatchSize}, {torch.get_num_threads()} threads");
        var measured = new List<Measurement> { new(what, ours, "s") };
        if (theirs is not null)
        {
            var baseline = Median(theirs.Skip(PyTorchSteps / 10));
            measured.Add(new($"{what}, PyTorch", baseline, "s"));
            measured.Add(new("ours against PyTorch", baseline / ours, "times faster"));
        }
        measured.Add(new($"resident memory that steps {WarmUp} to {Steps} add", memory, "MiB"));
        measured.Add(new($"tensors that steps {WarmUp} to {Steps} leave", tensors, "tensors"));
        return measured;
    }

    /// <summary>The median step, and what is added after the first steps to resident memory, in MiB, and to the tensors alive.</summary>
    private static (double Seconds, double Memory, double Tensors) Ours(FavaeSettings settings)
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
            using var detector = new FavaeDetector(settings, new Resources { Backbones = backbones, Features = new UncachedFeatures(), Device = torch.CPU });
            var watch = Stopwatch.StartNew();
            var ends = new List<double>(Steps);
            var atWarm = (Memory: 0.0, Tensors: 0L);
            var atEnd = atWarm;
            detector.Fit(new RandomImages(), new FitContext
            {
                Seed = 0,
                Progress = (done, all, _) =>
                {
                    ends.Add(watch.Elapsed.TotalSeconds);
                    if (done == WarmUp) atWarm = (Gauge.ResidentMebibytes, torch.Tensor.TotalCount);
                    else if (done == all) atEnd = (Gauge.ResidentMebibytes, torch.Tensor.TotalCount);
                },
            });
            return (Median(ends.Zip(ends.Skip(1), (start, end) => end - start)), atEnd.Memory - atWarm.Memory, atEnd.Tensors - atWarm.Tensors);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private sealed class RandomImages : IImages
    {
        private readonly Tensor _pixels = torch.rand([Images, 3, FavaeNetwork.Side, FavaeNetwork.Side]);

        public int Count => Images;

        public string ContentId(int index) => throw new NotSupportedException();

        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
        {
            using var scope = torch.NewDisposeScope();
            return _pixels.index_select(0, torch.tensor(indices.Select(index => (long)index).ToArray())).MoveToOuterDisposeScope();
        }
    }
}
