namespace Reproduction.Experiments;

/// <summary>Files that are there whole or not at all: written under a temporary name, flushed to the disk, renamed.</summary>
public static class AtomicFile
{
    /// <summary>Suffix of files being written; one that is left over belongs to a process that died and may be deleted.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes <paramref name="path"/> whole or not at all, creating its folder.</summary>
    /// <exception cref="UserError">The folder cannot be written or the disk is full.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            try { File.Delete(temporary); } catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }
            throw new UserError($"cannot write {path}: {failure.Message} Free some space or choose another folder, and run the same command again.", failure);
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
