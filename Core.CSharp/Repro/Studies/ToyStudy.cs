using System.Globalization;
using System.Text;
using System.Text.Json;
using Repro.Records;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Papers.Favae;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Studies;

/// <summary>
/// The toy study of <c>favae</c>, section 3 and figure 1: what a VAE's likelihood, its typicality and FAVAE's score say of normal
/// images, anomalous ones and shuffled anomalous ones.
/// </summary>
/// <param name="resources">Weights of the feature extractor, and the device.</param>
public sealed class ToyStudy(Resources resources)
{
    /// <summary>The scores of every image, one a row.</summary>
    public const string ScoresFile = "scores.csv";

    /// <summary>Settings, learned deviations, where it ran.</summary>
    public const string RecordFile = "toy.json";

    /// <summary>Figure 1a: samples of the three distributions, a row each.</summary>
    public const string SamplesFile = "samples.png";

    private const int ScoreBatch = 25;
    private const int Drawn = 6;

    // Backgrounds of N(0, 1) cover 3/4 of the grey values; what lies on them is drawn with the contrast that makes noise of 0.057 visible.
    private const double BackgroundContrast = 32;
    private const double DetailContrast = 500;

    /// <summary>Images of each distribution that are scored.</summary>
    public int Images { get; init; } = 300;

    /// <summary>Gradient steps of each model.</summary>
    public required int Steps { get; init; }

    /// <summary>Images a gradient step.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>
    /// Share of the steps after which the batch norms keep their statistics. With batch norm in training mode an image's grey value is
    /// known to the network relative to those of its batch alone: of n images the mean errs by 1/n and the variance by about 1/(2n), so
    /// that gamma cannot fall below the root of 1.5/n.
    /// </summary>
    public double NormsFixedAfter { get; init; } = 0.1;

    /// <summary>Share of the learning rates that is left at the last step: fixed statistics do not damp a step any more.</summary>
    public double FinalLearningRateShare { get; init; } = 1;

    /// <summary>Seed of the models and the images.</summary>
    public int Seed { get; init; }

    /// <summary>Told of (stage, steps done, steps in all, a short text).</summary>
    public Action<string, long, long, string> Progress { get; init; } = (_, _, _, _) => { };

    /// <summary>
    /// Scores under the optimal VAE with the constants of appendix A as printed and exchanged; with the exchanged ones also under a VAE and
    /// a FAVAE that are trained on normal images.
    /// </summary>
    /// <param name="extractor">The variant of favae whose features are reconstructed.</param>
    /// <param name="folder">Where <see cref="ScoresFile"/> and <see cref="RecordFile"/> are written.</param>
    /// <param name="cancellation">Stops the training.</param>
    public void Run(string extractor, string folder, CancellationToken cancellation)
    {
        var rows = new StringBuilder(
            "constants,distribution,image,log_likelihood,typicality,trained_log_likelihood,trained_typicality,favae\n"
        );
        foreach (var (name, images) in Samples(ToyDistribution.AsPrinted))
        {
            using (images)
            {
                Append(rows, "printed", name, Exact(ToyDistribution.AsPrinted, images));
            }
        }
        using var vae = Train("vanilla", cancellation);
        using var favae = Train(extractor, cancellation);
        foreach (var (name, images) in Samples(ToyDistribution.Exchanged))
        {
            using (images)
            {
                Append(
                    rows,
                    "exchanged",
                    name,
                    [.. Exact(ToyDistribution.Exchanged, images), .. Trained(vae, images), LogProbability(favae, images)]
                );
            }
        }
        AtomicFile.WriteText(Path.Combine(folder, ScoresFile), rows.ToString());
        ImageFile.Write(Path.Combine(folder, SamplesFile), DrawSamples());
        var record = new
        {
            Seed,
            Images,
            Steps,
            Extractor = extractor,
            OptimalDeviation = ToyDistribution.Exchanged.NormalDeviation,
            VaeDeviation = Deviation(vae),
            FavaeDeviation = Deviation(favae),
            Settings = SnakeCaseJson.ToObject(Settings(extractor)),
            Weights = resources.Backbones.Used.Select(used => new WeightsUsed(used.Name, used.WeightsSha256, used.Architecture)),
            Environment = Machine.Describe(resources.Device),
        };
        AtomicFile.WriteText(Path.Combine(folder, RecordFile), JsonSerializer.Serialize(record, SnakeCaseJson.Options) + "\n");
    }

    /// <summary>A detector of favae trained on the toy data's normal images.</summary>
    /// <param name="variant">Of favae.</param>
    /// <param name="cancellation">Stops the training.</param>
    internal FavaeDetector Train(string variant, CancellationToken cancellation)
    {
        torch.manual_seed(Seed);
        var detector = new FavaeDetector(Settings(variant), resources);
        detector.Fit(
            new NormalImages(Seed),
            new FitContext
            {
                Seed = Seed,
                Progress = (done, all, text) => Progress(variant, done, all, text),
                Cancellation = cancellation,
            }
        );
        return detector;
    }

    /// <summary>What a detector scores, negated: the log probability summed over pixels, features and layers.</summary>
    /// <param name="detector">A trained one.</param>
    /// <param name="images">Grey, <c>[N,1,128,128]</c>.</param>
    internal double[] LogProbability(FavaeDetector detector, Tensor images) =>
        Each(
            images,
            batch =>
            {
                using var scores = detector.Score(ImageBatch.All(new TensorImages(Tripled(batch))));
                return -scores.Image;
            }
        );

