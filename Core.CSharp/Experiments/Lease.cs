namespace Reproduction.Experiments;

/// <summary>
/// The right to work on a cell while several processes share an output folder: an exclusive lock on a file, which the operating
/// system takes back when its owner dies, however it dies.
/// </summary>
public sealed class Lease : IDisposable
{
    private readonly FileStream _file;

    private Lease(FileStream file) => _file = file;

    /// <summary>Takes the lease of a cell; null when another living process holds it.</summary>
    /// <exception cref="UserError">The folder cannot be written.</exception>
    public static Lease? TryTake(string run, string cell)
    {
        var path = Path.Combine(RunRecord.Folder(run), cell + ".lease");
        try
        {
            Directory.CreateDirectory(RunRecord.Folder(run));
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new Lease(file);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new UserError($"cannot write in {RunRecord.Folder(run)}: {failure.Message} Choose another folder with --out.", failure);
        }
        catch (IOException failure) when (Directory.Exists(RunRecord.Folder(run)) && IsHeld(failure))
        {
            return null;
        }
        catch (IOException failure)
        {
            throw new UserError($"cannot write in {RunRecord.Folder(run)}: {failure.Message} Choose another folder with --out.", failure);
        }
    }

    /// <summary>Gives the cell back. The file goes while the lock is still held, so that nobody finds it without its owner.</summary>
    public void Dispose()
    {
        try { File.Delete(_file.Name); } catch (IOException) { }
        _file.Dispose();
    }

    /// <summary>EWOULDBLOCK (11 on Linux) is what a held lock answers; a full disk or a read-only folder answer otherwise.</summary>
    private static bool IsHeld(IOException failure) => (failure.HResult & 0xFFFF) == 11 || failure.Message.Contains("being used by another process", StringComparison.Ordinal);
}
