using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Repro.Records;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Repro.Studies;

/// <summary>How a network is pretrained on <see cref="Patterns"/>.</summary>
public sealed record PretrainingSettings
{
    /// <summary>Name of the network.</summary>
    public string Architecture { get; init; } = "vgg16_quarter";

    /// <summary>The layers that each get a classifier.</summary>
    public IReadOnlyList<string> Levels { get; init; } = ["relu2_2", "relu3_3", "relu4_3", "relu5_3"];

    /// <summary>Seed of the first weights and of every image.</summary>
    public int Seed { get; init; }

    /// <summary>Gradient steps.</summary>
    public int Steps { get; init; } = 1772;

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Width and height of an image, pixels.</summary>
    public int ImageSide { get; init; } = 64;

    /// <summary>Adam's highest learning rate: reached after a tenth of the steps, then half a cosine down to zero.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Images on which the accuracy is measured; none of them is trained on.</summary>
    public int HeldOut { get; init; } = 1024;
}

/// <summary>What came of a pretraining.</summary>
/// <param name="Loss">Mean cross-entropy of all classifiers over the last tenth of the steps.</param>
/// <param name="Accuracy">Share of the held-out images that the written file, with a level's classifier on top, puts in the right class; by
/// level.</param>
/// <param name="Seconds">Wall-clock time of the training.</param>
/// <param name="Sha256">Of the weights file.</param>
public sealed record PretrainingResult(double Loss, IReadOnlyDictionary<string, double> Accuracy, double Seconds, string Sha256);

/// <summary>
/// Trains a small network to tell <see cref="Patterns"/> apart, so that there is an extractor of trained features which needs no download.
/// The feature maps of several levels are averaged over space and each classified by a linear layer of its own (deep supervision, Lee et
/// al. 2015): anomaly detection reads the middle levels, and they learn in far fewer steps than through the last one alone. The classifiers
/// are not kept.
/// </summary>
public static class Pretraining
{
    /// <summary>
    /// Trains, measures and writes <c>NAME.safetensors</c> (fp16, batch norms folded), its sidecar and <c>NAME.record.json</c>.
    /// </summary>
    /// <param name="settings">The training.</param>
    /// <param name="folder">The folder to write; a checkpoint lies there until the training is finished.</param>
    /// <param name="context">Progress and cancellation; its seed must be the settings'.</param>
    /// <exception cref="UserError">The architecture is unknown or the folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Stopped; the same call goes on from the checkpoint.</exception>
    public static PretrainingResult Run(PretrainingSettings settings, string folder, FitContext context)
    {
        var file = Path.Combine(folder, settings.Architecture + ".safetensors");
        var checkpoints = new Checkpoints(file + ".checkpoint", () => SnakeCaseJson.Hash(settings), TimeSpan.FromMinutes(1), context.Warn);
        using var network = new PatternClassifier(settings);
        var clock = Stopwatch.StartNew();
        var loss = Train(network, settings, context with { Checkpoints = checkpoints });
        var seconds = clock.Elapsed.TotalSeconds;

        Write(network.Backbone, file);
        using var written = Backbone.Load(file, settings.Architecture);
        var result = new PretrainingResult(loss, network.Accuracy(written), seconds, WeightsFile.Hash(file));
        WriteSidecar(file, network.Backbone, settings, result);
        WriteRecord(file, settings, result);
        checkpoints.Delete();
        return result;
    }

    /// <summary>Mean cross-entropy of the last tenth of the steps.</summary>
    internal static double Train(PatternClassifier network, PretrainingSettings settings, FitContext context)
    {
        network.train();
        using var optimizer = torch.optim.Adam(network.parameters(), settings.LearningRate);
        var (loss, _) = Training.Run(
            context,
            network,
            optimizer,
            settings.Steps,
            step =>
            {
                using var generator = context.Generator(step, torch.CPU);
                var (images, labels) = Patterns.Sample(settings.BatchSize, settings.ImageSide, generator);
                return network
                        .Classify(network.Backbone, images)
                        .Select(logits => F.cross_entropy(logits, labels))
                        .Aggregate((sum, next) => sum + next) / settings.Levels.Count;
            },
            step => settings.LearningRate * Schedule((step + 1.0) / settings.Steps)
        );
        network.eval();
        return loss;
    }

    // A fraction of the highest rate: linear to a tenth of the way, then half a cosine.
    private static double Schedule(double done)
    {
        const double warm = 0.1;
        return done < warm ? done / warm : 0.5 * (1 + Math.Cos(Math.PI * (done - warm) / (1 - warm)));
    }

