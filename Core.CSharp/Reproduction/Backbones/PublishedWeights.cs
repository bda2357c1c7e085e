namespace Reproduction.Backbones;

/// <summary>A weights file as its authors publish it.</summary>
/// <param name="Architecture">The network it is for.</param>
/// <param name="Url">Where its authors offer it.</param>
/// <param name="Sha256">The first digits of its sha256, in lower-case hexadecimal: eight in the names of torch's files, else all.</param>
/// <param name="Licence">As its authors state it.</param>
public sealed record PublishedWeights(string Architecture, Uri Url, string Sha256, string Licence)
{
    private const string Torchvision = "https://download.pytorch.org/models/";
    private const string EfficientNetPyTorch = "https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/";
    private const string Timm = "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-effv2-weights/";

    /// <summary>Every file that can be fetched.</summary>
    public static IReadOnlyList<PublishedWeights> All { get; } =
    [
        Torch(Torchvision, "vgg16-397923af.pth", "vgg16", "BSD-3-Clause"),
        Torch(Torchvision, "vgg19-dcbb9e9d.pth", "vgg19", "BSD-3-Clause"),
        Torch(Torchvision, "resnet18-f37072fd.pth", "resnet18", "BSD-3-Clause"),
        Torch(Torchvision, "resnet34-b627a593.pth", "resnet34", "BSD-3-Clause"),
        Torch(Torchvision, "resnet50-0676ba61.pth", "resnet50", "BSD-3-Clause"),
        Torch(Torchvision, "wide_resnet50_2-95faca4d.pth", "wide_resnet50_2", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b0_rwightman-7f5810bc.pth", "efficientnet_b0", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b1_rwightman-bac287d4.pth", "efficientnet_b1", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b2_rwightman-c35c1473.pth", "efficientnet_b2", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b3_rwightman-b3899882.pth", "efficientnet_b3", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b4_rwightman-23ab8bcd.pth", "efficientnet_b4", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b5_lukemelas-1a07897c.pth", "efficientnet_b5", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b6_lukemelas-24a108a5.pth", "efficientnet_b6", "BSD-3-Clause"),
        Torch(Torchvision, "efficientnet_b7_lukemelas-c5b4e57e.pth", "efficientnet_b7", "BSD-3-Clause"),
        Torch(EfficientNetPyTorch, "efficientnet-b0-355c32eb.pth", "efficientnet-b0", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b1-f1951068.pth", "efficientnet-b1", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b2-8bb594d6.pth", "efficientnet-b2", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b3-5fb5a3c3.pth", "efficientnet-b3", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b4-6ed6700e.pth", "efficientnet-b4", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b5-b6417697.pth", "efficientnet-b5", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b6-c76e70fd.pth", "efficientnet-b6", "Apache-2.0"),
        Torch(EfficientNetPyTorch, "efficientnet-b7-dcc49843.pth", "efficientnet-b7", "Apache-2.0"),
        Torch(Timm, "tf_efficientnetv2_b0-c7cc451f.pth", "tf_efficientnetv2_b0", "Apache-2.0"),
        new(
            "yolov3",
            new Uri("https://pjreddie.com/media/files/yolov3.weights"),
            "523e4e69e1d015393a1b0a441cef1d9c7659e3eb2d7e15f793f060a21b32f297",
            "public domain"
        ),
    ];

    /// <summary>The file's name, the same here as there.</summary>
    public string FileName => Path.GetFileName(Url.LocalPath);

    /// <summary>Finds a file by its architecture or its name.</summary>
    /// <exception cref="UserError">None is known; the message names all.</exception>
    public static PublishedWeights Find(string name) =>
        All.FirstOrDefault(weights => weights.FileName == name || weights.Architecture == name)
        ?? All.FirstOrDefault(weights => weights.Architecture == Backbones.Architecture.Find(name)?.Name)
        ?? throw new UserError(
            $"no source is known for the weights '{name}'; there are {string.Join(", ", All.Select(weights => weights.Architecture))}",
            exitCode: 2
        );

    /// <summary>The licence of a file by its sha256; null where it is none of these.</summary>
    internal static string? LicenceOf(string sha256) =>
        All.FirstOrDefault(weights => sha256.StartsWith(weights.Sha256, StringComparison.Ordinal))?.Licence;

    /// <summary>
    /// The digits of the sha256 that a file's name promises (torch's files end in <c>-xxxxxxxx</c>), or those pinned here for a file
    /// whose name has none.
    /// </summary>
    /// <returns>Null when nothing is known.</returns>
    internal static string? Sha256Of(string fileName)
    {
        var stem = Path.GetFileNameWithoutExtension(fileName);
        var dash = stem.LastIndexOf('-');
        var digits = dash < 0 ? "" : stem[(dash + 1)..];
        return digits.Length == 8 && digits.All(char.IsAsciiHexDigitLower)
            ? digits
            : All.FirstOrDefault(weights => weights.FileName == fileName)?.Sha256;
    }

    private static PublishedWeights Torch(string folder, string file, string architecture, string licence) =>
        new(architecture, new Uri(folder + file), Path.GetFileNameWithoutExtension(file)[^8..], licence);
}
