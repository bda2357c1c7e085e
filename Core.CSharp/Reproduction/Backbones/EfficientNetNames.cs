namespace Reproduction.Backbones;

/// <summary>
/// The names that torchvision, efficientnet_pytorch and timm give to the convolutions and batch norms of an EfficientNet.
/// </summary>
internal sealed class EfficientNetNames(EfficientNetForm form)
{
    private const int VersionOneStages = 7;

    public (string Name, string Norm) Stem =>
        form switch
        {
            EfficientNetForm.Torchvision => ("features.0.0", "features.0.1"),
            EfficientNetForm.EfficientNetPyTorch => ("_conv_stem", "_bn0"),
            _ => ("conv_stem", "bn1"),
        };

    public (string Name, string Norm) Head =>
        form switch
        {
            EfficientNetForm.Torchvision => ($"features.{VersionOneStages + 1}.0", $"features.{VersionOneStages + 1}.1"),
            EfficientNetForm.EfficientNetPyTorch => ("_conv_head", "_bn1"),
            _ => ("conv_head", "bn2"),
        };

    /// <param name="stage">From 0.</param>
    /// <param name="number">Of the block in its stage, from 0.</param>
    /// <param name="index">Of the block in the network, from 0.</param>
    /// <param name="kind">What the block consists of; only timm has others than inverted residuals.</param>
    public BlockNames Block(int stage, int number, int index, EfficientNetBlock kind)
    {
        // The first stage does not expand, which moves the numbers of what follows down by one.
        var expands = stage > 0;
        return form switch
        {
            EfficientNetForm.Torchvision => Torchvision($"features.{stage + 1}.{number}.block", expands ? 1 : 0),
            EfficientNetForm.EfficientNetPyTorch => EfficientNetPyTorch($"_blocks.{index}"),
            _ => Timm($"blocks.{stage}.{number}", kind, expands),
        };
    }

    private static BlockNames Torchvision(string prefix, int depthwise) =>
        new(
            Spatial: default,
            Expand: ($"{prefix}.0.0", $"{prefix}.0.1"),
            Depthwise: ($"{prefix}.{depthwise}.0", $"{prefix}.{depthwise}.1"),
            SqueezeReduce: $"{prefix}.{depthwise + 1}.fc1",
            SqueezeExpand: $"{prefix}.{depthwise + 1}.fc2",
            Project: ($"{prefix}.{depthwise + 2}.0", $"{prefix}.{depthwise + 2}.1")
        );

    private static BlockNames EfficientNetPyTorch(string prefix) =>
        new(
            Spatial: default,
            Expand: ($"{prefix}._expand_conv", $"{prefix}._bn0"),
            Depthwise: ($"{prefix}._depthwise_conv", $"{prefix}._bn1"),
            SqueezeReduce: $"{prefix}._se_reduce",
            SqueezeExpand: $"{prefix}._se_expand",
            Project: ($"{prefix}._project_conv", $"{prefix}._bn2")
        );

    private static BlockNames Timm(string prefix, EfficientNetBlock kind, bool expands)
    {
        // A block with two batch norms calls them bn1 and bn2, one with three bn1 to bn3.
        var names = new BlockNames(
            Spatial: ($"{prefix}.conv", $"{prefix}.bn1"),
            Expand: ($"{prefix}.conv_pw", $"{prefix}.bn1"),
            Depthwise: ($"{prefix}.conv_dw", $"{prefix}.bn2"),
            SqueezeReduce: $"{prefix}.se.conv_reduce",
            SqueezeExpand: $"{prefix}.se.conv_expand",
            Project: ($"{prefix}.conv_pwl", $"{prefix}.bn3")
        );
        return kind switch
        {
            EfficientNetBlock.Fused => names with
            {
                Expand = ($"{prefix}.conv_exp", $"{prefix}.bn1"),
                Project = ($"{prefix}.conv_pwl", $"{prefix}.bn2"),
            },
            EfficientNetBlock.Inverted when !expands => names with
            {
                Depthwise = ($"{prefix}.conv_dw", $"{prefix}.bn1"),
                Project = ($"{prefix}.conv_pw", $"{prefix}.bn2"),
            },
            _ => names,
        };
    }

    /// <summary>Convolutions with their batch norms, and the two convolutions with biases of squeeze and excitation.</summary>
    internal sealed record BlockNames(
        (string Name, string Norm) Spatial,
        (string Name, string Norm) Expand,
        (string Name, string Norm) Depthwise,
        string SqueezeReduce,
        string SqueezeExpand,
        (string Name, string Norm) Project
    );
}
