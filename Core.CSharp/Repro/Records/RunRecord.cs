using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Metrics;

namespace Repro.Records;

/// <summary>Where a run ran.</summary>
/// <param name="Libtorch">Version of libtorch.</param>
/// <param name="Device"><c>cpu</c> or <c>cuda</c>.</param>
/// <param name="Threads">Threads of a tensor operation.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Commit">The commit that the program was built from.</param>
/// <param name="Convolutions"> <see cref="ConvolutionVerdict.Text"/>, such as <c>right</c>; absent where nothing was trained on a
/// processor, and in records of older versions. </param>
public sealed record RunEnvironment(
    string Libtorch,
    string Device,
    int Threads,
    string Processor,
    string Commit,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Convolutions = null
);

/// <summary>Wall-clock seconds of a cell's stages; features that came from the cache cost what reading them costs.</summary>
public sealed record StageSeconds(double Features, double Fit, double Score, double Metrics);

/// <summary>Numbers of images.</summary>
public sealed record ImageCounts(int Train, int TestGood, int TestAnomalous);

/// <summary>
/// Anomalous regions of the test set's masks in their own size, and how many of them have no pixel left in the maps' size.
/// </summary>
public sealed record MaskRegions(int Whole, int Lost);

/// <summary>Everything that is kept of a finished cell; see <c>DESIGN.md</c>, "Run record". Metrics are fractions 0..1.</summary>
public sealed record RunRecord
{
    /// <summary>Version of the format.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>The cell's id.</summary>
    public required string Cell { get; init; }

    /// <summary>Id of the paper.</summary>
    public required string Paper { get; init; }

    /// <summary>Name of the variant with its overrides.</summary>
    public required string Variant { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string Dataset { get; init; }

    /// <summary>Name of the category.</summary>
    public required string Category { get; init; }

    /// <summary>The seed, where the method repeats over seeds.</summary>
    public int? Seed { get; init; }

    /// <summary>The fold, where the method has folds.</summary>
    public int? Fold { get; init; }

    /// <summary><c>paper</c>, <c>quick</c> or <c>smoke</c>.</summary>
    public required string Profile { get; init; }

    /// <summary>Every hyperparameter with its value.</summary>
    public required JsonObject Settings { get; init; }

    /// <summary>The trained networks that it used.</summary>
    public required IReadOnlyList<WeightsUsed> Weights { get; init; }

    /// <summary>
    /// Of the category's images, labels and masks (<see cref="Reproduction.Data.DataFingerprint"/>); null in records of older versions.
    /// </summary>
    public string? DataFingerprint { get; init; }

    /// <summary>Where it ran.</summary>
    public required RunEnvironment Environment { get; init; }

    /// <summary>How long its stages took, also before interruptions.</summary>
    public required StageSeconds Seconds { get; init; }

    /// <summary>How often the fit was interrupted and went on from a checkpoint.</summary>
    public int Resumed { get; init; }

    /// <summary>Metric by name, as a fraction; null where it is undefined.</summary>
    public required IReadOnlyDictionary<string, double?> Metrics { get; init; }

    /// <summary>Why a metric is undefined, by the metric's name.</summary>
    public required IReadOnlyDictionary<string, string> Undefined { get; init; }

    /// <summary>What the method told about its fit.</summary>
    public required IReadOnlyDictionary<string, double> Fit { get; init; }

    /// <summary>Numbers of images.</summary>
    public required ImageCounts Counts { get; init; }

    /// <summary>What became of the masks' regions; null without masks or maps, and in records of older versions.</summary>
    public MaskRegions? Regions { get; init; }

    /// <summary>When it finished, UTC, ISO 8601.</summary>
    public required string Finished { get; init; }

    /// <summary>Folder of a run's records.</summary>
    public static string Folder(string run) => Path.Combine(run, "runs");

    /// <summary>Path of a cell's record.</summary>
    public static string PathOf(string run, string cell) => Path.Combine(Folder(run), cell + ".json");

    /// <summary>Path of a cell's image scores.</summary>
    public static string ScoresPathOf(string run, string cell) => Path.Combine(Folder(run), cell + ".scores.csv");

    /// <summary>Reads a record.</summary>
    /// <exception cref="UserError">The file cannot be read or is not a whole run record.</exception>
    public static RunRecord Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RunRecord>(File.ReadAllBytes(path), SnakeCaseJson.Options)
                ?? throw new JsonException("it is empty");
        }
        catch (JsonException failure)
        {
            throw new UserError($"{path} is not a whole run record: {failure.Message} Delete it and run its cell again.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({failure.Message})", failure);
        }
    }

    /// <summary>
    /// Writes the image scores and the record. A record is only ever there beside its own scores: an older one goes when both new files are
    /// written and only their renaming is left.
    /// </summary>
    /// <exception cref="UserError">The folder cannot be written or the disk is full; what was there before is still there.</exception>
    public void Write(string run, IEnumerable<(string Image, int Label, float Score)> scores)
    {
        var table = new StringBuilder("image,label,score\n");
        foreach (var (image, label, score) in scores)
        {
            table.Append(CultureInfo.InvariantCulture, $"{Csv.Field(image)},{label},{score:r}\n");
        }
        var json = JsonSerializer.Serialize(this, SnakeCaseJson.Options) + "\n";
        var record = PathOf(run, Cell);
        AtomicFile.WriteText(
            record,
            json,
            () => AtomicFile.WriteText(ScoresPathOf(run, Cell), table.ToString(), () => AtomicFile.Delete(record))
        );
    }

    /// <summary>
    /// Removes temporary files of a cell that a process left when it was killed. Only for the holder of the cell's lease.
    /// </summary>
    public static void DeleteAbandoned(string run, string cell)
    {
        AtomicFile.DeleteAbandoned(PathOf(run, cell));
        AtomicFile.DeleteAbandoned(ScoresPathOf(run, cell));
    }

    /// <summary>Splits metric values into numbers and reasons.</summary>
    public static (Dictionary<string, double?> Values, Dictionary<string, string> Undefined) Split(
        IEnumerable<KeyValuePair<string, MetricValue>> metrics
    )
    {
        var values = new Dictionary<string, double?>();
        var undefined = new Dictionary<string, string>();
        foreach (var (name, metric) in metrics)
        {
            values[name] = metric.Value;
            if (metric.Undefined is { } reason)
            {
                undefined[name] = reason;
            }
        }
        return (values, undefined);
    }
}
