using System.Globalization;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Surfaces;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>How far an exported model is from the one that it was made of.</summary>
/// <param name="Pictures">Pictures that both judged: generated ones, each of its own size.</param>
/// <param name="Score">The greatest difference of two scores, as a share of the score.</param>
/// <param name="Map">The greatest difference of two values of a map, as a share of the map's greatest; 0 where there are no maps.</param>
public sealed record ExportCheck(int Pictures, double Score, double Map)
{
    /// <summary>The greatest difference that is allowed.</summary>
    public const double Tolerance = 1e-4;

    private const int Count = 20;

    /// <summary>Judges pictures of different sizes with both.</summary>
    /// <exception cref="UserError">They differ by more than <see cref="Tolerance"/>.</exception>
    internal static ExportCheck Of(ModelFile model, IAnomalyDetector detector, OnnxDetector exported)
    {
        using var noGradient = no_grad();
        var check = new ExportCheck(0, 0, 0);
        var sight = new Sight(null, OnnxExport.RegionIn(model));
        foreach (var picture in Generated())
        {
            using var scope = NewDisposeScope();
            var sample = new Sample("generated picture", "", 0, "good", null) { Pixels = () => picture };
            var expected = sight.Score(detector.Score, [sample], views: false).Single();
            using var found = exported.Score(picture.Pixels, [1, picture.Height, picture.Width, 3]);
            check = new ExportCheck(
                check.Pictures + 1,
                Math.Max(check.Score, Difference(tensor(expected.Score), found.Image)),
                Math.Max(check.Map, expected.Map is { } map ? Difference(tensor(map.Values).reshape(found.Map!.shape), found.Map) : 0)
            );
        }
        if (!(check.Score <= Tolerance && check.Map <= Tolerance))
        {
            throw new UserError(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the exported model differs by {check.Score:g2} (score) and {check.Map:g2} (map) from this one, more than "
                        + $"{Tolerance}; "
                        + $"it is not written: please report the model's method and variant"
                )
            );
        }
        return check;
    }

    private static double Difference(Tensor expected, Tensor found)
    {
        var here = expected.to(ScalarType.Float64);
        return ((found.to(ScalarType.Float64) - here).abs().max() / here.abs().max().clamp_min(double.Epsilon)).item<double>();
    }

    /// <summary>Sound and defective pictures of Surfaces at sizes from 100 to 500 pixels, none of them square.</summary>
    private static IEnumerable<Image> Generated()
    {
        const int seed = 20;
        var random = new SplitMix64(seed);
        foreach (var number in Enumerable.Range(0, Count))
        {
            var category = SurfacesDataset.CategoryNames[number % SurfacesDataset.CategoryNames.Count];
            var (picture, _) = SurfacesDataset.Render(category, "train", "good", number, seed);
            var (width, height) = (100 + random.NextInt(200), 301 + random.NextInt(200));
            yield return Resizer.Resize(picture, width, height, Resampling.BilinearAntialias);
        }
    }
}
