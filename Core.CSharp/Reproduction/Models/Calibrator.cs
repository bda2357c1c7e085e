using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Metrics;

namespace Reproduction.Models;

/// <summary>The thresholds of a model, raw, and what they rest on.</summary>
/// <param name="Image">Image scores that reach it are called defective.</param>
/// <param name="Pixel">Map values that reach it are drawn as defective; null where the method has no map.</param>
/// <param name="Basis">The scores that they were chosen with.</param>
internal sealed record ChosenThresholds(double Image, double? Pixel, Calibration Basis);

/// <summary>Chooses thresholds.</summary>
/// <param name="sight">How the detector is shown photographs.</param>
internal sealed class Calibrator(Sight sight)
{
    /// <summary>The share of the photographs that is held back, and the least number of them.</summary>
    private const double HeldShare = 0.2;

    private const int LeastHeld = 30;

    /// <summary>More tell little more of a rate of a percent, and each is one that the model does not learn from.</summary>
    private const int MostHeld = 300;

    /// <summary>The share of a good product's pixels that reach the pixel threshold.</summary>
    private const double PixelFalsePositives = 0.005;

    /// <summary>Map values are thinned to what a quantile needs.</summary>
    private const int PixelStride = 7;

    /// <summary>
    /// How many of so many photographs are held back: a fifth, but at least 30 and at most 300. Where 30 would be more than half of them, a
    /// third: the promise is then as wide as the sample is small, and it holds.
    /// </summary>
    /// <exception cref="UserError">A single photograph.</exception>
    public static int HeldOf(int photographs) =>
        photographs < 2
            ? throw new UserError(
                $"a model of one photograph has no threshold: give more of them, or others with {ApiName.FitGood} to choose it with",
                exitCode: 2
            )
        : photographs < 2 * LeastHeld ? Math.Max(1, photographs / 3)
        : Math.Clamp((int)Math.Round(HeldShare * photographs), LeastHeld, MostHeld);

    /// <summary>
    /// Deals photographs out to those that a model is fitted on and those that are held back. Copies of one picture are not torn apart: a
    /// model knows what it was fitted on, and its scores of that promise nothing.
    /// </summary>
    /// <param name="samples">Photographs of good products.</param>
    /// <param name="seed">Decides which.</param>
    public static (IReadOnlyList<Sample> Fitted, IReadOnlyList<Sample> Held) Split(IReadOnlyList<Sample> samples, int seed)
    {
        var images = new SampleImages(samples);
        var pictures = Enumerable.Range(0, samples.Count).GroupBy(images.ContentId).Select(group => group.ToArray()).ToArray();
        var count = HeldOf(pictures.Length);
        SplitMix64.For((ulong)seed, "held back").Shuffle(pictures.AsSpan());
        // A copy would count twice what is one draw.
        return (Take(pictures[count..].SelectMany(each => each)), Take(pictures[..count].Select(each => each[0])));

        Sample[] Take(IEnumerable<int> indices) => [.. indices.Order().Select(index => samples[index])];
    }

    /// <summary>From photographs that the model has not seen: a false positive rate, or the best F1 where there are defects.</summary>
    /// <param name="score">The model that is used.</param>
    /// <param name="good">Of good products.</param>
    /// <param name="defective">Of defective ones; null for the rate.</param>
    /// <param name="source">Which photographs they are.</param>
    /// <param name="rate">Accepted share of good products above the threshold.</param>
    /// <exception cref="UserError">A photograph cannot be read.</exception>
    public ChosenThresholds Unseen(
        Func<ImageBatch, Scores> score,
        IReadOnlyList<Sample> good,
        IReadOnlyList<Sample>? defective,
        CalibrationSource source,
        double rate
    )
    {
        var normal = ScoresOf(score, good);
        var pixel = PixelThreshold(normal.Pixels);
        var basis = new Calibration
        {
            Source = source,
            Good = [.. normal.Image.Order()],
            Above = 0,
        };
        return defective is null
            ? At(basis, pixel, rate)
            : BestF1(basis with { Defective = [.. ScoresOf(score, defective).Image.Order()] }, pixel);
    }

