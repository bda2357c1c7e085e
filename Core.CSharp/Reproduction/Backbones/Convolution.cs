using Reproduction.Formats;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Reproduction.Backbones;

/// <summary>How an image is continued beyond its border by the convolutions of a VGG or a ResNet.</summary>
public enum BorderMode
{
    /// <summary>By zeros, as the networks were trained.</summary>
    Zeros,

    /// <summary>By its mirror image.</summary>
    Reflect,

    /// <summary>
    /// By its mirror image, laid around a ReLU's output at once: a layer that a convolution of its block follows has it, too, and is larger
    /// by two pixels. None is laid before <c>conv3_3</c>, which makes its map smaller by two pixels. So some published code of a VGG-19 has
    /// it.
    /// </summary>
    ReflectAhead,
}

/// <summary>The size of a convolution's border.</summary>
internal enum PaddingSize
{
    /// <summary>(kernel - 1) / 2 on each side, PyTorch's convention.</summary>
    Symmetric,

    /// <summary>No border: it was laid before.</summary>
    None,

    /// <summary>
    /// As much as makes the output ceil(input / stride), the odd pixel at the right and the bottom: TensorFlow's SAME. The input is the
    /// actual one at each call, as in timm, or one of <see cref="ConvolutionSpec.NominalSide"/>, as in efficientnet_pytorch.
    /// </summary>
    Same,
}

/// <summary>A convolution of a network, and the batch norm that may follow it.</summary>
/// <param name="Name">The convolution's name in a state dict, without <c>.weight</c>.</param>
/// <param name="Norm">The batch norm's name; null: the convolution has a bias and no batch norm.</param>
/// <param name="In">Input channels.</param>
/// <param name="Out">Output channels.</param>
/// <param name="Kernel">Width and height of the kernel.</param>
/// <param name="Stride">In both directions.</param>
/// <param name="Groups">1, or <paramref name="In"/> for a depthwise convolution.</param>
/// <param name="Padding">Size of the border.</param>
/// <param name="NominalSide">
/// Width and height in pixels for which <see cref="PaddingSize.Same"/> is computed whatever the input's; null: the actual input's.
/// </param>
/// <param name="Border">Content of the border.</param>
/// <param name="Epsilon">Of the batch norm.</param>
internal sealed record ConvolutionSpec(
    string Name,
    string? Norm,
    long In,
    long Out,
    long Kernel,
    long Stride = 1,
    long Groups = 1,
    PaddingSize Padding = PaddingSize.Symmetric,
    long? NominalSide = null,
    BorderMode Border = BorderMode.Zeros,
    double Epsilon = 1e-5
)
{
    public long[] WeightShape => [Out, In / Groups, Kernel, Kernel];
}

/// <summary>The values of a batch norm, each <c>[C]</c>.</summary>
internal sealed record BatchNorm(Tensor Weight, Tensor Bias, Tensor Mean, Tensor Variance);

/// <summary>
/// A convolution with its weights. A frozen one has its batch norm folded in; a trainable one applies the batch norm behind it,
/// with the batch's statistics while training.
/// </summary>
internal sealed class Convolution(ConvolutionSpec spec) : IDisposable
{
    // PyTorch's default, with which torchvision's networks were trained.
    private const double Momentum = 0.1;

    private Tensor? _weight;
    private Tensor? _bias;
    private BatchNorm? _norm;

    public ConvolutionSpec Spec => spec;

    public bool IsLoaded => _weight is not null;

    /// <summary>Takes the weights over, folded when frozen.</summary>
    /// <param name="kernel"><c>[Out, In / Groups, Kernel, Kernel]</c></param>
    /// <param name="offset"><c>[Out]</c>, or null when a batch norm follows.</param>
    /// <param name="batchNorm">The batch norm that follows, if any.</param>
    /// <param name="trainable">Whether the weights become parameters.</param>
    /// <param name="device">Where they are kept.</param>
    public void Load(Tensor kernel, Tensor? offset, BatchNorm? batchNorm, bool trainable, Device device)
    {
        using var scope = torch.NewDisposeScope();
        if (trainable)
        {
            _weight = Learned(kernel.channels_last(), device);
            _bias = offset is null ? null : Learned(offset, device);
            _norm = batchNorm is null
                ? null
                : new BatchNorm(
                    Learned(batchNorm.Weight, device),
                    Learned(batchNorm.Bias, device),
                    Kept(batchNorm.Mean, device),
                    Kept(batchNorm.Variance, device)
                );
            return;
        }
        if (batchNorm is not null)
        {
            (kernel, offset) = Fold(kernel, offset, batchNorm);
        }
        _weight = Kept(kernel.to(device).channels_last(), device);
        _bias = offset is null ? null : Kept(offset, device);
    }

    public Tensor Apply(Tensor input, bool training)
    {
        using var scope = torch.NewDisposeScope();
        var (padded, padding) = spec.Padding == PaddingSize.None ? (input, default) : Pad(input);
        var output = Convolutions.Apply(padded, _weight!, _bias, spec.Stride, padding, groups: spec.Groups);
        if (_norm is not null)
        {
            output = F.batch_norm(output, _norm.Mean, _norm.Variance, _norm.Weight, _norm.Bias, training, Momentum, spec.Epsilon);
        }
        return output.MoveToOuterDisposeScope();
    }

