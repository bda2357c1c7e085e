using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Papers;
using SkiaSharp;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>
/// A detector for one product: fitted on photographs of good ones, with a threshold, kept in one file, judging new photographs. Several
/// threads may score with one instance.
/// </summary>
public sealed partial class Model : IDisposable
{
    /// <summary>What the methods are told as the data set's name: no paper has rules for it.</summary>
    private const string Dataset = "photographs";

    private readonly IAnomalyDetector _detector;
    private readonly BackboneProvider _backbones;
    private readonly Lock _scoring = new();
    private bool _isDisposed;

    private Model(ModelFile description, IAnomalyDetector detector, BackboneProvider backbones) =>
        (Description, _detector, _backbones) = (description, detector, backbones);

    /// <summary>Method, variant, settings, weights, thresholds and how they were chosen.</summary>
    public ModelFile Description { get; private set; }

    /// <summary>Fits a model and chooses its threshold.</summary>
    /// <param name="method">Id of a method: <c>gaussian</c>, <c>hfae</c>, <c>dfr</c>, <c>favae</c> or <c>ssae</c>.</param>
    /// <inheritdoc cref="Fit(IMethod, Photographs, FitOptions?)"/>
    public static Model Fit(string method, Photographs good, FitOptions? options = null) => Fit(Registry.Find(method), good, options);

    /// <summary>
    /// Fits a model and chooses its threshold. It seeds libtorch, which has one generator a process: two fits at a time are not
    /// reproducible.
    /// </summary>
    /// <param name="method">Out of <see cref="Registry"/>.</param>
    /// <param name="good">Photographs of good products, of any size.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="UserError">An unknown variant, weights that are missing, a picture that cannot be read, a threshold that cannot be
    /// chosen.</exception>
    /// <exception cref="DivergenceException">The loss became NaN or exploded.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Model Fit(IMethod method, Photographs good, FitOptions? options = null)
    {
        var chosen = options ?? new FitOptions();
        return Fit(method, variant => method.Configure(variant, chosen.Profile, good.Name, Dataset), good, chosen);
    }

    /// <summary>Fits a model with settings of one's own: <c>settings => settings with { ImageSize = 128 }</c>.</summary>
    /// <param name="change">Makes the settings out of the variant's.</param>
    /// <inheritdoc cref="Fit(IMethod, Photographs, FitOptions?)"/>
    public static Model Fit<TSettings>(
        Method<TSettings> method,
        Func<TSettings, TSettings> change,
        Photographs good,
        FitOptions? options = null
    )
        where TSettings : class
    {
        var chosen = options ?? new FitOptions();
        return Fit(
            method,
            variant => method.Configure(new Request(variant, chosen.Profile, good.Name.ToLowerInvariant(), Dataset)).With(change),
            good,
            chosen
        );
    }

    /// <summary>Reads a model.</summary>
    /// <param name="path">What <see cref="Save"/> or <c>repro fit</c> wrote, or an ONNX file of <see cref="Export"/>.</param>
    /// <param name="weights">Folder of the weights that it was fitted with; null for the network that comes with the program. An ONNX file
    /// has them inside.</param>
    /// <param name="device">cpu or cuda; an ONNX file runs on the CPU.</param>
    /// <exception cref="UserError">The file is no model, or the weights are not those that it was fitted with.</exception>
    public static Model Load(string path, string? weights = null, string device = "cpu")
    {
        var place = Devices.Named(device);
        if (IsExported(path))
        {
            return Exported(options => new InferenceSession(path, options), path);
        }
        var backbones = new BackboneProvider(weights, place);
        try
        {
            var (description, detector) = ModelFile.Read(path, ResourcesOf(backbones, new UncachedFeatures(), place));
            return new Model(description, detector, backbones);
        }
        catch
        {
            backbones.Dispose();
            throw;
        }
    }

