using System.Text.RegularExpressions;
using Reproduction.Formats;

namespace Reproduction.Backbones;

/// <summary>A network that a weights file can be for: its name, how its published weights want to be fed, and its structure.</summary>
/// <param name="Name">As its library calls it.</param>
/// <param name="Preprocessing">Of the published weights, where no sidecar says otherwise.</param>
/// <param name="Create">The structure, for a border mode; only VGGs have another than zeros.</param>
/// <param name="Rename">Gives a file's tensors the structure's names for them; null: they have them.</param>
internal sealed partial record Architecture(
    string Name,
    Preprocessing Preprocessing,
    Func<BorderMode, Network> Create,
    Func<Checkpoint, Network, Checkpoint>? Rename = null
)
{
    // What modules that hold a network call it: Lightning, timm's wrappers, DataParallel.
    private static readonly string[] Prefixes =
    [
        "module.",
        "model.",
        "backbone.",
        "encoder.",
        "net.",
        "model.model.",
        "model.backbone.",
        "module.model.",
        "module.backbone.",
    ];

    private static readonly int[] Depth18 = [2, 2, 2, 2];

    // CNTK's ResNet-18 has a residual block more than the paper's in its last stage.
    private static readonly int[] Depth18Cntk = [2, 2, 2, 3];
    private static readonly int[] Depth34 = [3, 4, 6, 3];

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("vgg16", Preprocessing.ImageNet, border => Vgg.Sixteen(border)),
        new("vgg16_bn", Preprocessing.ImageNet, border => Vgg.Sixteen(border, batchNorm: true)),
        new("vgg19", Preprocessing.ImageNet, border => Vgg.Nineteen(border)),
        new("vgg19_bn", Preprocessing.ImageNet, border => Vgg.Nineteen(border, batchNorm: true)),
        new("vgg19_16x", Preprocessing.None, _ => Vgg.Distilled()),
        new("resnet18", Preprocessing.ImageNet, Mirrored("resnet18", border => new ResNet(Depth18, border, bottleneck: false))),
        new(
            PackagedWeights.Name,
            Preprocessing.Cntk,
            Mirrored(PackagedWeights.Name, border => new ResNet(Depth18Cntk, border, bottleneck: false, pooled: true)),
            ResNetGraph.Name
        ),
        new("resnet34", Preprocessing.ImageNet, Mirrored("resnet34", border => new ResNet(Depth34, border, bottleneck: false))),
        new("resnet50", Preprocessing.ImageNet, Mirrored("resnet50", border => new ResNet(Depth34, border, bottleneck: true))),
        new(
            "resnet50_v1",
            Preprocessing.Caffe,
            Mirrored("resnet50_v1", border => new ResNet(Depth34, border, bottleneck: true, strideInFirst: true))
        ),
        new(
            "wide_resnet50_2",
            Preprocessing.ImageNet,
            Mirrored("wide_resnet50_2", border => new ResNet(Depth34, border, bottleneck: true, widthFactor: 2))
        ),
        .. EfficientNets("efficientnet_b", EfficientNetForm.Torchvision),
        .. EfficientNets("efficientnet-b", EfficientNetForm.EfficientNetPyTorch),
        .. EfficientNets("timm_efficientnet_b", EfficientNetForm.Timm),
        .. EfficientNets("tf_efficientnet_b", EfficientNetForm.TimmTensorFlow),
        new("tf_efficientnetv2_b0", Preprocessing.ImageNet, Zeros("tf_efficientnetv2_b0", EfficientNet.VersionTwo)),
        new("yolov3", Preprocessing.None, Zeros("yolov3", () => new Darknet())),
    ];

    /// <summary>Finds an architecture by its name, in any case and with the hyphens that papers write.</summary>
    /// <exception cref="UserError">There is none of that name.</exception>
    public static Architecture Get(string name) =>
        Find(name)
        ?? throw new UserError(
            $"unknown backbone '{name}'; known are {string.Join(", ", All.Select(architecture => architecture.Name))}",
            exitCode: 2
        );

    /// <summary>As <see cref="Get"/>, null when there is none.</summary>
    public static Architecture? Find(string name)
    {
        var exact = All.FirstOrDefault(architecture => architecture.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (exact is not null)
        {
            return exact;
        }
        var plain = Plain(name);
        plain = plain switch
        {
            "darknet53" => "yolov3",
            "efficientnetv2b0" => "tfefficientnetv2b0",
            "wideresnet50" => "wideresnet502",
            _ => plain,
        };
        return All.FirstOrDefault(architecture => Plain(architecture.Name) == plain);
    }

    /// <summary>
    /// The architecture that a file's name tells: <c>resnet18-f37072fd.pth</c>, <c>efficientnet_b0_rwightman-3dd342df.pth</c>,
    /// <c>yolov3.weights</c>; null when it tells none.
    /// </summary>
    public static Architecture? OfFileName(string stem) => Find(PublishedSuffix().Replace(stem, ""));

    /// <summary>
    /// The form of the same EfficientNet whose tensor names a file has: torchvision's and efficientnet_pytorch's networks differ, but
    /// their users call both EfficientNet-B0.
    /// </summary>
    public Architecture FormOf(Checkpoint checkpoint)
    {
        if (EfficientNetName().Match(Name) is not { Success: true } match)
        {
            return this;
        }
        string? family = (
            checkpoint.TryGet("features.0.0.weight", out _),
            checkpoint.TryGet("_conv_stem.weight", out _),
            checkpoint.TryGet("conv_stem.weight", out _)
        ) switch
        {
            (true, _, _) => "efficientnet_b",
            (_, true, _) => "efficientnet-b",
            (_, _, true) => match.Groups["family"].Value is "efficientnet-b" or "tf_efficientnet_b"
                ? "tf_efficientnet_b"
                : "timm_efficientnet_b",
            _ => null,
        };
        return family is null ? this : Get(family + match.Groups["number"].Value);
    }

    /// <summary>
    /// A state dict of this network, out of one in which it is a part of another module: its tensors under <c>model.</c>,
    /// <c>backbone.</c> and the like, without that prefix and what lies beside it.
    /// </summary>
    public Checkpoint Unwrapped(Checkpoint checkpoint)
    {
        if (Rename is not null)
        {
            return checkpoint;
        }
        foreach (var first in FirstTensors())
        {
            if (checkpoint.TryGet(first, out _))
            {
                return checkpoint;
            }
        }
        var prefix = Prefixes.FirstOrDefault(each => FirstTensors().Any(first => checkpoint.TryGet(each + first, out _)));
        return prefix is null
            ? checkpoint
            : checkpoint.Renamed(
                checkpoint
                    .Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(entry => (entry.Name[prefix.Length..], entry))
            );
    }

    /// <summary>The first tensor of this network in each of the forms that its files have.</summary>
    private IEnumerable<string> FirstTensors() =>
        EfficientNetName().IsMatch(Name)
            ? ["features.0.0.weight", "_conv_stem.weight", "conv_stem.weight"]
            : [$"{Create(BorderMode.Zeros).Convolutions[0].Spec.Name}.weight"];

    private static IEnumerable<Architecture> EfficientNets(string family, EfficientNetForm form) =>
        Enumerable
            .Range(0, 8)
            .Select(number => new Architecture(
                $"{family}{number}",
                Preprocessing.ImageNet,
                Zeros($"{family}{number}", () => EfficientNet.B(number, form))
            ));

    private static Func<BorderMode, Network> Zeros(string name, Func<Network> create) =>
        border =>
            border == BorderMode.Zeros
                ? create()
                : throw new UserError($"{name} has zero borders only; reflection is there for VGG and ResNet");

    private static Func<BorderMode, Network> Mirrored(string name, Func<BorderMode, Network> create) =>
        border =>
            border == BorderMode.ReflectAhead
                ? throw new UserError($"{name} has zero borders and reflection; a border laid ahead is there for VGG")
                : create(border);

    private static string Plain(string name) => name.ToLowerInvariant().Replace("-", "").Replace("_", "");

    [GeneratedRegex("(_rwightman|_lukemelas)?-[0-9a-f]{8}$")]
    private static partial Regex PublishedSuffix();

    [GeneratedRegex("^(?<family>(timm_|tf_)?efficientnet[-_]b)(?<number>[0-7])$")]
    private static partial Regex EfficientNetName();
}
