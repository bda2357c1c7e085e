using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>
/// VGG-16 and VGG-19 (Simonyan and Zisserman, 2015). Layers: <c>convB_I</c> before and <c>reluB_I</c> after each ReLU, <c>poolB</c>;
/// <c>features.N</c> of torchvision are other names for them. With batch norm, <c>convB_I</c> is the batch norm's output, so that it is
/// the same with the batch norm folded in.
/// </summary>
internal sealed class Vgg : Network
{
    private static readonly int[] Blocks16 = [2, 2, 3, 3, 3];
    private static readonly int[] Blocks19 = [2, 2, 4, 4, 4];

    private readonly List<Step> _steps = [];

    private Vgg(int[] blocks, bool batchNorm, BorderMode border)
    {
        var ahead = border == BorderMode.ReflectAhead;
        long width = 3;
        var index = 0;
        for (var block = 1; block <= blocks.Length; block++)
        {
            for (var number = 1; number <= blocks[block - 1]; number++)
            {
                var next = Width(block);
                var norm = batchNorm ? $"features.{index + 1}" : null;
                var convolution = Add(
                    ahead
                        ? new($"features.{index}", norm, width, next, 3, Padding: PaddingSize.None)
                        : new($"features.{index}", norm, width, next, 3, Border: border)
                );
                width = next;
                Name($"conv{block}_{number}", width, $"features.{(batchNorm ? index + 1 : index)}");
                index += batchNorm ? 2 : 1;
                Name($"relu{block}_{number}", width, $"features.{index++}");
                _steps.Add(
                    new($"conv{block}_{number}", $"relu{block}_{number}", convolution)
                    {
                        BorderBefore = ahead && number == 1,
                        BorderBehind = ahead && number < blocks[block - 1] && (block, number) != (3, 2),
                    }
                );
            }
            Name($"pool{block}", width, $"features.{index++}");
            _steps.Add(new($"pool{block}", null, null));
        }
    }

    // The quarter-width VGG-19 of Wang et al., Collaborative Distillation (CVPR 2020): a 1x1 convolution does the preprocessing, and
    // a further one maps the first ReLU of each block to the full network's width.
    private Vgg()
    {
        const long divisor = 4;
        _steps.Add(new("input", null, Add(new("conv0", null, 3, 3, 1, Border: BorderMode.Reflect))));
        Name("input", 3);
        long width = 3;
        for (var block = 1; block <= Blocks19.Length; block++)
        {
            for (var number = 1; number <= (block == 5 ? 1 : Blocks19[block - 1]); number++)
            {
                var next = Width(block) / divisor;
                _steps.Add(
                    new(
                        $"conv{block}_{number}",
                        $"relu{block}_{number}",
                        Add(new($"conv{block}{number}", null, width, next, 3, Border: BorderMode.Reflect))
                    )
                );
                width = next;
                Name($"conv{block}_{number}", width);
                Name($"relu{block}_{number}", width);
                if (number == 1)
                {
                    _steps.Add(new($"aux{block}_1", null, Add(new($"conv{block}1_aux", null, width, Width(block), 1)), Side: true));
                    Name($"aux{block}_1", Width(block));
                }
            }
            if (block < Blocks19.Length)
            {
                Name($"pool{block}", width);
                _steps.Add(new($"pool{block}", null, null));
            }
        }
    }

    public override IReadOnlyList<string> ClassifierPrefixes { get; } = ["classifier."];

    public static Vgg Sixteen(BorderMode border, bool batchNorm = false) => new(Blocks16, batchNorm, border);

    public static Vgg Nineteen(BorderMode border, bool batchNorm = false) => new(Blocks19, batchNorm, border);

    /// <summary>The distilled quarter-width VGG-19 up to conv5_1, always with reflection.</summary>
    public static Vgg Distilled() => new();

    public override void Run(Tensor input, Taps<Tensor> taps)
    {
        var current = input.alias();
        foreach (var step in _steps)
        {
            if (step.Convolution is null)
            {
                current = Replace(current, F.max_pool2d(current, [2, 2], [2, 2]));
            }
            else if (step.Side)
            {
                if (taps.Wants(step.Name))
                {
                    using var side = Apply(step.Convolution, current);
                    if (taps.Take(step.Name, side))
                    {
                        break;
                    }
                }
                continue;
            }
            else
            {
                if (step.BorderBefore)
                {
                    current = Replace(current, Mirrored(current));
                }
                current = Replace(current, Apply(step.Convolution, current));
            }
            if (taps.Take(step.Name, current))
            {
                break;
            }
            if (step.Activation is not null)
            {
                current = Activate(current, keep: taps.Wants(step.Name));
                if (step.BorderBehind)
                {
                    current = Replace(current, Mirrored(current));
                }
                if (taps.Take(step.Activation, current))
                {
                    break;
                }
            }
        }
        current.Dispose();
    }

    public override void Export(OnnxValue input, Taps<OnnxValue> taps)
    {
        var current = input;
        foreach (var step in _steps)
        {
            if (step.Side)
            {
                if (taps.Wants(step.Name) && taps.Take(step.Name, step.Convolution!.Export(current)))
                {
                    return;
                }
                continue;
            }
            current = step.BorderBefore ? Mirrored(current) : current;
            current = step.Convolution?.Export(current) ?? current.MaxPool2d(2, 2);
            if (taps.Take(step.Name, current))
            {
                return;
            }
            if (step.Activation is not null)
            {
                current = current.Relu();
                current = step.BorderBehind ? Mirrored(current) : current;
                if (taps.Take(step.Activation, current))
                {
                    return;
                }
            }
        }
    }

    // In place where nobody has asked for the values before it.
    private static Tensor Activate(Tensor value, bool keep) => keep ? Replace(value, value.relu()) : value.relu_();

    private static Tensor Mirrored(Tensor value) => F.pad(value, [1, 1, 1, 1], PaddingModes.Reflect);

    private static OnnxValue Mirrored(OnnxValue value) => value.Pad(1, 1, 1, 1, "reflect");

    private static long Width(int block) => Math.Min(64L << (block - 1), 512);

    // A convolution with or without its ReLU, or (without a convolution) a max pool; a side step leaves the main path.
    private sealed record Step(string Name, string? Activation, Convolution? Convolution, bool Side = false)
    {
        /// <summary>Whether a mirrored border is laid around the input, <see cref="BorderMode.ReflectAhead"/>.</summary>
        public bool BorderBefore { get; init; }

        /// <summary>Whether a mirrored border is laid around the output.</summary>
        public bool BorderBehind { get; init; }
    }
}
