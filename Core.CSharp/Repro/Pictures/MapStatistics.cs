using System.Text.Json;
using Reproduction;

namespace Repro.Pictures;

/// <summary>How the values of one kind of map are spread over a whole test set.</summary>
/// <param name="Quantiles">The values at equally spaced ranks, the smallest first; <see cref="Steps"/> + 1 of them.</param>
public sealed record MapDistribution(IReadOnlyList<float> Quantiles)
{
    /// <summary>Number of steps between quantiles.</summary>
    public const int Steps = 256;

    private const double LowQuantile = 0.02;
    private const double HighQuantile = 0.999;
    private const int SampleSize = 200_000;

    /// <summary>The range that colours span: from a low to a high quantile, so that one outlier does not darken the rest.</summary>
    public required float Low { get; init; }

    /// <summary>The upper end of that range, above <see cref="Low"/>.</summary>
    public required float High { get; init; }

    /// <summary>The distribution of values, from a regular sample of them where they are many.</summary>
    /// <param name="values">At least one, in any order.</param>
    public static MapDistribution Of(ReadOnlySpan<float> values)
    {
        // Odd, so that with maps of an even width the sample does not run down a few columns only.
        var stride = Math.Max(1, values.Length / SampleSize) | 1;
        var sample = new float[(values.Length + stride - 1) / stride];
        for (var i = 0; i < sample.Length; i++)
        {
            sample[i] = values[i * stride];
        }

        Array.Sort(sample);
        float At(double share) => sample[(int)(share * (sample.Length - 1))];
        var (low, high) = (At(LowQuantile), At(HighQuantile));
        return new MapDistribution([.. Enumerable.Range(0, Steps + 1).Select(i => At((double)i / Steps))])
        {
            Low = low,
            High = low < high ? high : low + 1,
        };
    }

    /// <summary>The share of the test set's values that lie below a value, 0..1: its colour after histogram equalisation.</summary>
    public float Rank(float value)
    {
        var above = Quantiles.Count;
        for (int first = 0, last = Quantiles.Count; first < last; )
        {
            var middle = (first + last) / 2;
            if (Quantiles[middle] > value)
            {
                above = last = middle;
            }
            else
            {
                first = middle + 1;
            }
        }
        if (above == 0)
        {
            return 0;
        }

        if (above == Quantiles.Count)
        {
            return 1;
        }

        var (below, next) = (Quantiles[above - 1], Quantiles[above]);
        return (above - 1 + ((value - below) / (next - below))) / (Quantiles.Count - 1);
    }
}

/// <summary>What the drawn maps of a cell are to be read by: <c>maps.json</c> in the cell's gallery.</summary>
/// <param name="Distributions">The main map's (<see cref="MainMap"/>) and each partial map's.</param>
/// <param name="Thresholds">
/// Thresholds of the main map's pixels by name: the method's own, and <see cref="BestF1"/> where the data have masks.
/// </param>
public sealed record MapStatistics(
    IReadOnlyDictionary<string, MapDistribution> Distributions,
    IReadOnlyDictionary<string, double> Thresholds
)
{
    /// <summary>The name of the main map.</summary>
    public const string MainMap = "map";

    /// <summary>The name of the threshold at which the F1 score of all test pixels is highest.</summary>
    public const string BestF1 = "f1_max";

    /// <summary>The file in a cell's gallery.</summary>
    public const string FileName = "maps.json";

    /// <summary>Reads the file of a cell's gallery.</summary>
    /// <exception cref="UserError">It is missing or damaged.</exception>
    public static MapStatistics Read(string gallery)
    {
        var path = Path.Combine(gallery, FileName);
        try
        {
            return JsonSerializer.Deserialize<MapStatistics>(File.ReadAllBytes(path), SnakeCaseJson.Options)
                ?? throw new JsonException("it is empty");
        }
        catch (Exception failure) when (failure is JsonException or FileNotFoundException)
        {
            throw new UserError($"{path}: {failure.Message} Run the cell again with --force --gallery N.", failure);
        }
    }
}
