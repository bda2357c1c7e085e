namespace Reproduction;

/// <summary>Files that are there whole or not at all: written under a temporary name, flushed to the disk, renamed.</summary>
public static class AtomicFile
{
    /// <summary>Suffix of files being written; one that is left over belongs to a process that died and may be deleted.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes <paramref name="path"/> whole or not at all, creating its folder.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes its content.</param>
    /// <param name="beforeRename">What must have happened before the file can be seen, and only when its content is safely on the
    /// disk.</param>
    /// <exception cref="UserError">The folder cannot be written or the disk is full.</exception>
    public static void Write(string path, Action<Stream> write, Action? beforeRename = null)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            Replace(path, write, beforeRename);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError(
                $"cannot write {path}: {failure.Message} Free some space or choose another folder, and run the same command again.",
                failure
            );
        }
    }

    /// <summary>As <see cref="Write"/> into a folder that is there, for callers with words of their own for what goes wrong.</summary>
    /// <exception cref="IOException">The folder is missing or the disk is full; nothing is left behind.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static void Replace(string path, Action<Stream> write, Action? beforeRename = null) =>
        Replace(path, write, static (stream, write) => write(stream), beforeRename);

    /// <summary>As the other one, with a state that may be a span.</summary>
    /// <inheritdoc cref="Replace(string, Action{Stream}, Action)"/>
    /// <param name="state">Handed to <paramref name="write"/>.</param>
    public static void Replace<TState>(string path, TState state, Action<Stream, TState> write, Action? beforeRename = null)
        where TState : allows ref struct
    {
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            FileOperations.Tell(FileOperation.Create, temporary);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream, state);
                FileOperations.Tell(FileOperation.Write, temporary);
                stream.Flush(flushToDisk: true);
            }
            FileOperations.Tell(FileOperation.Sync, temporary);
            beforeRename?.Invoke();
            FileOperations.Tell(FileOperation.Rename, path);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException)
            {
                // What went wrong before says more.
            }
            throw;
        }
    }

    /// <summary>Removes a file; none of that name is no error.</summary>
    public static void Delete(string path)
    {
        if (File.Exists(path))
        {
            FileOperations.Tell(FileOperation.Remove, path);
            File.Delete(path);
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    /// <inheritdoc cref="Write"/>
    public static void WriteText(string path, string text, Action? beforeRename = null) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)), beforeRename);

    /// <summary>Deletes what is left of writes of <paramref name="path"/> that were killed; nobody else may be writing it.</summary>
    public static void DeleteAbandoned(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            return;
        }
        foreach (var file in Directory.EnumerateFiles(folder, $"{Path.GetFileName(path)}.*{TemporarySuffix}"))
        {
            Delete(file);
        }
    }
}