    /// <summary>Writes the model into one file, whole or not at all.</summary>
    /// <exception cref="UserError">The file cannot be written.</exception>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Description.Write(path, _detector.Save());
        }
    }

    /// <summary>Judges an image in memory.</summary>
    /// <param name="image">Of any size, grey or RGB.</param>
    /// <exception cref="UserError">The score is no finite number.</exception>
    public Judgement Score(Image image) => Score(Photographs.Of([image])).First();

    /// <summary>Judges an image in a buffer: a camera's, OpenCV's <c>Mat</c> (<c>Data</c>, <c>Step</c>, Bgr), Skia's bitmap.</summary>
    /// <inheritdoc cref="Image.FromPixels"/>
    /// <exception cref="UserError">The score is no finite number.</exception>
    public Judgement Score(ReadOnlySpan<byte> pixels, int width, int height, PixelOrder order, int stride = 0) =>
        Score(Image.FromPixels(pixels, width, height, order, stride));

    /// <summary>Judges one of Skia's bitmaps.</summary>
    /// <param name="bitmap">Of any size and colour type.</param>
    /// <exception cref="UserError">The score is no finite number.</exception>
    public Judgement Score(SKBitmap bitmap)
    {
        if (bitmap.ColorType is SKColorType.Bgra8888 or SKColorType.Rgba8888)
        {
            var order = bitmap.ColorType == SKColorType.Bgra8888 ? PixelOrder.Bgra : PixelOrder.Rgba;
            return Score(bitmap.GetPixelSpan(), bitmap.Width, bitmap.Height, order, bitmap.RowBytes);
        }
        using var converted =
            bitmap.Copy(SKColorType.Rgba8888) ?? throw new UserError($"a bitmap of the colour type {bitmap.ColorType} cannot be converted");
        return Score(converted.GetPixelSpan(), converted.Width, converted.Height, PixelOrder.Rgba, converted.RowBytes);
    }

    /// <summary>
    /// Judges photographs, in their order, a few at a time as they are asked for. One that cannot be read is
    /// <see cref="Verdict.Unreadable"/> with its reason, and the others are judged.
    /// </summary>
    /// <param name="photographs">Of any size.</param>
    /// <param name="options">Null: as the model was fitted and its threshold chosen.</param>
    /// <exception cref="UserError">A score is no finite number, or the options are none that can be.</exception>
    public IEnumerable<Judgement> Score(Photographs photographs, ScoreOptions? options = null)
    {
        var description = Description;
        var sight = (options ?? new ScoreOptions()).Over(description.Sight);
        var threshold = options?.Threshold ?? (options?.FalsePositiveRate is { } rate ? description.ThresholdAt(rate) : 1);
        var unit = description.Unit;
        return sight
            .Score(ScoreOneAtATime, WhiteLevel.With(photographs.Samples, description.White), views: true)
            .Select(scored => new Judgement(scored, unit, threshold, description.PixelThreshold));
    }

    /// <summary>Chooses other thresholds with photographs that the model was not fitted on; nothing is trained.</summary>
    /// <param name="good">Of good products.</param>
    /// <param name="defective">Of defective ones, for the threshold of the best F1; null for the rate.</param>
    /// <param name="falsePositiveRate">Accepted share of good products above the threshold, from 0 to below 1.</param>
    /// <param name="shown">Tiles and region of interest where not as the model was fitted; the model then keeps them.</param>
    /// <exception cref="UserError">A photograph that the model was fitted on, or that is both good and defective, or cannot be
    /// read.</exception>
    public void Calibrate(Photographs good, Photographs? defective = null, double falsePositiveRate = 0.01, ScoreOptions? shown = null)
    {
        var before = Description;
        var sight = (shown ?? new ScoreOptions()).Over(before.Sight);
        new FitOptions { FalsePositiveRate = falsePositiveRate }.Check();
        Twins.RefuseSeen(before.Contents, good.Samples, ApiName.CalibrateGood);
        Twins.RefuseSeen(before.Contents, defective?.Samples, ApiName.CalibrateDefective);
        Twins.Refuse(good.Samples, ApiName.CalibrateGood, defective?.Samples, ApiName.CalibrateDefective);
        var chosen = new Calibrator(sight).Unseen(
            ScoreOneAtATime,
            WhiteLevel.With(good.Samples, before.White),
            defective is null ? null : WhiteLevel.With(defective.Samples, before.White),
            CalibrationSource.Given,
            falsePositiveRate
        );
        Description = before.With(chosen) with { Tiles = sight.Tiles, RegionOfInterest = sight.Region?.Png };
    }

    /// <summary>Frees the networks.</summary>
    public void Dispose()
    {
        lock (_scoring)
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                _detector.Dispose();
                _backbones.Dispose();
            }
        }
    }

    private static Model Fit(IMethod method, Func<string, Configuration> configure, Photographs good, FitOptions options)
    {
        options.Check();
        var (samples, given, defects) = (good.Samples, options.Good?.Samples, options.Defective?.Samples);
        Twins.Refuse(samples, ApiName.FitPhotographs, given, ApiName.FitGood);
        Twins.Refuse(samples, ApiName.FitPhotographs, defects, ApiName.FitDefective);
        Twins.Refuse(given, ApiName.FitGood, defects, ApiName.FitDefective);
        var white = WhiteLevel.Of([.. samples, .. given ?? [], .. defects ?? []]);
        if (WhiteLevel.Words(white) is { } words)
        {
            options.Warn(words);
        }
        (samples, given, defects) = (Read(samples)!, Read(given), Read(defects));
        var region = options.RegionOfInterest is { } mask ? new RegionOfInterest(mask) : null;
        var sight = new Sight(options.Tiles, region);
        var place = Devices.Named(options.Device);
        var backbones = new BackboneProvider(options.Weights, place);
        IAnomalyDetector? detector = null;
        try
        {
            var features = new FitFeatures(options.Features ?? FeatureCache.FromEnvironment());
            var variant = options.Variant ?? DefaultVariant(method, backbones);
            var configuration = configure(variant);
            if (options.ImageSize is { } side)
            {
                configuration = configuration.With([string.Create(CultureInfo.InvariantCulture, $"image_size={side}")]);
            }
            var resources = ResourcesOf(backbones, features, place);
            var calibrator = new Calibrator(sight);
            var rate = options.FalsePositiveRate;
            var fitted = samples;
            ChosenThresholds chosen;
            if (given is not null)
            {
                detector = Fitted(samples, "fit");
                chosen = calibrator.Unseen(Scoring(detector), given, defects, CalibrationSource.Given, rate);
            }
            else if (options.Folds is { } parts)
            {
                detector = Fitted(samples, "fit");
                chosen = calibrator.CrossValidated(Fitted, Scoring(detector), samples, parts, options.Seed, rate);
            }
            else
            {
                (fitted, var held) = Calibrator.Split(samples, options.Seed);
                detector = Fitted(fitted, "fit");
                chosen = calibrator.Unseen(Scoring(detector), held, null, CalibrationSource.HeldBack, rate);
            }
            features.Close();
            if (chosen.Basis.Shortfall() is { } shortfall)
            {
                options.Warn(shortfall);
            }
            WeightsUsed[] used =
            [
                .. backbones.Used.Select(network => new WeightsUsed(network.Name, network.WeightsSha256, network.Architecture)),
            ];
            var description = new ModelFile(
                method.Id,
                variant,
                configuration.ToJson(),
                used,
                chosen.Image,
                chosen.Pixel,
                chosen.Basis.Describe(),
                fitted.Count
            )
            {
                Calibration = chosen.Basis,
                White = white,
                Tiles = options.Tiles,
                RegionOfInterest = region?.Png,
                Contents = Twins.Contents(fitted),
                Licences = backbones.Licences(),
            };
            return new Model(description, detector, backbones);

            IAnomalyDetector Fitted(IReadOnlyList<Sample> some, string stage) =>
                Detector(
                    () => configuration.Create(resources),
                    sight.Training(some),
                    stage,
                    options,
                    () =>
                        $"{method.Id} {configuration.Hash} {options.Seed} "
                        + string.Join(' ', backbones.Used.Select(used => used.WeightsSha256))
                );
        }
        catch
        {
            detector?.Dispose();
            backbones.Dispose();
            throw;
        }

        IReadOnlyList<Sample>? Read(IReadOnlyList<Sample>? some) => some is null ? null : WhiteLevel.With(some, white);
    }

    /// <summary>A detector's scores without gradients.</summary>
    private static Func<ImageBatch, Scores> Scoring(IAnomalyDetector detector) =>
        batch =>
        {
            using var noGradient = no_grad();
            return detector.Score(batch);
        };

    /// <param name="create">Makes the detector.</param>
    /// <param name="samples">What it is fitted on.</param>
    /// <param name="stage">Its name.</param>
    /// <param name="options">Seed, progress, cancellation, checkpoints.</param>
    /// <param name="settings">What else a checkpoint must be of; known once the detector is made.</param>
    private static IAnomalyDetector Detector(
        Func<IAnomalyDetector> create,
        IReadOnlyList<Sample> samples,
        string stage,
        FitOptions options,
        Func<string> settings
    )
    {
        manual_seed(options.Seed);
        var detector = create();
        try
        {
            detector.Fit(
                new SampleImages(samples),
                new FitContext
                {
                    Seed = options.Seed,
                    Warn = options.Warn,
                    Progress = (done, all, text) => options.Progress(new FitProgress(stage, done, all, text)),
                    Cancellation = options.Cancellation,
                    Checkpoints = options.Checkpoints?.Invoke(stage, () => Identity(settings(), samples)),
                }
            );
            // Not every method trains step by step, and the threshold is still to be chosen.
            options.Cancellation.ThrowIfCancellationRequested();
            return detector;
        }
        catch
        {
            detector.Dispose();
            throw;
        }
    }

    /// <summary>What a training is of: a checkpoint of other settings, weights or images must not be gone on from.</summary>
    private static string Identity(string settings, IReadOnlyList<Sample> samples) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', [settings, .. Twins.Contents(samples)]))));

    private static string DefaultVariant(IMethod method, BackboneProvider backbones) =>
        method.Variants.FirstOrDefault(variant => variant.Default && (variant.Network is null || backbones.Has(variant.Network)))?.Name
        ?? throw new UserError(
            $"{method.Id} needs weights of "
                + string.Join(" or ", method.Variants.Where(variant => variant.Default).Select(variant => variant.Network).Distinct())
                + $"; give their folder with {ApiName.FitWeights}, or a {ApiName.Variant} that needs none"
        );

    private static Resources ResourcesOf(BackboneProvider backbones, IFeatures features, Device place) =>
        new()
        {
            Backbones = backbones,
            Features = features,
            Device = place,
        };

    /// <summary>The detectors share their networks; libtorch uses all cores within a call.</summary>
    private Scores ScoreOneAtATime(ImageBatch batch)
    {
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return Scoring(_detector)(batch);
        }
    }

    /// <summary>Features that are kept while a model is fitted; what it judges later is seen once.</summary>
    private sealed class FitFeatures(IFeatures kept) : IFeatures
    {
        private IFeatures _source = kept;

        public void Close() => _source = new UncachedFeatures();

        public Tensor[] Get(
            ImageBatch batch,
            Backbone backbone,
            IReadOnlyList<string> layers,
            ImageSize size,
            Pooling pooling = Pooling.None
        ) => _source.Get(batch, backbone, layers, size, pooling);
    }
}
