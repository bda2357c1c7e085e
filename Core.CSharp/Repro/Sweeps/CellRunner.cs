using System.Diagnostics;
using System.Globalization;
using Repro.Pictures;
using Repro.Records;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Metrics;
using TorchSharp;
using static TorchSharp.torch;
using OperatingPoint = Reproduction.Methods.OperatingPoint;

namespace Repro.Sweeps;

/// <summary>Runs one cell from images to its record: fit, score, metrics.</summary>
/// <param name="run">The output folder.</param>
/// <param name="resources">Weights, frozen features, device.</param>
/// <param name="cache">The cache behind <paramref name="resources"/>, for its stopwatch.</param>
/// <param name="gallery">How many test images a cell draws as panels.</param>
public sealed class CellRunner(string run, Resources resources, FeatureCache cache, int gallery)
{
    private const int ScoreBatch = 8;
    private readonly TimeSpan _checkpointInterval = Checkpoints.IntervalFromEnvironment();
    private readonly Dictionary<Category, string> _fingerprints = [];

    /// <summary>Runs the cell and writes its record.</summary>
    /// <param name="cell">What to run.</param>
    /// <param name="category">Its images.</param>
    /// <param name="progress">Told of (stage, done, in all, text).</param>
    /// <param name="warn">Told of what a user should know.</param>
    /// <param name="cancellation">Stops the cell; a long training leaves a checkpoint.</param>
    /// <returns>The record that was written.</returns>
    public RunRecord Run(
        Cell cell,
        Category category,
        Action<string, long, long, string> progress,
        Action<string> warn,
        CancellationToken cancellation
    )
    {
        using var scope = torch.NewDisposeScope();
        var configuration = cell.Configure();
        var seed = cell.IsFold ? 0 : cell.Repetition;
        var data = FingerprintOf(category);
        (cache.Warn, cache.Cancellation) = (warn, cancellation);
        resources.Backbones.ClearUsed();
        torch.manual_seed(seed);

        using var detector = configuration.Create(resources);
        var featuresBefore = cache.Elapsed;
        var fitting = Stopwatch.StartNew();
        var checkpoints = new Checkpoints(Checkpoints.PathOf(run, cell.Id), () => Identity(configuration, data), _checkpointInterval, warn)
        {
            Spent = () =>
                new CarriedSeconds(
                    (cache.Elapsed - featuresBefore).TotalSeconds,
                    (fitting.Elapsed - (cache.Elapsed - featuresBefore)).TotalSeconds
                ),
        };
        var context = new FitContext
        {
            Seed = seed,
            Progress = (done, all, text) => progress("fit", done, all, text),
            Warn = warn,
            Cancellation = cancellation,
            Checkpoints = checkpoints,
        };
        var (train, validation, test) =
            detector is ISupervisedDetector ? LabelledSplit(cell, category, seed) : (NormalImages(cell, category, seed), 0, category.Test);
        var facts = detector is ISupervisedDetector supervised
            ? supervised.Fit(new SampleImages(train), [.. train.Select(sample => sample.Label != 0)], validation, context)
            : detector.Fit(new SampleImages(train), context);
        var fitSeconds = fitting.Elapsed - (cache.Elapsed - featuresBefore);
        cancellation.ThrowIfCancellationRequested();

        var featuresOfFit = cache.Elapsed;
        var scoring = Stopwatch.StartNew();
        var images = new SampleImages(test);
        var scores = Collect(detector, images, index => test[index].Path, (done, all) => progress("score", done, all, ""), cancellation);
        var scoreSeconds = scoring.Elapsed - (cache.Elapsed - featuresOfFit);

        var measuring = Stopwatch.StartNew();
        progress("metrics", 0, 1, "");
        resources.Backbones.CheckUnchanged();
        var (masks, regions) =
            scores.Map is { } map && Category.HasMasksFor(test) ? TestMasks.Read(test, map.Height, map.Width) : (null, null);
        if (regions is { Lost: > 0 })
        {
            warn(
                $"{regions.Lost} of {regions.Whole} anomalous regions have no pixel left at the maps' {scores.Map!.Width} x "
                    + $"{scores.Map.Height}; they are not measured (image_size changes it)"
            );
        }
        var measured = Measure(scores, test, masks, detector.OperatingPoints);
        if (masks is not null && scores.Map is { } whole && detector is IOwnMeasures { MeasuresName: { } name } own)
        {
            var theirs = TestMasks.ReadByMajority(test, whole.Height, whole.Width, own.MaskResampling);
            measured["pixel_auroc." + name] = Roc.Auroc(whole.Values, theirs);
            measured["aupro." + name] = own.Aupro(whole.Values, theirs, whole.Count, whole.Height, whole.Width);
        }
        var (values, undefined) = RunRecord.Split(measured);
        if (gallery > 0 && scores.Map is not null)
        {
            var chosen = Gallery.Choose(test, scores.Image, gallery);
            var restored = Reconstructions(detector, new ImageBatch(images, chosen));
            Gallery.Write(run, cell.Id, test, chosen, scores, restored, PixelThresholds(scores.Map, masks, detector.OperatingPoints));
        }

        var record = new RunRecord
        {
            Cell = cell.Id,
            Paper = cell.Method.Id,
            Variant = cell.Variant,
            Dataset = cell.Dataset,
            Category = cell.Category,
            Seed = cell.IsFold ? null : cell.Repetition,
            Fold = cell.IsFold ? cell.Repetition : null,
            Profile = cell.Profile.ToString().ToLowerInvariant(),
            Settings = configuration.ToJson(),
            Weights = [.. resources.Backbones.Used.Select(used => new WeightsUsed(used.Name, used.WeightsSha256, used.Architecture))],
            DataFingerprint = data,
            Environment = Machine.Describe(resources.Device),
            Seconds = new StageSeconds(
                Seconds(checkpoints.Carried.Features + (cache.Elapsed - featuresBefore).TotalSeconds),
                Seconds(checkpoints.Carried.Fit + fitSeconds.TotalSeconds),
                Seconds(scoreSeconds.TotalSeconds),
                Seconds(measuring.Elapsed.TotalSeconds)
            ),
            Resumed = checkpoints.Resumed,
            Metrics = values,
            Undefined = undefined,
            Fit = facts,
            Regions = regions,
            Counts = new ImageCounts(train.Count, test.Count(sample => sample.Label == 0), test.Count(sample => sample.Label != 0)),
            Finished = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };
        record.Write(run, test.Select((sample, i) => (sample.Id, sample.Label, scores.Image[i])));
        checkpoints.Delete();
        progress("metrics", 1, 1, "");
        return record;
    }

