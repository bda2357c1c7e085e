using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Reproduction.Backbones;
using Reproduction.Formats;
using Reproduction.Methods;
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
/// <param name="Threshold">Image scores that reach it are called defective.</param>
/// <param name="PixelThreshold">Map values that reach it are drawn as defective; null where the method has no map.</param>
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
    private const int Version = 1;

    /// <summary>Makes the folder that a model is to be written in.</summary>
    /// <exception cref="UserError">It cannot be made, or a folder has the model's name.</exception>
    public static void PrepareFolder(string path)
    {
        if (Directory.Exists(path))
        {
            throw new UserError($"{path} is a folder; a model is one file, name it with --out");
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"cannot write {path}: {failure.Message} Choose another file with --out.", failure);
        }
    }

    /// <summary>Writes the model, whole or not at all.</summary>
    /// <exception cref="UserError">The file cannot be written.</exception>
    public void Write(string path, DetectorState state)
    {
        PrepareFolder(path);
        var metadata = new Dictionary<string, string>(state.Values.Select(value => KeyValuePair.Create("state." + value.Key, value.Value)))
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
            throw new UserError($"cannot write {path}: {failure.Message} Choose another file with --out.", failure);
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
        if (!metadata.TryGetValue(Key, out var json))
        {
            throw NoModel(path, "it has no description");
        }

        if (metadata.GetValueOrDefault(Key + ".version") is var version && version != Version.ToString(CultureInfo.InvariantCulture))
        {
            throw new UserError($"{path} is a model of format version {version}, this program reads version {Version}; fit it again");
        }
        var (model, configuration) = Parse(path, json);
        var detector = Create(path, configuration, resources);
        try
        {
            const string prefix = "state.";
            detector.Load(
                new DetectorState(
                    tensors,
                    metadata
                        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
                        .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value)
                )
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
                ?? throw new UserError($"{path} needs the weights {needed.Name} ({needed.Architecture}); give their folder with --weights");
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
