using System.Numerics;

namespace Reproduction.Metrics;

/// <summary>
/// Stable least-significant-digit radix sort by a 32-bit key: three passes of 11, 11 and 10 bits, each split over all cores.
/// O(N), where a comparison sort of 67 million pixels would take most of the time that all metrics may take.
/// </summary>
internal static unsafe class RadixSort
{
    private const int DigitBits = 11;
    private const int Buckets = 1 << DigitBits;
    private const int KeyBits = 32;

    // Below this the histograms cost more than a comparison sort.
    private const int SmallLength = 1 << 13;

    /// <summary>The unsigned integer whose order is that of the float; both zeros give the same key. The float must be finite.</summary>
    public static uint ToKey(float value)
    {
        // Adding +0 turns -0 into +0, so that the two tie.
        var bits = BitConverter.SingleToUInt32Bits(value + 0f);
        return (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
    }

    /// <summary>The float of a key made by <see cref="ToKey"/>.</summary>
    public static float FromKey(uint key) => BitConverter.UInt32BitsToSingle((key & 0x8000_0000) != 0 ? key & 0x7FFF_FFFF : ~key);

    /// <summary>
    /// Sorts ascending by the 32 bits above <paramref name="keyShift"/>. Takes the buffer over and returns the sorted one.
    /// </summary>
    public static NativeBuffer<T> Sort<T>(NativeBuffer<T> items, int keyShift)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (items.Length <= SmallLength)
        {
            new Span<T>(items.Pointer, (int)items.Length).Sort();
            return items;
        }
        var source = items;
        var target = new NativeBuffer<T>(items.Length);
        for (var shift = 0; shift < KeyBits; shift += DigitBits)
        {
            if (Pass(source.Pointer, target.Pointer, items.Length, keyShift + shift, Math.Min(DigitBits, KeyBits - shift)))
            {
                (source, target) = (target, source);
            }
        }

        target.Dispose();
        return source;
    }

    /// <summary>One pass; false when all digits are equal and nothing was moved.</summary>
    private static bool Pass<T>(T* source, T* target, long length, int shift, int bits)
        where T : unmanaged, IBinaryInteger<T>
    {
        var parts = Environment.ProcessorCount;
        var mask = (1u << bits) - 1;
        var offsets = new long[parts][];
        Parallel.For(
            0,
            parts,
            part =>
            {
                var counts = new long[Buckets];
                var end = length * (part + 1) / parts;
                for (var i = length * part / parts; i < end; i++)
                {
                    counts[Digit(source[i], shift, mask)]++;
                }

                offsets[part] = counts;
            }
        );

        // A part's items of one digit go behind those of all lower digits and those of the same digit in earlier parts.
        long next = 0;
        for (var digit = 0; digit < Buckets; digit++)
        {
            var before = next;
            for (var part = 0; part < parts; part++)
            {
                var count = offsets[part][digit];
                offsets[part][digit] = next;
                next += count;
            }
            if (next - before == length)
            {
                return false;
            }
        }

        Parallel.For(
            0,
            parts,
            part =>
            {
                var mine = offsets[part];
                var end = length * (part + 1) / parts;
                for (var i = length * part / parts; i < end; i++)
                {
                    target[mine[Digit(source[i], shift, mask)]++] = source[i];
                }
            }
        );
        return true;
    }

    private static uint Digit<T>(T item, int shift, uint mask)
        where T : unmanaged, IBinaryInteger<T> => uint.CreateTruncating(item >>> shift) & mask;
}
