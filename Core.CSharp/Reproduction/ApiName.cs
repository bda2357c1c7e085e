namespace Reproduction;

/// <summary>
/// What messages call the values that a program gives: members of this library, and their parameters in brackets. A front end that takes
/// the same values under other names puts its own in their place, as the <c>repro</c> command does with its options.
/// </summary>
public static class ApiName
{
    /// <summary>Photographs that a model is fitted on.</summary>
    public const string FitPhotographs = "Model.Fit(good)";

    /// <summary>Photographs that a model takes in later.</summary>
    public const string AddPhotographs = "Model.Add(good)";

    /// <summary>Good photographs to choose the threshold with.</summary>
    public const string FitGood = "FitOptions.Good";

    /// <summary>Photographs of defects to choose the threshold with.</summary>
    public const string FitDefective = "FitOptions.Defective";

    /// <summary>Good photographs to choose another threshold with.</summary>
    public const string CalibrateGood = "Model.Calibrate(good)";

    /// <summary>Photographs of defects to choose another threshold with.</summary>
    public const string CalibrateDefective = "Model.Calibrate(defective)";

    /// <summary>The accepted share of false alarms in a fit.</summary>
    public const string FitRate = "FitOptions.FalsePositiveRate";

    /// <summary>The accepted share of false alarms in scoring.</summary>
    public const string ScoreRate = "ScoreOptions.FalsePositiveRate";

    /// <summary>The threshold in scoring.</summary>
    public const string Threshold = "ScoreOptions.Threshold";

    /// <summary>Parts of the cross-validation.</summary>
    public const string Folds = "FitOptions.Folds";

    /// <summary>The variant that is fitted.</summary>
    public const string Variant = "FitOptions.Variant";

    /// <summary>The side of a tile.</summary>
    public const string TileSize = "Tiling.Size";

    /// <summary>What tiles share.</summary>
    public const string TileOverlap = "Tiling.Overlap";

    /// <summary>The part of a photograph that counts.</summary>
    public const string RegionOfInterest = "FitOptions.RegionOfInterest";

    /// <summary>The folder of weights in a fit.</summary>
    public const string FitWeights = "FitOptions.Weights";

    /// <summary>The folder of weights of a model that is loaded.</summary>
    public const string LoadWeights = "Model.Load(weights)";

    /// <summary>The folder of weights of networks.</summary>
    public const string NetworkWeights = "BackboneProvider(folder)";

    /// <summary>The folder of weights that is listed.</summary>
    public const string ListedWeights = "Weights.Open(folder)";

    /// <summary>The device.</summary>
    public const string Device = "Devices.Named(name)";

    /// <summary>The file that a model is written to.</summary>
    public const string ModelPath = "Model.Save(path)";

    /// <summary>The folder that a data set is converted into.</summary>
    public const string ImportFolder = "DataImport.Write(folder)";

    /// <summary>The folder that the procedural data set is written into.</summary>
    public const string SurfacesFolder = "SurfacesDataset.Write(folder)";
}
