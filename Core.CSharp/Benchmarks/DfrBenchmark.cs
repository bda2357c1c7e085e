using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using Reproduction.Papers.Dfr;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// <see cref="DfrMethod"/> with VGG-19 at 256 x 256: the peak memory of fitting f{1:16}, images a second as in Table VI, and inference
/// with the linear steps in the cheapest order beside the order of the paper's equations. Weights and images are random: neither time nor
/// memory depends on their values.
/// </summary>
public sealed class DfrBenchmark : IBenchmark
{
    private const string Network = "vgg19";
    private const int Batch = 4;
    private const int Rounds = 5;

    /// <summary>Images of the fit whose memory is measured: two of the paper's steps; more would add their maps' 256 KiB each.</summary>
    private const int FittedImages = 8;

    /// <summary>
    /// Width of the code where it is not what is measured, as a share of c_o: on bottle, f{1:8} has 29 of 1,408 (results/dfr).
    /// </summary>
    private const double LatentShare = 0.02;

    /// <summary>The columns of Table VI, then the scales whose two orders are compared.</summary>
    private static readonly string[] SpeedOf = ["f12-12", "f9-12", "f5-12", "f3-12", "f1-12"];

    private static readonly string[] OrdersOf = ["f1-12", "f1-16"];

    /// <inheritdoc/>
    public string Name => "dfr";

