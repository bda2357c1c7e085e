namespace Reproduction.Formats;

/// <summary>
/// Bytes of a checkpoint on disk. Every read is checked against the file's length, so that a length or an offset that a broken
/// file claims is an error before anything is allocated for it.
/// </summary>
internal sealed class CheckpointFile : IDisposable
{
    private const int LongestProblem = 300;

    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _handle;

    public CheckpointFile(string path)
    {
        Path = path;
        try
        {
            FileOperations.Tell(FileOperation.Read, path);
            _handle = File.OpenHandle(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be opened ({exception.Message}); check the path and the permissions", exception);
        }
        Length = RandomAccess.GetLength(_handle);
    }

    public string Path { get; }

    /// <summary>In bytes.</summary>
    public long Length { get; }

    /// <summary>Fills <paramref name="target"/> from <paramref name="offset"/> on.</summary>
    /// <exception cref="UserError">The range ends after the end of the file.</exception>
    public void Read(long offset, Span<byte> target)
    {
        CheckRange(offset, target.Length, "data");
        while (target.Length > 0)
        {
            var count = RandomAccess.Read(_handle, target, offset);
            if (count == 0)
            {
                throw Broken($"ends while {target.Length} bytes at offset {offset} are read");
            }
            target = target[count..];
            offset += count;
        }
    }

    public byte[] Read(long offset, long count, string what)
    {
        CheckRange(offset, count, what);
        var bytes = new byte[count];
        Read(offset, bytes);
        return bytes;
    }

    public void CheckRange(long offset, long count, string what)
    {
        if (offset < 0 || count < 0 || offset > Length || count > Length - offset)
        {
            throw Broken($"is truncated: {what} takes {count} bytes from offset {offset}, the file has {Length}");
        }
    }

    /// <summary>An error that names the file and says how to mend it.</summary>
    public UserError Broken(string problem) =>
        new($"{Path}: {Printable(problem)}; fetch the file again or check its sha256 (repro weights verify)");

    public void Dispose() => _handle.Dispose();

    // A problem may quote names out of the file, of any length and content.
    private static string Printable(string text)
    {
        var printable = string.Concat(text.Select(character => char.IsControl(character) ? '?' : character));
        return printable.Length <= LongestProblem ? printable : printable[..LongestProblem] + "...";
    }
}
