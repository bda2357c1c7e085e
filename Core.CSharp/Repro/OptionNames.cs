using Reproduction;

namespace Repro;

/// <summary>The library's messages in the command's words: its options stand where the library names its members.</summary>
public static class OptionNames
{
    /// <summary>Of each name in <see cref="ApiName"/> the option that takes the value.</summary>
    public static IReadOnlyDictionary<string, string> ByApiName { get; } =
        new Dictionary<string, string>
        {
            [ApiName.FitPhotographs] = "--train",
            [ApiName.AddPhotographs] = "--add",
            [ApiName.FitGood] = "--good",
            [ApiName.FitDefective] = "--defective",
            [ApiName.CalibrateGood] = "--good",
            [ApiName.CalibrateDefective] = "--defective",
            [ApiName.FitRate] = "--fpr",
            [ApiName.ScoreRate] = "--fpr",
            [ApiName.Threshold] = "--threshold",
            [ApiName.Folds] = "--folds",
            [ApiName.Variant] = "--variant",
            [ApiName.TileSize] = "--tile",
            [ApiName.TileOverlap] = "--overlap",
            [ApiName.RegionOfInterest] = "--roi",
            [ApiName.FitWeights] = "--weights",
            [ApiName.LoadWeights] = "--weights",
            [ApiName.NetworkWeights] = "--weights",
            [ApiName.ListedWeights] = "--weights",
            [ApiName.Device] = "--device",
            [ApiName.ModelPath] = "--out",
            [ApiName.ImportFolder] = "--out",
            [ApiName.SurfacesFolder] = "--out",
        };

    /// <summary>A message of the library as the command tells it.</summary>
    public static string In(string message) =>
        ByApiName.Aggregate(message, (told, name) => told.Replace(name.Key, name.Value, StringComparison.Ordinal));
}
