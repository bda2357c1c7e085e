using static TorchSharp.torch;

namespace Reproduction.Formats;

/// <summary>
/// A value of an ONNX graph under construction. Its members append operations to the graph and have the names and the meaning of
/// libtorch's: an equation is written here as it is there.
/// </summary>
/// <param name="Model">The model that it is of.</param>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">Of its elements.</param>
internal readonly record struct OnnxValue(OnnxModelBuilder Model, string Name, ScalarType Type)
{
    public static OnnxValue operator +(OnnxValue left, OnnxValue right) => left.With("Add", right);

    public static OnnxValue operator +(OnnxValue left, double right) => left + left.Number(right);

    public static OnnxValue operator +(double left, OnnxValue right) => right + left;

    public static OnnxValue operator -(OnnxValue left, OnnxValue right) => left.With("Sub", right);

    public static OnnxValue operator -(OnnxValue left, double right) => left - left.Number(right);

    public static OnnxValue operator -(double left, OnnxValue right) => right.Number(left) - right;

    public static OnnxValue operator *(OnnxValue left, OnnxValue right) => left.With("Mul", right);

    public static OnnxValue operator *(OnnxValue left, double right) => left * left.Number(right);

    public static OnnxValue operator *(double left, OnnxValue right) => right * left;

    public static OnnxValue operator /(OnnxValue left, OnnxValue right) => left.With("Div", right);

    public static OnnxValue operator /(OnnxValue left, double right) => left / left.Number(right);

    public OnnxValue Sqrt() => Unary("Sqrt");

    public OnnxValue Exp() => Unary("Exp");

    public OnnxValue Floor() => Unary("Floor");

    public OnnxValue Abs() => Unary("Abs");

    /// <summary>To the nearest whole number, halves to the even one.</summary>
    public OnnxValue Round() => Unary("Round");

    public OnnxValue Relu() => Unary("Relu");

    public OnnxValue Sigmoid() => Unary("Sigmoid");

    public OnnxValue Silu() => this * Sigmoid();

    public OnnxValue LeakyRelu(double slope) => Unary("LeakyRelu", ("alpha", (float)slope));

    public OnnxValue Square() => this * this;

    public OnnxValue ClampMin(double least) => With("Max", Number(least));

    public OnnxValue ClampMax(double most) => With("Min", Number(most));

    public OnnxValue Maximum(OnnxValue other) => With("Max", other);

    public OnnxValue To(ScalarType type) => type == Type ? this : Apply("Cast", type, [], ("to", OnnxModelBuilder.Code(type)));

    public OnnxValue Sum(long[] axes, bool keepdim = false) => Reduced("ReduceSum", axes, keepdim);

    public OnnxValue Mean(long[] axes, bool keepdim = false) => Reduced("ReduceMean", axes, keepdim);

    public OnnxValue Amax(long[] axes, bool keepdim = false) => Reduced("ReduceMax", axes, keepdim);

    public OnnxValue Minimum(OnnxValue other) => With("Min", other);

    public OnnxValue Amin(long[] axes, bool keepdim = false) => Reduced("ReduceMin", axes, keepdim);

    /// <summary>The place of the least value along an axis, the first of equal ones, int64.</summary>
    public OnnxValue ArgMin(long axis) => Apply("ArgMin", ScalarType.Int64, [], ("axis", axis), ("keepdims", 0L));

    /// <summary>The place of the greatest value along an axis, the first of equal ones, int64.</summary>
    public OnnxValue ArgMax(long axis, bool keepdim = false) =>
        Apply("ArgMax", ScalarType.Int64, [], ("axis", axis), ("keepdims", keepdim ? 1L : 0L));

    /// <summary>The least values along the last axis, the least first, and their places, int64.</summary>
    public (OnnxValue Values, OnnxValue Places) Least(long count)
    {
        var (values, places) = Model.ApplyTwo(
            "TopK",
            [this, Model.Integers(count)],
            Type,
            ScalarType.Int64,
            ("axis", -1L),
            ("largest", 0L)
        );
        return (values, places);
    }

    public OnnxValue Unsqueeze(params long[] axes) => With("Unsqueeze", Model.Integers(axes));

    /// <summary>For each of a batch the entry that its indices name.</summary>
    /// <param name="indices">int64 <c>[N,1]</c>.</param>
    public OnnxValue GatherEach(OnnxValue indices) => Apply("GatherND", Type, [indices], ("batch_dims", 1L));

    public OnnxValue MatMul(OnnxValue other) => With("MatMul", other);

    public OnnxValue Permute(params long[] order) => Unary("Transpose", ("perm", order));

    /// <param name="shape">One length may be -1; a 0 keeps the length that is there.</param>
    public OnnxValue Reshape(params long[] shape) => With("Reshape", Model.Integers(shape));

    /// <summary>Each position's channels scaled to unit length, <c>[N,C,H,W]</c>.</summary>
    public OnnxValue Normalised() => this / Square().Sum([1], keepdim: true).Sqrt().ClampMin(1e-12);

    public OnnxValue Flatten(long axis) => Unary("Flatten", ("axis", axis));

    /// <summary><paramref name="length"/> entries of an axis, from <paramref name="start"/> on.</summary>
    public OnnxValue Narrow(long axis, long start, long length) =>
        Apply("Slice", Type, [Model.Integers(start), Model.Integers(start + length), Model.Integers(axis)]);

    /// <summary>The entries of an axis that a list of indices names.</summary>
    public OnnxValue IndexSelect(long axis, OnnxValue indices) => Apply("Gather", Type, [indices], ("axis", axis));

    /// <summary>The lengths of all axes, int64.</summary>
    public OnnxValue Shape() => Apply("Shape", ScalarType.Int64, []);

    /// <summary>Values side by side along an axis.</summary>
    public static OnnxValue Cat(IReadOnlyList<OnnxValue> values, long axis) =>
        values.Count == 1
            ? values[0]
            : values[0].Model.Apply("Concat", values[0].Type, values.Select(value => (OnnxValue?)value), ("axis", axis));

    /// <summary>Rows and columns beyond the border of <c>[N,C,H,W]</c>.</summary>
    /// <param name="mode"><c>constant</c> (zeros), <c>reflect</c> or <c>edge</c>.</param>
    public OnnxValue Pad(long left, long right, long top, long bottom, string mode) =>
        Apply("Pad", Type, [Model.Integers(0, 0, top, left, 0, 0, bottom, right)], ("mode", mode));

    /// <summary>A convolution with zeros beyond the border.</summary>
    /// <param name="kernel"><c>[Out,In/Groups,k,k]</c>.</param>
    /// <param name="bias"><c>[Out]</c>; null for none.</param>
    public OnnxValue Conv2d(
        Tensor kernel,
        Tensor? bias,
        long stride = 1,
        (long Height, long Width) padding = default,
        long dilation = 1,
        long groups = 1
    ) =>
        Convolved(
            "Conv",
            kernel,
            bias,
            ("strides", new[] { stride, stride }),
            ("pads", Pads(padding.Height, padding.Width)),
            ("dilations", new[] { dilation, dilation }),
            ("group", groups)
        );

    /// <summary>A transposed convolution without groups.</summary>
    /// <param name="kernel"><c>[In,Out,k,k]</c>.</param>
    /// <param name="bias"><c>[Out]</c>; null for none.</param>
    public OnnxValue ConvTranspose2d(Tensor kernel, Tensor? bias, long stride, long padding, long outputPadding) =>
        Convolved(
            "ConvTranspose",
            kernel,
            bias,
            ("strides", new[] { stride, stride }),
            ("pads", Pads(padding, padding)),
            ("output_padding", new[] { outputPadding, outputPadding })
        );

    /// <summary>A batch norm with the running statistics.</summary>
    public OnnxValue BatchNorm(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double epsilon) =>
        Apply(
            "BatchNormalization",
            Type,
            [Model.Constant(weight), Model.Constant(bias), Model.Constant(mean), Model.Constant(variance)],
            ("epsilon", (float)epsilon)
        );

    public OnnxValue MaxPool2d(long kernel, long stride, long padding = 0) =>
        Unary(
            "MaxPool",
            ("kernel_shape", new[] { kernel, kernel }),
            ("strides", new[] { stride, stride }),
            ("pads", Pads(padding, padding))
        );

    /// <summary>A mean filter.</summary>
    /// <param name="countsBorder">Whether zeros beyond the border count, or only what is there.</param>
    public OnnxValue AvgPool2d(long kernel, long stride, long padding = 0, bool countsBorder = true) =>
        Unary(
            "AveragePool",
            ("kernel_shape", new[] { kernel, kernel }),
            ("strides", new[] { stride, stride }),
            ("pads", Pads(padding, padding)),
            ("count_include_pad", countsBorder ? 1L : 0L)
        );

    /// <summary><c>factor * factor</c> times the channels rearranged into more rows and columns.</summary>
    public OnnxValue PixelShuffle(long factor) => Unary("DepthToSpace", ("blocksize", factor), ("mode", "CRD"));

    /// <summary>Bilinear interpolation of <c>[N,C,h,w]</c> without antialiasing.</summary>
    public OnnxValue Interpolate(long height, long width, bool alignCorners = false) =>
        // The lengths of all axes: ONNX Runtime's inference of shapes takes those of two axes for none.
        Apply(
            "Resize",
            Type,
            [null, null, Cat([Shape().Narrow(0, 0, 2), Model.Integers(height, width)], 0)],
            ("mode", "linear"),
            ("coordinate_transformation_mode", alignCorners ? "align_corners" : "half_pixel")
        );

    /// <summary>The nearest position above and to the left, as libtorch's <c>nearest</c>.</summary>
    public OnnxValue InterpolateNearest(long height, long width) =>
        Apply(
            "Resize",
            Type,
            [null, null, Cat([Shape().Narrow(0, 0, 2), Model.Integers(height, width)], 0)],
            ("mode", "nearest"),
            ("coordinate_transformation_mode", "asymmetric"),
            ("nearest_mode", "floor")
        );

    /// <summary>Each pixel of <c>[N,C,h,w]</c> becomes <paramref name="factor"/> x <paramref name="factor"/> of them.</summary>
    public OnnxValue Repeated(long factor)
    {
        using var scope = NewDisposeScope();
        return Apply(
            "Resize",
            Type,
            [null, Model.Constant(tensor(new[] { 1f, 1f, factor, factor }))],
            ("mode", "nearest"),
            ("coordinate_transformation_mode", "asymmetric"),
            ("nearest_mode", "floor")
        );
    }

    /// <summary>An operation with this value as its first input.</summary>
    public OnnxValue Apply(
        string operation,
        ScalarType type,
        IEnumerable<OnnxValue?> others,
        params (string Name, object Value)[] attributes
    ) => Model.Apply(operation, type, others.Prepend(this), attributes);

    private OnnxValue Convolved(string operation, Tensor kernel, Tensor? bias, params (string Name, object Value)[] attributes) =>
        Apply(
            operation,
            Type,
            bias is null ? [Model.Constant(kernel)] : [Model.Constant(kernel), Model.Constant(bias)],
            [("kernel_shape", kernel.shape[2..]), .. attributes]
        );

    private static long[] Pads(long height, long width) => [height, width, height, width];

    private OnnxValue Reduced(string operation, long[] axes, bool keepdim) =>
        Apply(operation, Type, [Model.Integers(axes)], ("keepdims", keepdim ? 1L : 0L));

    private OnnxValue With(string operation, OnnxValue other) => Apply(operation, Type, [other]);

    private OnnxValue Unary(string operation, params (string Name, object Value)[] attributes) => Apply(operation, Type, [], attributes);

    private OnnxValue Number(double value) => Model.Constant(value, Type);
}
