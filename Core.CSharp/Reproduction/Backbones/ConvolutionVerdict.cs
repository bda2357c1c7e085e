using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>What <see cref="ConvolutionCheck"/> found on a processor.</summary>
public sealed record ConvolutionVerdict
{
    /// <summary>Name of the processor.</summary>
    public required string Processor { get; init; }

    /// <summary><see cref="Reproduction.Processor.Hash"/>.</summary>
    public required string ProcessorHash { get; init; }

    /// <summary>Version of libtorch.</summary>
    public required string Libtorch { get; init; }

    /// <summary>What <see cref="TorchRuntime.Instructions"/> were; null where oneDNN was free.</summary>
    public string? Instructions { get; init; }

    /// <summary>Whether convolutions that are matrix products were computed as such (<see cref="Convolutions.AsProducts"/>).</summary>
    public bool AsProducts { get; init; }

    /// <summary>A hash of the layers that were checked.</summary>
    public required string Layers { get; init; }

    /// <summary>The layers whose results are wrong, and which of them.</summary>
    public required IReadOnlyList<string> Wrong { get; init; }

    /// <summary>When it was checked, UTC, ISO 8601.</summary>
    public required string Checked { get; init; }

    /// <summary>Whether all results are right.</summary>
    [JsonIgnore]
    public bool IsRight => Wrong.Count == 0;

    /// <summary>In a few words, as a run record carries it: <c>right with ONEDNN_MAX_CPU_ISA=AVX</c>.</summary>
    [JsonIgnore]
    public string Text =>
        (IsRight ? "right" : "wrong")
        + (Instructions is null ? "" : $" with {TorchRuntime.InstructionsVariable}={Instructions}")
        + (AsProducts ? $"{(Instructions is null ? " with" : " and")} 1x1 convolutions as matrix products" : "")
        + (IsRight ? "" : $": {Examples}");

    /// <summary>The first of what is wrong, and how much more there is.</summary>
    [JsonIgnore]
    public string Examples => string.Join("; ", Wrong.Take(2)) + (Wrong.Count > 2 ? $" and {Wrong.Count - 2} more" : "");
}

/// <summary>
/// The verdicts on this machine's processor, each a small file; a folder may be shared by machines with different processors.
/// </summary>
/// <param name="folder">Where the files lie; created when needed.</param>
/// <param name="layers">The shapes that are checked.</param>
/// <param name="convolve">What is checked.</param>
internal sealed class ConvolutionVerdicts(string folder, IReadOnlyList<ConvolutionLayer> layers, Convolve convolve)
{
    /// <summary>
    /// The instruction set to go on with where a wider one computes wrong gradients: right on every processor where that was seen, at 2 to
    /// 2.6 times the time of a training step.
    /// </summary>
    public const string Fallback = "AVX";

    // Not wider than the fallback.
    private static readonly string[] Narrow = [Fallback, "SSE41"];

    private static readonly Lock Gate = new();
    private static ConvolutionVerdict? _current;
    private static ConvolutionVerdicts? _ofThisMachine;

    private readonly string _layers = Hash(layers.Select(layer => layer.Shape));

    /// <summary>The layers that methods train, which this room does not know: told from above as the library is loaded.</summary>
    public static Func<IEnumerable<ConvolutionLayer>> Trained { private get; set; } = () => [];

    /// <summary>
    /// Of all methods' layers and odd ones, computed by libtorch, kept beside the feature cache's usual place: about the machine, as
    /// features are not.
    /// </summary>
    public static ConvolutionVerdicts OfThisMachine
    {
        get
        {
            lock (Gate)
            {
                return _ofThisMachine ??= new(
                    Path.Combine(FeatureCache.UserFolder, "convolutions"),
                    [.. Trained(), .. ConvolutionLayer.Odd()],
                    ConvolutionCheck.Ours
                );
            }
        }
        set
        {
            lock (Gate)
            {
                (_ofThisMachine, _current) = (value, null);
            }
        }
    }

    /// <summary>The shapes that are checked.</summary>
    public IReadOnlyList<ConvolutionLayer> Layers => layers;

    /// <summary>The verdict that this process has come to or read; null as long as nothing was trained on a processor.</summary>
    public static ConvolutionVerdict? Known => _current;

    /// <summary>
    /// The verdict on the processor with the settings that libtorch was loaded with: from its file, or by a check of some seconds.
    /// </summary>
    public static ConvolutionVerdict Current
    {
        get
        {
            lock (Gate)
            {
                return _current ??= OfThisMachine.Find(TorchRuntime.Instructions, Convolutions.AsProducts) ?? OfThisMachine.Check();
            }
        }
    }

