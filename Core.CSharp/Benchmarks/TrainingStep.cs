using System.Diagnostics;
using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using Reproduction.Papers.Dfr;
using Reproduction.Papers.Favae;
using Reproduction.Papers.Gaussian;
using Reproduction.Papers.Hfae;
using Reproduction.Papers.Ssae;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// A paper's training step as its own detector takes it: batch, augmentation, frozen features, loss, gradients and optimiser. Images and
/// frozen weights are random: the time does not depend on their values.
/// </summary>
/// <param name="Paper">Id of the paper.</param>
/// <param name="What">Network, images and their size.</param>
/// <param name="Network">Architecture of the frozen network; null where there is none.</param>
/// <param name="Create">Makes the detector; its training must be longer than what is measured.</param>
internal sealed record TrainingStep(string Paper, string What, string? Network, Func<Resources, IAnomalyDetector> Create)
{
    /// <summary>Steps before the first that counts: their losses tell whether two ways take the same steps.</summary>
    public const int WarmUp = 2;

    private const int Endless = 1_000_000;
    private const int LeastSteps = 2;

    /// <summary>
    /// The papers' own networks. Batches are smaller where a step takes seconds: ssae's 8 images are 2 of its second stage's size, the
    /// autoencoder's 64 are 4, dfr's 4 are 1.
    /// </summary>
    public static IReadOnlyList<TrainingStep> All { get; } =
    [
        new(
            "hfae",
            "ResNet-18, 4 images of 256 x 256",
            "resnet18",
            resources => new HfaeDetector(
                new HfaeMethod().Settings(new Request("resnet18", Profile.Paper, "bottle", "mvtec")) with
                {
                    Epochs = Endless,
                },
                resources with
                {
                    Features = new RandomFeatures(),
                }
            )
        ),
        new(
            "dfr",
            "f{1:8} of VGG-19, c_d 29, 1 image of 256 x 256",
            "vgg19",
            resources => new DfrDetector(
                new DfrMethod().Settings(new Request("paper-f1-8-zero", Profile.Paper, "bottle", "mvtec")) with
                {
                    Epochs = Endless,
                    Latent = 29,
                    BatchSize = 1,
                },
                resources
            )
        ),
        new(
            "favae",
            "ResNet-18, 16 images of 128 x 128",
            "resnet18",
            resources => new FavaeDetector(new FavaeMethod().Settings(new Request("resnet18", Profile.Paper, "bottle", "mvtec")), resources)
        ),
        new(
            "ssae",
            "objective (1), 2 crops of 128 x 128",
            null,
            resources => new SsaeDetector(
                new SsaeMethod().Settings(new Request("objective1", Profile.Paper, "bottle", "mvtec")) with
                {
                    Steps = Endless,
                    BatchSize = 2,
                    Growing = [0.5],
                },
                resources
            )
        ),
        new(
            "gaussian",
            "the MSE autoencoder, 4 images of 224 x 224",
            null,
            resources => new MseAutoencoder(
                new MseAutoencoderSettings
                {
                    Steps = Endless,
                    BatchSize = 4,
                    Augmentation = AugmentationRules.For("bottle"),
                },
                resources.Device
            )
        ),
    ];

    /// <summary>Trains until enough steps are measured.</summary>
    /// <param name="seconds">How long to measure at most; at least two steps are.</param>
    /// <returns>The median step in seconds, and the losses of the first <see cref="WarmUp"/> steps.</returns>
    public (double Seconds, IReadOnlyList<double> Losses) Measure(double seconds)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            using var scope = torch.NewDisposeScope();
            torch.manual_seed(0);
            if (Network is not null)
            {
                using var network = Backbone.Random(Network, 0);
                SafeTensors.Write(Path.Combine(folder.FullName, Network + ".safetensors"), network.StateDict(fold: true));
            }
            using var backbones = new BackboneProvider(folder.FullName, torch.CPU);
            using var detector = Create(
                new Resources
                {
                    Backbones = backbones,
                    Features = new UncachedFeatures(),
                    Device = torch.CPU,
                }
            );
            return Train(detector, seconds);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (double Seconds, IReadOnlyList<double> Losses) Train(IAnomalyDetector detector, double seconds)
    {
        using var enough = new CancellationTokenSource();
        var (losses, steps) = (new List<double>(), new List<double>());
        var watch = new Stopwatch();
        try
        {
            detector.Fit(
                new RandomImages(),
                new FitContext
                {
                    Seed = 0,
                    Cancellation = enough.Token,
                    Progress = (done, _, text) =>
                    {
                        if (done > WarmUp)
                        {
                            steps.Add(watch.Elapsed.TotalSeconds);
                        }
                        else
                        {
                            losses.Add(double.Parse(text.Split(' ')[^1], CultureInfo.InvariantCulture));
                        }

                        if (steps.Count >= LeastSteps && steps.Sum() >= seconds)
                        {
                            enough.Cancel();
                        }

                        watch.Restart();
                    },
                }
            );
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested) { }
        return (Gauge.Median(steps), losses);
    }

    private sealed class RandomImages : IImages
    {
        private readonly Dictionary<ImageSize, Tensor> _pixels = [];

        // More than hfae holds the features of, so that it asks for each batch and gets it in the layout that is measured.
        public int Count => 2_000;

        public string ContentId(int index) => $"{index}";

        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
        {
            if (!_pixels.TryGetValue(size, out var pixels))
            {
                using var generator = new Generator(1);
                _pixels[size] = pixels = torch.rand([16, 3, size.Height, size.Width], generator: generator).DetachFromDisposeScope();
            }
            return pixels.index_select(0, torch.tensor(indices.Select(index => (long)index % 16).ToArray()));
        }
    }

    /// <summary>Features of the encoder's shapes without an encoder, always the same.</summary>
    private sealed class RandomFeatures : IFeatures
    {
        private readonly Dictionary<(string Layer, int Count), Tensor> _maps = [];

        public Tensor[] Get(
            ImageBatch batch,
            Backbone backbone,
            IReadOnlyList<string> layers,
            ImageSize size,
            Pooling pooling = Pooling.None
        ) => [.. layers.Select((layer, level) => Map(layer, level, batch.Count, backbone.Channels(layer), size).alias())];

        private Tensor Map(string layer, int level, int count, int channels, ImageSize size)
        {
            if (!_maps.TryGetValue((layer, count), out var map))
            {
                using var generator = new Generator((ulong)level);
                using var plain = torch.rand(
                    [count, channels, size.Height >> (level + 2), size.Width >> (level + 2)],
                    generator: generator
                );
                _maps[(layer, count)] = map = plain.channels_last().DetachFromDisposeScope();
            }
            return map;
        }
    }
}