    /// <summary>What a method without labels is fitted on: all training images, or those that the cell's fold does not leave out.</summary>
    private static IReadOnlyList<Sample> NormalImages(Cell cell, Category category, int seed) =>
        cell.IsFold
            ? Folds.Remaining(category.Train, Folds.Split(category.Train.Count, cell.Method.Folds, seed), cell.Repetition)
            : category.Train;

    /// <summary>
    /// Training and test images pooled and dealt into folds with equal shares of anomalies: the cell's fold is the test set, the one before
    /// it stands last among the others, for validation.
    /// </summary>
    private static (IReadOnlyList<Sample> Train, int Validation, IReadOnlyList<Sample> Test) LabelledSplit(
        Cell cell,
        Category category,
        int seed
    )
    {
        var pool = category.Train.Concat(category.Test).ToArray();
        var folds = Folds.Stratified([.. pool.Select(sample => sample.Label)], cell.Method.Folds, seed);
        var others = Enumerable.Range(1, folds.Length - 1).Select(next => folds[(cell.Repetition + next) % folds.Length]).ToArray();
        return (Take(others.SelectMany(fold => fold)), others[^1].Length, Take(folds[cell.Repetition]));

        IReadOnlyList<Sample> Take(IEnumerable<int> indices) => [.. indices.Select(index => pool[index])];
    }

    /// <summary>
    /// In what a cell's record differs from what the cell would give now: settings and weights, which can be told without running it.
    /// </summary>
    public IReadOnlyList<string> Outdated(Cell cell, RunRecord record) =>
        [
            .. RecordDifferences.OfSettings(record, cell.Method, cell.Configure()),
            .. RecordDifferences.OfWeights(record, resources.Backbones.Sha256Of),
        ];

    /// <summary>Of a category's images, labels and masks; read once as long as names, sizes and times stay.</summary>
    /// <exception cref="Reproduction.UserError">An image or a mask cannot be read.</exception>
    public string FingerprintOf(Category category)
    {
        if (!_fingerprints.TryGetValue(category, out var data))
        {
            _fingerprints[category] = data = DataFingerprint.Of(category, cache.Folder);
        }

        return data;
    }

    private static double Seconds(double seconds) => Math.Round(seconds, 3);

    /// <summary>What a training is of: a checkpoint of other settings, weights or images must not be gone on from.</summary>
    private string Identity(Configuration configuration, string data) =>
        $"{configuration.Hash} {data} "
        + $"{string.Join(' ', resources.Backbones.Used.Select(used => used.WeightsSha256).Order(StringComparer.Ordinal))}";

    /// <summary>Scores all images in batches and brings the scores into plain memory.</summary>
    private static TestScores Collect(
        IAnomalyDetector detector,
        IImages images,
        Func<int, string> name,
        Action<long, long> progress,
        CancellationToken cancellation
    )
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var scores = new TestScores(images.Count);
        foreach (var batch in ImageBatch.All(images).Chunks(ScoreBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var each = torch.NewDisposeScope();
            using var result = detector.Score(batch);
            result.CheckFinite(i => name(batch.Indices[i]));
            scores.Take(result);
            progress(scores.Count, images.Count);
        }
        return scores;
    }

