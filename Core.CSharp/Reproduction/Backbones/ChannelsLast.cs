using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>
/// PyTorch's <c>memory_format=torch.channels_last</c>, which TorchSharp does not have: tensors <c>[N,C,H,W]</c> whose channels lie
/// innermost in memory. libtorch's CPU convolutions keep this layout through a whole network instead of reordering before and after each;
/// and oneDNN 3.7, in libtorch 2.10, computes wrong gradients in the plain layout on some processors and none in this one.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>
    /// Leaves tensors and networks in the plain layout instead, so that a benchmark can measure what this one gains. Nothing else sets it;
    /// a network that was made under one value must run under the same.
    /// </summary>
    public static bool IsOff { get; set; }

    /// <summary>The same values with the channels innermost; the tensor itself, as an alias, where they are so already.</summary>
    /// <param name="value"><c>[N,C,H,W]</c>; gradients go through.</param>
    public static Tensor channels_last(this Tensor value)
    {
        if (IsOff)
        {
            return value.contiguous();
        }

        using var scope = torch.NewDisposeScope();
        return value.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Brings the kernels of all convolutions of a module to this layout. Before an optimiser is made: the kernels become new parameters,
    /// as they do by <c>to(device)</c>. What is copied into them later leaves the layout as it is.
    /// </summary>
    public static T to_channels_last<T>(this T module)
        where T : nn.Module
    {
        if (IsOff)
        {
            return module;
        }

        using var noGradient = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        foreach (var convolution in module.modules().Append(module).OfType<TorchSharp.Modules.Convolution>())
        {
            convolution.weight = new Parameter(convolution.weight.channels_last().clone(), convolution.weight.requires_grad);
        }
        return module;
    }
}
