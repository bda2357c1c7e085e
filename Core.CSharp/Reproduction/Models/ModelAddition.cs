using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Papers;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>More photographs for a fitted model, without those that it was fitted on.</summary>
public sealed partial class Model
{
    /// <summary>
    /// Takes more photographs of good products in. What scored the old threshold's photographs is no longer the model that is used, so that
    /// the threshold is chosen again: with <see cref="FitOptions.Good"/>, or with a part of the new photographs that is held back.
    /// </summary>
    /// <param name="good">Photographs of good products that the model has not seen.</param>
    /// <param name="options">
    /// Rate, photographs to choose the threshold with, seed of what is held back, progress, cancellation; what else belongs to a fit has no
    /// effect.
    /// </param>
    /// <exception cref="UserError">The method has no way to go on, a photograph is one that the model was fitted on, or cannot be
    /// read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the model is then no longer to be used.</exception>
    public void Add(Photographs good, FitOptions? options = null)
    {
        var chosen = options ?? new FitOptions();
        chosen.Check();
        var before = Description;
        if (_detector is not IExtendableDetector detector)
        {
            string[] others = [.. Registry.Methods.Where(method => method.IsExtendable).Select(method => method.Id)];
            throw new UserError(
                $"a model of {before.Method} takes no further photographs: {string.Join(", ", others[..^1])} and {others[^1]} do; fit this "
                    + "one again with all of them"
            );
        }
        var (samples, given) = (good.Samples, chosen.Good?.Samples);
        Twins.RefuseSeen(before.Contents, samples, ApiName.AddPhotographs);
        Twins.RefuseSeen(before.Contents, given, ApiName.FitGood);
        Twins.Refuse(samples, ApiName.AddPhotographs, given, ApiName.FitGood);
        samples = WhiteLevel.With(samples, before.White);
        given = given is null ? null : WhiteLevel.With(given, before.White);
        var (fitted, held) = given is null ? Calibrator.Split(samples, chosen.Seed) : (samples, given);
        var sight = before.Sight;
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            using var noGradient = no_grad();
            detector.Add(
                new SampleImages(sight.Training(fitted)),
                new FitContext
                {
                    Seed = chosen.Seed,
                    Warn = chosen.Warn,
                    Progress = (done, all, text) => chosen.Progress(new FitProgress("add", done, all, text)),
                    Cancellation = chosen.Cancellation,
                }
            );
        }
        var thresholds = new Calibrator(sight).Unseen(
            ScoreOneAtATime,
            held,
            null,
            given is null ? CalibrationSource.HeldBack : CalibrationSource.Given,
            chosen.FalsePositiveRate
        );
        if (thresholds.Basis.Shortfall() is { } shortfall)
        {
            chosen.Warn(shortfall);
        }
        Description = before.With(thresholds) with
        {
            Images = before.Images + fitted.Count,
            Contents = [.. before.Contents, .. Twins.Contents(fitted)],
        };
    }
}
