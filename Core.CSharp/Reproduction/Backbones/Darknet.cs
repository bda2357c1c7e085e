using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>
/// Darknet-53 and YOLOv3's detection layers (Redmon and Farhadi, 2018). Layers: <c>0</c>..<c>106</c> as numbered in the configuration file,
/// each after its activation; <c>layerN</c> is another name for <c>N</c>. A route joins maps of equal size only when width and height of
/// the input are multiples of 32.
/// </summary>
internal sealed class Darknet : Network
{
    private const double LeakySlope = 0.1;

    // Darknet's GPU code adds it to the variance before the root is taken; its CPU code adds 1e-6 to the root.
    private const double Epsilon = 1e-5;

    private readonly Dictionary<int, Convolution> _convolutions = [];
    private readonly int[] _lastUse;

    public Darknet()
    {
        _lastUse = new int[DarknetPlan.Layers.Count];
        foreach (var layer in DarknetPlan.Layers)
        {
            if (layer.Kind == DarknetKind.Convolution)
            {
                var prefix = DarknetPlan.Prefix(layer.Index);
                _convolutions[layer.Index] = Add(
                    new(
                        $"{prefix}.conv",
                        layer.BatchNorm ? $"{prefix}.bn" : null,
                        layer.In,
                        layer.Out,
                        layer.Kernel,
                        layer.Stride,
                        Epsilon: Epsilon
                    )
                );
            }
            Name($"{layer.Index}", layer.Out, $"layer{layer.Index}");
            foreach (var from in Inputs(layer))
            {
                _lastUse[from] = layer.Index;
            }
        }
    }

    public override IReadOnlyList<string> ClassifierPrefixes { get; } = [];

    public override void Run(Tensor input, Taps<Tensor> taps)
    {
        var outputs = new Tensor?[DarknetPlan.Layers.Count];
        foreach (var layer in DarknetPlan.Layers)
        {
            var output = Forward(layer, input, outputs);
            outputs[layer.Index] = output;
            if (taps.Take($"{layer.Index}", output))
            {
                break;
            }
            foreach (var from in Inputs(layer).Where(from => _lastUse[from] == layer.Index))
            {
                outputs[from]?.Dispose();
                outputs[from] = null;
            }
        }
        foreach (var output in outputs)
        {
            output?.Dispose();
        }
    }

    public override void Export(OnnxValue input, Taps<OnnxValue> taps)
    {
        var outputs = new List<OnnxValue>();
        foreach (var layer in DarknetPlan.Layers)
        {
            outputs.Add(Export(layer, layer.Index == 0 ? input : outputs[^1], outputs));
            if (taps.Take($"{layer.Index}", outputs[^1]))
            {
                return;
            }
        }
    }

    private OnnxValue Export(DarknetLayer layer, OnnxValue previous, List<OnnxValue> outputs)
    {
        switch (layer.Kind)
        {
            case DarknetKind.Convolution:
                var output = _convolutions[layer.Index].Export(previous);
                return layer.BatchNorm ? output.LeakyRelu(LeakySlope) : output;
            case DarknetKind.Shortcut:
                return previous + outputs[layer.From[0]];
            case DarknetKind.Upsample:
                return previous.Repeated(2);
            case DarknetKind.Route:
                return OnnxValue.Cat([.. layer.From.Select(from => outputs[from])], 1);
            default:
                var parts = Enumerable
                    .Range(0, DarknetPlan.Anchors)
                    .Select(anchor => previous.Narrow(1, anchor * DarknetPlan.AnchorValues, DarknetPlan.AnchorValues))
                    .SelectMany(values =>
                        new[]
                        {
                            values.Narrow(1, 0, 2).Sigmoid(),
                            values.Narrow(1, 2, 2),
                            values.Narrow(1, 4, DarknetPlan.AnchorValues - 4).Sigmoid(),
                        }
                    );
                return OnnxValue.Cat([.. parts], 1);
        }
    }

    private static IEnumerable<int> Inputs(DarknetLayer layer) =>
        layer.Kind switch
        {
            DarknetKind.Route => layer.From,
            _ when layer.Index == 0 => [],
            _ => layer.From.Append(layer.Index - 1),
        };

    private Tensor Forward(DarknetLayer layer, Tensor input, Tensor?[] outputs)
    {
        var previous = layer.Index == 0 ? input : outputs[layer.Index - 1];
        switch (layer.Kind)
        {
            case DarknetKind.Convolution:
                var output = Apply(_convolutions[layer.Index], previous!);
                return layer.BatchNorm ? output.leaky_relu_(LeakySlope) : output;
            case DarknetKind.Shortcut:
                return previous! + outputs[layer.From[0]]!;
            case DarknetKind.Upsample:
                return F.interpolate(previous!, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
            case DarknetKind.Route when layer.From is [var single]:
                return outputs[single]!.alias();
            case DarknetKind.Route:
                return Concatenate(layer, [.. layer.From.Select(from => outputs[from]!)]);
            default:
                return Detect(previous!);
        }
    }

    private static Tensor Concatenate(DarknetLayer layer, Tensor[] maps)
    {
        if (maps.Any(map => map.shape[2] != maps[0].shape[2] || map.shape[3] != maps[0].shape[3]))
        {
            throw new UserError(
                $"layer {layer.Index} of YOLOv3 joins maps of different sizes; give images whose width and height are multiples of 32, "
                    + $"or ask for layers up to {layer.Index - 1}"
            );
        }
        return torch.cat(maps, 1);
    }

    // Width and height of the boxes stay as they are.
    private static Tensor Detect(Tensor map)
    {
        using var scope = torch.NewDisposeScope();
        var (batch, height, width) = (map.shape[0], map.shape[2], map.shape[3]);
        var anchors = map.contiguous().view(batch, DarknetPlan.Anchors, DarknetPlan.AnchorValues, height, width);
        var centers = anchors.narrow(2, 0, 2).sigmoid();
        var sizes = anchors.narrow(2, 2, 2);
        var scores = anchors.narrow(2, 4, DarknetPlan.AnchorValues - 4).sigmoid();
        return torch.cat([centers, sizes, scores], 2).view(map.shape).MoveToOuterDisposeScope();
    }
}