    /// <inheritdoc/>
    public string Description => "memory of dfr's fit, images/s as in Table VI, and inference against the order of the paper's equations";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            using (var network = Backbone.Random(Network, 0))
            {
                SafeTensors.Write(Path.Combine(folder.FullName, Network + ".safetensors"), network.StateDict(fold: true));
            }
            // Memory first: the highest so far is all that the system tells.
            return
            [
                .. Memory(folder.FullName, progress),
                .. Speed(folder.FullName, torch.CPU, progress),
                .. torch.cuda.is_available() ? Speed(folder.FullName, torch.CUDA, progress) : [],
                .. Orders(folder.FullName, progress),
            ];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Measurement> Memory(string weights, TextWriter progress)
    {
        progress.WriteLine("fitting f{1:16}");
        using var scope = torch.NewDisposeScope();
        using var backbones = new BackboneProvider(weights, torch.CPU);
        var settings = Settings("f1-16", "zero", backbones) with { Epochs = 1, Latent = 0 };
        using var detector = new DfrDetector(settings, Resources(backbones, torch.CPU));
        var facts = detector.Fit(new NoImages(FittedImages), Context);
        yield return new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"peak memory of fitting f{{1:16}} at 256 x 256, batch 4, all positions, c_d {facts["latent"]}"
            ),
            Gauge.PeakMebibytes,
            "MiB"
        );
    }

    private static IEnumerable<Measurement> Speed(string weights, Device device, TextWriter progress)
    {
        using var backbones = new BackboneProvider(weights, device);
        foreach (var scales in SpeedOf)
        {
            progress.WriteLine($"{scales} on {device}");
            using var scope = torch.NewDisposeScope();
            using var detector = Fitted(scales, "reflect", backbones, device);
            var seconds = Gauge.Seconds(() => Infer(detector), Rounds);
            yield return new($"{scales}, reflection padding, {Where(device)}", Batch / seconds, "images/s");
        }
    }

    /// <summary>Both orders in turns, so that whatever else the machine does falls on both.</summary>
    private static IEnumerable<Measurement> Orders(string weights, TextWriter progress)
    {
        using var backbones = new BackboneProvider(weights, torch.CPU);
        foreach (var scales in OrdersOf)
        {
            using var scope = torch.NewDisposeScope();
            var settings = Settings(scales, "zero", backbones);
            var backbone = backbones.Get(Network);
            using var detector = Fitted(scales, "zero", backbones, torch.CPU);
            var (ours, literal) = (new double[Rounds], new double[Rounds]);
            for (var round = 0; round < Rounds; round++)
            {
                ours[round] = Gauge.Seconds(() => Infer(detector));
                literal[round] = Gauge.Seconds(() => InPaperOrder(detector, backbone, settings).Dispose());
                progress.WriteLine(
                    $"{scales} round {round + 1} of {Rounds}: ours {ours[round]:F2} s, in the order of the equations {literal[round]:F2} s"
                );
            }
            using var map = Infer(detector);
            using var expected = InPaperOrder(detector, backbone, settings);
            var difference = ((map - expected).abs().max() / expected.max()).item<float>();
            yield return new($"{scales}, zero padding, {Where(torch.CPU)}", Batch / ours.Min(), "images/s");
            yield return new(
                $"{scales}, resize and mean filter as maps of the image, concatenation, autoencoder",
                Batch / literal.Min(),
                "images/s"
            );
            yield return new(
                $"{scales}, ours against the order of the equations",
                ours.Zip(literal, (our, other) => other / our).Order().ElementAt(Rounds / 2),
                "times faster"
            );
            yield return new($"{scales}, largest difference of the two maps, relative to the largest score", difference, "");
        }
    }

    /// <summary>Equations (1) to (5) one after the other, each with its result whole in memory.</summary>
    private static Tensor InPaperOrder(DfrDetector detector, Backbone backbone, DfrSettings settings)
    {
        using var scope = torch.NewDisposeScope();
        using var frozen = torch.no_grad();
        long[] image = [settings.ImageSize, settings.ImageSize];
        var regions = backbone
            .Forward(ImageBatch.All(new NoImages(Batch)).Pixels(ImageSize.Square(settings.ImageSize), torch.CPU), settings.Layers)
            .Select(map =>
                nn.functional.avg_pool2d(
                    nn.functional.interpolate(map, image, mode: InterpolationMode.Nearest),
                    [settings.FilterSize, settings.FilterSize],
                    [settings.FilterStride, settings.FilterStride]
                )
            );
        var features = torch.cat([.. regions], 1);
        var distance = (detector.Reconstruct(features) - features).square().sum([1L], keepdim: true).sqrt();
        return nn.functional.interpolate(distance, image, mode: InterpolationMode.Bilinear, align_corners: false).MoveToOuterDisposeScope();
    }

    /// <summary>Our map of the batch, <c>[N,1,256,256]</c>; reading its sum waits for a GPU to finish.</summary>
    private static Tensor Infer(DfrDetector detector)
    {
        var scores = detector.Score(ImageBatch.All(new NoImages(Batch)));
        scores.Image.sum().item<float>();
        return scores.Map!;
    }

    private static DfrDetector Fitted(string scales, string padding, BackboneProvider backbones, Device device)
    {
        var settings = Settings(scales, padding, backbones) with { Epochs = 1, PositionsPerImage = 16 };
        var detector = new DfrDetector(settings, Resources(backbones, device));
        detector.Fit(new NoImages(Batch), Context);
        return detector;
    }

    private static DfrSettings Settings(string scales, string padding, BackboneProvider backbones)
    {
        var settings = new DfrMethod().Settings(new Request($"paper-{scales}-{padding}", Profile.Paper, "", ""));
        var channels = settings.Layers.Sum(backbones.Get(Network).Channels);
        return settings with { Latent = (int)(LatentShare * channels) };
    }

    private static Resources Resources(BackboneProvider backbones, Device device) =>
        new()
        {
            Backbones = backbones,
            Features = new UncachedFeatures(),
            Device = device,
        };

    private static FitContext Context => new() { Seed = 0 };

    private static string Where(Device device) => device.type == DeviceType.CPU ? $"{torch.get_num_threads()} threads" : "CUDA";

    private sealed class NoImages(int count) : IImages
    {
        public int Count => count;

        public string ContentId(int index) => throw new NotSupportedException();

        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
        {
            using var generator = new Generator(1);
            return torch.rand([indices.Count, 3, size.Height, size.Width], generator: generator).to(device);
        }
    }
}
