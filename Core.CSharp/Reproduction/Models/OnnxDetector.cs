using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>A fitted detector that <see cref="Model.Export"/> wrote, run by ONNX Runtime on the CPU.</summary>
internal sealed class OnnxDetector : IAnomalyDetector
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly ImageSize _size;

    private OnnxDetector(InferenceSession session, ImageSize size) => (_session, _size) = (session, size);

    /// <summary>A detector of a file's bytes or path.</summary>
    /// <param name="open">Makes the session.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="threads">Threads of an operation; 0 for one a core.</param>
    /// <exception cref="UserError">It is no model of this program's, or ONNX Runtime cannot be loaded or refuses it.</exception>
    public static (ModelFile Model, OnnxDetector Detector) Open(Func<SessionOptions, InferenceSession> open, string name, int threads = 0)
    {
        InferenceSession? session = null;
        try
        {
            using var options = new SessionOptions
            {
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                IntraOpNumThreads = threads,
            };
            if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not "ACTIVE")
            {
                // As libtorch's threads here: spinning ones take a processor from whatever else runs.
                options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            }
            session = open(options);
            var words = session.ModelMetadata.CustomMetadataMap;
            var model =
                JsonSerializer.Deserialize<ModelFile>(words[ModelFile.Key], SnakeCaseJson.Options)
                ?? throw new JsonException("it is empty");
            var size =
                JsonSerializer.Deserialize<ImageSize>(words[OnnxExport.InputKey], SnakeCaseJson.Options)
                ?? throw new JsonException("it is empty");
            return (model, new OnnxDetector(session, size));
        }
        catch (Exception failure)
            when (failure
                    is OnnxRuntimeException
                        or JsonException
                        or KeyNotFoundException
                        or TypeInitializationException
                        or DllNotFoundException
            )
        {
            session?.Dispose();
            throw failure is TypeInitializationException or DllNotFoundException
                ? new UserError(
                    "ONNX Runtime's native library is not there: reference the package Microsoft.ML.OnnxRuntime in the program "
                        + $"({failure.GetBaseException().Message})",
                    failure
                )
                : new UserError(
                    $"{name} is no model that 'repro export' wrote ({failure.Message.Split('\n', 2)[0]}); export one with "
                        + "repro export --model MODEL --out FILE.onnx",
                    failure
                );
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context) =>
        throw new NotSupportedException("an exported model is not fitted");

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        // At the network's size already, so that the graph leaves the pixels as they are.
        var pixels = batch.Pixels(_size, CPU).permute(0, 2, 3, 1).mul(byte.MaxValue).round().to(ScalarType.Byte).contiguous();
        return Score(pixels.bytes.ToArray(), pixels.shape);
    }

    /// <summary>Scores images of one size.</summary>
    /// <param name="images">RGB bytes.</param>
    /// <param name="shape"><c>[N,H,W,3]</c>, of any H and W.</param>
    public Scores Score(byte[] images, long[] shape)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(images, shape);
        using var outputs = _session.Run(_run, [OnnxExport.Input], [input], _session.OutputNames);
        Tensor? Taken(string name)
        {
            var index = _session.OutputNames.ToList().IndexOf(name);
            return index < 0
                ? null
                : torch
                    .tensor(outputs[index].GetTensorDataAsSpan<float>().ToArray(), outputs[index].GetTensorTypeAndShape().Shape)
                    .DetachFromDisposeScope();
        }
        return new Scores(Taken(OnnxExport.Map), Taken(OnnxExport.RawScore)!);
    }

    /// <inheritdoc/>
    public DetectorState Save() => throw new NotSupportedException("an exported model is a file already");

    /// <inheritdoc/>
    public void Load(DetectorState state) => throw new NotSupportedException("an exported model is opened, not loaded");

    /// <inheritdoc/>
    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }
}
