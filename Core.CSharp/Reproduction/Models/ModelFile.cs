using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using Reproduction.Metrics;
using Reproduction.Papers;
using TorchSharp;

namespace Reproduction.Models;

/// <summary>
/// A fitted detector in one file: the tensors of its state, its settings, its thresholds, and the names and hashes of the frozen
/// weights that it needs beside it. It loads only with those weights.
/// </summary>
/// <param name="Method">Id of the paper.</param>
/// <param name="Variant">Name of the variant.</param>
/// <param name="Settings">Every hyperparameter with its value.</param>
/// <param name="Weights">The frozen networks that scoring needs.</param>
/// <param name="Threshold">Raw image scores that reach it are called defective.</param>
/// <param name="PixelThreshold">Raw map values that reach it are drawn as defective; null where the method has no map.</param>
/// <param name="ThresholdRule">How the thresholds were chosen, in words.</param>
/// <param name="Images">Number of images that the model was fitted on.</param>
public sealed record ModelFile(
    string Method,
    string Variant,
    JsonObject Settings,
    IReadOnlyList<WeightsUsed> Weights,
    double Threshold,
    double? PixelThreshold,
    string ThresholdRule,
    int Images
)
{
    internal const string Key = "reproduction.model";
    private const string StatePrefix = "state.";

    /// <summary>
    /// Version 2 may say that photographs are cut into tiles or painted over, which a program for version 1 would pass over in silence.
    /// </summary>
    private const int Version = 2;

    private static readonly string[] Readable = ["1", "2"];

    /// <summary>What the thresholds rest on; null in a model of before.</summary>
    public Calibration? Calibration { get; init; }

    /// <summary>The value of 16-bit samples that is white: less than 65,535 for cameras of 10, 12 or 14 bits.</summary>
    public int White { get; init; } = WhiteLevel.Full;

    /// <summary>How photographs are cut, in the fit and in scoring; null: whole.</summary>
    public Tiling? Tiles { get; init; }

    /// <summary>The part of a photograph that counts: a PNG, non-zero inside; null: all of it.</summary>
    public byte[]? RegionOfInterest { get; init; }

    /// <summary>The contents of the photographs that the model was fitted on: the first 16 bytes of their sha256 each, in
    /// hexadecimal.</summary>
    public IReadOnlyList<string> Contents { get; init; } = [];

    /// <summary>The licences of those <see cref="Weights"/> whose authors state one, by their names.</summary>
    public IReadOnlyDictionary<string, string> Licences { get; init; } = new Dictionary<string, string>();

    /// <summary>A hash of <see cref="Contents"/> in any order; null in a model of before.</summary>
    [JsonIgnore]
    public string? DataFingerprint =>
        Contents.Count > 0
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Contents.Order(StringComparer.Ordinal)))))
            : null;

    /// <summary>The unit in which scores are told.</summary>
    [JsonIgnore]
    internal ScoreUnit Unit => new(Threshold, Calibration?.Good ?? []);

    /// <summary>How photographs are shown to the detector.</summary>
    [JsonIgnore]
    internal Sight Sight => new(Tiles, Models.RegionOfInterest.Decode(RegionOfInterest));

    /// <summary>The threshold, in the unit of scores, of another accepted false positive rate than the model's.</summary>
    /// <param name="rate">From 0 to below 1.</param>
    /// <exception cref="UserError">The model does not have the scores that it takes, or the rate is no share.</exception>
    public float ThresholdAt(double rate) =>
        Calibration is not { } basis ? throw NoScores()
        : Conformal.AtFalsePositiveRate(basis.Good, rate).Value is var raw && raw == (float)Threshold ? 1
        // The next number above the last good score, as the scores are told.
        : MathF.BitIncrement(Unit.Of(MathF.BitDecrement(raw)));

    /// <summary>The same model with the threshold of another accepted false positive rate, from the scores that it keeps.</summary>
    /// <param name="rate">From 0 to below 1.</param>
    /// <exception cref="UserError">As of <see cref="ThresholdAt"/>.</exception>
    public ModelFile At(double rate) =>
        Calibration is { } basis ? With(Calibrator.At(basis with { Defective = [] }, PixelThreshold, rate)) : throw NoScores();

    /// <summary>The same model with other thresholds.</summary>
    internal ModelFile With(ChosenThresholds chosen) =>
        this with
        {
            Threshold = chosen.Image,
            PixelThreshold = chosen.Pixel,
            ThresholdRule = chosen.Basis.Describe(),
            Calibration = chosen.Basis,
        };

    /// <summary>Makes the folder that a model is to be written in.</summary>
    /// <exception cref="UserError">It cannot be made, or a folder has the model's name.</exception>
    public static void PrepareFolder(string path)
    {
        if (Directory.Exists(path))
        {
            throw new UserError($"{path} is a folder; a model is one file, name it with {ApiName.ModelPath}");
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"cannot write {path}: {failure.Message} Choose another file with {ApiName.ModelPath}.", failure);
        }
    }

    /// <summary>Writes the model, whole or not at all.</summary>
    /// <exception cref="UserError">The file cannot be written.</exception>
    public void Write(string path, DetectorState state)
    {
        PrepareFolder(path);
        var metadata = new Dictionary<string, string>(
            state.Values.Select(value => KeyValuePair.Create(StatePrefix + value.Key, value.Value))
        )
        {
            [Key] = JsonSerializer.Serialize(this, SnakeCaseJson.Options),
            [Key + ".version"] = Version.ToString(CultureInfo.InvariantCulture),
        };
        try
        {
            SafeTensors.Write(path, state.Tensors, metadata);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"cannot write {path}: {failure.Message} Choose another file with {ApiName.ModelPath}.", failure);
        }
    }

    /// <summary>Reads a model and builds its detector.</summary>
    /// <param name="path">What <see cref="Write"/> wrote.</param>
    /// <param name="resources">Weights, frozen features and the device.</param>
    /// <exception cref="UserError">The file is no model, of another version, or the weights beside it are not those that it was fitted
    /// with.</exception>
    public static (ModelFile Model, IAnomalyDetector Detector) Read(string path, Resources resources)
    {
        using var scope = torch.NewDisposeScope();
        var (tensors, metadata) = Opened(path);
        var (model, configuration) = Described(path, metadata);
        var detector = Create(path, configuration, resources);
        try
        {
            detector.Load(
                new DetectorState(tensors, StateValues(metadata))
                {
                    Origin = path,
                    WayOut = "it is damaged or was put together from several: fit the model again",
                }
            );
            CheckWeights(path, model, resources.Backbones);
            return (model, detector);
        }
        catch
        {
            detector.Dispose();
            throw;
        }
    }

    /// <summary>Reads what a model says of itself; weights are not needed.</summary>
    /// <exception cref="UserError">The file is no model, or of another version.</exception>
    public static ModelFile Describe(string path)
    {
        using var scope = torch.NewDisposeScope();
        return Described(path, Opened(path).Metadata).Model;
    }

    /// <summary>The version of a model's format.</summary>
    /// <exception cref="UserError">The file is no model.</exception>
    public static string FormatVersionOf(string path)
    {
        using var scope = torch.NewDisposeScope();
        return Opened(path).Metadata.GetValueOrDefault(Key + ".version") ?? throw NoModel(path, "it has no version");
    }

    /// <summary>Writes a model again with another description: its tensors are the same.</summary>
    /// <param name="source">A model.</param>
    /// <param name="target">May be the source.</param>
    /// <exception cref="UserError">The source is no model, or the target cannot be written.</exception>
    public void Redescribe(string source, string target)
    {
        using var scope = torch.NewDisposeScope();
        var (tensors, metadata) = Opened(source);
        Described(source, metadata);
        Write(target, new DetectorState(tensors, StateValues(metadata)));
    }

    private static Dictionary<string, string> StateValues(IReadOnlyDictionary<string, string> metadata) =>
        metadata
            .Where(entry => entry.Key.StartsWith(StatePrefix, StringComparison.Ordinal))
            .ToDictionary(entry => entry.Key[StatePrefix.Length..], entry => entry.Value);

    private static (ModelFile Model, Configuration Configuration) Described(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(Key, out var json))
        {
            throw NoModel(path, "it has no description");
        }
        if (metadata.GetValueOrDefault(Key + ".version") is var version && !Readable.Contains(version))
        {
            throw new UserError(
                $"{path} is a model of format version {version}, this program reads versions {string.Join(" and ", Readable)}; fit it again"
            );
        }
        return Parse(path, json);
    }

    private static UserError NoScores() =>
        new(
            "the model was fitted by a program of before and keeps no scores of good products; "
                + "'repro calibrate MODEL --good DIR' gives it some",
            exitCode: 2
        );

    /// <summary>The description of a model and its settings as its method's own record.</summary>
    private static (ModelFile Model, Configuration Configuration) Parse(string path, string json)
    {
        try
        {
            var model = JsonSerializer.Deserialize<ModelFile>(json, SnakeCaseJson.Options) ?? throw new JsonException("it is empty");
            var settings = model.Settings ?? throw new JsonException("it has no settings");
            if (!double.IsFinite(model.Threshold))
            {
                throw new JsonException("its threshold is no finite number");
            }
            if ((model.Calibration?.Mistake() ?? model.Tiles?.Mistake()) is { } mistake)
            {
                throw new JsonException(mistake);
            }
            Models.RegionOfInterest.Decode(model.RegionOfInterest);

            return (model, Registry.Find(model.Method).Configure(model.Variant, Profile.Quick, "", "").With(settings));
        }
        catch (Exception failure) when (failure is JsonException or UserError)
        {
            throw NoModel(path, failure.Message);
        }
    }

    /// <summary>The detector of the file's settings; those that no detector can have are the file's fault, not the command's.</summary>
    private static IAnomalyDetector Create(string path, Configuration configuration, Resources resources)
    {
        try
        {
            return configuration.Create(resources);
        }
        catch (UserError failure) when (failure.ExitCode == 2)
        {
            throw NoModel(path, failure.Message);
        }
    }

    private static (IReadOnlyDictionary<string, torch.Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Opened(string path)
    {
        if (Directory.Exists(path))
        {
            throw new UserError($"{path}: is a folder; give the model's file, which 'repro fit' wrote");
        }
        if (!File.Exists(path))
        {
            throw new UserError($"{path}: no such file; 'repro fit' writes a model");
        }
        return StartsAsSafeTensors(path) ? SafeTensors.Read(path) : throw NoModel(path, "it is no safetensors file");
    }

    private static bool StartsAsSafeTensors(string path)
    {
        using var stream = File.OpenRead(path);
        var start = new byte[16];
        return SafeTensors.Recognises(start.AsSpan(0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)));
    }

    private static UserError NoModel(string path, string reason) =>
        new($"{path} is not a model of 'repro fit' ({reason}); fit one with repro fit --method ID --train DIR --out MODEL");

    private static void CheckWeights(string path, ModelFile model, BackboneProvider backbones)
    {
        foreach (var needed in model.Weights)
        {
            var found =
                backbones.Used.FirstOrDefault(used => used.Architecture == needed.Architecture)
                ?? throw new UserError(
                    $"{path} needs the weights {needed.Name} ({needed.Architecture}); give their folder with {ApiName.LoadWeights}"
                );
            if (found.WeightsSha256 != needed.Sha256)
            {
                throw new UserError(
                    $"{path} was fitted with {needed.Name}, sha256 {needed.Sha256[..12]}..., but {backbones.Folder ?? "the program"} "
                        + $"has {found.Name}, sha256 {found.WeightsSha256[..12]}...; "
                        + "give the folder with the same file, or fit again"
                );
            }
        }
    }
}
