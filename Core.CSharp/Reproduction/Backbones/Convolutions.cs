using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>
/// libtorch's convolutions, and instead of those that are matrix products, the product. Where a virtual machine hides the sizes of its
/// caches, oneDNN 3.7 (libtorch 2.10) plans these wrongly: it leaves parts of the output unwritten, or divides by zero, which ends the
/// process (<c>brg_blocking_t::est_eff_1x1</c>). The product costs up to twice the time of a 1x1 convolution that is right, so it is taken
/// unless the convolution was seen to be right on this processor (<see cref="ConvolutionVerdicts"/>).
/// </summary>
internal static class Convolutions
{
    private static bool? _asProducts;

    /// <summary>
    /// Whether convolutions that are matrix products are computed as such on a processor; settled at the first convolution: not where a
    /// verdict says that they are right without.
    /// </summary>
    public static bool AsProducts
    {
        get =>
            _asProducts ??= ConvolutionVerdicts.OfThisMachine.Find(TorchRuntime.Instructions, asProducts: false) is not { IsRight: true };
        set => _asProducts = value;
    }

    /// <summary><c>torch.nn.functional.conv2d</c>.</summary>
    /// <param name="input"><c>[N,In,H,W]</c>.</param>
    /// <param name="kernel"><c>[Out,In/Groups,k,k]</c>.</param>
    /// <param name="bias"><c>[Out]</c>; null for none.</param>
    /// <param name="stride">In both directions.</param>
    /// <param name="padding">Of height and width, on each side.</param>
    /// <param name="dilation">In both directions.</param>
    /// <param name="groups">1, or In for a depthwise convolution.</param>
    /// <returns><c>[N,Out,H',W']</c>; gradients go through.</returns>
    public static Tensor Apply(
        Tensor input,
        Tensor kernel,
        Tensor? bias,
        long stride = 1,
        (long Height, long Width) padding = default,
        long dilation = 1,
        long groups = 1
    )
    {
        var (height, width) = (kernel.shape[2], kernel.shape[3]);
        var isProduct = groups == 1 && padding == default && input.device_type == DeviceType.CPU && input.dim() == 4;
        if (isProduct && (height, width) == (1, 1) && AsProducts)
        {
            using var scope = torch.NewDisposeScope();
            var taken = stride == 1 ? input : input[.., .., Every(stride), Every(stride)];
            return F.linear(taken.permute(0, 2, 3, 1), kernel.flatten(1), bias).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }
        if (isProduct && dilation == 1 && (height, width) == (input.shape[2], input.shape[3]) && AsProducts)
        {
            using var scope = torch.NewDisposeScope();
            var product = F.linear(input.permute(0, 2, 3, 1).flatten(1), kernel.permute(0, 2, 3, 1).flatten(1), bias);
            return product[.., .., TensorIndex.None, TensorIndex.None].MoveToOuterDisposeScope();
        }
        return F.conv2d(input, kernel, bias, [stride, stride], [padding.Height, padding.Width], [dilation, dilation], groups);
    }

    /// <summary><c>torch.nn.functional.conv_transpose2d</c> without groups.</summary>
    /// <param name="input"><c>[N,In,H,W]</c>.</param>
    /// <param name="kernel"><c>[In,Out,k,k]</c>.</param>
    /// <param name="bias"><c>[Out]</c>; null for none.</param>
    /// <param name="stride">In both directions.</param>
    /// <param name="padding">On each side, taken away from the output.</param>
    /// <param name="outputPadding">Added to the output at the right and the bottom.</param>
    /// <returns><c>[N,Out,H',W']</c>; gradients go through.</returns>
    public static Tensor ApplyTransposed(
        Tensor input,
        Tensor kernel,
        Tensor? bias,
        long stride = 1,
        long padding = 0,
        long outputPadding = 0
    )
    {
        if (
            padding == 0
            && outputPadding == 0
            && input.device_type == DeviceType.CPU
            && input.dim() == 4
            && (input.shape[2], input.shape[3]) == (1, 1)
            && AsProducts
        )
        {
            using var scope = torch.NewDisposeScope();
            var (outputs, side) = (kernel.shape[1], kernel.shape[2]);
            var product = input.flatten(1).Times(kernel.permute(0, 2, 3, 1).flatten(1)).view(-1, side, side, outputs);
            product = bias is null ? product : product + bias;
            return product.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }
        return F.conv_transpose2d(input, kernel, bias, [stride, stride], [padding, padding], [outputPadding, outputPadding], [1, 1], 1);
    }

    private static TensorIndex Every(long stride) => TensorIndex.Slice(null, null, stride);
}
