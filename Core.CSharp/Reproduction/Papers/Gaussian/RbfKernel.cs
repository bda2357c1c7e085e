using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The matrix K of the kernel exp(-gamma |a - b|^2) between N samples, row by row: all of it from matrix products at once where it fits
/// into the memory that is allowed, otherwise a row when it is asked for, of which the ones used last are kept.
/// </summary>
internal sealed class RbfKernel : IDisposable
{
    /// <summary>256 MiB hold the whole matrix of 5,792 samples.</summary>
    public const long DefaultBytes = 256L << 20;

    /// <summary>Rows of one matrix product: enough to be fast, few enough to need little memory beside the rows that are kept.</summary>
    private const int BlockRows = 256;

    private readonly Tensor _samples;
    private readonly double _gamma;
    private readonly double[]?[] _rows;
    private readonly long[] _used;
    private readonly int _capacity;
    private int _kept;
    private long _clock;

    /// <param name="samples">Features <c>[N,D]</c>.</param>
    /// <param name="gamma">The kernel's inverse squared width, positive.</param>
    /// <param name="bytes">Memory for rows of K; two rows are kept even if they need more.</param>
    public RbfKernel(Tensor samples, double gamma, long bytes = DefaultBytes)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64).cpu();
        _samples = (x - x.mean([0L])).DetachFromDisposeScope();
        _gamma = gamma;
        Count = (int)x.shape[0];
        _rows = new double[]?[Count];
        _used = new long[Count];
        _capacity = (int)Math.Clamp(bytes / (sizeof(double) * (long)Count), 2, int.MaxValue);
        if (IsWhole)
        {
            Compute([.. Enumerable.Range(0, Count)], (index, row) => _rows[index] = row.ToArray());
        }
    }

    /// <summary>N, the number of samples.</summary>
    public int Count { get; }

    /// <summary>Whether all of K is kept.</summary>
    public bool IsWhole => _capacity >= Count;

    /// <summary>
    /// K <c>[N,M]</c> between rows <c>[N,D]</c> and <c>[M,D]</c>, by |a - b|^2 = |a|^2 + |b|^2 - 2 ab. The features should lie around
    /// zero: from large squares little is left of a small distance.
    /// </summary>
    public static Tensor Between(Tensor a, Tensor b, double gamma)
    {
        using var scope = torch.NewDisposeScope();
        var squaredDistances = a.square().sum([1L]).unsqueeze(1) + b.square().sum([1L]) - (2 * a.mm(b.t()));
        return (squaredDistances.clamp_min(0) * -gamma).exp().DetachFromDisposeScope();
    }

    /// <summary>Row <paramref name="index"/> of K, N values, which stand until two other rows have been asked for.</summary>
    public ReadOnlySpan<double> Row(int index)
    {
        _used[index] = ++_clock;
        if (_rows[index] is null)
        {
            var place = _kept < _capacity ? NewRow() : LeastRecentlyUsed();
            Compute([index], (_, row) => row.CopyTo(place));
            _rows[index] = place;
        }
        return _rows[index];
    }

    /// <summary>K w of N weights w: as K is symmetric, the sum of its rows that have a weight.</summary>
    public double[] Multiply(double[] weights)
    {
        var sum = new double[Count];
        int[] weighted = [.. Enumerable.Range(0, Count).Where(index => weights[index] != 0)];
        if (IsWhole)
        {
            foreach (var index in weighted)
            {
                AddScaled(sum, weights[index], _rows[index]);
            }
        }
        else
        {
            Compute(weighted, (index, row) => AddScaled(sum, weights[index], row));
        }
        return sum;
    }

    /// <summary>Adds <paramref name="factor"/> times a row to a sum of the same length.</summary>
    public static void AddScaled(Span<double> sum, double factor, ReadOnlySpan<double> row)
    {
        var sums = MemoryMarshal.Cast<double, Vector<double>>(sum);
        var values = MemoryMarshal.Cast<double, Vector<double>>(row[..sum.Length]);
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += factor * values[i];
        }
        for (var i = sums.Length * Vector<double>.Count; i < sum.Length; i++)
        {
            sum[i] += factor * row[i];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _samples.Dispose();

    private void Compute(int[] indices, Action<int, ReadOnlySpan<double>> use)
    {
        foreach (var block in indices.Chunk(BlockRows))
        {
            using var scope = torch.NewDisposeScope();
            var chosen = _samples.index_select(0, torch.tensor(block.Select(index => (long)index).ToArray()));
            var rows = MemoryMarshal.Cast<byte, double>(Between(chosen, _samples, _gamma).contiguous().bytes);
            for (var i = 0; i < block.Length; i++)
            {
                use(block[i], rows.Slice(i * Count, Count));
            }
        }
    }

    private double[] NewRow()
    {
        _kept++;
        return new double[Count];
    }

    /// <summary>Frees the row that was not asked for the longest: finding it costs N comparisons, computing one N D products.</summary>
    private double[] LeastRecentlyUsed()
    {
        var oldest = -1;
        for (var i = 0; i < Count; i++)
        {
            if (_rows[i] is not null && (oldest < 0 || _used[i] < _used[oldest]))
            {
                oldest = i;
            }
        }
        var row = _rows[oldest]!;
        _rows[oldest] = null;
        return row;
    }
}
