using Reproduction.Backbones;
using Reproduction.Data;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// A published method as the rest of the program knows it: its variants by name, their settings, and a detector for given settings.
/// The runner, the command line, the cache, the report and the tests know this interface and no paper by name;
/// <c>Papers/Registry.cs</c> lists the methods.
/// </summary>
public interface IMethod
{
    /// <summary>Short lower-case name: the value of <c>--paper</c> and the folder under <c>papers/</c>.</summary>
    string Id { get; }

    /// <summary>Authors and title of the paper.</summary>
    string Title { get; }

    /// <summary>All variants that can be asked for by name; those with <see cref="Variant.Default"/> run when none is asked for.</summary>
    IReadOnlyList<Variant> Variants { get; }

    /// <summary>Number of folds of the training images that the paper's protocol fits one after the other; 0 where it repeats over seeds.</summary>
    int Folds { get; }

    /// <summary>Every hyperparameter of a run with its value: a record whose public properties are written into the run record.</summary>
    /// <exception cref="UserError">The variant or the profile is unknown.</exception>
    object Settings(Request request);

    /// <summary>A detector that has not been fitted yet.</summary>
    /// <param name="settings">What <see cref="Settings"/> returned, possibly with overridden properties.</param>
    /// <param name="resources">Weights, frozen features and the device.</param>
    IAnomalyDetector Create(object settings, Resources resources);
}

/// <summary>A named variant of a method: a row of one of the paper's tables.</summary>
/// <param name="Name">As given to <c>--variant</c>; letters, digits, <c>-</c>, <c>_</c> and <c>.</c> only.</param>
/// <param name="Description">One line: what it is and which table or figure it belongs to.</param>
/// <param name="Default">Runs when no variant is asked for, provided that its network is in the weights folder.</param>
/// <param name="Network">Architecture whose trained weights it needs, as in the weights' sidecar; null for none.</param>
public sealed record Variant(string Name, string Description, bool Default = false, string? Network = null);

/// <summary>How much of the paper's schedule is run.</summary>
public enum Profile
{
    /// <summary>The paper's schedule.</summary>
    Paper,

    /// <summary>Minutes a category on two CPU cores; what it reduces shows in the settings.</summary>
    Quick,

    /// <summary>Seconds: for tests of the machinery, not of the method.</summary>
    Smoke,
}

/// <summary>What is asked of a method.</summary>
/// <param name="Variant">Name of one of <see cref="IMethod.Variants"/>.</param>
/// <param name="Profile">How much of the paper's schedule.</param>
/// <param name="Category">Category of the data, for the papers' rules per category (augmentation, texture or object); lower case.</param>
/// <param name="Dataset">Name of the data set, lower case: <c>mvtec</c>, <c>mnist</c>, <c>surfaces</c>, ...</param>
public sealed record Request(string Variant, Profile Profile, string Category, string Dataset);

/// <summary>
/// One anomaly detector: fitted on normal images only, then scoring batches. Methods see images through <see cref="IImages"/>,
/// never files; they never see masks, labels or metrics.
/// </summary>
public interface IAnomalyDetector : IDisposable
{
    /// <summary>Fits the model on normal images.</summary>
    /// <param name="normal">Normal images; those of one fold where the method has folds.</param>
    /// <param name="context">Seed, progress, cancellation and checkpoints.</param>
    /// <returns>Named facts about the fit that belong in the run record: final loss, latent size, retained components, ...</returns>
    /// <exception cref="DivergenceException">The loss became NaN or exploded.</exception>
    IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context);

    /// <summary>Scores a batch with the fitted model; the same images give the same scores whatever batch they come in.</summary>
    Scores Score(ImageBatch batch);

    /// <summary>Thresholds that the method itself derives from normal images while it is fitted; empty where the paper has none.</summary>
    IReadOnlyList<OperatingPoint> OperatingPoints => [];

    /// <summary>Everything that a later <see cref="Load"/> needs beside the settings and the frozen weights.</summary>
    DetectorState Save();

    /// <summary>Restores a fitted model; scores are then equal to those of the model that was saved.</summary>
    void Load(DetectorState state);
}

/// <summary>
/// An upper bound that papers print beside their methods: trained on labelled images, good and anomalous, which no detector of anomalies has.
/// The runner pools a category's training and test images for it and tests on a fold that it has not seen.
/// </summary>
public interface ISupervisedDetector : IAnomalyDetector
{
    /// <summary>Trains on labelled images.</summary>
    /// <param name="images">Training images, then validation images.</param>
    /// <param name="anomalous">Which of them are anomalous.</param>
    /// <param name="validation">How many of them, the last ones, choose the state of the model that is kept.</param>
    /// <param name="context">As for <see cref="IAnomalyDetector.Fit"/>.</param>
    /// <returns>As of <see cref="IAnomalyDetector.Fit"/>.</returns>
    IReadOnlyDictionary<string, double> Fit(IImages images, IReadOnlyList<bool> anomalous, int validation, FitContext context);
}

/// <summary>Anomaly scores of a batch; larger is more anomalous. Disposing frees the tensors.</summary>
/// <param name="Map">float32 <c>[N,1,H,W]</c> on any device, one score a pixel; null where the paper has no localisation.</param>
/// <param name="Image">float32 <c>[N]</c>, one score an image.</param>
public sealed record Scores(Tensor? Map, Tensor Image) : IDisposable
{
    /// <summary>
    /// Named partial scores, each <c>[N]</c> (image) or <c>[N,1,H,W]</c> (map): levels of a sum, residual maps, members of an ensemble.
    /// Their metrics are recorded as <c>image_auroc.NAME</c>, <c>pixel_auroc.NAME</c> and so on.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Parts { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>float32 <c>[N,3,H,W]</c> in 0..1: the images as the model restores them; null where it restores no image.</summary>
    public Tensor? Reconstruction { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Map?.Dispose();
        Reconstruction?.Dispose();
        Image.Dispose();
        foreach (var part in Parts.Values) part.Dispose();
    }
}

/// <summary>A threshold with its name; the runner records the false and true positive rates that it achieves on the test images.</summary>
/// <param name="Name">For example <c>sigma3</c> or <c>fpr0.005</c>.</param>
/// <param name="Threshold">Scores that reach it are called anomalous.</param>
/// <param name="Part">The partial score that it belongs to; null for the method's main score.</param>
/// <param name="Pixel">Whether it applies to the pixels of the map rather than to image scores.</param>
/// <param name="Target">The false positive rate that was asked for, as a fraction.</param>
public sealed record OperatingPoint(string Name, double Threshold, string? Part, bool Pixel, double Target);

/// <summary>The parameters of a fitted model: tensors by name, and numbers or texts that are not tensors.</summary>
/// <param name="Tensors">Tensors by name, on any device; the receiver does not own them.</param>
/// <param name="Values">Other values by name, written with invariant culture.</param>
public sealed record DetectorState(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Values);

/// <summary>What a method may use beside the images.</summary>
public sealed record Resources
{
    /// <summary>The folder of weights; its networks are loaded once and shared.</summary>
    public required BackboneProvider Backbones { get; init; }

    /// <summary>Features of frozen networks, computed once an image and kept.</summary>
    public required IFeatures Features { get; init; }

    /// <summary>Where tensors live and training runs.</summary>
    public required Device Device { get; init; }
}

/// <summary>Training failed numerically: the loss became NaN or exploded. The message says at which step and what the last good values were.</summary>
public sealed class DivergenceException(string message) : Exception(message);
