using Reproduction.Formats;
using static TorchSharp.torch;

namespace Reproduction.Imaging;

/// <summary>What <see cref="Resizer"/> computes, as operations of an ONNX graph: the same bytes.</summary>
internal static class ResizerGraph
{
    /// <summary>11 bits: OpenCV's weights, and half of PIL's, whose products with bytes a 32-bit float adds without rounding.</summary>
    private const double Half = 1 << 11;

    /// <summary>Images of any size at the size that a network takes.</summary>
    /// <param name="images">uint8 <c>[N,H,W,C]</c>.</param>
    /// <returns>float32 <c>[N,C,height,width]</c> with whole numbers from 0 to 255.</returns>
    public static OnnxValue Resize(OnnxValue images, int width, int height, Resampling resampling) =>
        resampling switch
        {
            Resampling.BilinearAntialias => Antialiased(images.Permute(0, 3, 1, 2).To(ScalarType.Float32), width, height),
            Resampling.Nearest => Nearest(Nearest(images, 1, height), 2, width).Permute(0, 3, 1, 2).To(ScalarType.Float32),
            Resampling.Bilinear => Bilinear(images, width, height),
            _ => throw new ArgumentOutOfRangeException(nameof(resampling)),
        };

    private static OnnxValue Nearest(OnnxValue images, long axis, int to) => Nearest(images, axis, images.Model.Integers(to));

    /// <summary>Rows or columns of images as <see cref="Resampling.Nearest"/> chooses them; the step is added up, as PIL does it.</summary>
    /// <param name="images">Of any type and shape.</param>
    /// <param name="axis">The axis that changes its length.</param>
    /// <param name="to">The length, int64 <c>[1]</c>.</param>
    internal static OnnxValue Nearest(OnnxValue images, long axis, OnnxValue to)
    {
        var model = images.Model;
        var from = Length(images, axis);
        var step = from.To(ScalarType.Float64) / to.To(ScalarType.Float64);
        var isFirst = Range(to).Apply("Equal", ScalarType.Bool, [model.Constant(0, ScalarType.Int64)]);
        var steps = isFirst.Apply("Where", ScalarType.Float64, [step * 0.5, step]);
        var positions = steps.Apply("CumSum", ScalarType.Float64, [model.Constant(0, ScalarType.Int64)]);
        return images.IndexSelect(axis, positions.To(ScalarType.Int64).Apply("Min", ScalarType.Int64, [from - 1]));
    }

    /// <summary>Fixed point with 11 bits a weight and one rounding at the end, so that the axes' order is free: OpenCV's
    /// INTER_LINEAR.</summary>
    private static OnnxValue Bilinear(OnnxValue images, int width, int height)
    {
        var blended = Blended(Blended(images, 1, height), 2, width);
        // Sums are not negative, so that a division that drops the fraction is a shift.
        return ((blended + (Half * Half / 2)) / (Half * Half)).Permute(0, 3, 1, 2).To(ScalarType.Float32);
    }

    /// <summary>2048 times the weighted sum of neighbours along an axis, int32.</summary>
    private static OnnxValue Blended(OnnxValue values, long axis, int to)
    {
        using var scope = NewDisposeScope();
        var model = values.Model;
        var length = Length(values, axis);
        var last = length.To(ScalarType.Float32) - 1;
        var scale = length.To(ScalarType.Float64) / to;
        var position = (model.Constant(arange(to, ScalarType.Float64) + 0.5) * scale - 0.5).To(ScalarType.Float32);
        var floor = position.Floor();
        var first = floor.ClampMin(0).Apply("Min", ScalarType.Float32, [last]);
        // Beyond either border the nearest pixel counts alone.
        var inside = Both(
            floor.Apply("GreaterOrEqual", ScalarType.Bool, [model.Constant(0, ScalarType.Float32)]),
            floor.Apply("Less", ScalarType.Bool, [last])
        );
        var weight = ((position - floor) * inside.To(ScalarType.Float32) * Half).Round().To(ScalarType.Int32);
        var second = (first + 1).Apply("Min", ScalarType.Float32, [last]);
        var left = values.IndexSelect(axis, first.To(ScalarType.Int64)).To(ScalarType.Int32);
        var right = values.IndexSelect(axis, second.To(ScalarType.Int64)).To(ScalarType.Int32);
        long[] shape = [1, 1, 1, 1];
        shape[axis] = to;
        return (left * Half) + ((right - left) * weight.Reshape(shape));
    }

    /// <summary>
    /// PIL's triangle filter, columns first, rounded to bytes after either axis. (ONNX's own antialiased Resize weighs with 32-bit floats,
    /// which is off by one in up to a hundredth of the pixels.)
    /// </summary>
    private static OnnxValue Antialiased(OnnxValue images, int width, int height)
    {
        var columns = TriangleFilter(images, 3, width);
        var narrow = Rounded(images.MatMul(columns.High), images.MatMul(columns.Low));
        var rows = TriangleFilter(images, 2, height);
        return Rounded(rows.High.Permute(1, 0).MatMul(narrow), rows.Low.Permute(1, 0).MatMul(narrow));
    }

    private static OnnxValue Rounded(OnnxValue high, OnnxValue low) =>
        (((high.To(ScalarType.Int32) * Half) + low.To(ScalarType.Int32) + (Half * Half / 2)) / (Half * Half)).To(ScalarType.Float32);

    /// <summary>The weight of every pixel for every target position, <c>[from,to]</c> each.</summary>
    private static (OnnxValue High, OnnxValue Low) TriangleFilter(OnnxValue images, long axis, int to)
    {
        using var scope = NewDisposeScope();
        var model = images.Model;
        var from = Length(images, axis);
        var scale = from.To(ScalarType.Float64) / to;
        var support = scale.ClampMin(1);
        var center = model.Constant((arange(to, ScalarType.Float64) + 0.5).unsqueeze(0)) * scale;
        var first = (center - support + 0.5).Floor();
        var last = (center + support + 0.5).Floor();
        var pixel = Range(from).To(ScalarType.Float64).Reshape(-1, 1);
        var reached = Both(pixel.Apply("GreaterOrEqual", ScalarType.Bool, [first]), pixel.Apply("Less", ScalarType.Bool, [last]));
        var exact = (1 - ((pixel - center + 0.5) / support).Abs()).ClampMin(0) * reached.To(ScalarType.Float64);
        var weights = ((exact / exact.Sum([0], keepdim: true) * (Half * Half)) + 0.5).Floor();
        var high = (weights / Half).Floor();
        return (high.To(ScalarType.Float32), (weights - (high * Half)).To(ScalarType.Float32));
    }

    /// <summary>0 to below a length, int64.</summary>
    private static OnnxValue Range(OnnxValue length) =>
        length.Model.Apply(
            "Range",
            ScalarType.Int64,
            [length.Model.Constant(0, ScalarType.Int64), length.Reshape(), length.Model.Constant(1, ScalarType.Int64)]
        );

    private static OnnxValue Both(OnnxValue left, OnnxValue right) => left.Apply("And", ScalarType.Bool, [right]);

    /// <summary>The length of an axis, <c>[1]</c>.</summary>
    private static OnnxValue Length(OnnxValue value, long axis) => value.Shape().Narrow(0, axis, 1);
}
