using System.Buffers.Binary;
using System.Text;

namespace Repro.Records;

/// <summary>
/// The version of libstdc++ that <c>libLibTorchSharp.so</c> asks for by a label only: GLIBCXX_3.4.32, of GCC 13. The build marks it as weak
/// in the output folder's copy where the system lacks it (<c>msbuild/MendVersionLabel.cs</c>).
/// </summary>
internal static class VersionLabel
{
    private const string Version = "GLIBCXX_3.4.32";
    private const ushort Weak = 2; // VER_FLG_WEAK
    private const uint VersionNeeds = 0x6FFFFFFE; // SHT_GNU_verneed

    /// <summary>Whether a library's label is marked as weak.</summary>
    /// <param name="library">A file's content.</param>
    /// <returns>Null where it asks for no such version, or is no 64-bit little-endian ELF file.</returns>
    public static bool? IsWeak(ReadOnlySpan<byte> library)
    {
        if (library.Length < 64 || !library.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return null;
        }
        var (sections, size, count) = ((int)Long(library, 0x28), Short(library, 0x3A), Short(library, 0x3C));
        for (var i = 0; i < count; i++)
        {
            var section = sections + i * size;
            if (Int(library, section + 4) == VersionNeeds)
            {
                var strings = (int)Long(library, sections + (int)Int(library, section + 0x28) * size + 0x18);
                return Flags(library, (int)Long(library, section + 0x18), strings) is { } flags ? (flags & Weak) != 0 : null;
            }
        }
        return null;
    }

    /// <summary>The flags of the version's entry: chains of needed files, each with a chain of versions.</summary>
    private static ushort? Flags(ReadOnlySpan<byte> library, int need, int strings)
    {
        while (true)
        {
            var entry = need + (int)Int(library, need + 8);
            for (var left = Short(library, need + 2); left > 0; left--)
            {
                var name = library[(strings + (int)Int(library, entry + 8))..];
                if (Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]) == Version)
                {
                    return Short(library, entry + 4);
                }
                entry += (int)Int(library, entry + 12);
            }
            var next = (int)Int(library, need + 12);
            if (next == 0)
            {
                return null;
            }
            need += next;
        }
    }

    private static ushort Short(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint Int(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong Long(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    /// <summary>What was done about the label, in words.</summary>
    /// <param name="path">The library's file.</param>
    public static string Describe(string path) =>
        IsWeak(File.ReadAllBytes(path)) switch
        {
            true => $"{Version} of {Path.GetFileName(path)} was marked as weak by the build: the system's libstdc++ lacks it, and no "
                + "symbol of it is used",
            false => $"{Version} of {Path.GetFileName(path)} as it was published: the system's libstdc++ has it",
            null => $"{Path.GetFileName(path)} asks for no {Version}",
        };
}
