namespace Reproduction;

/// <summary>What the program does to files.</summary>
internal enum FileOperation
{
    /// <summary>A file is about to be opened for reading.</summary>
    Read,

    /// <summary>A file is about to be made.</summary>
    Create,

    /// <summary>A file's content is partly written: what still lies in the buffer is not.</summary>
    Write,

    /// <summary>A file's content has reached the disk.</summary>
    Sync,

    /// <summary>A temporary file is about to take the place of this one.</summary>
    Rename,

    /// <summary>A file is about to be removed.</summary>
    Remove,
}

/// <summary>Tells of file operations: tests watch them from within a process and end it in the midst of one.</summary>
internal static class FileOperations
{
    /// <summary>Told of each; null, as everywhere but in tests, watches nothing.</summary>
    public static Action<FileOperation, string>? Watched { get; set; }

    /// <summary>Tells of an operation on a path.</summary>
    public static void Tell(FileOperation operation, string path) => Watched?.Invoke(operation, path);
}
