using System.Diagnostics;
using Reproduction.Backbones;
using Reproduction.Papers;
using TorchSharp;

namespace Reproduction.Experiments;

/// <summary>The checkpoint of one cell: a file beside the records that goes when the cell is finished.</summary>
/// <param name="path">The file.</param>
/// <param name="settingsHash">A checkpoint of other settings is ignored.</param>
/// <param name="interval">Time between checkpoints.</param>
public sealed class Checkpoints(string path, string settingsHash, TimeSpan interval) : ICheckpoints
{
    private const string SettingsKey = "settings";
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();

    /// <summary>Path of a cell's checkpoint.</summary>
    public static string PathOf(string run, string cell) => Path.Combine(run, "checkpoints", cell + ".safetensors");

    /// <inheritdoc/>
    public bool Due => _sinceLast.Elapsed >= interval;

    /// <inheritdoc/>
    public void Save(DetectorState state)
    {
        var values = new Dictionary<string, string>(state.Values) { [SettingsKey] = settingsHash };
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        SafeTensors.Write(path, state.Tensors, values);
        _sinceLast.Restart();
    }

    /// <inheritdoc/>
    public DetectorState? Load()
    {
        if (!File.Exists(path)) return null;
        var (tensors, values) = SafeTensors.Read(path);
        return values.GetValueOrDefault(SettingsKey) == settingsHash ? new DetectorState(tensors, values) : null;
    }

    /// <summary>Removes the checkpoint of a finished cell.</summary>
    public void Delete()
    {
        if (File.Exists(path)) File.Delete(path);
    }
}