    private FavaeSettings Settings(string variant)
    {
        var settings = new FavaeMethod().Settings(new Request(variant, Profile.Quick, "toy", "toy"));
        return settings with
        {
            UnboundedPixels = true,
            Rotation = 0,
            Translation = 0,
            BatchSize = BatchSize,
            ImagesPerEpoch = Steps * BatchSize,
            Epochs = 1,
            FinalLearningRateShare = FinalLearningRateShare,
            NormsFixedAfter = NormsFixedAfter,
        };
    }

    /// <summary>A few images of each distribution, grey values drawn as background and what lies on it, apart.</summary>
    internal Image DrawSamples()
    {
        using var scope = torch.NewDisposeScope();
        var rows = Samples(ToyDistribution.Exchanged)
            .Select(sample =>
                (IReadOnlyList<Image>)
                    [
                        .. Enumerable
                            .Range(0, Drawn)
                            .Select(i =>
                            {
                                var image = sample.Images[i, 0];
                                var background = image.mean();
                                var grey = background * BackgroundContrast + (image - background) * DetailContrast + (byte.MaxValue / 2.0);
                                var pixels = grey.clamp(0, byte.MaxValue).round().to(ScalarType.Byte).contiguous().data<byte>().ToArray();
                                return new Image(ToyDistribution.Side, ToyDistribution.Side, 1, pixels);
                            }),
                    ]
            )
            .ToArray();
        return Panels.Grid(rows, ToyDistribution.Side, ToyDistribution.Side);
    }

    private IEnumerable<(string Name, Tensor Images)> Samples(ToyDistribution distribution)
    {
        using var generator = new Generator(SplitMix64.For((ulong)Seed, "toy test images").NextBits() >> 1, torch.CPU);
        yield return ("normal", distribution.Normal(Images, generator));
        var anomalous = distribution.Anomalous(Images, generator);
        var shuffled = ToyDistribution.Shuffled(anomalous, generator);
        yield return ("anomaly", anomalous);
        yield return ("shuffled", shuffled);
    }

    private static double[][] Exact(ToyDistribution distribution, Tensor images)
    {
        using var scope = torch.NewDisposeScope();
        var vae = new OptimalToyVae(distribution.NormalDeviation);
        return [vae.LogLikelihood(images).data<double>().ToArray(), vae.Typicality(images).data<double>().ToArray()];
    }

    /// <summary>
    /// ELBO and typicality of the trained VAE. The network sees a grey image as three equal channels; the likelihood is a third of theirs,
    /// that of the grey image.
    /// </summary>
    private double[][] Trained(FavaeDetector vae, Tensor images)
    {
        using var generator = new Generator(SplitMix64.For((ulong)Seed, "toy latent codes").NextBits() >> 1, resources.Device);
        var elbo = Each(
            images,
            batch =>
            {
                using var scope = torch.NewDisposeScope();
                return (vae.Elbo(Tripled(batch).to(resources.Device), generator) / 3).MoveToOuterDisposeScope();
            }
        );
        var entropy = Math.Log(Deviation(vae)) + (0.5 * Math.Log(2 * Math.PI * Math.E));
        var typicality = LogProbability(vae, images)
            .Select(sum => -Math.Abs((sum / (3 * ToyDistribution.Side * ToyDistribution.Side)) + entropy));
        return [elbo, [.. typicality]];
    }

    /// <summary>gamma of the pixels: the geometric mean over the three equal channels.</summary>
    private static double Deviation(FavaeDetector detector)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return Math.Exp(0.5 * detector.Network.LogVariances[0].mean().item<float>());
    }

    private static double[] Each(Tensor images, Func<Tensor, Tensor> score)
    {
        var values = new List<double>();
        using var noGradient = torch.no_grad();
        for (var start = 0L; start < images.shape[0]; start += ScoreBatch)
        {
            using var scope = torch.NewDisposeScope();
            var batch = images.narrow(0, start, Math.Min(ScoreBatch, images.shape[0] - start));
            values.AddRange(score(batch).to(ScalarType.Float64).cpu().data<double>().ToArray());
        }
        return [.. values];
    }

    private static void Append(StringBuilder rows, string constants, string distribution, double[][] scores)
    {
        for (var i = 0; i < scores[0].Length; i++)
        {
            rows.Append(CultureInfo.InvariantCulture, $"{constants},{distribution},{i}");
            for (var column = 0; column < 5; column++)
            {
                rows.Append(',');
                if (column < scores.Length)
                {
                    rows.Append(CultureInfo.InvariantCulture, $"{scores[column][i]:g8}");
                }
            }
            rows.Append('\n');
        }
    }

    private static Tensor Tripled(Tensor grey) => grey.to(ScalarType.Float32).expand(-1, 3, -1, -1).contiguous();

    /// <summary>As many normal images as the paper trains on, each drawn when it is asked for.</summary>
    private sealed class NormalImages(int seed) : IImages
    {
        public int Count => 10_000;

        public string ContentId(int index) => throw new NotSupportedException("toy images are in no cache");

        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
        {
            using var scope = torch.NewDisposeScope();
            var images = indices.Select(index =>
            {
                using var generator = new Generator(SplitMix64.For((ulong)seed, $"toy image {index}").NextBits() >> 1, torch.CPU);
                return ToyDistribution.Exchanged.Normal(1, generator);
            });
            return Tripled(torch.cat([.. images])).to(device).MoveToOuterDisposeScope();
        }
    }
}
