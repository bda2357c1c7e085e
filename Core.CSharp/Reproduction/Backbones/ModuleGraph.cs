using Reproduction.Formats;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>A module of our own that can be written as operations of an ONNX graph.</summary>
internal interface IExportableModule
{
    /// <summary>What the module computes in evaluation mode.</summary>
    OnnxValue Export(OnnxValue input);
}

/// <summary>Modules of one input and one output as operations of an ONNX graph, as they compute in evaluation mode.</summary>
internal static class ModuleGraph
{
    /// <summary>The module's output for an input.</summary>
    /// <exception cref="NotSupportedException">It is of a kind that no network here had until now: it is to be added below.</exception>
    public static OnnxValue Then(this OnnxValue input, nn.Module module) =>
        module switch
        {
            IExportableModule own => own.Export(input),
            Sequential sequence => sequence.children().Aggregate(input, Then),
            BatchNorm2d norm => input.BatchNorm(norm.weight!, norm.bias!, norm.running_mean!, norm.running_var!, norm.eps),
            ReLU => input.Relu(),
            LeakyReLU leaky => input.LeakyRelu(leaky.negative_slope),
            Sigmoid => input.Sigmoid(),
            MaxPool2d pool => input.MaxPool2d(pool.kernel_size[0], (pool.stride ?? pool.kernel_size)[0], pool.padding?[0] ?? 0),
            Upsample { mode: UpsampleMode.Nearest } nearest => input.Repeated((long)nearest.scale_factor[0]),
            PixelShuffle shuffle => input.PixelShuffle(shuffle.upscale_factor),
            Conv2d { padding: { } padding } convolution => input.Conv2d(
                convolution.weight!,
                convolution.bias,
                convolution.stride[0],
                (padding[0], padding[1]),
                convolution.dilation[0],
                convolution.groups
            ),
            _ => throw new NotSupportedException($"{module.GetType().Name} has no counterpart in ONNX here"),
        };
}
