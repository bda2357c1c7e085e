using System.Security.Cryptography;
using System.Text.Json;
using Reproduction.Data;

namespace Reproduction.Backbones;

/// <summary>A weights file and what its sidecar <c>NAME.json</c> says of it; everything but the path may be unknown.</summary>
public sealed record WeightsFile
{
    internal static readonly string[] Extensions = [".safetensors", ".pth", ".pt", ".weights", ".onnx"];

    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>The network, from the sidecar or else from the file's name; null when neither tells a known one.</summary>
    public string? Architecture { get; init; }

    /// <summary>What the weights want to be fed; null: as published with the architecture.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>The sidecar's words on the batch norm: kept, folded, none.</summary>
    public string? BatchNorm { get; init; }

    /// <summary>The licence that the weights are under.</summary>
    public string? Licence { get; init; }

    /// <summary>What the file's sha256 must be, in lower-case hexadecimal.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Whether there is a sidecar.</summary>
    public bool HasSidecar { get; init; }

    /// <summary>The file's name without its extension.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Where the sidecar is, or would be.</summary>
    public string SidecarPath => System.IO.Path.ChangeExtension(Path, ".json");

    /// <summary>Describes a file by its sidecar, or by its name where there is none.</summary>
    /// <exception cref="UserError">The sidecar cannot be read.</exception>
    public static WeightsFile Describe(string path)
    {
        var file = new WeightsFile { Path = path };
        file = file with { Architecture = Backbones.Architecture.OfFileName(file.Name)?.Name };
        if (!File.Exists(file.SidecarPath))
        {
            return file;
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file.SidecarPath));
            var root = json.RootElement;
            var preprocessing =
                root.TryGetProperty("preprocessing", out var value) && value.ValueKind == JsonValueKind.Object
                    ? ReadPreprocessing(value)
                    : null;
            return file with
            {
                HasSidecar = true,
                Architecture = FirstStride(Text(root, "architecture"), preprocessing) ?? file.Architecture,
                Preprocessing = preprocessing,
                BatchNorm = Text(root, "batch_norm"),
                Licence = Text(root, "licence"),
                Sha256 = Text(root, "sha256")?.ToLowerInvariant(),
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or IOException)
        {
            throw new UserError(
                $"{file.SidecarPath}: is no readable sidecar ({exception.Message.Split('\n')[0]}); mend or remove it",
                exception
            );
        }
    }

    /// <summary>The sha256 of a file's content, in lower-case hexadecimal.</summary>
    public static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    // ResNet-50 with Caffe's preprocessing is the original network with the stride in a block's first 1x1 convolution: torchvision's,
    // which moved it, was only ever trained on normalised RGB.
    private static string? FirstStride(string? architecture, Preprocessing? preprocessing) =>
        architecture == "resnet50" && preprocessing is { Color: "BGR", Range: 255 } ? "resnet50_v1" : architecture;

    private static Preprocessing ReadPreprocessing(JsonElement json)
    {
        var color = Text(json, "color") ?? "RGB";
        if (color is not ("RGB" or "BGR"))
        {
            throw new FormatException($"color '{color}' is neither RGB nor BGR");
        }
        return new Preprocessing(
            color,
            json.TryGetProperty("range", out var range) ? range.GetDouble() : 1,
            Three(json, "mean"),
            Three(json, "std")
        );
    }

    private static double[]? Three(JsonElement json, string name)
    {
        if (!json.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        double[] numbers = [.. value.EnumerateArray().Select(number => number.GetDouble())];
        return numbers.Length == 3 ? numbers : throw new FormatException($"{name} has {numbers.Length} numbers, not 3");
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>A folder of weights files.</summary>
public sealed class Weights
{
    private Weights(string folder, IReadOnlyList<WeightsFile> files)
    {
        Folder = folder;
        Files = files;
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Its weights files, in the order of their names.</summary>
    public IReadOnlyList<WeightsFile> Files { get; }

    /// <summary>
    /// Lists a folder's <c>.safetensors</c>, <c>.pth</c>, <c>.pt</c>, <c>.weights</c> and <c>.onnx</c> files with their sidecars.
    /// </summary>
    /// <exception cref="UserError">There is no such folder, or a sidecar cannot be read.</exception>
    public static Weights Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new UserError(
                $"{folder}: no such folder of weights; give one with {ApiName.ListedWeights}, or fill it by "
                    + $"`repro weights fetch NAME --weights {folder}`"
            );
        }
        var files = Directory
            .EnumerateFiles(folder)
            .Where(DataFolder.IsData)
            .Where(path => WeightsFile.Extensions.Contains(Path.GetExtension(path).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)
            .Select(WeightsFile.Describe);
        return new Weights(folder, [.. files]);
    }

    /// <summary>
    /// The file for a name: that file's own name, else its architecture's. Of several the largest, which holds the most layers.
    /// </summary>
    /// <param name="name">E.g. <c>resnet18</c>, <c>vgg19_block1-3</c>, <c>efficientnet-b4</c>.</param>
    /// <returns>Null when the folder has none.</returns>
    public WeightsFile? TryFind(string name)
    {
        var architecture = Backbones.Architecture.Find(name)?.Name;
        return Files.FirstOrDefault(file => file.Name == name)
            ?? Files
                .Where(file =>
                    architecture is not null
                    && file.Architecture is not null
                    && Backbones.Architecture.Find(file.Architecture)?.Name == architecture
                )
                .MaxBy(file => new FileInfo(file.Path).Length);
    }

    /// <summary>As <see cref="TryFind"/>.</summary>
    /// <exception cref="UserError">The folder has none; the message names those it has.</exception>
    public WeightsFile Find(string name) =>
        TryFind(name)
        ?? throw new UserError(
            $"{Folder}: no weights for {name} (there are {string.Join(", ", Files.Select(file => file.Name).DefaultIfEmpty("none"))}); "
                + $"`repro weights fetch {name} --weights {Folder}` downloads them"
        );
}