    /// <summary>The convolution, and the batch norm that was not folded, as operations of an ONNX graph.</summary>
    public OnnxValue Export(OnnxValue input)
    {
        using var scope = torch.NewDisposeScope();
        var (kernel, offset) = _norm is null ? (_weight!, _bias) : Fold(_weight!, _bias, _norm);
        var side = (spec.Kernel - 1) / 2;
        var (padded, padding) = (spec.Padding, spec.Border) switch
        {
            (PaddingSize.None, _) => (input, 0L),
            (_, BorderMode.Reflect) => (side == 0 ? input : input.Pad(side, side, side, side, "reflect"), 0L),
            (PaddingSize.Symmetric, _) => (input, side),
            _ => (SamePadded(input), 0L),
        };
        return padded.Conv2d(kernel, offset, spec.Stride, (padding, padding), groups: spec.Groups);
    }

    /// <summary>TensorFlow's border, which depends on the input's size: known for the nominal one, else computed in the graph.</summary>
    private OnnxValue SamePadded(OnnxValue input)
    {
        if (spec.NominalSide is { } side)
        {
            var missing = Missing(side);
            var first = missing / 2;
            return missing == 0 ? input : input.Pad(first, missing - first, first, missing - first, "constant");
        }
        var model = input.Model;
        var lengths = input.Shape().Narrow(0, 2, 2);
        var outputs = (lengths + (spec.Stride - 1)) / spec.Stride;
        var lacking = (((outputs - 1) * spec.Stride) + spec.Kernel - lengths).ClampMin(0);
        var before = lacking / 2;
        var none = model.Integers(0, 0);
        return input.Apply("Pad", input.Type, [OnnxValue.Cat([none, before, none, lacking - before], 0)], ("mode", "constant"));
    }

    /// <summary>What a gradient reaches, by its name in a state dict.</summary>
    public IEnumerable<(string Name, Parameter Value)> NamedParameters() =>
        StateDict(fold: false).Where(entry => entry.Value is Parameter).Select(entry => (entry.Name, (Parameter)entry.Value));

    /// <summary>
    /// The weights by their names in a state dict; with <paramref name="fold"/> as new tensors with the batch norm folded in.
    /// </summary>
    public IEnumerable<(string Name, Tensor Value)> StateDict(bool fold)
    {
        var (kernel, offset) = fold && _norm is not null ? Fold(_weight!, _bias, _norm) : (_weight!, _bias);
        yield return ($"{spec.Name}.weight", kernel);
        if (offset is not null)
        {
            yield return ($"{spec.Name}.bias", offset);
        }
        if (_norm is not null && !fold)
        {
            yield return ($"{spec.Norm}.weight", _norm.Weight);
            yield return ($"{spec.Norm}.bias", _norm.Bias);
            yield return ($"{spec.Norm}.running_mean", _norm.Mean);
            yield return ($"{spec.Norm}.running_var", _norm.Variance);
        }
    }

    public void Dispose()
    {
        _weight?.Dispose();
        _bias?.Dispose();
        _norm?.Weight.Dispose();
        _norm?.Bias.Dispose();
        _norm?.Mean.Dispose();
        _norm?.Variance.Dispose();
    }

    // In double precision: a small variance magnifies the rounding of its inverse root over all later layers.
    private (Tensor Kernel, Tensor Offset) Fold(Tensor kernel, Tensor? offset, BatchNorm batchNorm)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        Tensor Double(Tensor value) => value.to(ScalarType.Float64);
        var scale = Double(batchNorm.Weight) / (Double(batchNorm.Variance) + spec.Epsilon).sqrt();
        var center = offset is null ? Double(batchNorm.Mean) : Double(batchNorm.Mean) - Double(offset);
        var folded = (Double(kernel) * scale.view(-1, 1, 1, 1)).to(ScalarType.Float32);
        var shift = (Double(batchNorm.Bias) - center * scale).to(ScalarType.Float32);
        return (folded.MoveToOuterDisposeScope(), shift.MoveToOuterDisposeScope());
    }

    private (Tensor Padded, (long Height, long Width) Padding) Pad(Tensor input)
    {
        if (spec.Padding == PaddingSize.Symmetric && spec.Border == BorderMode.Zeros)
        {
            var side = (spec.Kernel - 1) / 2;
            return (input, (side, side));
        }
        if (spec.Border == BorderMode.Reflect)
        {
            var side = (spec.Kernel - 1) / 2;
            return (side == 0 ? input : F.pad(input, [side, side, side, side], PaddingModes.Reflect), default);
        }
        var height = Missing(spec.NominalSide ?? input.shape[2]);
        var width = Missing(spec.NominalSide ?? input.shape[3]);
        return height % 2 == 0 && width % 2 == 0
            ? (input, (height / 2, width / 2))
            : (F.pad(input, [width / 2, width - width / 2, height / 2, height - height / 2], PaddingModes.Constant, 0), default);
    }

    private long Missing(long length)
    {
        var outputs = (length + spec.Stride - 1) / spec.Stride;
        return Math.Max((outputs - 1) * spec.Stride + spec.Kernel - length, 0);
    }

    private static Parameter Learned(Tensor value, Device device)
    {
        var parameter = new Parameter(value.to(device).detach().clone(), requires_grad: true);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    private static Tensor Kept(Tensor value, Device device)
    {
        using var scope = torch.NewDisposeScope();
        return value.to(device).alias().DetachFromDisposeScope();
    }
}
