using Reproduction.Formats;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>
/// <c>torch.nn</c>'s convolutions, computed by <see cref="Convolutions"/>: the same parameters, names and initial values.
/// </summary>
internal static class Layers
{
    /// <summary><c>nn.Conv2d</c>, <c>[N,In,H,W]</c> to <c>[N,Out,H',W']</c>; its kernel lies in channels-last.</summary>
    public static Layer Conv2d(
        long inputs,
        long outputs,
        long kernel,
        long stride = 1,
        long padding = 0,
        long dilation = 1,
        bool bias = true
    ) =>
        new Layer(
            nn.Conv2d(inputs, outputs, kernel, stride: stride, padding: padding, dilation: dilation, bias: bias),
            (input, weight, offset) => Convolutions.Apply(input, weight, offset, stride, (padding, padding), dilation),
            (input, weight, offset) => input.Conv2d(weight, offset, stride, (padding, padding), dilation)
        );

    /// <summary><c>nn.ConvTranspose2d</c>, <c>[N,In,H,W]</c> to <c>[N,Out,H',W']</c>; its kernel lies in channels-last.</summary>
    public static Layer ConvTranspose2d(
        long inputs,
        long outputs,
        long kernel,
        long stride = 1,
        long padding = 0,
        long outputPadding = 0,
        bool bias = true
    ) =>
        new Layer(
            nn.ConvTranspose2d(inputs, outputs, kernel, stride: stride, padding: padding, output_padding: outputPadding, bias: bias),
            (input, weight, offset) => Convolutions.ApplyTransposed(input, weight, offset, stride, padding, outputPadding),
            (input, weight, offset) => input.ConvTranspose2d(weight, offset, stride, padding, outputPadding)
        );

    /// <summary>A convolution's parameters and how it is computed.</summary>
    internal sealed class Layer : nn.Module<Tensor, Tensor>, IExportableModule
    {
        private readonly Func<Tensor, Tensor, Tensor?, Tensor> _apply;
        private readonly Func<OnnxValue, Tensor, Tensor?, OnnxValue> _export;
        private readonly Parameter weight;
        private readonly Parameter? bias;

        /// <summary>Takes the place of a convolution of TorchSharp's, with its parameters.</summary>
        public Layer(
            TorchSharp.Modules.Convolution source,
            Func<Tensor, Tensor, Tensor?, Tensor> apply,
            Func<OnnxValue, Tensor, Tensor?, OnnxValue> export
        )
            : base(nameof(Layer))
        {
            using var noGradient = torch.no_grad();
            using var scope = torch.NewDisposeScope();
            (_apply, _export) = (apply, export);
            weight = new Parameter(source.weight.channels_last().clone());
            weight.DetachFromDisposeScope();
            source.weight.Dispose();
            bias = source.bias;
            RegisterComponents();
        }

        /// <summary>The kernel in libtorch's order: <c>[Out,In,k,k]</c> or, transposed, <c>[In,Out,k,k]</c>.</summary>
        public Parameter Weight => weight;

        /// <summary><c>[Out]</c>; null for none.</summary>
        public Parameter? Bias => bias;

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => _apply(input, weight, bias);

        /// <inheritdoc/>
        public OnnxValue Export(OnnxValue input) => _export(input, weight, bias);
    }
}
