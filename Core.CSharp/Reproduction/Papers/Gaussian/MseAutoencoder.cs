using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Imaging;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>Hyperparameters of the autoencoder baseline of <c>gaussian</c>.</summary>
public sealed record MseAutoencoderSettings
{
    /// <summary>Size of the bottleneck.</summary>
    public int Latent { get; init; } = 32;

    /// <summary>Images a gradient step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Learning rate of Adam.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Gradient steps at most; the paper trains until convergence and gives no number.</summary>
    public required long Steps { get; init; }

    /// <summary>Share of the training images whose loss tells when to stop, as in the authors' code.</summary>
    public double Validation { get; init; } = 0.2;

    /// <summary>Epochs in a row without a better loss after which training stops; the best epoch's state is kept.</summary>
    public int Patience { get; init; } = 3;

    /// <summary>Which augmentations leave the category's images normal; the noise is left out for this model.</summary>
    public required AugmentationRules Augmentation { get; init; }

    /// <summary>
    /// Share of the image's area that the smallest anomaly of the category's test images covers: what the paper's connected component
    /// analysis is told of them. Null where it is not known; that score is then left out.
    /// </summary>
    public double? SmallestAnomaly { get; init; }

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("gaussian");
        check.Latent(Latent);
        check.Batch(BatchSize);
        check.NotNegative(LearningRate);
        check.Whole(Steps, 1);
        check.That(Validation is >= 0 and < 1, Validation, "a share from 0 to below 1");
        check.Whole(Patience, 1);
        check.That(SmallestAnomaly is null or (> 0 and <= 1), SmallestAnomaly, "null, or a share above 0, at most 1");
    }
}

/// <summary>
/// "MSE AE" of Tables V and VIII: images are reconstructed through a narrow bottleneck; the squared error is the map, its mean the score of
/// the image ("Map-Mean"), and the highest threshold at which a connected component is as large as the smallest anomaly the other one
/// ("CCA").
/// </summary>
internal sealed class MseAutoencoder(MseAutoencoderSettings settings, Device device) : IAnomalyDetector, IExportable
{
    private const int ScoreBatch = 16;

    private static readonly ImageSize Size = ImageSize.Square(ResNetAutoencoder.ImageSide, Resampling.Bilinear);

    /// <summary>
    /// Share of the image that the smallest anomaly covers, for each category of MVTec AD: the largest 8-connected component of an image's
    /// mask, the least over the test images, as the authors' script gives it.
    /// </summary>
    private static readonly IReadOnlyDictionary<string, double> SmallestAnomalies = new Dictionary<string, double>
    {
        ["bottle"] = 4663 / (900.0 * 900),
        ["cable"] = 1506 / (1024.0 * 1024),
        ["capsule"] = 371 / (1000.0 * 1000),
        ["carpet"] = 1572 / (1024.0 * 1024),
        ["grid"] = 750 / (1024.0 * 1024),
        ["hazelnut"] = 2442 / (1024.0 * 1024),
        ["leather"] = 900 / (1024.0 * 1024),
        ["metal_nut"] = 586 / (700.0 * 700),
        ["pill"] = 203 / (800.0 * 800),
        ["screw"] = 692 / (1024.0 * 1024),
        ["tile"] = 5942 / (840.0 * 840),
        ["toothbrush"] = 1480 / (1024.0 * 1024),
        ["transistor"] = 2346 / (1024.0 * 1024),
        ["wood"] = 1124 / (1024.0 * 1024),
        ["zipper"] = 1669 / (1024.0 * 1024),
    };

    private readonly ResNetAutoencoder _model = new ResNetAutoencoder(settings.Latent).to(device);

