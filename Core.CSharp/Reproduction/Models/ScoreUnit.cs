using Reproduction.Formats;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>
/// The unit that scores are told in: 1 is the model's threshold, and 0 the median of the good products that the threshold was chosen with.
/// An affine map of the raw scores with a positive factor, so that it changes no order.
/// </summary>
/// <remarks>
/// Not the raw score over the threshold: raw scores of some methods are far from 0 on good products, where all would be 0.9 to 1, and a
/// threshold may be 0 or negative. Where the median does not lie below the threshold (a threshold of the best F1 may be anywhere), the
/// range of the good scores is the factor, and where that is 0, too, the size of the threshold.
/// </remarks>
internal readonly record struct ScoreUnit
{
    private readonly double _threshold;
    private readonly double _factor;

    /// <param name="threshold">Raw.</param>
    /// <param name="good">Raw scores of good products, ascending; empty for a model of before, whose unit is then its threshold.</param>
    public ScoreUnit(double threshold, IReadOnlyList<float> good)
    {
        _threshold = threshold;
        var least = 1e-6 * Math.Abs(threshold);
        double[] candidates =
            good.Count > 0
                ? [threshold - good[good.Count / 2], (double)good[^1] - good[0], Math.Abs(threshold), 1]
                : [Math.Abs(threshold), 1];
        _factor = candidates.First(candidate => candidate > least);
    }

    /// <summary>A raw score in this unit: at least 1 where, and only where, it reaches the model's threshold.</summary>
    public float Of(float raw)
    {
        var score = (float)(1 + (raw - _threshold) / _factor);
        return raw >= _threshold ? Math.Max(score, 1) : Math.Min(score, MathF.BitDecrement(1));
    }

    /// <summary>As <see cref="Of"/>, as operations of an ONNX graph: the same numbers.</summary>
    /// <param name="raw">float32 <c>[N]</c>.</param>
    public OnnxValue Export(OnnxValue raw)
    {
        var model = raw.Model;
        var exact = raw.To(ScalarType.Float64);
        var threshold = model.Constant(_threshold, ScalarType.Float64);
        var score = (1 + ((exact - threshold) / _factor)).To(ScalarType.Float32);
        var reaches = exact.Apply("GreaterOrEqual", ScalarType.Bool, [threshold]);
        return reaches.Apply("Where", ScalarType.Float32, [score.ClampMin(1), score.ClampMax(MathF.BitDecrement(1))]);
    }

    /// <summary>The raw score of one in this unit.</summary>
    public double Raw(double score) => _threshold + (score - 1) * _factor;
}