    /// <summary>
    /// All metrics of the main score, of each partial score under <c>metric.PART</c>, and the rates at the method's own thresholds.
    /// </summary>
    private static Dictionary<string, MetricValue> Measure(
        TestScores scores,
        IReadOnlyList<Sample> test,
        byte[]? masks,
        IReadOnlyList<OperatingPoint> points
    )
    {
        var labels = test.Select(sample => (byte)(sample.Label == 0 ? 0 : 1)).ToArray();
        var metrics = new Dictionary<string, MetricValue>(
            Evaluation.Evaluate(
                new EvaluationInput
                {
                    Count = test.Count,
                    Height = scores.Map?.Height ?? 0,
                    Width = scores.Map?.Width ?? 0,
                    Maps = scores.Map?.Values,
                    Masks = masks,
                    ImageScores = scores.Image,
                    ImageLabels = labels,
                }
            )
        );
        foreach (var (name, part) in scores.ImageParts)
        {
            metrics["image_auroc." + name] = Roc.Auroc(part, labels);
        }
        foreach (var (name, part) in scores.MapParts)
        {
            if (masks is null || part.Height != scores.Map?.Height || part.Width != scores.Map.Width)
            {
                continue;
            }

            metrics["pixel_auroc." + name] = Roc.Auroc(part.Values, masks);
            metrics["aupro." + name] = Pro.Aupro(part.Values, masks, part.Count, part.Height, part.Width);
        }
        foreach (var point in points)
        {
            (float[]? values, byte[]? truth) = point switch
            {
                { Pixel: true, Part: null } => (scores.Map?.Values, masks),
                { Pixel: true } => (scores.MapParts[point.Part].Values, masks),
                { Part: null } => (scores.Image, labels),
                _ => (scores.ImageParts[point.Part], labels),
            };
            var suffix = (point.Part is null ? "" : point.Part + ".") + point.Name;
            var kind = point.Pixel ? "pixel_" : "";
            if (values is null || truth is null)
            {
                continue;
            }

            metrics[$"{kind}achieved_fpr.{suffix}"] = ShareAbove(values, truth, point.Threshold, anomalous: false);
            metrics[$"{kind}achieved_tpr.{suffix}"] = ShareAbove(values, truth, point.Threshold, anomalous: true);
        }
        return metrics;
    }

    /// <summary>
    /// The share of normal (or anomalous) scores that reach a threshold: the false (or true) positive rate that it achieves.
    /// </summary>
    private static MetricValue ShareAbove(ReadOnlySpan<float> values, ReadOnlySpan<byte> truth, double threshold, bool anomalous)
    {
        long above = 0,
            all = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (truth[i] != 0 != anomalous)
            {
                continue;
            }

            all++;
            if (values[i] >= threshold)
            {
                above++;
            }
        }
        return all > 0 ? MetricValue.Of((double)above / all) : MetricValue.Missing($"no {(anomalous ? "anomalous" : "normal")} samples");
    }

    /// <summary>The images as the model restores them; none where it restores none.</summary>
    private static IReadOnlyList<Image> Reconstructions(IAnomalyDetector detector, ImageBatch chosen)
    {
        using var noGradient = torch.no_grad();
        var images = new List<Image>();
        foreach (var batch in chosen.Chunks(ScoreBatch))
        {
            using var each = torch.NewDisposeScope();
            using var scores = detector.Score(batch);
            if (scores.Reconstruction is not { } restored)
            {
                break;
            }

            var (height, width) = ((int)restored.shape[2], (int)restored.shape[3]);
            var pixels = (restored.clamp(0, 1) * 255)
                .round()
                .to(ScalarType.Byte)
                .permute(0, 2, 3, 1)
                .cpu()
                .contiguous()
                .data<byte>()
                .ToArray();
            images.AddRange(pixels.Chunk(height * width * 3).Select(image => new Image(width, height, 3, image)));
        }
        return images;
    }

    /// <summary>
    /// The thresholds by which the main map can be segmented: the method's own, and the one that suits the test set best.
    /// </summary>
    private static Dictionary<string, double> PixelThresholds(MapStack maps, byte[]? masks, IReadOnlyList<OperatingPoint> points)
    {
        var thresholds = points
            .Where(point => point is { Pixel: true, Part: null })
            .ToDictionary(point => point.Name, point => point.Threshold);
        if (masks is not null && Roc.F1Max(maps.Values, masks).Threshold is { } best)
        {
            thresholds[MapStatistics.BestF1] = best;
        }

        return thresholds;
    }
}