    /// <summary>
    /// The share of the image that the smallest anomaly of one of MVTec AD's categories covers; null for another category.
    /// </summary>
    public static double? SmallestAnomalyOf(string category) => SmallestAnomalies.TryGetValue(category, out var share) ? share : null;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var order = context.Shuffle(normal.Count, -1);
        var held = Math.Min(normal.Count - 1, (int)Math.Round(settings.Validation * normal.Count));
        var (validation, train) = (order[..held], order[held..]);
        var batches = new ShuffledBatches(context, train.Length, settings.BatchSize, partial: true);
        var images = new AugmentedImages(normal, settings.Augmentation, batches.Epoch(settings.Steps - 1) + 1);
        _model.train();
        using var kept = new EarlyStopping(_model, ScalarType.Float64);
        using var optimizer = optim.Adam(_model.parameters(), settings.LearningRate);
        var (loss, steps) = Training.Run(
            context,
            kept,
            optimizer,
            settings.Steps,
            step =>
            {
                var first = batches.Epoch(step) * normal.Count;
                var pixels = images.Pixels([.. batches.At(step).Select(index => first + train[index])], Size, device);
                return nn.functional.mse_loss(_model.call(pixels), pixels);
            },
            stop: (step, _) =>
                held > 0
                && (step + 1) % batches.PerEpoch == 0
                && kept.ShouldStop(ValidationLoss(new ImageBatch(normal, validation)), settings.Patience)
        );
        kept.Restore();
        _model.eval();
        return new Dictionary<string, double>
        {
            ["loss"] = loss,
            ["steps"] = steps,
            ["validation_images"] = held,
        };
    }

    /// <summary>The mean squared error of images as they are.</summary>
    private double ValidationLoss(ImageBatch images)
    {
        using var noGradient = torch.no_grad();
        _model.eval();
        var sum = 0.0;
        foreach (var batch in images.Chunks(ScoreBatch))
        {
            using var scope = torch.NewDisposeScope();
            var pixels = batch.Pixels(Size, device);
            sum += nn.functional.mse_loss(_model.call(pixels), pixels).item<float>() * batch.Count;
        }
        _model.train();
        return sum / images.Count;
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var pixels = batch.Pixels(Size, device);
        var map = (_model.call(pixels) - pixels).square().mean([1L], keepdim: true);
        var parts = new Dictionary<string, Tensor>();
        if (settings.SmallestAnomaly is { } share)
        {
            var area = Math.Max(1, (int)(share * Size.Height * Size.Width));
            var values = map.cpu().reshape(batch.Count, -1);
            var scores = new float[batch.Count];
            for (var i = 0; i < scores.Length; i++)
            {
                scores[i] = ComponentThreshold(values[i].data<float>().ToArray(), Size.Height, Size.Width, area);
            }

            parts["connected_component"] = torch.tensor(scores).DetachFromDisposeScope();
        }
        return new Scores(map.DetachFromDisposeScope(), map.mean([1L, 2L, 3L]).DetachFromDisposeScope()) { Parts = parts };
    }

    ImageSize IExportable.InputSize => Size;

    GraphScores IExportable.Export(OnnxValue imagesRgb01)
    {
        var map = (imagesRgb01.Then(_model) - imagesRgb01).Square().Mean([1], keepdim: true);
        return new GraphScores(map, map.Mean([1, 2, 3]));
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(_model.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.LoadInto(_model);
        _model.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    /// <summary>
    /// The highest threshold at which the pixels on or above it have an 8-connected component of at least <paramref name="area"/> pixels.
    /// </summary>
    /// <param name="map">Scores, row after row.</param>
    internal static float ComponentThreshold(float[] map, int height, int width, int area)
    {
        var order = Enumerable.Range(0, map.Length).ToArray();
        Array.Sort(Array.ConvertAll(map, value => -value), order);
        // A forest over the pixels that are in: the parent's index, or minus the size at a root; 0 is a pixel that is not in.
        var parent = new int[map.Length];
        foreach (var pixel in order)
        {
            parent[pixel] = -1;
            var (y, x) = Math.DivRem(pixel, width);
            for (var row = Math.Max(0, y - 1); row <= Math.Min(height - 1, y + 1); row++)
            {
                for (var column = Math.Max(0, x - 1); column <= Math.Min(width - 1, x + 1); column++)
                {
                    var neighbour = (row * width) + column;
                    if (neighbour != pixel && parent[neighbour] != 0)
                    {
                        Join(pixel, neighbour);
                    }
                }
            }
            if (-parent[Root(pixel)] >= area)
            {
                return map[pixel];
            }
        }
        return map[order[^1]];

        int Root(int pixel)
        {
            while (parent[pixel] > 0)
            {
                pixel = parent[pixel] - 1;
            }

            return pixel;
        }

        void Join(int a, int b)
        {
            var (large, small) = (Root(a), Root(b));
            if (large == small)
            {
                return;
            }

            if (parent[large] > parent[small])
            {
                (large, small) = (small, large);
            }

            parent[large] += parent[small];
            parent[small] = large + 1;
        }
    }
}
