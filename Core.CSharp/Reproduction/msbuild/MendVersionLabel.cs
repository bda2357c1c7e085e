using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Lets <c>libLibTorchSharp.so</c> load on systems whose libstdc++ is older than GCC 13's, such as Debian 12. The library asks for the
/// version <c>GLIBCXX_3.4.32</c> because of one symbol to which no relocation refers; marked as weak, a version that the system lacks is no
/// error. Where the system's libstdc++ has it, nothing is touched.
/// </summary>
public sealed class MendVersionLabel : Task
{
    private const string Version = "GLIBCXX_3.4.32";
    private const ushort Weak = 2; // VER_FLG_WEAK
    private const uint VersionNeeds = 0x6FFFFFFE; // SHT_GNU_verneed

    /// <summary>The copy of the library in the output folder.</summary>
    [Required]
    public string Library { get; set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        var system = SystemLibrary();
        if (system == null || Contains(system, Version))
        {
            return true;
        }
        try
        {
            var bytes = File.ReadAllBytes(Library);
            var flags = FlagsOffset(bytes);
            if (flags < 0 || (bytes[flags] & Weak) != 0)
            {
                return true;
            }
            bytes[flags] |= (byte)Weak;
            var written = File.GetLastWriteTimeUtc(Library);
            var temporary = Library + "." + Guid.NewGuid().ToString("N") + ".tmp";
            File.WriteAllBytes(temporary, bytes);
            File.SetLastWriteTimeUtc(temporary, written); // so that the next build does not copy the library again
            File.Delete(Library);
            File.Move(temporary, Library);
            Log.LogMessage(
                MessageImportance.High,
                $"{Path.GetFileName(Library)}: {Version} marked as weak, since {system} lacks it and no symbol of it is used"
            );
            return true;
        }
        catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
        {
            Log.LogError(
                $"{Library}: its version label cannot be mended ({e.Message}), and {system} lacks {Version}: make the folder writable, "
                    + "or install libstdc++ of GCC 13 or newer"
            );
            return false;
        }
    }

    /// <summary>The libstdc++ that this process, .NET itself, has loaded; null where there is none (musl, Windows, macOS).</summary>
    private static string SystemLibrary()
    {
        if (!File.Exists("/proc/self/maps"))
        {
            return null;
        }
        foreach (var line in File.ReadAllLines("/proc/self/maps"))
        {
            var start = line.IndexOf('/');
            if (start >= 0 && Path.GetFileName(line.Substring(start)).StartsWith("libstdc++.so.6", StringComparison.Ordinal))
            {
                return line.Substring(start);
            }
        }
        return null;
    }

    private static bool Contains(string path, string text)
    {
        // The version names stand in the string table, each ended by a zero.
        var content = Encoding.GetEncoding("ISO-8859-1").GetString(File.ReadAllBytes(path));
        return content.IndexOf(text + "\0", StringComparison.Ordinal) >= 0;
    }

    /// <summary>
    /// Where the flags of the version's entry (<c>vna_flags</c>) lie in a 64-bit little-endian ELF file; -1 when it has none.
    /// </summary>
    private static int FlagsOffset(byte[] elf)
    {
        if (elf.Length < 64 || elf[0] != 0x7F || elf[1] != 'E' || elf[2] != 'L' || elf[3] != 'F' || elf[4] != 2 || elf[5] != 1)
        {
            return -1;
        }
        var sections = (int)BitConverter.ToUInt64(elf, 0x28);
        var (size, count) = (BitConverter.ToUInt16(elf, 0x3A), BitConverter.ToUInt16(elf, 0x3C));
        for (var i = 0; i < count; i++)
        {
            var section = sections + i * size;
            if (BitConverter.ToUInt32(elf, section + 4) != VersionNeeds)
            {
                continue;
            }
            var start = (int)BitConverter.ToUInt64(elf, section + 0x18);
            var strings = (int)BitConverter.ToUInt64(elf, sections + (int)BitConverter.ToUInt32(elf, section + 0x28) * size + 0x18);
            for (var need = start; ; )
            {
                var entry = need + (int)BitConverter.ToUInt32(elf, need + 8);
                for (var left = BitConverter.ToUInt16(elf, need + 2); left > 0; left--)
                {
                    if (NameAt(elf, strings + (int)BitConverter.ToUInt32(elf, entry + 8)) == Version)
                    {
                        return entry + 4;
                    }
                    entry += (int)BitConverter.ToUInt32(elf, entry + 12);
                }
                var next = (int)BitConverter.ToUInt32(elf, need + 12);
                if (next == 0)
                {
                    return -1;
                }
                need += next;
            }
        }
        return -1;
    }

    private static string NameAt(byte[] bytes, int start)
    {
        var end = start;
        while (bytes[end] != 0)
        {
            end++;
        }
        return Encoding.ASCII.GetString(bytes, start, end - start);
    }
}
