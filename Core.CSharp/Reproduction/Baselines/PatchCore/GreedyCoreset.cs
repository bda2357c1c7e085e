using static TorchSharp.torch;

namespace Reproduction.Baselines.PatchCore;

/// <summary>
/// Equation (5), greedily: the next point is always the one that is farthest from its nearest among those chosen (Gonzalez 1985).
/// <para>
/// Written down as it is, every choice reads all points once: N times d numbers a choice, a matrix by a vector, at the speed of memory.
/// Here choices are made in rounds, and all points meet the choices of a round in one product of matrices. Within a round only the
/// farthest candidates are followed. A point's distance to its nearest chosen one can only fall, so that what lay below the farthest
/// candidate's present distance when the round began lies below it still: while the best candidate is no nearer than the farthest point
/// outside was, it is the choice that the plain loop would have made. When it falls below, the round ends.
/// </para>
/// </summary>
public static class GreedyCoreset
{
    /// <summary>Points that a round follows.</summary>
    private const int Candidates = 4096;

    /// <summary>Choices a round at most.</summary>
    private const int RoundSize = 256;

    /// <summary>Points that meet a round's choices at a time: their product stays in the processor's cache.</summary>
    private const int PointBlock = 16384;

    /// <summary>Chooses points.</summary>
    /// <param name="points">float32 <c>[N,D]</c>.</param>
    /// <param name="count">How many to choose, at most N.</param>
    /// <param name="first">The first choice; -1 where <paramref name="closest"/> gives the distances to choices from before.</param>
    /// <param name="closest">Squared distances <c>[N]</c> to the nearest choice from before; null for none.</param>
    /// <param name="progress">Told how many are chosen.</param>
    /// <returns>
    /// The choices in their order, and the largest distance of any point to its nearest choice: how far the coreset is from what it stands
    /// for.
    /// </returns>
    public static (long[] Chosen, double Radius) Select(
        Tensor points,
        int count,
        long first,
        Tensor? closest = null,
        Action<int>? progress = null
    )
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var norms = points.square().sum([1L]);
        var distances = closest?.clone() ?? full_like(norms, float.PositiveInfinity);
        var chosen = new List<long>(count);
        if (first >= 0 && count > 0)
        {
            chosen.Add(first);
            Meet(points, norms, distances, [first]);
        }
        while (chosen.Count < count)
        {
            using var round = NewDisposeScope();
            var choices = Round(points, norms, distances, count - chosen.Count);
            chosen.AddRange(choices);
            if (chosen.Count < count)
            {
                progress?.Invoke(chosen.Count);
            }
            Meet(points, norms, distances, choices);
        }
        return ([.. chosen], Math.Sqrt(Math.Max(0, distances.max().item<float>())));
    }

    /// <summary>The next choices, at least one.</summary>
    private static List<long> Round(Tensor points, Tensor norms, Tensor distances, int most)
    {
        var some = Math.Min(Candidates, distances.shape[0]);
        var (values, indices) = distances.topk((int)some);
        var outside = some < distances.shape[0] ? values[some - 1].item<float>() : float.NegativeInfinity;
        var rows = indices.data<long>().ToArray();
        var followed = points.index_select(0, indices);
        var squares = norms.index_select(0, indices);
        var choices = new List<long>();
        while (choices.Count < Math.Min(most, RoundSize))
        {
            using var each = NewDisposeScope();
            var (value, position) = values.max(0);
            var best = position.item<long>();
            if (choices.Count > 0 && value.item<float>() < outside)
            {
                break;
            }
            choices.Add(rows[best]);
            var met = followed.Times(followed[best]).mul_(-2).add_(squares).add_(squares[best]);
            values.copy_(minimum(values, met.clamp_min_(0)));
            // Below every distance: never chosen again, even where other points coincide with it.
            values.narrow(0, best, 1).fill_(-1);
        }
        return choices;
    }

    /// <summary>Takes new choices into the distances of all points.</summary>
    private static void Meet(Tensor points, Tensor norms, Tensor distances, IReadOnlyList<long> choices)
    {
        using var scope = NewDisposeScope();
        var index = tensor(choices.ToArray(), device: points.device);
        var centres = points.index_select(0, index).mul_(-2);
        var squares = norms.index_select(0, index);
        for (var first = 0L; first < points.shape[0]; first += PointBlock)
        {
            using var each = NewDisposeScope();
            var some = Math.Min(PointBlock, points.shape[0] - first);
            var met = points.narrow(0, first, some).RowProducts(centres, squares).amin([1L]).add_(norms.narrow(0, first, some));
            var own = distances.narrow(0, first, some);
            own.copy_(minimum(own, met.clamp_min_(0)));
        }
        distances.index_fill_(0, index, -1);
    }
}
