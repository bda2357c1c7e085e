using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Reproduction;
using Reproduction.Formats;
using Reproduction.Metrics;

namespace Repro.Verbs;

/// <summary><c>repro metrics</c>: all metrics of anomaly maps that lie in files, whoever made them.</summary>
internal static class MetricsVerb
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The verb with its options.</summary>
    public static Command Create()
    {
        var maps = new Option<string>("--maps")
        {
            Description = "anomaly maps, a float32 .npy file [N,H,W]; higher is more anomalous",
            HelpName = "MAPS.npy",
            Required = true,
        };
        var masks = new Option<string>("--masks")
        {
            Description = "ground truth, a uint8 or bool .npy file [N,H,W]; non-zero is anomalous",
            HelpName = "MASKS.npy",
            Required = true,
        };
        var scores = new Option<string?>("--scores")
        {
            Description = "image scores, a float32 .npy file [N]; without it, each map's maximum",
            HelpName = "S.npy",
        };
        var limit = new Option<double>("--fpr-limit")
        {
            Description = "false positive rate up to which AUPRO takes the area, in (0, 1]",
            DefaultValueFactory = _ => 0.3,
            CustomParser = argument =>
            {
                var text = argument.Tokens[0].Value;
                if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var limit) && limit > 0 && limit <= 1)
                {
                    return limit;
                }

                argument.AddError($"--fpr-limit {text}: give a rate in (0, 1]");
                return default;
            },
        };
        var command = new Command("metrics", "Prints the metrics of anomaly maps as one JSON object.") { maps, masks, scores, limit };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(
                Measure(
                    parsed.GetRequiredValue(maps),
                    parsed.GetRequiredValue(masks),
                    parsed.GetValue(scores),
                    parsed.GetValue(limit),
                    parsed.InvocationConfiguration.Error
                )
            );
            return 0;
        });
        return command;
    }

    private static string Measure(string mapsPath, string masksPath, string? scoresPath, double fprLimit, TextWriter warnings)
    {
        var maps = ReadFloats(mapsPath, 3, "[N,H,W]", warnings);
        var masks = Npy.ReadMask(masksPath);
        if (!maps.Shape.AsSpan().SequenceEqual(masks.Shape))
        {
            throw new UserError(
                $"{masksPath}: has shape {Format(masks.Shape)} and {mapsPath} has {Format(maps.Shape)}; "
                    + "give every map its mask at the same size"
            );
        }

        var scores = scoresPath is null ? null : ReadFloats(scoresPath, 1, "[N]", warnings);
        if (scores is not null && scores.Shape[0] != maps.Shape[0])
        {
            throw new UserError($"{scoresPath}: holds {scores.Shape[0]} scores for {maps.Shape[0]} maps; give one score a map");
        }

        var measured = Evaluation.Evaluate(
            new EvaluationInput
            {
                Maps = maps.Values,
                Masks = masks.Values,
                Count = maps.Shape[0],
                Height = maps.Shape[1],
                Width = maps.Shape[2],
                ImageScores = scores?.Values,
                FprLimit = fprLimit,
            }
        );
        return ToJson(measured).ToJsonString(Indented);
    }

    /// <summary>The fixed form: one entry a metric, null where undefined, and the reasons under <c>undefined</c>.</summary>
    private static JsonObject ToJson(IReadOnlyDictionary<string, MetricValue> measured)
    {
        var json = new JsonObject();
        var undefined = new JsonObject();
        foreach (var name in Evaluation.Names)
        {
            var metric = measured[name];
            json[name] =
                metric.Value is not { } value ? null
                : name == "regions" ? JsonValue.Create((long)value)
                : JsonValue.Create(value);
            if (metric.Undefined is not null)
            {
                undefined[name] = metric.Undefined;
            }
        }
        json["undefined"] = undefined;
        return json;
    }

    private static NpyArray<float> ReadFloats(string path, int rank, string shape, TextWriter warnings)
    {
        var array = Npy.Read<float>(path);
        if (array.Shape.Length != rank)
        {
            throw new UserError($"{path}: has shape {Format(array.Shape)}; {shape} is needed");
        }

        if (array.StoredType == "float64")
        {
            warnings.WriteLine($"warning: {path} is float64 and was rounded to float32; scores that differ by less than that now tie");
        }

        return array;
    }

    private static string Format(int[] shape) => $"[{string.Join(",", shape)}]";
}
