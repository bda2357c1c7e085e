using Microsoft.ML.OnnxRuntime;
using Reproduction.Backbones;
using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;

namespace Reproduction.Models;

/// <summary>A model as a file that runs anywhere, and such a file as a model.</summary>
public sealed partial class Model
{
    /// <summary>Which library computes the scores: <c>libtorch</c> or <c>onnx</c>, ONNX Runtime.</summary>
    public string Engine => _detector is OnnxDetector ? "onnx" : "libtorch";

    /// <summary>
    /// The library that scores faster, measured in <c>results/bench/runtimes.json</c>: ONNX Runtime on a processor but for
    /// EfficientNets, <c>patchcore</c> and <c>spade</c>, libtorch on a GPU.
    /// </summary>
    public string FasterEngine =>
        _detector is OnnxDetector || (_detector is IExportable { IsFasterExported: true } && _backbones.Device.type == DeviceType.CPU)
            ? "onnx"
            : "libtorch";

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
