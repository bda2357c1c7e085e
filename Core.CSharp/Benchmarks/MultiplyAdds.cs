using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Benchmarks;

/// <summary>
/// How many fused multiply-adds of 32-bit floats the processor does when nothing has to be fetched: the bound of everything that
/// multiplies and adds.
/// </summary>
internal static class MultiplyAdds
{
    private const int Turns = 4_000_000;
    private const int Chains = 12;

    /// <summary>Billions a second on so many threads at once, the best of three times.</summary>
    public static double BillionsASecond(int threads) => Enumerable.Range(0, 3).Max(_ => Once(threads));

    private static double Once(int threads)
    {
        var lanes = Vector512.IsHardwareAccelerated ? Vector512<float>.Count : Vector256<float>.Count;
        var watch = Stopwatch.StartNew();
        var sums = new float[threads];
        var workers = Enumerable
            .Range(0, threads)
            .Select(worker => new Thread(() => sums[worker] = lanes == Vector512<float>.Count ? Wide(worker) : Narrow(worker)))
            .ToArray();
        foreach (var worker in workers)
        {
            worker.Start();
        }
        foreach (var worker in workers)
        {
            worker.Join();
        }
        var seconds = watch.Elapsed.TotalSeconds;
        // The sums are looked at so that no compiler leaves the work out.
        return sums.All(float.IsFinite) ? (double)threads * Turns * Chains * lanes / seconds / 1e9 : 0;
    }

    /// <summary>Twelve chains that do not wait for one another: two units with a latency of four to five need ten.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Wide(int start)
    {
        var (factor, term) = (Vector512.Create(0.999f), Vector512.Create(0.001f));
        var (a, b, c, d, e, f) = (Of(0), Of(1), Of(2), Of(3), Of(4), Of(5));
        var (g, h, i, j, k, l) = (Of(6), Of(7), Of(8), Of(9), Of(10), Of(11));
        for (var turn = 0; turn < Turns; turn++)
        {
            a = Vector512.FusedMultiplyAdd(a, factor, term);
            b = Vector512.FusedMultiplyAdd(b, factor, term);
            c = Vector512.FusedMultiplyAdd(c, factor, term);
            d = Vector512.FusedMultiplyAdd(d, factor, term);
            e = Vector512.FusedMultiplyAdd(e, factor, term);
            f = Vector512.FusedMultiplyAdd(f, factor, term);
            g = Vector512.FusedMultiplyAdd(g, factor, term);
            h = Vector512.FusedMultiplyAdd(h, factor, term);
            i = Vector512.FusedMultiplyAdd(i, factor, term);
            j = Vector512.FusedMultiplyAdd(j, factor, term);
            k = Vector512.FusedMultiplyAdd(k, factor, term);
            l = Vector512.FusedMultiplyAdd(l, factor, term);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);

        Vector512<float> Of(int chain) => Vector512.Create(start + 0.1f * chain);
    }

    /// <summary>As <see cref="Wide"/> where a vector has eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Narrow(int start)
    {
        var (factor, term) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        var (a, b, c, d, e, f) = (Of(0), Of(1), Of(2), Of(3), Of(4), Of(5));
        var (g, h, i, j, k, l) = (Of(6), Of(7), Of(8), Of(9), Of(10), Of(11));
        for (var turn = 0; turn < Turns; turn++)
        {
            a = Vector256.FusedMultiplyAdd(a, factor, term);
            b = Vector256.FusedMultiplyAdd(b, factor, term);
            c = Vector256.FusedMultiplyAdd(c, factor, term);
            d = Vector256.FusedMultiplyAdd(d, factor, term);
            e = Vector256.FusedMultiplyAdd(e, factor, term);
            f = Vector256.FusedMultiplyAdd(f, factor, term);
            g = Vector256.FusedMultiplyAdd(g, factor, term);
            h = Vector256.FusedMultiplyAdd(h, factor, term);
            i = Vector256.FusedMultiplyAdd(i, factor, term);
            j = Vector256.FusedMultiplyAdd(j, factor, term);
            k = Vector256.FusedMultiplyAdd(k, factor, term);
            l = Vector256.FusedMultiplyAdd(l, factor, term);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);

        Vector256<float> Of(int chain) => Vector256.Create(start + 0.1f * chain);
    }
}
