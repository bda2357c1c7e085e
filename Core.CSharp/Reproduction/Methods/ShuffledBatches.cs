namespace Reproduction.Methods;

/// <summary>
/// The batches of a training that passes over all of its items again and again, in another order each time. The order depends on the seed
/// and the epoch alone (<see cref="FitContext.Shuffle"/>).
/// </summary>
/// <param name="context">Whose seed it is.</param>
/// <param name="count">Number of items: images, or positions of them.</param>
/// <param name="size">Items a batch.</param>
/// <param name="partial">
/// Whether an epoch ends with a batch of what is left over; without it that is left out, and <paramref name="size"/> is at most
/// <paramref name="count"/>.
/// </param>
public sealed class ShuffledBatches(FitContext context, int count, int size, bool partial)
{
    private (long Epoch, int[] Order) _current = (-1, []);

    /// <summary>Number of batches an epoch.</summary>
    public int PerEpoch { get; } = partial ? (count + size - 1) / size : count / size;

    /// <summary>The epoch, from 0, that a step belongs to.</summary>
    /// <param name="step">From 0.</param>
    public int Epoch(long step) => (int)(step / PerEpoch);

    /// <summary>The items of a step's batch, each in 0..count-1.</summary>
    /// <param name="step">From 0.</param>
    public int[] At(long step)
    {
        var epoch = Epoch(step);
        if (epoch != _current.Epoch)
        {
            _current = (epoch, context.Shuffle(count, epoch));
        }

        var first = (int)(step % PerEpoch) * size;
        return _current.Order[first..Math.Min(first + size, count)];
    }
}
