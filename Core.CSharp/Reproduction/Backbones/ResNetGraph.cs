using Reproduction.Formats;

namespace Reproduction.Backbones;

/// <summary>
/// A ResNet's weights in an ONNX model whose tensors are called <c>Parameter91</c> and <c>Constant98</c>: they get the names that the
/// network gives them by following the graph from its input to its output. On the way every operation and every attribute that changes
/// a number is compared with the network's own, so that another network is refused and not computed wrongly.
/// </summary>
internal sealed class ResNetGraph
{
    // CNTK writes 1e-5 as a 32-bit float.
    private const double EpsilonTolerance = 1e-9;

    private static readonly string[] NormParts = ["weight", "bias", "running_mean", "running_var"];

    private readonly Checkpoint _checkpoint;
    private readonly OnnxGraph _graph;
    private readonly ILookup<string, OnnxNode> _readers;
    private readonly HashSet<OnnxNode> _met = new(ReferenceEqualityComparer.Instance);
    private readonly List<(string Name, TensorEntry Entry)> _named = [];

    private ResNetGraph(Checkpoint checkpoint, OnnxGraph graph)
    {
        _checkpoint = checkpoint;
        _graph = graph;
        _readers = graph
            .Nodes.SelectMany(node => node.Inputs.Distinct().Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node);
    }

    /// <summary>The checkpoint's tensors by the network's names; a checkpoint that has no graph keeps the names that it has.</summary>
    /// <param name="checkpoint">The weights file.</param>
    /// <param name="network">The ResNet.</param>
    /// <exception cref="UserError">The graph computes something else.</exception>
    public static Checkpoint Name(Checkpoint checkpoint, Network network) =>
        checkpoint.Graph is { } graph ? checkpoint.Renamed(new ResNetGraph(checkpoint, graph).Follow((ResNet)network)) : checkpoint;

    private List<(string Name, TensorEntry Entry)> Follow(ResNet network)
    {
        string[] inputs = [.. _graph.Inputs.Where(input => !_checkpoint.TryGet(input, out _))];
        if (inputs.Length != 1 || _graph.Outputs.Count != 1)
        {
            throw Other($"has {inputs.Length} inputs and {_graph.Outputs.Count} outputs, not one of each");
        }
        var value = Relu(Normalised(inputs[0], network.Stem.Spec));
        value = MaxPool(value);
        foreach (var block in network.Blocks)
        {
            var body = Normalised(value, block.Body[0].Spec);
            foreach (var convolution in block.Body.Skip(1))
            {
                body = Normalised(Relu(body), convolution.Spec);
            }
            value = Relu(Sum(body, block.Shortcut is null ? value : Normalised(value, block.Shortcut.Spec)));
        }
        if (MeanPool(value) != _graph.Outputs[0])
        {
            throw Other("goes on after its last pooling");
        }
        if (_met.Count != _graph.Nodes.Count)
        {
            throw Other($"has {_graph.Nodes.Count} operations, {_met.Count} of them a ResNet's");
        }
        return _named;
    }

    /// <summary>A convolution without a bias and its batch norm.</summary>
    private string Normalised(string input, ConvolutionSpec spec)
    {
        // Where a block begins, two convolutions read the same value: the body's and the shortcut's, which differ by their kernels.
        var convolution = Reader(input, "Conv", node => Numbers(node, "kernel_shape").SequenceEqual([spec.Kernel, spec.Kernel]), spec.Name);
        var border = (spec.Kernel - 1) / 2;
        Check(convolution, spec.Name, spec.Stride, border, spec.Kernel);
        var groups = convolution.Attributes.TryGetValue("group", out var group) ? group.Integer : 1;
        if (groups != spec.Groups || !Numbers(convolution, "dilations").All(dilation => dilation == 1) || convolution.Inputs.Count != 2)
        {
            throw Other($"has a convolution for {spec.Name} with {convolution.Inputs.Count} inputs, {groups} groups or dilations");
        }
        Take($"{spec.Name}.weight", convolution.Inputs[1]);

        var norm = Reader(Output(convolution), "BatchNormalization", _ => true, spec.Norm!);
        var epsilon = norm.Attributes.TryGetValue("epsilon", out var found) ? found.Single : 1e-5;
        if (norm.Inputs.Count != 1 + NormParts.Length || Math.Abs(epsilon - spec.Epsilon) > EpsilonTolerance)
        {
            throw Other($"has a batch norm for {spec.Norm} with {norm.Inputs.Count} inputs and epsilon {epsilon}, not {spec.Epsilon}");
        }
        foreach (var (part, tensor) in NormParts.Zip(norm.Inputs.Skip(1)))
        {
            Take($"{spec.Norm}.{part}", tensor);
        }
        return Output(norm);
    }

