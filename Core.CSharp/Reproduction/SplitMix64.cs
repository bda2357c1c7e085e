using System.Numerics;
using System.Text;

namespace Reproduction;

/// <summary>
/// The SplitMix64 generator (Steele, Lea, Flood 2014): the n-th value is a hash of key + n times a constant, in 64-bit integers only, so
/// that a seed gives the same numbers on every machine and .NET version (<see cref="Random"/> promises neither).
/// </summary>
public sealed class SplitMix64(ulong seed)
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state = seed;

    /// <summary>
    /// A generator of its own for a named part of a larger whole: changing one part's use of numbers leaves the others alone.
    /// </summary>
    /// <param name="seed">The seed of the whole.</param>
    /// <param name="part">The part's name; any two names give unrelated sequences.</param>
    public static SplitMix64 For(ulong seed, string part)
    {
        // FNV-1a over the name's bytes: string.GetHashCode differs from process to process.
        var hash = 0xCBF29CE484222325UL;
        foreach (var b in Encoding.UTF8.GetBytes(part))
        {
            hash = (hash ^ b) * 0x100000001B3UL;
        }

        return new SplitMix64(Mix(seed + Golden) ^ Mix(hash));
    }

    /// <summary>The finaliser: a bijection of 64-bit integers whose output bits each depend on every input bit.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextBits() => Mix(_state += Golden);

    /// <summary>Uniform on [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => Uniform(NextBits());

    // Signed on the way: processors convert only that in one step.
    private static double Uniform(ulong bits) => (long)(bits >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform on [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public double NextDouble(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>Uniform on 0 .. <paramref name="count"/> - 1; the bias is below count / 2^64.</summary>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)Math.BigMul(NextBits(), (ulong)count, out _);
    }

    /// <summary>True with the given probability.</summary>
    public bool NextBool(double probability) => NextDouble() < probability;

    /// <summary>
    /// Fills a span with standard normal variates (Box-Muller: two uniform ones each); their last digits depend on the machine's logarithm
    /// and cosine.
    /// </summary>
    public void NextNormals(Span<double> normals)
    {
        const int block = 256;
        Span<double> first = stackalloc double[block];
        Span<double> second = stackalloc double[block];
        var state = _state;
        while (!normals.IsEmpty)
        {
            var count = Math.Min(block, normals.Length);
            for (var i = 0; i < count; i++)
            {
                first[i] = 1 - Uniform(Mix(state += Golden));
                second[i] = 2 * Math.PI * Uniform(Mix(state += Golden));
            }
            for (var i = 0; i < count; i += Vector<double>.Count)
            {
                var radius = Vector.SquareRoot(-2 * Vector.Log(new Vector<double>(first[i..])));
                (radius * Vector.Cos(new Vector<double>(second[i..]))).CopyTo(first[i..]);
            }
            first[..count].CopyTo(normals);
            normals = normals[count..];
        }
        _state = state;
    }

    /// <summary>Shuffles in place, every order equally likely (Fisher-Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
