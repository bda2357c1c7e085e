using System;
using System.IO;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Marks TorchSharp.dll to be compiled without optimisation, as a debug build is. TorchSharp hands the native handles of its arguments to
/// libtorch and does not keep the arguments alive: in optimised code a number such as the 0.5 of <c>x * 0.5</c> is garbage as soon as its
/// handle was read, and where a collection falls into the call its memory is freed while libtorch reads it ("Unknown scalar type", or
/// another number). In code that is not optimised, arguments live until the method returns. TorchSharp's methods are thin, so that the
/// calls cost no measurable time more.
/// </summary>
public sealed class KeepArguments : Task
{
    // The value of the DebuggableAttribute in the metadata's blob heap: its length, the prolog, the modes, no named arguments.
    private static readonly byte[] Optimised = { 8, 1, 0, 2, 0, 0, 0, 0, 0 };
    private static readonly byte[] NotOptimised = { 8, 1, 0, 3, 1, 0, 0, 0, 0 };

    /// <summary>The copy of TorchSharp.dll in the output folder.</summary>
    [Required]
    public string Library { get; set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        try
        {
            var bytes = File.ReadAllBytes(Library);
            if (Find(bytes, NotOptimised, 0) >= 0)
            {
                return true;
            }
            var place = Find(bytes, Optimised, 0);
            if (place < 0 || Find(bytes, Optimised, place + 1) >= 0)
            {
                Log.LogError($"{Library}: its DebuggableAttribute is not where it was in TorchSharp 0.107; see KeepArguments.cs");
                return false;
            }
            NotOptimised.CopyTo(bytes, place);
            var written = File.GetLastWriteTimeUtc(Library);
            var temporary = Library + "." + Guid.NewGuid().ToString("N") + ".tmp";
            File.WriteAllBytes(temporary, bytes);
            File.SetLastWriteTimeUtc(temporary, written); // so that the next build does not copy the library again
            File.Delete(Library);
            File.Move(temporary, Library);
            return true;
        }
        catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
        {
            Log.LogError($"{Library}: cannot be marked ({e.Message}): make the folder writable");
            return false;
        }
    }

    private static int Find(byte[] bytes, byte[] pattern, int start)
    {
        for (var i = start; i <= bytes.Length - pattern.Length; i++)
        {
            var length = 0;
            while (length < pattern.Length && bytes[i + length] == pattern[length])
            {
                length++;
            }
            if (length == pattern.Length)
            {
                return i;
            }
        }
        return -1;
    }
}