    private string Relu(string input) => Output(Reader(input, "Relu", _ => true, "a ReLU"));

    private string Sum(string body, string shortcut) =>
        Output(Reader(body, "Add", node => node.Inputs.Count == 2 && node.Inputs.Contains(shortcut), "a block's sum"));

    private string MaxPool(string input)
    {
        var pool = Reader(input, "MaxPool", node => Numbers(node, "kernel_shape").SequenceEqual([3L, 3L]), "the first pooling");
        Check(pool, "the first pooling", stride: 2, border: 1, kernel: 3);
        if (pool.Attributes.TryGetValue("ceil_mode", out var ceil) && ceil.Integer != 0)
        {
            throw Other("rounds the first pooling's size up");
        }
        return Output(pool);
    }

    // Seven by seven is the whole of the last map at 224x224; at other sizes the network takes the whole map too.
    private string MeanPool(string input)
    {
        var pool = Reader(input, "AveragePool", node => Numbers(node, "kernel_shape").SequenceEqual([7L, 7L]), "the last pooling");
        Check(pool, "the last pooling", stride: 1, border: 0, kernel: 1);
        return Output(pool);
    }

    /// <summary>
    /// Compares stride and border. CNTK gives a map of even size that is halved no border at the right and the bottom beyond what its
    /// kernels reach: (top, left, bottom, right) = (3,3,2,2) for 7x7, (1,1,0,0) for 3x3. A symmetric border has a row and a column more
    /// there, which no kernel ever covers; both are the same convolution.
    /// </summary>
    private void Check(OnnxNode node, string name, long stride, long border, long kernel)
    {
        var reached = Math.Max(kernel - stride - border, 0);
        var pads = Numbers(node, "pads");
        var isAutomatic = node.Attributes.TryGetValue("auto_pad", out var automatic) && automatic.Text is not (null or "NOTSET");
        if (
            isAutomatic
            || !Numbers(node, "strides").SequenceEqual([stride, stride])
            || !(pads.SequenceEqual([border, border, border, border]) || pads.SequenceEqual([border, border, reached, reached]))
        )
        {
            throw Other(
                $"has {name} with strides {List(Numbers(node, "strides"))} and pads {List(pads)}; {stride} and {border} are expected"
            );
        }
    }

    /// <summary>The one operation of a kind that reads a value.</summary>
    private OnnxNode Reader(string value, string operation, Func<OnnxNode, bool> isMeant, string name)
    {
        OnnxNode[] found = [.. _readers[value].Where(node => node.Operation == operation && isMeant(node)).Take(2)];
        if (found.Length != 1 || (operation != "Add" && found[0].Inputs[0] != value) || !_met.Add(found[0]))
        {
            throw Other($"has {(found.Length == 0 ? "no" : "more than one")} {operation} of {value} for {name}");
        }
        return found[0];
    }

    private void Take(string name, string tensor)
    {
        if (!_checkpoint.TryGet(tensor, out var entry))
        {
            throw Other($"computes {tensor}, where a ResNet has the constant {name}");
        }
        _named.Add((name, entry));
    }

    private string Output(OnnxNode node) =>
        node.Outputs.Count == 1 ? node.Outputs[0] : throw Other($"has a {node.Operation} with {node.Outputs.Count} outputs");

    private static IReadOnlyList<long> Numbers(OnnxNode node, string attribute) =>
        node.Attributes.TryGetValue(attribute, out var found) ? found.Integers : [];

    private static string List(IEnumerable<long> numbers) => $"[{string.Join(",", numbers)}]";

    private UserError Other(string problem) => _checkpoint.Broken($"is an ONNX model of another network: it {problem}");
}