    /// <summary>Refuses to compute convolutions where they are wrong.</summary>
    /// <param name="device">Where they are computed; only a processor is checked.</param>
    /// <exception cref="UserError">They are wrong; names layers and the way out.</exception>
    public static void Require(Device device)
    {
        if (device.type == DeviceType.CPU && !Current.IsRight)
        {
            throw new UserError(Refusal(Current, OfThisMachine.Choose(Current.Instructions)));
        }
    }

    /// <summary>The instruction set to hold oneDNN to before libtorch is loaded.</summary>
    /// <param name="instructions">What the user holds it to; null for nothing.</param>
    /// <returns>
    /// The fallback where a verdict on the user's choice is there and wrong, and none on the fallback says that it is wrong too; else null.
    /// </returns>
    public string? Choose(string? instructions) =>
        Find(instructions, asProducts: true) is { IsRight: false }
        && Find(instructions, asProducts: false) is not { IsRight: true }
        && !Narrow.Contains(instructions, StringComparer.OrdinalIgnoreCase)
        && Find(Fallback, asProducts: true) is not { IsRight: false }
            ? Fallback
            : null;

    /// <summary>A verdict from its file; null where there is none on this processor, libtorch and list of layers.</summary>
    public ConvolutionVerdict? Find(string? instructions, bool asProducts)
    {
        var wanted = Blank(instructions, asProducts);
        try
        {
            var found = JsonSerializer.Deserialize<ConvolutionVerdict>(File.ReadAllBytes(PathOf(wanted)), SnakeCaseJson.Options);
            return found is not null && found with { Wrong = wanted.Wrong, Checked = wanted.Checked } == wanted ? found : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Checks, with the settings that libtorch was loaded with, and keeps the verdict where the folder can be written.</summary>
    public ConvolutionVerdict Check()
    {
        var verdict = Blank(TorchRuntime.Instructions, Convolutions.AsProducts) with
        {
            Wrong = new ConvolutionCheck(layers, convolve).Wrong(),
            Checked = Now(),
        };
        Save(verdict);
        return verdict;
    }

    /// <summary>
    /// Keeps the verdict of a check that did not come to its end: a wrong plan of oneDNN's can end the process. Convolutions are not
    /// computed as products there.
    /// </summary>
    /// <param name="end">How the process ended.</param>
    public void SaveEnded(string end) => Save(Blank(TorchRuntime.Instructions, asProducts: false) with { Wrong = [end], Checked = Now() });

    /// <summary>Keeps a verdict; a folder that cannot be written only costs the next process its own check.</summary>
    public void Save(ConvolutionVerdict verdict)
    {
        try
        {
            AtomicFile.WriteText(PathOf(verdict), JsonSerializer.Serialize(verdict, SnakeCaseJson.Options) + "\n");
        }
        catch (UserError)
        {
            // Nothing depends on it.
        }
    }

    /// <summary>Why no training can start, and the way out.</summary>
    /// <param name="verdict">A verdict that says wrong.</param>
    /// <param name="fallback">The instruction set that is worth trying; null for none.</param>
    public static string Refusal(ConvolutionVerdict verdict, string? fallback) =>
        $"libtorch {verdict.Libtorch} computes convolutions wrongly on this processor ({verdict.Processor}): {verdict.Text}. "
        + (
            fallback is null
                ? $"No setting is known that is right here: train on another machine, or on a GPU with {ApiName.Device} cuda"
                : $"Start the program with {TorchRuntime.InstructionsVariable}={fallback} in its environment"
        );

    private ConvolutionVerdict Blank(string? instructions, bool asProducts) =>
        new()
        {
            Processor = Reproduction.Processor.Name,
            ProcessorHash = Reproduction.Processor.Hash,
            Libtorch = TorchRuntime.LibtorchVersion,
            Instructions = instructions?.ToUpperInvariant(),
            AsProducts = asProducts,
            Layers = _layers,
            Wrong = [],
            Checked = "",
        };

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private string PathOf(ConvolutionVerdict verdict) =>
        Path.Combine(
            folder,
            Hash([
                verdict.Processor,
                verdict.ProcessorHash,
                verdict.Libtorch,
                verdict.Instructions ?? "",
                verdict.AsProducts ? "products" : "",
                verdict.Layers,
            ]) + ".json"
        );

    private static string Hash(IEnumerable<string> texts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts))))[..16];
}
