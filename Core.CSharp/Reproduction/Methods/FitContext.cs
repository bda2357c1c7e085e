using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>What surrounds a fit: seed, progress, cancellation, checkpoints.</summary>
public sealed record FitContext
{
    /// <summary>Seed of everything random in the fit. The runner has already seeded libtorch with it.</summary>
    public required int Seed { get; init; }

    /// <summary>Told after each step of training: (steps done, steps in all, a short text such as the loss).</summary>
    public Action<long, long, string> Progress { get; init; } = (_, _, _) => { };

    /// <summary>Told of what a user should know though the fit goes on: a bounded variance, a restarted schedule.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>
    /// Cancelled when the run is to stop; training then writes a checkpoint and throws <see cref="OperationCanceledException"/>.
    /// </summary>
    public CancellationToken Cancellation { get; init; } = CancellationToken.None;

    /// <summary>Where an interrupted training is kept; null keeps none.</summary>
    public ICheckpoints? Checkpoints { get; init; }

    /// <summary>
    /// A permutation of 0..<paramref name="count"/>-1 that depends only on the seed and <paramref name="epoch"/>,
    /// so that a resumed training sees the batches that the interrupted one would have seen.
    /// </summary>
    public int[] Shuffle(int count, long epoch)
    {
        var order = Enumerable.Range(0, count).ToArray();
        SplitMix64.For((ulong)Seed, $"epoch {epoch}").Shuffle(order.AsSpan());
        return order;
    }

    /// <summary>A generator that depends only on the seed and <paramref name="step"/>: a step's random numbers are drawn from it.</summary>
    public Generator Generator(long step, Device device) => new(SplitMix64.For((ulong)Seed, $"step {step}").NextBits() >> 1, device);
}

/// <summary>Where an interrupted training is kept.</summary>
public interface ICheckpoints
{
    /// <summary>Whether enough time has passed since the last checkpoint to write another.</summary>
    bool Due { get; }

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    void Save(DetectorState state);

    /// <summary>The last checkpoint of the same cell and settings; null when there is none. The caller disposes its tensors.</summary>
    DetectorState? Load();
}
