using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers;

/// <summary>What surrounds a fit: seed, progress, cancellation, checkpoints.</summary>
public sealed record FitContext
{
    /// <summary>Seed of everything random in the fit. The runner has already seeded libtorch with it.</summary>
    public required int Seed { get; init; }

    /// <summary>Told after each step of training: (steps done, steps in all, a short text such as the loss).</summary>
    public Action<long, long, string> Progress { get; init; } = (_, _, _) => { };

    /// <summary>Told of what a user should know though the fit goes on: a bounded variance, a restarted schedule.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>Cancelled when the run is to stop; training then writes a checkpoint and throws <see cref="OperationCanceledException"/>.</summary>
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
        var random = new CounterRandom((ulong)Seed, (ulong)epoch);
        for (var i = count - 1; i > 0; i--)
        {
            var j = random.Next(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>A generator that depends only on the seed and <paramref name="step"/>: a step's random numbers are drawn from it.</summary>
    public Generator Generator(long step, Device device) =>
        new(new CounterRandom((ulong)Seed, 0x5EED_0000_0000UL + (ulong)step).NextULong() >> 1, device);
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

/// <summary>SplitMix64 over (seed, stream): the same numbers on every machine, without state that would have to be saved.</summary>
public struct CounterRandom(ulong seed, ulong stream)
{
    private ulong _state = Mix((seed * 0x9E3779B97F4A7C15UL) + Mix(stream + 0x632BE59BD9B4E019UL));

    /// <summary>Uniform over all 64-bit values.</summary>
    public ulong NextULong() => Mix(_state += 0x9E3779B97F4A7C15UL);

    /// <summary>Uniform over 0..<paramref name="bound"/>-1.</summary>
    public int Next(int bound) => (int)Math.BigMul(NextULong(), (ulong)bound, out _);

    /// <summary>Uniform over [0, 1).</summary>
    public double NextDouble() => (NextULong() >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
