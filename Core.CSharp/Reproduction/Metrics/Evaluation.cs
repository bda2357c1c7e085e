namespace Reproduction.Metrics;

/// <summary>
/// What a cell's test set gives to be measured. Maps and image scores may each be missing; masks may be missing where image labels are
/// given.
/// </summary>
public sealed record EvaluationInput
{
    /// <summary>[N, H, W], higher is more anomalous; null for a method that scores whole images only.</summary>
    public float[]? Maps { get; init; }

    /// <summary>[N, H, W], non-zero is anomalous; null where there is no ground truth for pixels.</summary>
    public byte[]? Masks { get; init; }

    /// <summary>N.</summary>
    public required int Count { get; init; }

    /// <summary>H; 0 without maps and masks.</summary>
    public int Height { get; init; }

    /// <summary>W; 0 without maps and masks.</summary>
    public int Width { get; init; }

    /// <summary>[N]; null: each map's maximum.</summary>
    public float[]? ImageScores { get; init; }

    /// <summary>[N], non-zero is anomalous; null: an image is anomalous when any pixel of its mask is.</summary>
    public byte[]? ImageLabels { get; init; }

    /// <summary>False positive rate up to which AUPRO takes the area, in (0, 1].</summary>
    public double FprLimit { get; init; } = 0.3;

    /// <summary>8 or 4: which anomalous pixels form one region.</summary>
    public int Connectivity { get; init; } = 8;
}

/// <summary>All metrics of a test set at once; the pixels are sorted once for all of them.</summary>
public static class Evaluation
{
    /// <summary>The names of the result, in the order in which they are printed.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["image_auroc", "pixel_auroc", "aupro", "image_ap", "pixel_ap", "image_f1_max", "pixel_f1_max", "regions"];

    /// <summary>Measures a test set.</summary>
    /// <returns>One value for each of <see cref="Names"/>: fractions in [0, 1], and the number of ground-truth regions.</returns>
    /// <exception cref="UserError">Sizes that do not match, a limit outside (0, 1], or a connectivity other than 4 and 8.</exception>
    public static IReadOnlyDictionary<string, MetricValue> Evaluate(EvaluationInput input)
    {
        Pro.RequireLimit(input.FprLimit);
        if (input.Maps is { } maps)
        {
            MapShape.Require("maps", maps.Length, input.Count, input.Height, input.Width);
        }

        if (input.Masks is { } masks)
        {
            MapShape.Require("masks", masks.Length, input.Count, input.Height, input.Width);
        }

        Require("image scores", input.ImageScores?.Length, input.Count);
        Require("image labels", input.ImageLabels?.Length, input.Count);

        var result = Names.ToDictionary(name => name, _ => default(MetricValue));
        MeasureImages(input, result);
        MeasurePixels(input, result);
        return result;
    }

    /// <summary>Each map's highest pixel: the default image score.</summary>
    /// <param name="maps">[N, H, W].</param>
    /// <param name="count">N.</param>
    /// <returns>[N]; NaN for a map that holds one. Empty when the maps have no pixels.</returns>
    public static float[] Maxima(float[] maps, int count)
    {
        if (maps.Length == 0)
        {
            return [];
        }

        var pixels = maps.Length / count;
        var maxima = new float[count];
        Parallel.For(
            0,
            count,
            image =>
            {
                var max = float.NegativeInfinity;
                foreach (var value in maps.AsSpan(image * pixels, pixels))
                {
                    max = MathF.Max(max, value);
                }

                maxima[image] = max;
            }
        );
        return maxima;
    }

    private static byte[] AnyAnomalous(byte[] masks, int count)
    {
        if (masks.Length == 0)
        {
            return [];
        }

        var pixels = masks.Length / count;
        var labels = new byte[count];
        for (var image = 0; image < count; image++)
        {
            labels[image] = masks.AsSpan(image * pixels, pixels).ContainsAnyExcept((byte)0) ? (byte)1 : (byte)0;
        }

        return labels;
    }

    private static void MeasureImages(EvaluationInput input, Dictionary<string, MetricValue> result)
    {
        var scores = input.ImageScores ?? (input.Maps is { } maps ? Maxima(maps, input.Count) : null);
        var labels = input.ImageLabels ?? (input.Masks is { } masks ? AnyAnomalous(masks, input.Count) : null);
        var undefined =
            scores is null ? "there are neither image scores nor maps"
            : labels is null ? "there are neither image labels nor masks"
            : null;
        using var ranked = undefined is null ? RankedScores.OfSamples(scores, labels, out undefined) : null;
        result["image_auroc"] = ranked is null ? MetricValue.Missing(undefined!) : Roc.Auroc(ranked);
        result["image_ap"] = ranked is null ? MetricValue.Missing(undefined!) : Roc.AveragePrecision(ranked);
        result["image_f1_max"] = ranked is null ? MetricValue.Missing(undefined!) : Roc.F1Max(ranked).Metric;
    }

    private static void MeasurePixels(EvaluationInput input, Dictionary<string, MetricValue> result)
    {
        var undefined =
            input.Maps is null ? "there are no maps"
            : input.Masks is null ? "there are no masks"
            : null;
        using var ranked = undefined is null
            ? RankedScores.OfMaps(input.Maps, input.Masks, input.Count, input.Height, input.Width, input.Connectivity, out undefined)
            : null;
        if (ranked is null)
        {
            foreach (var name in (string[])["pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro", "regions"])
            {
                result[name] = MetricValue.Missing(undefined!);
            }

            return;
        }
        MetricValue auroc = default,
            averagePrecision = default,
            f1Max = default,
            aupro = default;
        Parallel.Invoke(
            () => auroc = Roc.Auroc(ranked),
            () => averagePrecision = Roc.AveragePrecision(ranked),
            () => f1Max = Roc.F1Max(ranked).Metric,
            () => aupro = Pro.Aupro(ranked, input.FprLimit)
        );
        result["pixel_auroc"] = auroc;
        result["pixel_ap"] = averagePrecision;
        result["pixel_f1_max"] = f1Max;
        result["aupro"] = aupro;
        result["regions"] = MetricValue.Of(ranked.Regions);
    }

    private static void Require(string what, int? length, int count)
    {
        if (length is { } given && given != count)
        {
            throw new UserError($"{given} {what} for {count} images: give one an image");
        }
    }
}
