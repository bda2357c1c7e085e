using Repro.Records;
using Reproduction;

namespace Repro.Sweeps;

/// <summary>
/// The right to work on a cell while several processes share an output folder: an exclusive lock on a file, which the operating
/// system takes back when its owner dies, however it dies.
/// </summary>
public sealed class Lease : IDisposable
{
    private readonly FileStream _file;
    private readonly string _record;

    private Lease(FileStream file, string record) => (_file, _record) = (file, record);

    /// <summary>The file whose lock is a cell's lease.</summary>
    public static string PathOf(string run, string cell) => Path.Combine(RunRecord.Folder(run), cell + ".lease");

    /// <summary>Takes the lease of a cell; null when another living process holds it.</summary>
    /// <exception cref="UserError">The folder cannot be written.</exception>
    public static Lease? TryTake(string run, string cell)
    {
        var path = PathOf(run, cell);
        try
        {
            Directory.CreateDirectory(RunRecord.Folder(run));
            FileOperations.Tell(FileOperation.Create, path);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new Lease(file, RunRecord.PathOf(run, cell));
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

    /// <summary>
    /// Gives the cell back. The file goes only when the cell is done: another process may have opened it already and gets the lock on the
    /// deleted file; it then finds the record. Were the file to go without a record, that process and a third one, with a new file, would
    /// both work.
    /// </summary>
    public void Dispose()
    {
        try
        {
            if (File.Exists(_record))
            {
                AtomicFile.Delete(_file.Name);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException) { }
        _file.Dispose();
    }

    /// <summary>EWOULDBLOCK (11 on Linux) is what a held lock answers; a full disk or a read-only folder answer otherwise.</summary>
    private static bool IsHeld(IOException failure) =>
        (failure.HResult & 0xFFFF) == 11 || failure.Message.Contains("being used by another process", StringComparison.Ordinal);
}
