using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// Nearest neighbours among many vectors: |q - b|^2 = |q|^2 - 2 q.b + |b|^2, so that a block of the bank costs one matrix product, of which
/// a running minimum is kept. The distance to the neighbour that is found is then computed again from the difference itself, because the
/// sum above cancels where the two are close.
/// </summary>
public static class NearestNeighbours
{
    /// <summary>Rows of queries and of the bank that meet in one product: 2 MB of float32, which the processor's cache holds.</summary>
    private const int QueryBlock = 1024;
    private const int BankBlock = 512;

    /// <summary>The nearest row of a bank to each query.</summary>
    /// <param name="queries">float32 <c>[Q,C]</c>.</param>
    /// <param name="bank">float32 <c>[M,C]</c>, M at least 1.</param>
    /// <returns>
    /// Squared distances <c>[Q]</c>, and the rows of the bank as int64 <c>[Q]</c>; of several that are equally near, the first.
    /// </returns>
    public static (Tensor SquaredDistance, Tensor Index) Nearest(Tensor queries, Tensor bank)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var norms = bank.square().sum([1L]);
        var indices = new List<Tensor>();
        for (var first = 0L; first < queries.shape[0]; first += QueryBlock)
        {
            using var each = NewDisposeScope();
            var some = queries.narrow(0, first, Math.Min(QueryBlock, queries.shape[0] - first)) * -2;
            indices.Add(NearestOf(some, bank, norms).MoveToOuterDisposeScope());
        }
        var index = cat(indices);
        return WithDistance(queries, bank, index);
    }

    /// <summary>The rows found with their distances, computed from the differences themselves; moved to the outer scope.</summary>
    internal static (Tensor SquaredDistance, Tensor Index) WithDistance(Tensor queries, Tensor bank, Tensor index)
    {
        var distance = (queries - bank.index_select(0, index)).square().sum([1L]);
        return (distance.MoveToOuterDisposeScope(), index.MoveToOuterDisposeScope());
    }

    /// <summary>Squared distances of every query to every row of a bank, for a bank that is small.</summary>
    /// <param name="queries"><c>[Q,C]</c></param>
    /// <param name="bank"><c>[M,C]</c></param>
    /// <returns><c>[Q,M]</c>, none below 0.</returns>
    public static Tensor SquaredDistances(Tensor queries, Tensor bank)
    {
        using var scope = NewDisposeScope();
        var products = queries.Times(bank.t());
        var distances = queries.square().sum([1L], keepdim: true) + bank.square().sum([1L]) - (2 * products);
        return distances.clamp_min(0).MoveToOuterDisposeScope();
    }

    /// <summary>The rows of the bank that minimise |b|^2 - 2 q.b.</summary>
    /// <param name="scaled">-2 q, <c>[Q,C]</c>.</param>
    private static Tensor NearestOf(Tensor scaled, Tensor bank, Tensor norms)
    {
        Tensor? nearest = null;
        Tensor? index = null;
        for (var first = 0L; first < bank.shape[0]; first += BankBlock)
        {
            using var block = NewDisposeScope();
            var count = Math.Min(BankBlock, bank.shape[0] - first);
            var products = scaled.RowProducts(bank.narrow(0, first, count), norms.narrow(0, first, count));
            var (values, positions) = products.min(1);
            positions += first;
            if (nearest is null || index is null)
            {
                (nearest, index) = (values.MoveToOuterDisposeScope(), positions.MoveToOuterDisposeScope());
                continue;
            }
            var closer = values < nearest;
            var (nearer, there) = (where(closer, values, nearest), where(closer, positions, index));
            nearest.Dispose();
            index.Dispose();
            (nearest, index) = (nearer.MoveToOuterDisposeScope(), there.MoveToOuterDisposeScope());
        }
        nearest?.Dispose();
        return index ?? throw new ArgumentException("the bank is empty", nameof(bank));
    }
}
