using Microsoft.ML.OnnxRuntime;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Papers;
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

    private const int Batch = 8;

    private readonly IAnomalyDetector _detector;
    private readonly BackboneProvider _backbones;
    private readonly Lock _scoring = new();
    private bool _isDisposed;

    private Model(ModelFile description, IAnomalyDetector detector, BackboneProvider backbones) =>
        (Description, _detector, _backbones) = (description, detector, backbones);

    /// <summary>Method, variant, settings, weights, thresholds and how they were chosen.</summary>
    public ModelFile Description { get; }

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

    /// <summary>
    /// Judges photographs, in their order, a few at a time as they are asked for. One that cannot be read is
    /// <see cref="Verdict.Unreadable"/> with its reason, and the others are judged.
    /// </summary>
    /// <exception cref="UserError">A score is no finite number.</exception>
    public IEnumerable<Judgement> Score(Photographs photographs)
    {
        var samples = photographs.Samples;
        var images = new SampleImages(samples) { ViewSide = Description.PixelThreshold is null ? 0 : Judgement.OverlaySide };
        foreach (var batch in ImageBatch.All(images).Chunks(Batch))
        {
            foreach (var judgement in Judge(samples, images, batch))
            {
                yield return judgement;
            }
            images.Forget(batch.Indices);
        }
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
        var (samples, heldOut, defects) = (good.Samples, options.Good?.Samples, options.Defective?.Samples);
        Calibration.RefuseTwins(samples, "--train", heldOut, "--good");
        Calibration.RefuseTwins(samples, "--train", defects, "--defective");
        Calibration.RefuseTwins(heldOut, "--good", defects, "--defective");
        var place = Devices.Named(options.Device);
        var backbones = new BackboneProvider(options.Weights, place);
        IAnomalyDetector? detector = null;
        try
        {
            var features = new FitFeatures(options.Features ?? FeatureCache.FromEnvironment());
            var variant = options.Variant ?? DefaultVariant(method, backbones);
            var configuration = configure(variant);
            var resources = ResourcesOf(backbones, features, place);
            Calibration calibration;
            if (heldOut is not null)
            {
                detector = Fitted(samples, "fit");
                calibration = Calibration.HeldOut(detector, heldOut, defects, options.FalsePositiveRate);
            }
            else
            {
                var parts = options.Folds ?? (method.Folds > 0 ? method.Folds : 2);
                calibration = Calibration.CrossValidated(Fitted, samples, parts, options.Seed, options.FalsePositiveRate);
                detector = Fitted(samples, "fit on all images");
            }
            features.Close();
            WeightsUsed[] used =
            [
                .. backbones.Used.Select(network => new WeightsUsed(network.Name, network.WeightsSha256, network.Architecture)),
            ];
            var description = new ModelFile(
                method.Id,
                variant,
                configuration.ToJson(),
                used,
                calibration.Image,
                calibration.Pixel,
                calibration.Rule,
                samples.Count
            );
            return new Model(description, detector, backbones);

            IAnomalyDetector Fitted(IReadOnlyList<Sample> some, string stage) =>
                Detector(() => configuration.Create(resources), some, stage, options);
        }
        catch
        {
            detector?.Dispose();
            backbones.Dispose();
            throw;
        }
    }

    private static IAnomalyDetector Detector(Func<IAnomalyDetector> create, IReadOnlyList<Sample> samples, string stage, FitOptions options)
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
                }
            );
            return detector;
        }
        catch
        {
            detector.Dispose();
            throw;
        }
    }

    private static string DefaultVariant(IMethod method, BackboneProvider backbones) =>
        method.Variants.FirstOrDefault(variant => variant.Default && (variant.Network is null || backbones.Has(variant.Network)))?.Name
        ?? throw new UserError(
            $"{method.Id} needs weights of "
                + $"{string.Join(" or ", method.Variants.Where(variant => variant.Default).Select(variant => variant.Network).Distinct())}; "
                + "give their folder with --weights, or a --variant that needs none"
        );

    private static Resources ResourcesOf(BackboneProvider backbones, IFeatures features, Device place) =>
        new()
        {
            Backbones = backbones,
            Features = features,
            Device = place,
        };

    /// <summary>
    /// A batch's judgements in its order. If it cannot be judged as a whole, the photographs that cannot be read are told apart.
    /// </summary>
    private Judgement[] Judge(IReadOnlyList<Sample> samples, SampleImages images, ImageBatch batch)
    {
        try
        {
            return Judged(samples, images, batch);
        }
        catch (UserError) when (batch.Indices.Any(index => images.WhyUnreadable(index) is not null))
        {
            int[] sound = [.. batch.Indices.Where(index => images.WhyUnreadable(index) is null)];
            var judged = sound.Length > 0 ? Judged(samples, images, batch with { Indices = sound }) : [];
            return
            [
                .. batch.Indices.Select(index =>
                    images.WhyUnreadable(index) is { } reason
                        ? new Judgement(samples[index].Path, reason)
                        : judged[Array.IndexOf(sound, index)]
                ),
            ];
        }
    }

    private Judgement[] Judged(IReadOnlyList<Sample> samples, SampleImages images, ImageBatch batch)
    {
        float[] score;
        AnomalyMap[]? maps = null;
        // The detectors share their networks; libtorch uses all cores within a call.
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            using var scores = _detector.Score(batch);
            scores.CheckFinite(i => samples[batch.Indices[i]].Path);
            score = scores.Image.cpu().data<float>().ToArray();
            if (scores.Map?.cpu().contiguous() is { } map)
            {
                var (height, width) = ((int)map.shape[2], (int)map.shape[3]);
                maps = [.. map.data<float>().ToArray().Chunk(height * width).Select(values => new AnomalyMap(height, width, values))];
            }
        }
        var threshold = (float)(Description.PixelThreshold ?? Description.Threshold);
        return
        [
            .. batch.Indices.Select(
                (index, i) =>
                    new Judgement(
                        samples[index].Path,
                        score[i],
                        score[i] >= Description.Threshold,
                        maps?[i],
                        maps is null ? null : images.View(index),
                        threshold
                    )
            ),
        ];
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
