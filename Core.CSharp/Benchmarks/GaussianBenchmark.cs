using Reproduction;
using Reproduction.Papers.Gaussian;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// The fits of <see cref="GaussianMethod"/> on features of the paper's sizes, which one eigendecomposition of the smaller of covariance
/// and Gram
/// matrix gives; beside the covariance, shrunk by its definition and inverted, as scikit-learn's <c>LedoitWolf</c> does it.
/// </summary>
public sealed class GaussianBenchmark : IBenchmark
{
    /// <summary>Images of hazelnut, MVTec AD's largest category, and of one of its test sets.</summary>
    private const int Images = 391;
    private const int TestImages = 110;
    private const int Folds = 5;

    /// <summary>Features of EfficientNet-B4's nine levels.</summary>
    private static readonly long[] Widths = [48, 24, 32, 56, 112, 160, 272, 448, 1792];

    private static readonly Func<Tensor, ILevelModel>[] Models =
    [
        LevelGaussian.FixedVariance,
        LevelGaussian.IndependentVariances,
        samples => LevelGaussian.Multivariate(samples),
        samples => LevelGaussian.Multivariate(samples, Compression.Pca, 0.99),
        samples => LevelGaussian.Multivariate(samples, Compression.Pca, 0.95),
        samples => LevelGaussian.Multivariate(samples, Compression.Npca, 0.01),
        samples => LevelGaussian.Multivariate(samples, Compression.Npca, 0.001),
        samples => LevelGaussian.Multivariate(samples, Compression.Npca, 0.0001),
        samples => OneClassSvm.Fit(samples, nu: 0.5),
    ];

    /// <inheritdoc/>
    public string Name => "gaussian";

    /// <inheritdoc/>
    public string Description =>
        "fits of gaussian on features of the paper's sizes against the covariance shrunk by its definition and inverted";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var measurements = new List<Measurement>();
        foreach (var width in new[] { Widths[6], Widths[8] })
        {
            var what = $"Ledoit-Wolf and Mahalanobis of {width} features from {Images} images";
            progress.WriteLine(what);
            using var samples = torch.randn(Images, width);
            var ours = Gauge.Seconds(() => LevelGaussian.Multivariate(samples).Dispose(), repeats: 10);
            var theirs = Gauge.Seconds(() => InvertedCovariance(samples), repeats: 3);
            measurements.AddRange([
                new(what, ours, "s"),
                new($"{what}, inverted covariance", theirs, "s"),
                new($"ours against it, {width} features", theirs / ours, "times faster"),
            ]);
        }
        var category = $"a category from features to scores: {Folds} folds, {Widths.Length} levels, {Models.Length} models";
        progress.WriteLine(category);
        measurements.Add(new(category, Gauge.Seconds(Category), "s"));
        return measurements;
    }

    private static void Category()
    {
        for (var fold = 0; fold < Folds; fold++)
        {
            foreach (var width in Widths)
            {
                using var scope = torch.NewDisposeScope();
                var train = torch.randn(Images - (Images / Folds), width);
                var test = torch.randn(TestImages, width);
                foreach (var fit in Models)
                {
                    using var model = fit(train);
                    using var scores = model.Score(test);
                }
            }
        }
    }

    /// <summary>
    /// Equation (6) with Ledoit and Wolf's intensity from its sums over all pairs of features, and the inverse that equation (2) needs.
    /// </summary>
    private static void InvertedCovariance(Tensor samples)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64);
        var (n, d) = ((double)x.shape[0], x.shape[1]);
        var centred = x - x.mean([0L]);
        var covariance = centred.t().Times(centred) / n;
        var mean = covariance.diagonal(0, 0, 1).mean().item<double>();
        var squares = centred.square();
        var spread = squares.t().Times(squares).sum().item<double>() / n;
        var norm = covariance.square().sum().item<double>();
        var shrinkage = Math.Clamp((spread - norm) / (n * d) / ((norm / d) - (mean * mean)), 0, 1);
        var shrunk = ((1 - shrinkage) * covariance) + (shrinkage * mean * torch.eye(d, dtype: ScalarType.Float64));
        _ = linalg.inv(shrunk);
    }
}
