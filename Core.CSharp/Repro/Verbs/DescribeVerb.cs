using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary><c>repro describe</c>: a model's card.</summary>
internal static class DescribeVerb
{
    /// <summary>Side and number of the pictures that the speed is measured with, and how many come before to warm up.</summary>
    private const int MeasuredSide = 512;

    private const int Measured = 32;

    private const int WarmUp = 8;

    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "What 'repro fit' wrote.", HelpName = "MODEL" };
        var json = new Option<bool>("--json") { Description = "As one JSON object." };
        var speed = new Option<bool>("--speed")
        {
            Description = $"Also measure how fast it judges here: {Measured} pictures of {MeasuredSide} x {MeasuredSide} pixels in memory.",
        };
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var command = new Command(
            "describe",
            "Tell what a model is: method, settings, data, threshold with its interval, weights and their licences."
        )
        {
            model,
            json,
            speed,
            weights,
            device,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(model);
            var print = parsed.InvocationConfiguration.Output;
            var card = Card(path, ModelFile.Describe(path));
            if (parsed.GetValue(speed))
            {
                ProcessorCheck.BeforeConvolutions(Devices.Named(parsed.GetRequiredValue(device)), parsed.InvocationConfiguration.Error);
                using var fitted = Model.Load(path, parsed.GetValue(weights), parsed.GetRequiredValue(device));
                card["speed"] = Speed(fitted, parsed.GetRequiredValue(device));
            }
            if (parsed.GetValue(json))
            {
                print.WriteLine(card.ToJsonString(SnakeCaseJson.Options));
            }
            else
            {
                Print(card, "", print);
            }
            return 0;
        });
        return command;
    }

    private static JsonObject Card(string path, ModelFile model) =>
        new()
        {
            ["file"] = Path.GetFullPath(path),
            ["bytes"] = new FileInfo(path).Length,
            ["format_version"] = ModelFile.FormatVersionOf(path),
            ["method"] = model.Method,
            ["variant"] = model.Variant,
            ["settings"] = model.Settings.DeepClone(),
            ["fitted_on"] = model.Images,
            ["data_fingerprint"] = model.DataFingerprint,
            ["tiles"] = model.Tiles is { } tiles ? SnakeCaseJson.ToObject(tiles) : null,
            ["region_of_interest"] = model.RegionOfInterest is not null,
            // The value of 16-bit pictures that is white, where that is not their type's greatest.
            ["white"] = model.White < ushort.MaxValue ? model.White : null,
            ["threshold"] = Threshold(model),
            ["pixel_threshold"] = model.PixelThreshold,
            ["weights"] = new JsonArray([
                .. model.Weights.Select(used => new JsonObject
                {
                    ["name"] = used.Name,
                    ["architecture"] = used.Architecture,
                    ["sha256"] = used.Sha256,
                    ["licence"] = model.Licences.GetValueOrDefault(used.Name) ?? "not stated",
                }),
            ]),
        };

    private static JsonObject Threshold(ModelFile model)
    {
        var card = new JsonObject { ["raw"] = model.Threshold, ["rule"] = model.ThresholdRule };
        if (model.Calibration is { } basis)
        {
            card["good_images"] = basis.Good.Count;
            card["good_images_above"] = basis.Above;
            card["defective_images"] = basis.Defective.Count;
            card["share_of_good_products_above"] = Interval(basis.Interval.Lower, basis.Interval.Upper);
            card["enough_images_for_the_rate"] = basis.IsPromised;
            card["curve"] = new JsonArray([
                .. basis.Curve.Select(point => new JsonObject
                {
                    ["fpr"] = point.Rate,
                    ["threshold"] = model.ThresholdAt(point.Rate),
                    ["raw"] = point.Threshold.Value,
                    ["share_of_good_products_above"] = Interval(point.Interval.Lower, point.Interval.Upper),
                    ["enough_images"] = point.Threshold.IsPromised,
                }),
            ]);
        }
        return card;
    }

    private static JsonObject Interval(double lower, double upper) =>
        new()
        {
            ["at_least"] = Math.Round(lower, 5),
            ["at_most"] = Math.Round(upper, 5),
            ["confidence_of_each"] = Calibration.Confidence,
        };

    private static JsonObject Speed(Model model, string device)
    {
        var random = new SplitMix64(1);
        Image[] images =
        [
            .. Enumerable
                .Range(0, WarmUp + Measured)
                .Select(_ =>
                {
                    var image = new Image(MeasuredSide, MeasuredSide, 3);
                    for (var i = 0; i < image.Pixels.Length; i++)
                    {
                        image.Pixels[i] = (byte)random.NextInt(256);
                    }
                    return image;
                }),
        ];
        _ = model.Score(Photographs.Of(images[..WarmUp])).Count();
        var timer = Stopwatch.StartNew();
        _ = model.Score(Photographs.Of(images[WarmUp..])).Count();
        return new JsonObject
        {
            ["images_per_second"] = Math.Round(Measured / timer.Elapsed.TotalSeconds, 2),
            ["image_side"] = MeasuredSide,
            ["device"] = device,
            ["threads"] = TorchSharp.torch.get_num_threads(),
        };
    }

    /// <summary>The card as indented lines: a name and what it has.</summary>
    private static void Print(JsonNode? node, string indent, TextWriter print)
    {
        foreach (var (name, value) in Entries(node))
        {
            if (value is JsonObject { Count: > 0 } || (value is JsonArray list && list.Any(item => item is JsonObject)))
            {
                print.WriteLine($"{indent}{name}:");
                Print(value, indent + "  ", print);
            }
            else
            {
                print.WriteLine($"{indent}{name}: {Text(value)}");
            }
        }
    }

    private static IEnumerable<(string Name, JsonNode? Value)> Entries(JsonNode? node) =>
        node switch
        {
            JsonObject fields => fields.Select(field => (field.Key, field.Value)),
            JsonArray items => items.Select((item, index) => ((index + 1).ToString(CultureInfo.InvariantCulture), item)),
            _ => [],
        };

    private static string Text(JsonNode? value) =>
        value switch
        {
            null => "none",
            JsonValue single when single.GetValueKind() == JsonValueKind.String => single.GetValue<string>(),
            _ => value.ToJsonString(),
        };
}
