namespace Reproduction.Metrics;

/// <summary>
/// Per-region overlap: the share of each ground-truth region at or above a threshold, averaged over all regions of all images,
/// against the false positive rate over all normal pixels.
/// </summary>
public static class Pro
{
    /// <summary>
    /// Area under the PRO curve over all thresholds, exactly: every distinct score is a vertex, the curve is linear between vertices
    /// and at the limit, and the area is divided by the limit. A perfect map gives 1.
    /// </summary>
    /// <param name="maps">[N, H, W]; higher is more anomalous.</param>
    /// <param name="masks">[N, H, W]; non-zero is anomalous.</param>
    /// <param name="n">N.</param>
    /// <param name="h">H.</param>
    /// <param name="w">W.</param>
    /// <param name="fprLimit">False positive rate up to which the area is taken, in (0, 1].</param>
    /// <param name="connectivity">8 or 4: which anomalous pixels form one region.</param>
    /// <returns>The area in [0, 1]; undefined without a region, without a normal pixel, or with a pixel that is NaN or infinite.</returns>
    /// <exception cref="UserError">Sizes that do not match, a limit outside (0, 1], or another connectivity.</exception>
    public static MetricValue Aupro(
        ReadOnlySpan<float> maps,
        ReadOnlySpan<byte> masks,
        int n,
        int h,
        int w,
        double fprLimit = 0.3,
        int connectivity = 8
    )
    {
        RequireLimit(fprLimit);
        using var ranked = RankedScores.OfMaps(maps, masks, n, h, w, connectivity, out var undefined);
        return ranked is null ? MetricValue.Missing(undefined!) : Aupro(ranked, fprLimit);
    }

    /// <summary>
    /// The number that the DFR authors' code prints as PRO, for rows that stand beside theirs. It differs from the exact area:
    /// 5,000 equally spaced thresholds down from the highest score, at which a pixel must lie above the threshold; regions by
    /// 8-connectivity whose holes count as overlap while the area they are divided by does not include them; no vertex at the limit,
    /// and the false positive rates below it stretched to [0, 1].
    /// </summary>
    /// <param name="maps">[N, H, W]; higher is more anomalous.</param>
    /// <param name="masks">[N, H, W]; non-zero is anomalous.</param>
    /// <param name="n">N.</param>
    /// <param name="h">H.</param>
    /// <param name="w">W.</param>
    /// <param name="fprLimit">False positive rate up to which thresholds count, in (0, 1].</param>
    /// <returns>The area; undefined as for the exact one, and where fewer than two false positive rates lie within the limit.</returns>
    /// <exception cref="UserError">Sizes that do not match, or a limit outside (0, 1].</exception>
    public static MetricValue AuproDfrCode(ReadOnlySpan<float> maps, ReadOnlySpan<byte> masks, int n, int h, int w, double fprLimit = 0.3)
    {
        RequireLimit(fprLimit);
        MapShape.Require("maps", maps.Length, n, h, w);
        MapShape.Require("masks", masks.Length, n, h, w);
        if (maps.IsEmpty)
        {
            return MetricValue.Missing("there are no pixels");
        }

        if (NonFinite.Find(maps) is { } at)
        {
            return MetricValue.Missing(NonFinite.Describe(maps[at], at, h, w));
        }

        var steps = new DfrThresholds(maps);
        if (!steps.AreFinite)
        {
            return MetricValue.Missing("the scores span more than a float can hold");
        }

        var normalAt = new long[DfrThresholds.Count + 1];
        long normal = 0;
        for (var i = 0; i < maps.Length; i++)
        {
            if (masks[i] == 0)
            {
                normalAt[steps.FirstAbove(maps[i])]++;
                normal++;
            }
        }

        var overlapAt = new double[DfrThresholds.Count + 1];
        var regions = 0;
        for (var image = 0; image < n; image++)
        {
            regions += AddFilledRegions(maps.Slice(image * h * w, h * w), masks.Slice(image * h * w, h * w), h, w, steps, overlapAt);
        }

        if (Undefined(regions, normal) is { } undefined)
        {
            return MetricValue.Missing(undefined);
        }

        return StretchedArea(normalAt, normal, overlapAt, regions, fprLimit);
    }

    /// <summary>The limit's check, for all who take one.</summary>
    /// <exception cref="UserError">The limit lies outside (0, 1].</exception>
    internal static void RequireLimit(double fprLimit)
    {
        if (!(fprLimit > 0 && fprLimit <= 1))
        {
            throw new UserError($"a false positive rate limit of {fprLimit} leaves no area: give one in (0, 1]");
        }
    }

    internal static string? Undefined(RankedScores ranked) => Undefined(ranked.Regions, ranked.Negatives);

