using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Studies;

/// <summary>
/// The plane that a batch of N patterns of side S is drawn on: each with its own rotation, period and offset. Fields are <c>[N,S,S]</c>.
/// </summary>
internal sealed class PatternCanvas
{
    // Lattices repeat after this many cells: more than a canvas shows, even at four octaves' finer scale.
    private const int LatticeSide = 64;

    private readonly long _count;
    private readonly int _side;
    private readonly Generator _generator;
    private readonly Tensor _sine;
    private readonly Tensor _cosine;

    /// <summary>Draws the batch's rotations, periods and offsets.</summary>
    /// <param name="count">N.</param>
    /// <param name="side">S, pixels.</param>
    /// <param name="shortest">Shortest period, pixels.</param>
    /// <param name="longest">Longest period, pixels; all are equally likely on a logarithmic scale.</param>
    /// <param name="generator">All randomness comes from it.</param>
    public PatternCanvas(long count, int side, double shortest, double longest, Generator generator)
    {
        (_count, _side, _generator) = (count, side, generator);
        var angle = Uniform(0, 2 * Math.PI);
        (_sine, _cosine) = (angle.sin(), angle.cos());
        Period = Uniform(Math.Log(shortest), Math.Log(longest)).exp();
        var (u, v) = Turned(torch.zeros(1), torch.zeros(1));
        (U, V) = (u + Uniform(0, LatticeSide), v + Uniform(0, LatticeSide));
    }

    /// <summary>Pixels a period, <c>[N,1,1]</c>.</summary>
    public Tensor Period { get; }

    /// <summary>First coordinate in periods, along the rotated axis.</summary>
    public Tensor U { get; }

    /// <summary>Second coordinate in periods.</summary>
    public Tensor V { get; }

    /// <summary>One uniform number a pattern, <c>[N,1,1]</c>.</summary>
    public Tensor Uniform(double low, double high) => torch.rand([_count, 1, 1], generator: _generator) * (high - low) + low;

    /// <summary>Standard normal numbers, <c>[N,S,S]</c>.</summary>
    public Tensor Normal() => torch.randn([_count, _side, _side], generator: _generator);

    /// <summary>Distance (periods) and angle from a random point in the middle of the canvas.</summary>
    public (Tensor Radius, Tensor Angle) Polar()
    {
        var reach = _side / 3.0;
        var (u, v) = Turned(Uniform(-reach, reach), Uniform(-reach, reach));
        return (u.hypot(v), v.atan2(u));
    }

    /// <summary>1 where a signed distance (in periods) is positive, 0 elsewhere, with an edge about a pixel wide.</summary>
    public Tensor Inside(Tensor distance) => (distance * Period * 3).sigmoid();

    /// <summary>
    /// A table of uniform numbers for the cells of the integer lattice: column = row = floor of coordinates, any leading dimensions after
    /// N.
    /// </summary>
    public Func<Tensor, Tensor, Tensor> Lattice()
    {
        var table = torch.rand([_count, LatticeSide * LatticeSide], generator: _generator);
        return (column, row) =>
        {
            var cell = column.remainder(LatticeSide) * LatticeSide + row.remainder(LatticeSide);
            return table.gather(1, cell.to(ScalarType.Int64).reshape(_count, -1)).reshape(cell.shape);
        };
    }

    /// <summary>Value noise in 0..1: random numbers on the integer lattice, smoothly interpolated.</summary>
    public Tensor Noise(Tensor u, Tensor v)
    {
        var lattice = Lattice();
        var (column, row) = (u.floor(), v.floor());
        var (right, down) = (Smooth(u - column), Smooth(v - row));
        var top = lattice(column, row).lerp(lattice(column + 1, row), right);
        var bottom = lattice(column, row + 1).lerp(lattice(column + 1, row + 1), right);
        return top.lerp(bottom, down);
    }

    /// <summary>A sum of three octaves of noise, each half as strong as the one before; 0..1.</summary>
    /// <param name="shape">Applied to each octave.</param>
    public Tensor Octaves(Func<Tensor, Tensor> shape) =>
        (shape(Noise(U, V)) * 4 + shape(Noise(U * 2, V * 2)) * 2 + shape(Noise(U * 4, V * 4))) / 7;

    /// <summary>Band-pass noise of unit variance: plane waves of one period in random directions.</summary>
    public Tensor PlaneWaves()
    {
        const int waves = 14;
        var direction = torch.rand([_count, waves, 1, 1], generator: _generator) * (2 * Math.PI);
        var phase = torch.rand([_count, waves, 1, 1], generator: _generator) * (2 * Math.PI);
        var along = U.unsqueeze(1) * direction.cos() + V.unsqueeze(1) * direction.sin();
        return (along * (2 * Math.PI) + phase).cos().sum([1L]) * Math.Sqrt(2.0 / waves);
    }

    /// <summary>One jittered point a lattice cell, and of every pixel the nine points around it.</summary>
    /// <param name="jitter">0: cell centres; 1: anywhere in the cell.</param>
    public Scattered Scatter(double jitter)
    {
        var steps = torch.arange(-1, 2, dtype: ScalarType.Float32);
        var column = U.floor().unsqueeze(1) + steps.repeat_interleave(3).reshape(1, 9, 1, 1);
        var row = V.floor().unsqueeze(1) + steps.repeat(3).reshape(1, 9, 1, 1);
        var x = U.unsqueeze(1) - column - 0.5 - (Lattice()(column, row) - 0.5) * jitter;
        var y = V.unsqueeze(1) - row - 0.5 - (Lattice()(column, row) - 0.5) * jitter;
        var turn = Lattice()(column, row) * (2 * Math.PI);
        var (cosine, sine) = (turn.cos(), turn.sin());
        return new Scattered(x * cosine + y * sine, y * cosine - x * sine, Lattice()(column, row));
    }

    private static Tensor Smooth(Tensor fraction) => fraction * fraction * (3 - fraction * 2);

    private (Tensor U, Tensor V) Turned(Tensor centreX, Tensor centreY)
    {
        var axis = torch.arange(_side, dtype: ScalarType.Float32) - (_side - 1) / 2.0;
        var x = axis.reshape(1, 1, _side) - centreX;
        var y = axis.reshape(1, _side, 1) - centreY;
        return ((x * _cosine + y * _sine) / Period, (y * _cosine - x * _sine) / Period);
    }
}

/// <summary>
/// Coordinates of pixels relative to the nine scattered points around them, each <c>[N,9,S,S]</c>, in periods and turned at random.
/// </summary>
/// <param name="X">First coordinate in the point's own frame.</param>
/// <param name="Y">Second coordinate.</param>
/// <param name="Value">A uniform number of the point.</param>
internal sealed record Scattered(Tensor X, Tensor Y, Tensor Value)
{
    /// <summary>Distance from the point.</summary>
    public Tensor Radius { get; } = X.hypot(Y);
}
