using System.Globalization;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Metrics;
using TorchSharp;

namespace Reproduction.Models;

/// <summary>The thresholds of a model and how they were chosen.</summary>
/// <param name="Image">Image scores that reach it are called defective.</param>
/// <param name="Pixel">Map values that reach it are drawn as defective; null where the method has no map.</param>
/// <param name="Rule">The choice in words.</param>
internal sealed record Calibration(double Image, double? Pixel, string Rule)
{
    /// <summary>The share of a good product's pixels that reach the pixel threshold.</summary>
    private const double PixelFalsePositives = 0.005;

    private const int ScoreBatch = 8;

    /// <summary>From photographs that the model has not seen: a false positive rate, or the best F1 where there are defects.</summary>
    public static Calibration HeldOut(
        IAnomalyDetector detector,
        IReadOnlyList<Sample> good,
        IReadOnlyList<Sample>? defective,
        double target
    )
    {
        var (normal, pixels) = Score(detector, good);
        double? pixel = pixels.Count > 0 ? Thresholds.AtFalsePositiveRate([.. pixels], PixelFalsePositives) : null;
        if (defective is null)
        {
            return new Calibration(
                Thresholds.AtFalsePositiveRate([.. normal], target),
                pixel,
                string.Create(CultureInfo.InvariantCulture, $"a false positive rate of {target} on {normal.Count} held-out good images")
            );
        }
        var (anomalous, _) = Score(detector, defective);
        float[] scores = [.. normal, .. anomalous];
        byte[] labels = [.. normal.Select(_ => (byte)0), .. anomalous.Select(_ => (byte)1)];
        var best = Roc.F1Max(scores, labels);
        return new Calibration(
            best.Threshold!.Value,
            pixel,
            string.Create(
                CultureInfo.InvariantCulture,
                $"the best F1 ({best.Metric.Value:0.000}) on {normal.Count} good and {anomalous.Count} defective held-out images"
            )
        );
    }

    /// <summary>From the training images, each scored by a model that was fitted on the other parts.</summary>
    /// <param name="fit">A detector fitted on some images; the text names the stage.</param>
    /// <param name="samples">The training images.</param>
    /// <param name="parts">At least 2.</param>
    /// <param name="seed">Deals the images out.</param>
    /// <param name="target">The false positive rate.</param>
    public static Calibration CrossValidated(
        Func<IReadOnlyList<Sample>, string, IAnomalyDetector> fit,
        IReadOnlyList<Sample> samples,
        int parts,
        int seed,
        double target
    )
    {
        var scores = new List<float>();
        var pixels = new List<float>();
        var folds = Folds.Split(samples.Count, parts, seed);
        for (var fold = 0; fold < parts; fold++)
        {
            using var detector = fit(Folds.Remaining(samples, folds, fold), $"threshold, part {fold + 1} of {parts}");
            var (image, pixel) = Score(detector, [.. folds[fold].Select(index => samples[index])]);
            scores.AddRange(image);
            pixels.AddRange(pixel);
        }
        return new Calibration(
            Thresholds.AtFalsePositiveRate([.. scores], target),
            pixels.Count > 0 ? Thresholds.AtFalsePositiveRate([.. pixels], PixelFalsePositives) : null,
            string.Create(
                CultureInfo.InvariantCulture,
                $"a false positive rate of {target} on the training images, each scored by a model that had not seen it ({parts} parts)"
            )
        );
    }

    /// <summary>A picture that a model has seen, or that stands on both sides of a threshold, tells nothing about the threshold.</summary>
    /// <exception cref="UserError">A picture is in both.</exception>
    public static void RefuseTwins(IReadOnlyList<Sample>? first, string firstName, IReadOnlyList<Sample>? second, string secondName)
    {
        if (first is null || second is null)
        {
            return;
        }
        var (here, there) = (new SampleImages(first), new SampleImages(second));
        var known = new Dictionary<string, Sample>();
        for (var i = 0; i < first.Count; i++)
        {
            known.TryAdd(here.ContentId(i), first[i]);
        }
        var twins = second.Index().Where(item => known.ContainsKey(there.ContentId(item.Index))).ToList();
        if (twins.Count > 0)
        {
            var (index, sample) = twins[0];
            throw new UserError(
                $"{twins.Count} of the {second.Count} pictures of {secondName} are in {firstName}, too ({sample.Path} is "
                    + $"{known[there.ContentId(index)].Path}); "
                    + $"{secondName} takes pictures that are not in {firstName}",
                exitCode: 2
            );
        }
    }

    /// <summary>Image scores, and map values thinned to what a quantile needs.</summary>
    private static (List<float> Image, List<float> Pixels) Score(IAnomalyDetector detector, IReadOnlyList<Sample> samples)
    {
        const int stride = 7;
        var image = new List<float>();
        var pixels = new List<float>();
        using var noGradient = torch.no_grad();
        foreach (var batch in ImageBatch.All(new SampleImages(samples)).Chunks(ScoreBatch))
        {
            using var scope = torch.NewDisposeScope();
            using var scores = detector.Score(batch);
            scores.CheckFinite(i => samples[batch.Indices[i]].Path);
            image.AddRange(scores.Image.cpu().data<float>().ToArray());
            if (scores.Map is { } map)
            {
                pixels.AddRange(map.flatten()[torch.TensorIndex.Slice(null, null, stride)].cpu().contiguous().data<float>().ToArray());
            }
        }
        return (image, pixels);
    }
}
