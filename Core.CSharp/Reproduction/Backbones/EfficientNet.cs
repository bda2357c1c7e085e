using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>The libraries that publish EfficientNets: they name the tensors differently and differ in borders and batch norm.</summary>
internal enum EfficientNetForm
{
    /// <summary>Symmetric borders; batch-norm epsilon 1e-5 up to B4 and 1e-3 from B5 on.</summary>
    Torchvision,

    /// <summary>TensorFlow's SAME borders, fixed for the network's nominal input size whatever the input's; epsilon 1e-3.</summary>
    EfficientNetPyTorch,

    /// <summary>timm's <c>efficientnet_*</c>: symmetric borders, epsilon 1e-5.</summary>
    Timm,

    /// <summary>timm's <c>tf_efficientnet_*</c>: TensorFlow's SAME borders for each input's own size, epsilon 1e-3.</summary>
    TimmTensorFlow,
}

/// <summary>What an EfficientNet's block consists of.</summary>
internal enum EfficientNetBlock
{
    /// <summary>One convolution.</summary>
    Plain,

    /// <summary>A full expanding convolution and a projection.</summary>
    Fused,

    /// <summary>Expansion, depthwise convolution, squeeze and excitation, projection.</summary>
    Inverted,
}

/// <summary>
/// EfficientNet B0..B7 (Tan and Le, 2019) and EfficientNetV2-B0 (2021). Layers: <c>stem</c> (after its SiLU), <c>blocks.S</c> for the end
/// of each stage, <c>head</c> (the last 1x1 convolution after its SiLU); <c>level1</c>.. count them as the Gaussian paper does, and
/// <c>features.N</c> are torchvision's names.
/// </summary>
internal sealed class EfficientNet : Network
{
    // Table 1 of the paper: (expansion, channels, blocks, stride, kernel) of the stages between stem and head.
    private static readonly Stage[] VersionOne =
    [
        new(EfficientNetBlock.Inverted, 1, 16, 1, 1, 3),
        new(EfficientNetBlock.Inverted, 6, 24, 2, 2, 3),
        new(EfficientNetBlock.Inverted, 6, 40, 2, 2, 5),
        new(EfficientNetBlock.Inverted, 6, 80, 3, 2, 3),
        new(EfficientNetBlock.Inverted, 6, 112, 3, 1, 5),
        new(EfficientNetBlock.Inverted, 6, 192, 4, 2, 5),
        new(EfficientNetBlock.Inverted, 6, 320, 1, 1, 3),
    ];

    private static readonly Stage[] VersionTwoB0 =
    [
        new(EfficientNetBlock.Plain, 1, 16, 1, 1, 3),
        new(EfficientNetBlock.Fused, 4, 32, 2, 2, 3),
        new(EfficientNetBlock.Fused, 4, 48, 2, 2, 3),
        new(EfficientNetBlock.Inverted, 4, 96, 3, 2, 3),
        new(EfficientNetBlock.Inverted, 6, 112, 5, 1, 3),
        new(EfficientNetBlock.Inverted, 6, 192, 8, 2, 3),
    ];

    // Width and depth factors of B0..B7, and the side of the image, in pixels, that each was trained on.
    private static readonly (double Width, double Depth, long Side)[] Scales =
    [
        (1.0, 1.0, 224),
        (1.0, 1.1, 240),
        (1.1, 1.2, 260),
        (1.2, 1.4, 300),
        (1.4, 1.8, 380),
        (1.6, 2.2, 456),
        (1.8, 2.6, 528),
        (2.0, 3.1, 600),
    ];

    private const long SqueezeFactor = 4;

    private readonly PaddingSize _padding;
    private readonly double _epsilon;
    private readonly Convolution _stem;
    private readonly Convolution _head;
    private readonly List<Block> _blocks = [];

    // While building: the side of the next convolution's input in an image of nominal size; null when borders follow the actual input.
    private long? _nominalSide;

    private EfficientNet(
        EfficientNetForm form,
        Stage[] stages,
        double widthFactor,
        double depthFactor,
        double epsilon,
        long? nominalSide = null
    )
    {
        this._epsilon = epsilon;
        this._nominalSide = nominalSide;
        _padding = form is EfficientNetForm.EfficientNetPyTorch or EfficientNetForm.TimmTensorFlow
            ? PaddingSize.Same
            : PaddingSize.Symmetric;
        var names = new EfficientNetNames(form);
        var width = Round(32 * widthFactor);
        _stem = Convolution(names.Stem, 3, width, 3, 2);
        Name("stem", width, "level1", "features.0");
        for (var stage = 0; stage < stages.Length; stage++)
        {
            var plan = stages[stage];
            var next = Round(plan.Channels * widthFactor);
            var count = (int)Math.Ceiling(plan.Count * depthFactor);
            for (var number = 0; number < count; number++)
            {
                var stride = number == 0 ? plan.Stride : 1;
                _blocks.Add(NewBlock(plan, names.Block(stage, number, _blocks.Count, plan.Kind), width, next, stride));
                width = next;
            }
            Name($"blocks.{stage}", width, $"level{stage + 2}", $"features.{stage + 1}");
            _blocks[^1] = _blocks[^1] with { Layer = $"blocks.{stage}" };
        }
        var last = Round(1280 * widthFactor);
        _head = Convolution(names.Head, width, last, 1);
        Name("head", last, $"level{stages.Length + 2}", $"features.{stages.Length + 1}");
    }