    internal static MetricValue Aupro(RankedScores ranked, double fprLimit)
    {
        if (Undefined(ranked) is { } undefined)
        {
            return MetricValue.Missing(undefined);
        }

        var area = new CompensatedSum();
        double fpr = 0,
            pro = 0;
        for (var sweep = new ThresholdSweep(ranked); fpr < fprLimit && sweep.MoveNext(); )
        {
            double nextFpr = (double)sweep.FalsePositives / ranked.Negatives,
                nextPro = sweep.Overlap / ranked.Regions;
            if (nextFpr > fprLimit)
            {
                nextPro = pro + (nextPro - pro) * (fprLimit - fpr) / (nextFpr - fpr);
                nextFpr = fprLimit;
            }
            area.Add((nextFpr - fpr) * (pro + nextPro) / 2);
            (fpr, pro) = (nextFpr, nextPro);
        }
        // Shares such as 1/3 are rounded, so that a perfect map's area can pass 1 in the last digit.
        return MetricValue.Of(Math.Min(1, area.Value / fprLimit));
    }

    private static string? Undefined(int regions, long normalPixels) =>
        regions == 0 ? "the masks hold no anomalous region"
        : normalPixels == 0 ? "the masks leave no normal pixel"
        : null;

    /// <summary>Adds each region's share of filled pixels that appear at each step, and returns the number of regions.</summary>
    private static int AddFilledRegions(
        ReadOnlySpan<float> map,
        ReadOnlySpan<byte> mask,
        int height,
        int width,
        DfrThresholds steps,
        double[] overlapAt
    )
    {
        using var components = ConnectedComponents.Label(mask, height, width);
        var labels = components.Labels;
        foreach (var region in components.Regions)
        {
            var alone = new byte[region.Height * region.Width];
            for (var y = 0; y < region.Height; y++)
            {
                for (var x = 0; x < region.Width; x++)
                {
                    if (labels[(region.Top + y) * width + region.Left + x] == region.Label)
                    {
                        alone[y * region.Width + x] = 1;
                    }
                }
            }
            // The fill of the authors' library lets the background leak through corners.
            var filled = ConnectedComponents.FillHoles(alone, region.Height, region.Width, backgroundConnectivity: 8);
            for (var y = 0; y < region.Height; y++)
            {
                for (var x = 0; x < region.Width; x++)
                {
                    if (filled[y * region.Width + x] != 0)
                    {
                        overlapAt[steps.FirstAbove(map[(region.Top + y) * width + region.Left + x])] += 1.0 / region.Area;
                    }
                }
            }
        }
        return components.Regions.Count;
    }

    private static MetricValue StretchedArea(long[] normalAt, long normal, double[] overlapAt, int regions, double fprLimit)
    {
        var rates = new List<(double Fpr, double Pro)>(DfrThresholds.Count);
        long falsePositives = 0;
        double overlap = 0;
        for (var step = 0; step < DfrThresholds.Count; step++)
        {
            falsePositives += normalAt[step];
            overlap += overlapAt[step];
            var fpr = (double)falsePositives / normal;
            if (fpr > fprLimit)
            {
                break;
            }

            rates.Add((fpr, overlap / regions));
        }
        double lowest = rates.Count > 0 ? rates[0].Fpr : 0,
            highest = rates.Count > 0 ? rates[^1].Fpr : 0;
        if (highest == lowest)
        {
            return MetricValue.Missing(
                $"no two of the {DfrThresholds.Count} thresholds " + $"have different false positive rates up to {fprLimit}"
            );
        }

        double area = 0;
        for (var i = 1; i < rates.Count; i++)
        {
            area += (rates[i].Fpr - rates[i - 1].Fpr) / (highest - lowest) * (rates[i].Pro + rates[i - 1].Pro) / 2;
        }

        return MetricValue.Of(area);
    }

    /// <summary>The thresholds max - step (max - min) / 5000, rounded to float as they are when compared with float maps.</summary>
    private sealed class DfrThresholds
    {
        public const int Count = 5000;

        private readonly float[] _thresholds = new float[Count];
        private readonly double _highest;
        private readonly double _delta;

        public DfrThresholds(ReadOnlySpan<float> maps)
        {
            float low = maps[0],
                high = maps[0];
            foreach (var value in maps)
            {
                low = Math.Min(low, value);
                high = Math.Max(high, value);
            }
            _highest = high;
            // The difference is taken in float, as between two elements of a float array.
            _delta = (double)(high - low) / Count;
            for (var step = 0; step < Count; step++)
            {
                _thresholds[step] = (float)(_highest - step * _delta);
            }
        }

        /// <summary>Whether the difference of the highest and the lowest score is a float.</summary>
        public bool AreFinite => double.IsFinite(_delta);

        /// <summary>The first step whose threshold lies below the score; <see cref="Count"/> when none does.</summary>
        public int FirstAbove(float score)
        {
            var step = _delta > 0 ? (int)Math.Clamp((_highest - score) / _delta, 0, Count) : Count;
            while (step > 0 && score > _thresholds[step - 1])
            {
                step--;
            }

            while (step < Count && score <= _thresholds[step])
            {
                step++;
            }

            return step;
        }
    }
}
