namespace Reproduction.Formats;

/// <summary>The container formats of weights files.</summary>
public enum CheckpointFormat
{
    /// <summary>A JSON header, then the tensors' bytes.</summary>
    SafeTensors,

    /// <summary><c>torch.save</c> since PyTorch 1.6: a zip archive with a pickle and one record a storage.</summary>
    TorchZip,

    /// <summary><c>torch.save</c> before PyTorch 1.6: a magic number, system information, a pickle, then the storages.</summary>
    TorchLegacy,

    /// <summary>Darknet's raw floats in the order of the network's layers.</summary>
    Darknet,

    /// <summary>The initialisers of an ONNX model.</summary>
    Onnx,
}

/// <summary>
/// The named tensors of a weights file in any of <see cref="CheckpointFormat"/>. Opening reads names, shapes and places and checks
/// them against the file's length; elements are read when asked for. Nothing that a file holds is ever run.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    /// <summary>
    /// What all tensors of a file may take together beyond the file's own size. Tensors of a <c>.pth</c> may share storages (tied
    /// weights do), but a file of a few bytes must not claim gigabytes.
    /// </summary>
    private const long SharingAllowance = 64L << 20;

    private readonly CheckpointFile _file;
    private readonly Dictionary<string, TensorEntry> _byName;

    private Checkpoint(
        CheckpointFile file,
        CheckpointFormat format,
        IReadOnlyList<TensorEntry> entries,
        IReadOnlyDictionary<string, string> metadata,
        OnnxGraph? graph = null
    )
    {
        this._file = file;
        Format = format;
        Metadata = metadata;
        Graph = graph;
        Entries = entries;
        _byName = new Dictionary<string, TensorEntry>(entries.Count);
        Int128 total = 0;
        foreach (var entry in entries)
        {
            if (!_byName.TryAdd(entry.Name, entry))
            {
                throw file.Broken($"names two tensors {entry.Name}");
            }
            total += entry.ByteCount;
        }
        if (total > file.Length + SharingAllowance)
        {
            throw file.Broken($"its tensors claim {total} bytes, the file has {file.Length}");
        }
    }

    /// <summary>The file that was opened.</summary>
    public string Path => _file.Path;

    /// <summary>The container format, recognised by content and not by the file's name.</summary>
    public CheckpointFormat Format { get; }

    /// <summary>The <c>__metadata__</c> of a safetensors file, the producer of an ONNX model; empty for the others.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Every tensor, in the file's order.</summary>
    public IReadOnlyList<TensorEntry> Entries { get; }

    /// <summary>What an ONNX model computes with its tensors; null for the other formats.</summary>
    internal OnnxGraph? Graph { get; }

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TensorEntry? entry) =>
        _byName.TryGetValue(name, out entry);

    /// <summary>Opens a weights file of any known format.</summary>
    /// <exception cref="UserError">The file is missing, truncated, damaged, or of no known format, or its pickle asks for something to be
    /// run.</exception>
    public static Checkpoint Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserError($"{path}: no such file; `repro weights list` shows the files of a weights folder");
        }
        var file = new CheckpointFile(path);
        try
        {
            var start = file.Read(0, Math.Min(file.Length, 16), "the start of the file");
            if (TorchZip.Recognises(start))
            {
                return new Checkpoint(file, CheckpointFormat.TorchZip, TorchZip.Read(file), NoMetadata);
            }
            if (TorchLegacy.Recognises(start))
            {
                return new Checkpoint(file, CheckpointFormat.TorchLegacy, TorchLegacy.Read(file), NoMetadata);
            }
            if (SafeTensors.Recognises(start))
            {
                var (entries, metadata) = SafeTensors.ReadHeader(file);
                return new Checkpoint(file, CheckpointFormat.SafeTensors, entries, metadata);
            }
            if (DarknetWeights.Recognises(start))
            {
                return new Checkpoint(file, CheckpointFormat.Darknet, DarknetWeights.Read(file), NoMetadata);
            }
            if (OnnxFile.Recognises(start))
            {
                var (entries, graph, metadata) = OnnxFile.Read(file);
                return new Checkpoint(file, CheckpointFormat.Onnx, entries, metadata, graph);
            }
            throw file.Broken("is neither safetensors, nor a PyTorch state dict, nor darknet weights, nor an ONNX model");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Closes the file; entries cannot be read afterwards.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The same file with other names for its tensors; those that get none are left out.</summary>
    /// <param name="named">Tensors of this checkpoint with their new names.</param>
    internal Checkpoint Renamed(IEnumerable<(string Name, TensorEntry Entry)> named) =>
        new(_file, Format, [.. named.Select(pair => pair.Entry.Renamed(pair.Name))], Metadata);

    internal UserError Broken(string problem) => _file.Broken(problem);

    private static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();
}