    public override IReadOnlyList<string> ClassifierPrefixes { get; } = ["classifier.", "_fc."];

    /// <summary>EfficientNet-B0..B7.</summary>
    public static EfficientNet B(int number, EfficientNetForm form)
    {
        var epsilon = form switch
        {
            EfficientNetForm.Torchvision => number >= 5 ? 1e-3 : 1e-5,
            EfficientNetForm.Timm => 1e-5,
            _ => 1e-3,
        };
        var (width, depth, side) = Scales[number];
        return new(form, VersionOne, width, depth, epsilon, form == EfficientNetForm.EfficientNetPyTorch ? side : null);
    }

    /// <summary>EfficientNetV2-B0 as timm's <c>tf_efficientnetv2_b0</c>.</summary>
    public static EfficientNet VersionTwo() => new(EfficientNetForm.TimmTensorFlow, VersionTwoB0, 1, 1, 1e-3);

    public override void Run(Tensor input, Taps<Tensor> taps)
    {
        var current = Apply(_stem, input).silu_();
        var done = taps.Take("stem", current);
        foreach (var block in _blocks)
        {
            if (done)
            {
                break;
            }
            current = Replace(current, Forward(block, current));
            done = block.Layer is not null && taps.Take(block.Layer, current);
        }
        if (!done)
        {
            current = Replace(current, Apply(_head, current).silu_());
            taps.Take("head", current);
        }
        current.Dispose();
    }

    private Tensor Forward(Block block, Tensor input)
    {
        var body = input.alias();
        foreach (var convolution in block.Activated)
        {
            body = Replace(body, Apply(convolution, body).silu_());
        }
        if (block.Squeeze is { } squeeze)
        {
            using var scope = torch.NewDisposeScope();
            var gate = Apply(squeeze.Reduce, body.mean([2, 3], keepdim: true)).silu_();
            gate = Apply(squeeze.Expand, gate).sigmoid_();
            if (body.requires_grad)
            {
                // Out of place: the product's gradient needs both factors.
                body = Replace(body, body * gate).MoveToOuterDisposeScope();
            }
            else
            {
                body.mul_(gate);
            }
        }
        if (block.Project is not null)
        {
            body = Replace(body, Apply(block.Project, body));
        }
        return block.Residual ? body.add_(input) : body;
    }

    public override void Export(OnnxValue input, Taps<OnnxValue> taps)
    {
        var current = _stem.Export(input).Silu();
        if (taps.Take("stem", current))
        {
            return;
        }
        foreach (var block in _blocks)
        {
            current = Export(block, current);
            if (block.Layer is not null && taps.Take(block.Layer, current))
            {
                return;
            }
        }
        taps.Take("head", _head.Export(current).Silu());
    }

    private static OnnxValue Export(Block block, OnnxValue input)
    {
        var body = input;
        foreach (var convolution in block.Activated)
        {
            body = convolution.Export(body).Silu();
        }
        if (block.Squeeze is { } squeeze)
        {
            var gate = squeeze.Reduce.Export(body.Mean([2, 3], keepdim: true)).Silu();
            body *= squeeze.Expand.Export(gate).Sigmoid();
        }
        body = block.Project?.Export(body) ?? body;
        return block.Residual ? body + input : body;
    }

    private Block NewBlock(Stage plan, EfficientNetNames.BlockNames names, long width, long next, int stride)
    {
        var residual = stride == 1 && width == next;
        var inner = width * plan.Expansion;
        switch (plan.Kind)
        {
            case EfficientNetBlock.Plain:
                return new(null, [Convolution(names.Spatial, width, next, plan.Kernel, stride)], null, null, residual);
            case EfficientNetBlock.Fused:
                return new(
                    null,
                    [Convolution(names.Expand, width, inner, plan.Kernel, stride)],
                    null,
                    Convolution(names.Project, inner, next, 1),
                    residual
                );
            default:
                List<Convolution> activated = [];
                if (plan.Expansion > 1)
                {
                    activated.Add(Convolution(names.Expand, width, inner, 1));
                }
                activated.Add(Convolution(names.Depthwise, inner, inner, plan.Kernel, stride, groups: inner));
                var reduced = Math.Max(1, width / SqueezeFactor);
                var squeeze = (
                    Add(new(names.SqueezeReduce, null, inner, reduced, 1)),
                    Add(new(names.SqueezeExpand, null, reduced, inner, 1))
                );
                return new(null, [.. activated], squeeze, Convolution(names.Project, inner, next, 1), residual);
        }
    }

    private Convolution Convolution((string Name, string Norm) names, long from, long to, int kernel, int stride = 1, long groups = 1)
    {
        var convolution = Add(
            new(names.Name, names.Norm, from, to, kernel, stride, groups, _padding, NominalSide: _nominalSide, Epsilon: _epsilon)
        );
        _nominalSide = (_nominalSide + stride - 1) / stride;
        return convolution;
    }

    // To a multiple of 8, never below nine tenths.
    private static long Round(double width)
    {
        var rounded = Math.Max(8, (long)(width + 4) / 8 * 8);
        return rounded < 0.9 * width ? rounded + 8 : rounded;
    }

    private sealed record Stage(EfficientNetBlock Kind, long Expansion, long Channels, int Count, int Stride, int Kernel);

    private sealed record Block(
        string? Layer,
        Convolution[] Activated,
        (Convolution Reduce, Convolution Expand)? Squeeze,
        Convolution? Project,
        bool Residual
    );
}