    private static void Write(Backbone backbone, string file)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        SafeTensors.Write(
            file,
            backbone.StateDict(fold: true).ToDictionary(entry => entry.Key, entry => entry.Value.to(ScalarType.Float16))
        );
    }

    private static void WriteSidecar(string file, Backbone backbone, PretrainingSettings settings, PretrainingResult result)
    {
        var preprocessing = backbone.Preprocessing;
        var sidecar = new JsonObject
        {
            ["architecture"] = settings.Architecture,
            ["preprocessing"] = new JsonObject
            {
                ["color"] = preprocessing.Color,
                ["range"] = preprocessing.Range,
                ["mean"] = JsonSerializer.SerializeToNode(preprocessing.Mean),
                ["std"] = JsonSerializer.SerializeToNode(preprocessing.Std),
            },
            ["batch_norm"] = "folded into the convolutions (each has a bias, there are no batch norm entries)",
            ["trained_on"] = $"{Patterns.ClassNames.Count} classes of procedural patterns (Core.CSharp/Data/Patterns)",
            ["origin"] = Command(settings),
            ["licence"] = "this project's own; made by its code from no one's images",
            ["notes"] = "NOT ImageNet: these weights have seen no photograph. No paper reports results with them. fp16.",
            ["sha256"] = result.Sha256,
            ["bytes"] = new FileInfo(file).Length,
        };
        AtomicFile.WriteText(Path.ChangeExtension(file, ".json"), sidecar.ToJsonString(Indented) + "\n");
    }

    private static void WriteRecord(string file, PretrainingSettings settings, PretrainingResult result)
    {
        var record = new JsonObject
        {
            ["schema"] = 1,
            ["command"] = Command(settings),
            ["settings"] = SnakeCaseJson.ToObject(settings),
            ["patterns_version"] = Patterns.Version,
            ["classes"] = JsonSerializer.SerializeToNode(Patterns.ClassNames),
            ["loss"] = result.Loss,
            ["held_out_accuracy"] = JsonSerializer.SerializeToNode(result.Accuracy),
            ["chance"] = 1.0 / Patterns.ClassNames.Count,
            ["training_seconds"] = result.Seconds,
            ["sha256"] = result.Sha256,
            ["environment"] = JsonSerializer.SerializeToNode(Machine.Describe(torch.CPU), SnakeCaseJson.Options),
            ["finished"] = DateTime.UtcNow.ToString("O"),
        };
        AtomicFile.WriteText(Path.ChangeExtension(file, ".record.json"), record.ToJsonString(Indented) + "\n");
    }

    private static string Command(PretrainingSettings settings) =>
        $"scripts/repro pretrain --out embedded --seed {settings.Seed} --steps {settings.Steps}";

    private static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };
}

/// <summary>A trainable network with a linear classifier over the normalised spatial mean of each of some levels.</summary>
internal sealed class PatternClassifier : nn.Module
{
    private readonly TorchSharp.Modules.ModuleList<nn.Module<Tensor, Tensor>> classifiers;
    private readonly PretrainingSettings _settings;

    public PatternClassifier(PretrainingSettings settings)
        : base(nameof(PatternClassifier))
    {
        _settings = settings;
        Backbone = Backbone.Random(settings.Architecture, settings.Seed, new BackboneOptions { Trainable = true });
        torch.manual_seed(settings.Seed);
        classifiers = nn.ModuleList([.. settings.Levels.Select(level => Classifier(Backbone.Channels(level)))]);
        RegisterComponents();
        this.RegisterBackbone(Backbone);
    }

    public Backbone Backbone { get; }

    public override void train(bool on = true)
    {
        base.train(on);
        Backbone.Train(on);
    }

    /// <summary>Logits <c>[N,classes]</c> of each level by another backbone's or this one's features of images <c>[N,3,S,S]</c>.</summary>
    public Tensor[] Classify(Backbone backbone, Tensor images) =>
        [
            .. backbone
                .Forward(images, _settings.Levels)
                .Zip(classifiers, (features, classifier) => classifier.call(features.mean([2L, 3L]))),
        ];

    // Spatial means differ little from image to image beside their size, and Adam's steps are of one size for all weights, which is right
    // for
    // kernels and too small for a linear layer over unit features: both are mended by a batch norm with a gain.
    private static nn.Module<Tensor, Tensor> Classifier(long channels)
    {
        const double gain = 8;
        var norm = nn.BatchNorm1d(channels);
        var linear = nn.Linear(channels, Patterns.ClassNames.Count);
        nn.init.constant_(norm.weight!, gain);
        nn.init.zeros_(linear.weight!);
        return nn.Sequential(norm, linear);
    }

    /// <summary>Share of held-out images that each level's classifier puts in the right class by another backbone's features.</summary>
    public IReadOnlyDictionary<string, double> Accuracy(Backbone backbone)
    {
        using var noGradient = torch.no_grad();
        var right = new long[_settings.Levels.Count];
        var seen = 0;
        for (; seen < _settings.HeldOut; seen += _settings.BatchSize)
        {
            using var scope = torch.NewDisposeScope();
            using var generator = new Generator(SplitMix64.For((ulong)_settings.Seed, $"held out {seen}").NextBits() >> 1, torch.CPU);
            var (images, labels) = Patterns.Sample(_settings.BatchSize, _settings.ImageSide, generator);
            foreach (var (level, logits) in Classify(backbone, images).Index())
            {
                right[level] += logits.argmax(1).eq(labels).sum().item<long>();
            }
        }
        return _settings
            .Levels.Zip(right, (level, count) => (level, share: (double)count / seen))
            .ToDictionary(pair => pair.level, pair => pair.share);
    }
}
