using Reproduction;
using Reproduction.Imaging;
using Reproduction.Papers.Gaussian;

namespace Benchmarks;

/// <summary>
/// The augmentation's filters and the resizing of OpenCV's kind, on a grainy RGB picture of 900 and of 256 pixels a side. OpenCV's times
/// are added on a development machine by <c>tests/golden/imaging/time_opencv.py</c>, which knows the same operations by the same names.
/// </summary>
public sealed class FiltersBenchmark : IBenchmark
{
    private const int Warm = 40;
    private const int Rounds = 60;

    private static readonly (string Name, Func<Image, Image> Apply)[] Operations =
    [
        ("median 3 x 3", Filters.Median3),
        ("mean 3 x 3", Filters.Blur3),
        ("motion blur of 5 of 7 x 7", image => Filters.Correlate(image, Line(7, 5))),
        ("sharpen", image => Filters.Correlate(image, Augmentation.SharpenKernel(0.4, 0.8))),
        ("emboss", image => Filters.Correlate(image, Augmentation.EmbossKernel(0.3, 0.5))),
        ("CLAHE on lightness", image => ColorSpaces.ClaheLightness(image, 2, 8)),
        ("HSV shift", image => ColorSpaces.ShiftHsv(image, 7, 5, -9)),
        ("brightness and contrast", image => Augmentation.BrightnessContrast(image, 0.13, -0.17)),
        ("noise per channel", image => Augmentation.Noisy(image, 5, perChannel: true, new SplitMix64(1))),
        ("noise shared by channels", image => Augmentation.Noisy(image, 5, perChannel: false, new SplitMix64(1))),
        ("flip", Geometry.FlipHorizontally),
        ("quarter turn", image => Geometry.Rotate90(image, 1)),
        ("half turn", image => Geometry.Rotate90(image, 2)),
        ("shift, scale and rotate", image => Geometry.ShiftScaleRotate(image, 12, 1.05, 0.04, -0.03)),
        ("resize to 224 x 224", image => Resizer.Resize(image, 224, 224, Resampling.Bilinear)),
        ("resize to 380 x 380", image => Resizer.Resize(image, 380, 380, Resampling.Bilinear)),
    ];

    /// <inheritdoc/>
    public string Name => "filters";

    /// <inheritdoc/>
    public string Description => "ms of processor time of an augmentation's filter (tests/golden/imaging/time_opencv.py adds OpenCV's)";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress) => [.. new[] { 900, 256 }.SelectMany(side => Measure(side, progress))];

    private static IEnumerable<Measurement> Measure(int side, TextWriter progress)
    {
        var random = new SplitMix64(1);
        var picture = new Image(side, side, 3, [.. Enumerable.Range(0, side * side * 3).Select(_ => (byte)random.NextInt(256))]);
        picture = Filters.Blur3(picture);
        var best = Array.ConvertAll(Operations, _ => double.PositiveInfinity);
        for (var round = 0; round < Warm + Rounds; round++)
        {
            for (var i = 0; i < Operations.Length; i++)
            {
                best[i] = Math.Min(best[i], Gauge.ProcessorSeconds(() => Operations[i].Apply(picture)));
            }
            if (round % 10 == 0)
            {
                progress.WriteLine($"{side} x {side}: round {round} of {Warm + Rounds}");
            }
        }
        return Operations.Select((operation, i) => new Measurement($"{operation.Name}, {side} x {side}", best[i] * 1000, "ms"));
    }

    /// <summary>The kernel of a motion along the diagonal.</summary>
    private static float[,] Line(int side, int length)
    {
        var kernel = new float[side, side];
        for (var i = 0; i < length; i++)
        {
            kernel[i, i] = 1f / length;
        }
        return kernel;
    }
}
