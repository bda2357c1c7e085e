using Reproduction.Formats;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>
/// ResNets (He et al., 2016) and wide ResNets (Zagoruyko and Komodakis, 2016). Layers: <c>stem</c> (after its ReLU), <c>maxpool</c>,
/// <c>layer1</c>..<c>layer4</c>, and <c>layerS.B</c> for the output of each residual block; <c>avgpool</c> where it is asked for.
/// </summary>
internal sealed class ResNet : Network
{
    private readonly Convolution _stem;
    private readonly List<Block> _blocks = [];

    /// <param name="counts">Residual blocks in each of the four stages.</param>
    /// <param name="bottleneck">Blocks of 1x1, 3x3 and 1x1 convolutions instead of two 3x3.</param>
    /// <param name="widthFactor">Widens the 3x3 convolution of a bottleneck.</param>
    /// <param name="strideInFirst"> A bottleneck's stride is in its first 1x1 convolution (v1, as published and in Caffe and Keras) and not
    /// in the 3x3 (v1.5, torchvision). </param>
    /// <param name="border">Of the images and maps that the 7x7 and 3x3 convolutions see; the pooling takes no value from beyond.</param>
    /// <param name="pooled">Whether the mean over all positions of the last layer is a layer, <c>avgpool</c> <c>[N,C,1,1]</c>.</param>
    public ResNet(int[] counts, BorderMode border, bool bottleneck, int widthFactor = 1, bool strideInFirst = false, bool pooled = false)
    {
        _stem = Add(new("conv1", "bn1", 3, 64, 7, 2, Border: border));
        Name("stem", 64);
        Name("maxpool", 64);
        long width = 64;
        for (var stage = 1; stage <= counts.Length; stage++)
        {
            var planes = 64L << (stage - 1);
            for (var number = 0; number < counts[stage - 1]; number++)
            {
                var name = $"layer{stage}.{number}";
                var stride = stage > 1 && number == 0 ? 2 : 1;
                var inner = planes * widthFactor;
                var outer = bottleneck ? 4 * planes : planes;
                Convolution[] body = bottleneck
                    ?
                    [
                        Add(new($"{name}.conv1", $"{name}.bn1", width, inner, 1, strideInFirst ? stride : 1)),
                        Add(new($"{name}.conv2", $"{name}.bn2", inner, inner, 3, strideInFirst ? 1 : stride, Border: border)),
                        Add(new($"{name}.conv3", $"{name}.bn3", inner, outer, 1)),
                    ]
                    :
                    [
                        Add(new($"{name}.conv1", $"{name}.bn1", width, outer, 3, stride, Border: border)),
                        Add(new($"{name}.conv2", $"{name}.bn2", outer, outer, 3, Border: border)),
                    ];
                var shortcut =
                    stride != 1 || width != outer
                        ? Add(new($"{name}.downsample.0", $"{name}.downsample.1", width, outer, 1, stride))
                        : null;
                width = outer;
                var last = number == counts[stage - 1] - 1;
                Name(last ? $"layer{stage}" : name, width, last ? [name] : []);
                _blocks.Add(new(Layers[^1].Name, body, shortcut));
            }
        }
        if (pooled)
        {
            Name("avgpool", width);
        }
    }

    public Convolution Stem => _stem;

    public IReadOnlyList<Block> Blocks => _blocks;

    public override IReadOnlyList<string> ClassifierPrefixes { get; } = ["fc."];

    public override void Run(Tensor input, Taps<Tensor> taps)
    {
        var current = Apply(_stem, input).relu_();
        if (!taps.Take("stem", current))
        {
            current = Replace(current, F.max_pool2d(current, [3, 3], [2, 2], [1, 1]));
            if (!taps.Take("maxpool", current))
            {
                foreach (var block in _blocks)
                {
                    current = Replace(current, Forward(block, current));
                    if (taps.Take(block.Name, current))
                    {
                        break;
                    }
                }
                if (taps.Wants("avgpool"))
                {
                    current = Replace(current, current.mean([2L, 3L], keepdim: true));
                    taps.Take("avgpool", current);
                }
            }
        }
        current.Dispose();
    }

    private Tensor Forward(Block block, Tensor input)
    {
        var body = Apply(block.Body[0], input);
        foreach (var convolution in block.Body.Skip(1))
        {
            body = Replace(body, Apply(convolution, body.relu_()));
        }
        if (block.Shortcut is null)
        {
            return body.add_(input).relu_();
        }
        using var shortcut = Apply(block.Shortcut, input);
        return body.add_(shortcut).relu_();
    }

    public override void Export(OnnxValue input, Taps<OnnxValue> taps)
    {
        var current = _stem.Export(input).Relu();
        if (taps.Take("stem", current))
        {
            return;
        }
        current = current.MaxPool2d(3, 2, 1);
        if (taps.Take("maxpool", current))
        {
            return;
        }
        foreach (var block in _blocks)
        {
            var body = block.Body[0].Export(current);
            foreach (var convolution in block.Body.Skip(1))
            {
                body = convolution.Export(body.Relu());
            }
            current = (body + (block.Shortcut?.Export(current) ?? current)).Relu();
            if (taps.Take(block.Name, current))
            {
                return;
            }
        }
        taps.Take("avgpool", current.Mean([2, 3], keepdim: true));
    }

    /// <param name="Name">Of the layer that is the block's output.</param>
    /// <param name="Body">Its convolutions, a ReLU after each but the last.</param>
    /// <param name="Shortcut">The convolution beside them; null: the block's input itself is added.</param>
    public sealed record Block(string Name, Convolution[] Body, Convolution? Shortcut);
}
