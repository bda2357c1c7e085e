namespace Reproduction.Surfaces;

/// <summary>
/// Functions made of IEEE additions, multiplications, divisions and square roots only, so that they give the same bits on every machine;
/// the mathematics library's sine does not.
/// </summary>
internal static class Portable
{
    /// <summary>The sine of an angle given in full turns; within 4e-6.</summary>
    internal static float Sin(float turns)
    {
        var t = turns - MathF.Floor(turns + 0.5f);
        var quarter =
            t > 0.25f ? 0.5f - t
            : t < -0.25f ? -0.5f - t
            : t;
        var x = quarter * 6.2831855f;
        var square = x * x;
        return x * (1 + square * (-1f / 6 + square * (1f / 120 + square * (-1f / 5040 + square * (1f / 362880)))));
    }

    /// <summary>The cosine of an angle given in full turns.</summary>
    internal static float Cos(float turns) => Sin(turns + 0.25f);

    /// <summary>The angle of a vector in full turns, -0.5 .. 0.5; within 2e-4.</summary>
    internal static float Angle(float x, float y)
    {
        var (ax, ay) = (Math.Abs(x), Math.Abs(y));
        if (ax + ay == 0)
        {
            return 0;
        }

        var ratio = Math.Min(ax, ay) / Math.Max(ax, ay);
        var square = ratio * ratio;
        var turns =
            ratio
            * (0.99986614f + square * (-0.3302995f + square * (0.180141f + square * (-0.085133f + square * 0.0208351f))))
            / 6.2831855f;
        if (ay > ax)
        {
            turns = 0.25f - turns;
        }

        if (x < 0)
        {
            turns = 0.5f - turns;
        }

        return y < 0 ? -turns : turns;
    }

    /// <summary>0 below <paramref name="low"/>, 1 above <paramref name="high"/>, smooth between.</summary>
    internal static float Step(float low, float high, float value)
    {
        var t = Math.Clamp((value - low) / (high - low), 0, 1);
        return t * t * (3 - 2 * t);
    }

    internal static float Fraction(float value) => value - MathF.Floor(value);

    internal static float NextFloat(this SplitMix64 random, float low, float high) => low + (high - low) * (float)random.NextDouble();

    /// <summary>The colour with each channel scaled by up to <paramref name="spread"/> of its own and all by a common factor.</summary>
    internal static Color Vary(this SplitMix64 random, Color color, float spread)
    {
        var common = 1 + random.NextFloat(-spread, spread);
        return new Color(
            color.R * common * (1 + random.NextFloat(-spread, spread) * 0.3f),
            color.G * common * (1 + random.NextFloat(-spread, spread) * 0.3f),
            color.B * common * (1 + random.NextFloat(-spread, spread) * 0.3f)
        );
    }
}

/// <summary>Smooth random functions of the plane, drawn once and then the same at every point.</summary>
internal sealed class Noise
{
    private const int Lattice = 64;
    private readonly float[] _values = new float[Lattice * Lattice];

    internal Noise(SplitMix64 random)
    {
        for (var i = 0; i < _values.Length; i++)
        {
            _values[i] = random.NextFloat(-1, 1);
        }
    }

    /// <summary>A fixed random number in -1..1 for a cell of the plane.</summary>
    internal float Cell(int x, int y) => _values[(y & (Lattice - 1)) * Lattice + (x & (Lattice - 1))];

    /// <summary>Value noise in -1..1 with features of size 1.</summary>
    internal float At(float x, float y)
    {
        var (floorX, floorY) = (MathF.Floor(x), MathF.Floor(y));
        var (fx, fy) = (x - floorX, y - floorY);
        fx = fx * fx * (3 - 2 * fx);
        fy = fy * fy * (3 - 2 * fy);
        var left = (int)floorX & (Lattice - 1);
        var right = (left + 1) & (Lattice - 1);
        var top = ((int)floorY & (Lattice - 1)) * Lattice;
        var bottom = (top + Lattice) & (Lattice * Lattice - 1);
        var upper = _values[top + left] + (_values[top + right] - _values[top + left]) * fx;
        var lower = _values[bottom + left] + (_values[bottom + right] - _values[bottom + left]) * fx;
        return upper + (lower - upper) * fy;
    }

    /// <summary>
    /// Octaves of <see cref="At"/>, each of half the size and half the height of the one before; within -1..1, mostly within -0.5..0.5.
    /// </summary>
    internal float Fractal(float x, float y, int octaves)
    {
        var (sum, amplitude, total) = (0f, 1f, 0f);
        for (var i = 0; i < octaves; i++)
        {
            sum += amplitude * At(x, y);
            total += amplitude;
            amplitude *= 0.5f;
            // The offsets keep the octaves' lattices from falling together at the origin.
            (x, y) = (2 * x + 17.3f, 2 * y + 5.7f);
        }
        return sum / total;
    }

    /// <summary>Distances to the nearest and the second nearest of one random point a unit cell (Worley 1996).</summary>
    internal (float First, float Second) Cells(float x, float y)
    {
        var (cellX, cellY) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (first, second) = (float.MaxValue, float.MaxValue);
        for (var v = cellY - 1; v <= cellY + 1; v++)
        {
            for (var u = cellX - 1; u <= cellX + 1; u++)
            {
                var dx = u + 0.5f + 0.45f * Cell(u, v) - x;
                var dy = v + 0.5f + 0.45f * Cell(u + 31, v + 17) - y;
                var square = dx * dx + dy * dy;
                if (square < first)
                {
                    (first, second) = (square, first);
                }
                else if (square < second)
                {
                    second = square;
                }
            }
        }
        return (MathF.Sqrt(first), MathF.Sqrt(second));
    }
}
