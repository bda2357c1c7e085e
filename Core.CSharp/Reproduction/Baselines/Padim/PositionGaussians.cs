using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Padim;

/// <summary>
/// Count, mean and scatter of the vectors at each position: all that a Gaussian needs of its samples, so that more of them can be taken in
/// later without the first ones.
/// </summary>
public sealed class PositionGaussians : IDisposable
{
    /// <summary>Positions whose scatter is updated at a time: the matrices of a block are added where they lie.</summary>
    private const int PositionBlock = 256;

    private PositionGaussians(long count, Tensor mean, Tensor scatter) =>
        (Count, Mean, Scatter) = (count, mean.DetachFromDisposeScope(), scatter.DetachFromDisposeScope());

    /// <summary>N, the number of samples a position.</summary>
    public long Count { get; private set; }

    /// <summary>float32 <c>[P,C]</c>.</summary>
    public Tensor Mean { get; }

    /// <summary>Sums of (x - mean)(x - mean)^T, float32 <c>[P,C,C]</c>.</summary>
    public Tensor Scatter { get; }

    /// <summary>No samples yet.</summary>
    /// <param name="positions">P.</param>
    /// <param name="channels">C.</param>
    /// <param name="device">Where the samples will be.</param>
    public static PositionGaussians Empty(long positions, long channels, Device device) =>
        new(0, zeros([positions, channels], device: device), zeros([positions, channels, channels], device: device));

    /// <summary>Those that were saved.</summary>
    /// <param name="state">Holds <c>mean</c>, <c>scatter</c> and <c>count</c>.</param>
    /// <param name="positions">P.</param>
    /// <param name="channels">C.</param>
    /// <param name="device">Where the samples will be.</param>
    /// <exception cref="UserError">Something is missing, of another shape, or not finite.</exception>
    public static PositionGaussians Load(DetectorState state, long positions, long channels, Device device) =>
        new(
            state.Whole("count", 2),
            state.Tensor("mean", ScalarType.Float32, [positions, channels]).to(device, copy: true),
            state.Tensor("scatter", ScalarType.Float32, [positions, channels, channels]).to(device, copy: true)
        );

    /// <summary>
    /// Takes samples in. With n samples so far and m new ones of mean b, whose own scatter is S_b, the scatter grows by
    /// S_b + n m / (n + m) (b - a)(b - a)^T and the mean a moves by m / (n + m) (b - a) (Chan, Golub and LeVeque 1979).
    /// </summary>
    /// <param name="samples">float32 <c>[P,m,C]</c>.</param>
    public void Add(Tensor samples)
    {
        using var noGradient = no_grad();
        var (n, m) = ((double)Count, (double)samples.shape[1]);
        for (var first = 0L; first < samples.shape[0]; first += PositionBlock)
        {
            using var each = NewDisposeScope();
            var some = Math.Min(PositionBlock, samples.shape[0] - first);
            var (x, mean) = (samples.narrow(0, first, some), Mean.narrow(0, first, some));
            var own = x.mean([1L], keepdim: true);
            var centred = x - own;
            var shift = own.squeeze(1) - mean;
            // The move of the mean as one more sample of its own weight: one product does both.
            var rows = cat([centred, shift.unsqueeze(1) * Math.Sqrt(n * m / (n + m))], 1);
            Scatter.narrow(0, first, some).add_(rows.transpose(1, 2).bmm(rows));
            mean.add_(shift * (m / (n + m)));
        }
        Count += samples.shape[1];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Scatter.Dispose();
    }
}
