using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>A convolution's result.</summary>
/// <param name="layer">The layer's shape.</param>
/// <param name="input"><c>[N,In,H,W]</c>, its channels innermost in memory.</param>
/// <param name="kernel">Of the layer's shape, likewise.</param>
/// <param name="bias"><c>[Out]</c>.</param>
/// <returns><c>[N,Out,H',W']</c>; gradients go through.</returns>
internal delegate Tensor Convolve(ConvolutionLayer layer, Tensor input, Tensor kernel, Tensor bias);

/// <summary>
/// Compares convolutions and their gradients with a reference in double precision that uses no convolution: the input unfolded into columns
/// and one matrix product; a transposed convolution is the adjoint of that. oneDNN 3.7 leaves parts of a gradient unwritten for some shapes
/// on some processors, so that it holds what the memory held before: each comparison is made several times, on memory filled with NaN.
/// </summary>
/// <param name="layers">The shapes to check.</param>
/// <param name="convolve">What is checked.</param>
internal sealed class ConvolutionCheck(IReadOnlyList<ConvolutionLayer> layers, Convolve convolve)
{
    private const int Repetitions = 2;

    /// <summary>
    /// The largest error that passes, as a share of the largest value: rounding makes 1e-6 of it, what is unwritten 0.3 and more.
    /// </summary>
    private const double Tolerance = 1e-3;

    /// <summary>
    /// Weights above which a layer is computed once a layout, in batches of 4 only: the widest layers would take most of the time.
    /// </summary>
    private const int Large = 200_000;

    private static readonly int[] BatchSizes = [1, 4];

    /// <summary>Our networks' own convolutions, with or without products (<see cref="Convolutions.AsProducts"/>).</summary>
    public static Tensor Ours(ConvolutionLayer layer, Tensor input, Tensor kernel, Tensor bias) =>
        layer.Transposed
            ? Convolutions.ApplyTransposed(input, kernel, bias, layer.Stride, layer.Padding, layer.OutputPadding)
            : Convolutions.Apply(input, kernel, bias, layer.Stride, (layer.Padding, layer.Padding), layer.Dilation, layer.Groups);

    /// <summary>
    /// Checks every layer. libtorch's default generator is left as it is, so that a training draws the same numbers after it.
    /// </summary>
    /// <returns>What is wrong, such as <c>hfae 3x3 64 to 64: gradient of the input</c>; empty where all is right.</returns>
    public IReadOnlyList<string> Wrong()
    {
        using var gradient = torch.enable_grad();
        using var generator = new Generator(2026, torch.CPU);
        return [.. layers.SelectMany(layer => Wrong(layer, generator))];
    }

    /// <summary>The result and its gradients in double precision, without a convolution.</summary>
    internal static Tensor Reference(ConvolutionLayer layer, Tensor input, Tensor kernel, Tensor bias)
    {
        var (batch, groups, taps) = (input.shape[0], layer.Groups, layer.Kernel * layer.Kernel);
        Tensor output;
        if (layer.Transposed)
        {
            // [N,C,L] to the columns [N,O*k*k,L] that a convolution of the output's size would have unfolded it to.
            var columns = kernel.view(layer.In, -1).t().Times(input.reshape(batch, layer.In, -1));
            output = F.fold(columns, layer.OutputSide, layer.Kernel, layer.Dilation, layer.Padding, layer.Stride);
        }
        else
        {
            var columns = F.unfold(input, layer.Kernel, layer.Dilation, layer.Padding, layer.Stride)
                .view(batch, groups, layer.In / groups * taps, -1);
            output = torch
                .einsum("gok,ngkl->ngol", kernel.view(groups, layer.Out / groups, -1), columns)
                .reshape(batch, layer.Out, layer.OutputSide, layer.OutputSide);
        }
        return output + bias.view(1, -1, 1, 1);
    }

    private IEnumerable<string> Wrong(ConvolutionLayer layer, Generator generator) =>
        (IsLarge(layer) ? BatchSizes[^1..] : BatchSizes)
            .SelectMany(batch => Wrong(layer, batch, generator))
            .Distinct()
            .Select(part => $"{layer}: {part}");

    private static bool IsLarge(ConvolutionLayer layer) => layer.KernelShape.Aggregate((product, length) => product * length) > Large;

    private IReadOnlyList<string> Wrong(ConvolutionLayer layer, int batch, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        Tensor Normal(params long[] shape) => torch.randn(shape, generator: generator);
        var (input, kernel, bias) = (Normal(batch, layer.In, layer.Side, layer.Side), Normal(layer.KernelShape), Normal(layer.Out));
        var incoming = Normal(batch, layer.Out, layer.OutputSide, layer.OutputSide);
        Tensor[] leaves = [Leaf(input.to(ScalarType.Float64)), Leaf(kernel.to(ScalarType.Float64)), Leaf(bias.to(ScalarType.Float64))];
        var expected = Results(Reference(layer, leaves[0], leaves[1], leaves[2]), leaves, incoming.to(ScalarType.Float64))
            .Select(result => (Value: result.Value.to(ScalarType.Float32), Largest: result.Value.abs().max().item<double>()))
            .ToList();
        (input, kernel) = (input.channels_last(), kernel.channels_last());

        // Some layers of ours are followed by one whose gradient comes back in the plain layout.
        foreach (var gradient in batch == 1 ? [incoming] : new[] { incoming.channels_last(), incoming })
        {
            for (var repetition = 0; repetition < (IsLarge(layer) ? 1 : Repetitions); repetition++)
            {
                using var each = torch.NewDisposeScope();
                Tensor[] ours = [Leaf(input), Leaf(kernel), Leaf(bias)];
                Litter(input.numel(), incoming.numel());
                var results = Results(convolve(layer, ours[0], ours[1], ours[2]), ours, gradient);
                // NaN is wrong too: it is not within the tolerance.
                var wrong = results
                    .Zip(expected)
                    .Where(pair => !((pair.First.Value - pair.Second.Value).abs_().max().item<float>() <= Tolerance * pair.Second.Largest))
                    .Select(pair => pair.First.Part)
                    .ToList();
                if (wrong.Count > 0)
                {
                    return wrong;
                }
            }
        }
        return [];
    }

    private static Tensor Leaf(Tensor value) => value.detach().requires_grad_(true);

    private static (string Part, Tensor Value)[] Results(Tensor output, Tensor[] leaves, Tensor incoming)
    {
        var gradients = torch.autograd.grad([output], leaves, [incoming]);
        return
        [
            ("output", output.detach()),
            ("gradient of the input", gradients[0]),
            ("gradient of the kernel", gradients[1]),
            ("gradient of the bias", gradients[2]),
        ];
    }

    /// <summary>Fills memory with NaN and frees it, so that the next tensors of these sizes lie there.</summary>
    private static void Litter(params long[] sizes)
    {
        foreach (var litter in sizes.SelectMany(size => new[] { size, size }).Select(size => torch.empty(size).fill_(float.NaN)).ToList())
        {
            litter.Dispose();
        }
    }
}
