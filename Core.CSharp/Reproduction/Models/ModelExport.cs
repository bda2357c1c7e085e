using Microsoft.ML.OnnxRuntime;
using Reproduction.Backbones;
using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;

namespace Reproduction.Models;

/// <summary>A model as a file that runs anywhere, and such a file as a model.</summary>
public sealed partial class Model
{
    private const string Libtorch = "libtorch";
    private const string Onnx = "onnx";
    private const string Auto = "auto";

    /// <summary>What <see cref="WithEngine"/> takes: <c>auto</c> for <see cref="FasterEngine"/>, <c>libtorch</c> and <c>onnx</c>.</summary>
    public static IReadOnlyList<string> Engines { get; } = [Auto, Libtorch, Onnx];

    /// <summary>Which library computes the scores: <c>libtorch</c> or <c>onnx</c>, ONNX Runtime.</summary>
    public string Engine => _detector is OnnxDetector ? Onnx : Libtorch;

    /// <summary>
    /// The library that scores faster, measured in <c>results/bench/runtimes.json</c>: ONNX Runtime on a processor but for
    /// EfficientNets, <c>patchcore</c> and <c>spade</c>, libtorch on a GPU.
    /// </summary>
    public string FasterEngine =>
        _detector is OnnxDetector || (_detector is IExportable { IsFasterExported: true } && _backbones.Device.type == DeviceType.CPU)
            ? Onnx
            : Libtorch;

    /// <summary>
    /// Writes the model as an ONNX file, with preprocessing, network, map and score in its graph, and thresholds, weights' hashes and this
    /// model's description in its metadata. Before it is written, ONNX Runtime judges generated pictures with it as this model does.
    /// </summary>
    /// <param name="path">Written whole or not at all.</param>
    /// <returns>How far the two were apart.</returns>
    /// <exception cref="UserError">The method cannot be exported, the two differ, or the file cannot be written.</exception>
    public ExportCheck Export(string path)
    {
        ModelFile.PrepareFolder(path);
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var bytes = OnnxExport.Bytes(Description, _detector);
            var (_, exported) = OnnxDetector.Open(options => new InferenceSession(bytes, options), path);
            using (exported)
            {
                var check = ExportCheck.Of(Description, _detector, exported);
                AtomicFile.Write(path, stream => stream.Write(bytes));
                return check;
            }
        }
    }

    /// <summary>This model run by ONNX Runtime: the same scores but for rounding. It is the caller's to dispose, as this one is.</summary>
    /// <param name="threads">Threads of an operation; 0 for one a core.</param>
    /// <exception cref="UserError">The method cannot be exported.</exception>
    public Model WithOnnxRuntime(int threads = 0)
    {
        lock (_scoring)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var bytes = OnnxExport.Bytes(Description, _detector);
            return Exported(options => new InferenceSession(bytes, options), "the exported model", threads);
        }
    }

    /// <summary>
    /// This model with a library of one's choice. Where another model takes its place, this one is disposed; an ONNX file's model stays
    /// with ONNX Runtime.
    /// </summary>
    /// <param name="engine">One of <see cref="Engines"/>.</param>
    /// <param name="tell">Told the reason where <c>auto</c> stays with libtorch because the method cannot be exported.</param>
    /// <exception cref="UserError">No such engine, or <c>onnx</c> for a method that cannot be exported; this model is as it was.
    /// </exception>
    public Model WithEngine(string engine, Action<string>? tell = null)
    {
        if (!Engines.Contains(engine))
        {
            throw new UserError($"no engine is called '{engine}'; the engines are {string.Join(", ", Engines)}", exitCode: 2);
        }
        if ((engine == Auto ? FasterEngine : engine) != Onnx || Engine == Onnx)
        {
            return this;
        }
        try
        {
            var exported = WithOnnxRuntime();
            Dispose();
            return exported;
        }
        catch (UserError failure) when (engine == Auto)
        {
            tell?.Invoke(failure.Message);
            return this;
        }
    }

    private static Model Exported(Func<SessionOptions, InferenceSession> open, string name, int threads = 0)
    {
        var (description, detector) = OnnxDetector.Open(open, name, threads);
        return new Model(description, detector, new BackboneProvider(null, Devices.Named("cpu")));
    }

    /// <summary>By its first bytes: a name's ending may be any.</summary>
    private static bool IsExported(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }
        using var stream = File.OpenRead(path);
        var start = new byte[16];
        return OnnxFile.Recognises(start.AsSpan(0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)));
    }
}
