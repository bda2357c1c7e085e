using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Dfr;

/// <summary>How feature maps are brought to the image's size, equation (1) of <c>dfr</c>.</summary>
public enum Alignment
{
    /// <summary>Nearest neighbour, as the paper says.</summary>
    Nearest,

    /// <summary>Bilinear with aligned corners, as the public code does.</summary>
    BilinearAlignCorners,
}

/// <summary>
/// The regional features of <c>dfr</c>, section III-B: each feature map is resized to the image's size (1), averaged by a mean filter with
/// a stride (2), and the results are concatenated (3).
/// <para>
/// Both steps are linear, act on each channel alone and on rows and columns separately, so together they are <c>A_h F A_w'</c> with two
/// small matrices for each size of map. No map of the image's size is ever formed, and a 1x1 convolution may be applied before them.
/// </para>
/// </summary>
public sealed class RegionalFeatures : IDisposable
{
    private readonly Alignment _alignment;
    private readonly (int Height, int Width) _image;
    private readonly (int Size, int Stride) _filter;
    private readonly Dictionary<(long Length, bool Rows, DeviceType Device), Tensor?> _operators = [];

    /// <param name="alignment">How maps are brought to the image's size.</param>
    /// <param name="image">Height and width of the image in pixels.</param>
    /// <param name="filter">Side of the mean filter and its stride in pixels; 4 and 4 in the paper.</param>
    public RegionalFeatures(Alignment alignment, (int Height, int Width) image, (int Size, int Stride) filter)
    {
        _alignment = alignment;
        _image = image;
        _filter = filter;
        Height = OutputLength(image.Height);
        Width = OutputLength(image.Width);
    }

    /// <summary>Rows of the regional feature map, <c>h_o</c>.</summary>
    public int Height { get; }

    /// <summary>Columns of the regional feature map, <c>w_o</c>.</summary>
    public int Width { get; }

    /// <summary>Equations (1) and (2) for one layer.</summary>
    /// <param name="map">float32 <c>[N,C,h,w]</c>.</param>
    /// <returns><c>[N,C,h_o,w_o]</c>.</returns>
    public Tensor Align(Tensor map)
    {
        using var scope = torch.NewDisposeScope();
        if (map.shape[2] == _image.Height && map.shape[3] == _image.Width)
        {
            return nn
                .functional.avg_pool2d(map.channels_last(), [_filter.Size, _filter.Size], [_filter.Stride, _filter.Stride])
                .MoveToOuterDisposeScope();
        }
        // With the channels innermost both are products of a matrix with the rows of a matrix.
        var (count, channels, height, width) = (map.shape[0], map.shape[1], map.shape[2], map.shape[3]);
        var result = map.channels_last().permute(0, 2, 3, 1);
        if (Operator(height, rows: true, map.device) is { } rows)
        {
            result = rows.Times(result.reshape(count, height, width * channels)).reshape(count, Height, width, channels);
        }
        if (Operator(width, rows: false, map.device) is { } columns)
        {
            result = columns.Times(result.reshape(count * Height, width, channels)).reshape(count, Height, Width, channels);
        }
        return result.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Equation (3): the aligned layers side by side.</summary>
    /// <param name="maps">One float32 <c>[N,c_l,h_l,w_l]</c> a layer.</param>
    /// <returns><c>[N,c_o,h_o,w_o]</c> with <c>c_o</c> the sum of the <c>c_l</c>.</returns>
    public Tensor Concatenate(IReadOnlyList<Tensor> maps)
    {
        using var scope = torch.NewDisposeScope();
        return torch.cat([.. maps.Select(Align)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A 1x1 convolution of the concatenated regional features without forming them: each layer's share of the weights is applied where
    /// that layer's map is smaller, before or after (1) and (2).
    /// </summary>
    /// <param name="maps">One float32 <c>[N,c_l,h_l,w_l]</c> a layer.</param>
    /// <param name="weight"><c>[K,c_o,1,1]</c>.</param>
    /// <param name="bias"><c>[K]</c>.</param>
    /// <returns><c>[N,K,h_o,w_o]</c>, equal to the convolution of <see cref="Concatenate"/> up to rounding.</returns>
    public Tensor Convolve(IReadOnlyList<Tensor> maps, Tensor weight, Tensor bias)
    {
        using var scope = torch.NewDisposeScope();
        Tensor? sum = null;
        long first = 0;
        foreach (var map in maps)
        {
            var share = weight.narrow(1, first, map.shape[1]);
            first += map.shape[1];
            var term =
                map.shape[2] * map.shape[3] < (long)Height * Width
                    ? Align(nn.functional.conv2d(map, share))
                    : nn.functional.conv2d(Align(map), share);
            sum = sum is null ? term : sum.add_(term);
        }
        return (sum! + bias.reshape(1, -1, 1, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Align"/>, as operations of an ONNX graph.</summary>
    /// <param name="map"><c>[N,C,height,width]</c>.</param>
    internal OnnxValue Align(OnnxValue map, long height, long width)
    {
        if (height == _image.Height && width == _image.Width)
        {
            return map.AvgPool2d(_filter.Size, _filter.Stride);
        }
        if (Operator(height, rows: true, CPU) is { } rows)
        {
            map = map.Model.Constant(rows).MatMul(map);
        }
        if (Operator(width, rows: false, CPU) is { } columns)
        {
            using var scope = torch.NewDisposeScope();
            map = map.MatMul(map.Model.Constant(columns.t()));
        }
        return map;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var matrix in _operators.Values)
        {
            matrix?.Dispose();
        }

        _operators.Clear();
    }

    private int OutputLength(int pixels) => ((pixels - _filter.Size) / _filter.Stride) + 1;

    /// <summary>
    /// The matrix of (1) and (2) along one axis, for maps of <paramref name="length"/> rows or columns; null where it is the identity.
    /// </summary>
    private Tensor? Operator(long length, bool rows, Device device)
    {
        if (_operators.TryGetValue((length, rows, device.type), out var known))
        {
            return known;
        }

        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        // libtorch's own resize and mean filter, applied to the unit vectors, give the matrix's columns.
        var units = torch.eye(length).reshape(1, length, 1, length);
        var pixels = rows ? _image.Height : _image.Width;
        var resized =
            _alignment == Alignment.Nearest
                ? nn.functional.interpolate(units, [1, pixels], mode: InterpolationMode.Nearest)
                : nn.functional.interpolate(units, [1, pixels], mode: InterpolationMode.Bilinear, align_corners: true);
        var matrix = nn.functional.avg_pool2d(resized, [1, _filter.Size], [1, _filter.Stride]).reshape(length, -1);
        var isIdentity = matrix.shape[0] == matrix.shape[1] && matrix.allclose(torch.eye(length), 0, 1e-7);
        return _operators[(length, rows, device.type)] = isIdentity
            ? null
            : matrix.transpose(0, 1).contiguous().to(device).DetachFromDisposeScope();
    }
}
