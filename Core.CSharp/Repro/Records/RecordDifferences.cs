using System.Text.Json.Nodes;
using Reproduction.Methods;

namespace Repro.Records;

/// <summary>Why two runs of a cell may differ, each reason as a short text: <c>epochs is 5, in the record 10</c>.</summary>
public static class RecordDifferences
{
    /// <summary>Settings whose values are not those of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="method">The cell's method: it knows what settings were called before.</param>
    /// <param name="configuration">The settings that the cell has now.</param>
    public static IEnumerable<string> OfSettings(RunRecord record, IMethod method, Configuration configuration)
    {
        var now = configuration.ToJson();
        var recorded = new JsonObject(
            record.Settings.Select(entry =>
                KeyValuePair.Create(method.FormerSettings.GetValueOrDefault(entry.Key, entry.Key), entry.Value?.DeepClone())
            )
        );
        foreach (var name in now.Select(entry => entry.Key).Union(recorded.Select(entry => entry.Key)))
        {
            if (!JsonNode.DeepEquals(now[name], recorded[name]))
            {
                yield return $"{name} is {Text(now, name)}, in the record {Text(recorded, name)}";
            }
        }
    }

    /// <summary>Weights files that are not those of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="sha256">The sha256 of a weights file by its name without extension; null when there is none.</param>
    public static IEnumerable<string> OfWeights(RunRecord record, Func<string, string?> sha256)
    {
        foreach (var weights in record.Weights)
        {
            var now = sha256(weights.Name);
            if (now is null)
            {
                yield return $"there are no weights {weights.Name} here";
            }
            else if (now != weights.Sha256)
            {
                yield return $"the weights {weights.Name} have sha256 {Start(now)}, in the record {Start(weights.Sha256)}";
            }
        }
    }

    /// <summary>Whether the images, labels or masks are not those of a record; one of an older version does not tell.</summary>
    /// <param name="record">The record.</param>
    /// <param name="fingerprint">As <see cref="RunRecord.DataFingerprint"/>, of the images now.</param>
    public static IEnumerable<string> OfImages(RunRecord record, string? fingerprint)
    {
        if (record.DataFingerprint is { } recorded && recorded != fingerprint)
        {
            yield return "the images, labels or masks are not the same";
        }
    }

    /// <summary>What is different about the images, the machine and the program.</summary>
    /// <param name="record">The record.</param>
    /// <param name="again">Another record of the same cell.</param>
    public static IEnumerable<string> OfSurroundings(RunRecord record, RunRecord again)
    {
        if (record.DataFingerprint is null)
        {
            yield return "the record does not tell which images it saw";
        }

        foreach (var difference in OfImages(record, again.DataFingerprint))
        {
            yield return difference;
        }

        if (record.Counts != again.Counts)
        {
            yield return $"there are {again.Counts}, in the record {record.Counts}";
        }

        var (then, now) = (record.Environment, again.Environment);
        foreach (
            var (name, before, after) in new[]
            {
                ("libtorch", then.Libtorch, now.Libtorch),
                ("the device", then.Device, now.Device),
                ("the number of threads", $"{then.Threads}", $"{now.Threads}"),
                ("the processor", then.Processor, now.Processor),
                ("the program's commit", then.Commit, now.Commit),
            }
        )
        {
            if (before != after)
            {
                yield return $"{name} is {after}, in the record {before}";
            }
        }
        if (then.Convolutions is not null && now.Convolutions is not null && then.Convolutions != now.Convolutions)
        {
            yield return $"convolutions are {now.Convolutions}, in the record {then.Convolutions}";
        }
        if (record.Resumed > 0)
        {
            yield return $"the record's fit was interrupted {record.Resumed} times";
        }
    }

    private static string Start(string sha256) => sha256.Length > 12 ? sha256[..12] + "..." : sha256;

    private static string Text(JsonObject settings, string name) =>
        settings.ContainsKey(name) ? settings[name]?.ToJsonString() ?? "null" : "missing";
}