    /// <summary>The threshold of a rate.</summary>
    public static ChosenThresholds At(Calibration basis, double? pixel, double rate)
    {
        var threshold = Conformal.AtFalsePositiveRate(basis.Good, rate);
        return new ChosenThresholds(threshold.Value, pixel, basis with { FalsePositiveRate = rate, Above = threshold.Above });
    }

    /// <summary>
    /// All photographs are fitted on. Each is scored by one of several models that were fitted on the others, and whose scores are brought
    /// to the level of the model that is used by the medians of both models' own training images. A model of fewer images lies closer to
    /// them than to new ones, so that its scores of the others come out higher rather than lower.
    /// </summary>
    /// <param name="fit">Gives the scores of a model that is fitted on some images and freed afterwards; the text names the stage.</param>
    /// <param name="whole">The model that is used.</param>
    /// <param name="samples">The training images.</param>
    /// <param name="parts">At least 2.</param>
    /// <param name="seed">Deals the images out.</param>
    /// <param name="rate">The false positive rate.</param>
    public ChosenThresholds CrossValidated(
        Func<IReadOnlyList<Sample>, string, IAnomalyDetector> fit,
        Func<ImageBatch, Scores> whole,
        IReadOnlyList<Sample> samples,
        int parts,
        int seed,
        double rate
    )
    {
        var level = ScoresOf(whole, samples);
        var (scores, pixels) = (new List<float>(), new List<float>());
        var folds = Folds.Split(samples.Count, parts, seed);
        for (var fold = 0; fold < parts; fold++)
        {
            var others = Folds.Remaining(samples, folds, fold);
            using var detector = fit(others, $"threshold, part {fold + 1} of {parts}");
            var own = ScoresOf(detector.Score, others);
            var unseen = ScoresOf(detector.Score, [.. folds[fold].Select(index => samples[index])]);
            var factor = Factor(level.Image, own.Image);
            scores.AddRange(unseen.Image.Select(score => factor * score));
            if (unseen.Pixels.Count > 0)
            {
                var pixelFactor = Factor(level.Pixels, own.Pixels);
                pixels.AddRange(unseen.Pixels.Select(value => pixelFactor * value));
            }
        }
        var basis = new Calibration
        {
            Source = CalibrationSource.CrossValidated,
            Good = [.. scores.Order()],
            Above = 0,
            Folds = parts,
        };
        return At(basis, PixelThreshold(pixels), rate);
    }

    /// <summary>The threshold of the best F1 between good and defective products.</summary>
    private static ChosenThresholds BestF1(Calibration basis, double? pixel)
    {
        float[] scores = [.. basis.Good, .. basis.Defective];
        byte[] labels = [.. basis.Good.Select(_ => (byte)0), .. basis.Defective.Select(_ => (byte)1)];
        var threshold = Roc.F1Max(scores, labels).Threshold!.Value;
        return new ChosenThresholds(threshold, pixel, basis with { Above = Conformal.CountFrom(basis.Good, threshold) });
    }

    private static float Factor(List<float> whole, List<float> part)
    {
        var (of, by) = (Median(whole), Median(part));
        return of > 0 && by > 0 ? of / by : 1;
    }

    private static float Median(List<float> values) => values.Order().ElementAt(values.Count / 2);

    private static double? PixelThreshold(List<float> pixels) =>
        pixels.Count > 0 ? Thresholds.AtFalsePositiveRate([.. pixels], PixelFalsePositives) : null;

    /// <summary>Image scores, and map values.</summary>
    private (List<float> Image, List<float> Pixels) ScoresOf(Func<ImageBatch, Scores> score, IReadOnlyList<Sample> samples)
    {
        var (image, pixels) = (new List<float>(), new List<float>());
        foreach (var scored in sight.Score(score, samples, views: false))
        {
            if (scored.Reason is { } reason)
            {
                throw new UserError(reason);
            }
            image.Add(scored.Score);
            if (scored.Map is { } map)
            {
                pixels.AddRange(sight.Counted(map).Where((_, i) => i % PixelStride == 0));
            }
        }
        return (image, pixels);
    }
}
