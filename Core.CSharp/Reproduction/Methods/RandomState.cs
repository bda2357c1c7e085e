using System.Buffers.Binary;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// The state of libtorch's default generator, from a checkpoint. libtorch checks a state that it is given, but what it throws passes
/// through TorchSharp uncaught and ends the process: so the same is checked here before.
/// </summary>
internal static class RandomState
{
    // The layout of at::CPUGeneratorImplStateLegacy, which begins the state: seed (8 bytes), left (4), seeded (4), next (8), 624 words of 8
    // bytes.
    private const int LeftAt = 8;
    private const int SeededAt = 12;
    private const int NextAt = 16;
    private const int Words = 624;

    /// <summary>Continues with the random numbers of the checkpoint.</summary>
    /// <param name="saved">Holds what <c>torch.random.get_rng_state</c> gave.</param>
    /// <param name="name">Under this name.</param>
    /// <exception cref="UserError">It is missing, of another length, or no state that the generator can be in.</exception>
    public static void Restore(DetectorState saved, string name)
    {
        using var scope = torch.NewDisposeScope();
        var state = saved.Tensor(name, ScalarType.Byte, torch.random.get_rng_state().shape);
        var bytes = state.cpu().data<byte>().ToArray();
        var left = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(LeftAt));
        var seeded = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(SeededAt));
        var next = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(NextAt));
        if (seeded != 1 || left is < 1 or > Words || next > Words)
        {
            throw saved.Wrong($"holds in {name} no state of the random numbers' generator");
        }
        torch.random.set_rng_state(state);
    }
}
