using System.Globalization;
using System.Text.Json;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Imaging;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>
/// A fitted model as an ONNX file: photographs of any size in, score and map out. Preprocessing, network, map and score are in the graph,
/// threshold, weights and the model's card in its metadata, so that ONNX Runtime in any language gives the same verdicts.
/// </summary>
internal static class OnnxExport
{
    /// <summary>The graph's input: uint8 <c>[N,H,W,3]</c>, RGB, of any H and W.</summary>
    public const string Input = "images";

    /// <summary>The output that is the image score: float32 <c>[N]</c>, 1 at the model's threshold (<see cref="ScoreUnit"/>).</summary>
    public const string Score = "score";

    /// <summary>The output that is the image score as the method defines it: float32 <c>[N]</c>.</summary>
    public const string RawScore = "raw_score";

    /// <summary>The output that is the anomaly map: float32 <c>[N,1,h,w]</c>, of the network's size; not there for
    /// <c>gaussian</c>.</summary>
    public const string Map = "map";

    /// <summary>Metadata: what the graph brings images to.</summary>
    public const string InputKey = "reproduction.input";

    /// <summary>The model as a file's bytes.</summary>
    /// <exception cref="UserError">Its method has a part that ONNX has no operation for.</exception>
    public static byte[] Bytes(ModelFile model, IAnomalyDetector detector)
    {
        if (detector is not IExportable exportable)
        {
            throw new UserError($"{model.Method} {model.Variant} cannot be exported: its scoring is not written as an ONNX graph");
        }
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var builder = new OnnxModelBuilder();
        var size = exportable.InputSize;
        var images = builder.Input(Input, ScalarType.Byte, "batch", "height", "width", 3);
        var region = RegionIn(model);
        var shown = region?.Export(images) ?? images;
        var rgb01 = ResizerGraph.Resize(shown, size.Width, size.Height, size.Resampling) / byte.MaxValue;
        var scores = exportable.Export(rgb01);
        builder.Output(Score, model.Unit.Export(scores.Image), "batch");
        builder.Output(RawScore, scores.Image, "batch");
        if (scores.Map is { } map)
        {
            builder.Output(Map, region?.Export(map, size.Width, size.Height) ?? map, "batch", 1, size.Height, size.Width);
        }
        foreach (var (name, value) in Words(model))
        {
            builder.Describe(name, value);
        }
        builder.Describe(InputKey, JsonSerializer.Serialize(size, SnakeCaseJson.Options));
        return builder.ToArray(("Reproduction", typeof(OnnxExport).Assembly.GetName().Version?.ToString(3) ?? ""));
    }

    /// <summary>The region of interest that is in the graph: of whole photographs, not of tiles, which may lie anywhere in one.</summary>
    public static RegionOfInterest? RegionIn(ModelFile model) => model.Tiles is null ? model.Sight.Region : null;

    /// <summary>What a program that knows nothing of this one needs beside the graph, and the card.</summary>
    private static Dictionary<string, string> Words(ModelFile model)
    {
        var words = new Dictionary<string, string>
        {
            ["method"] = model.Method,
            ["variant"] = model.Variant,
            ["input"] = $"{Input}: uint8 [batch, height, width, 3], RGB, of any size",
            ["verdict"] = $"defective where {Score} >= 1",
            ["raw_threshold"] = model.Threshold.ToString("r", CultureInfo.InvariantCulture),
            ["threshold_rule"] = model.ThresholdRule,
            ["weights"] = string.Join(
                "; ",
                model.Weights.Select(weights => $"{weights.Name} ({weights.Architecture}) sha256 {weights.Sha256}")
            ),
            [ModelFile.Key] = JsonSerializer.Serialize(model, SnakeCaseJson.Options),
        };
        if (model.Tiles is { } tiles)
        {
            words["tiles"] = string.Create(
                CultureInfo.InvariantCulture,
                $"cut a photograph into squares of {tiles.Size} pixels that overlap by {tiles.Overlap}, the last of a row or column "
                    + $"ending where the photograph ends; its score is the highest of theirs"
            );
            if (model.RegionOfInterest is not null)
            {
                words["region_of_interest"] = "paint what does not count in RGB 124, 116, 104 before the photograph is cut";
            }
        }
        if (model.White < WhiteLevel.Full)
        {
            words["white"] = string.Create(
                CultureInfo.InvariantCulture,
                $"of 16-bit pictures the value {model.White} becomes 255: round(value * 255 / {model.White})"
            );
        }
        if (model.PixelThreshold is { } pixel)
        {
            words["pixel_threshold"] = pixel.ToString("r", CultureInfo.InvariantCulture);
        }
        return words;
    }
}
