using Reproduction.Data;

namespace Reproduction.Methods;

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
/// An upper bound that papers print beside their methods: trained on labelled images, good and anomalous, which no detector of anomalies
/// has. The runner pools a category's training and test images for it and tests on a fold that it has not seen.
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

/// <summary>
/// Training failed numerically: the loss became NaN or exploded. The message says at which step and what the last good values were.
/// </summary>
public sealed class DivergenceException(string message) : Exception(message);
