using System.Diagnostics;
using Repro.Records;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;

namespace Repro.Sweeps;

/// <summary>How a cell ended.</summary>
public enum CellOutcome
{
    /// <summary>It ran in this sweep.</summary>
    Finished,

    /// <summary>Its record was there already.</summary>
    AlreadyDone,

    /// <summary>Another process is at work on it.</summary>
    Elsewhere,

    /// <summary>It failed; <see cref="CellResult.Failure"/> says why.</summary>
    Failed,

    /// <summary>The sweep was stopped before or while it ran.</summary>
    Stopped,
}

/// <summary>The end of one cell.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Record">Its record, where there is one.</param>
/// <param name="Failure">Why it failed.</param>
public sealed record CellResult(Cell Cell, CellOutcome Outcome, RunRecord? Record, Exception? Failure)
{
    /// <summary>
    /// In what a record that was there already differs from what the cell would give now; empty when in nothing that is known.
    /// </summary>
    public IReadOnlyList<string> Outdated { get; init; } = [];
}

/// <summary>Told of what a sweep does.</summary>
public interface ISweepObserver
{
    /// <summary>A cell begins to run: the number of the cell, how many there are.</summary>
    void Begin(Cell cell, int number, int total);

    /// <summary>A stage of the current cell advanced.</summary>
    void Advance(string stage, long done, long all, string text);

    /// <summary>What a user should know though the sweep goes on.</summary>
    void Warn(string text);

    /// <summary>A cell ended; one that was done before or failed at once had no beginning.</summary>
    void End(CellResult result, TimeSpan elapsed);
}

/// <summary>
/// Runs cells one after the other. Finished cells are skipped, a failed one leaves the others alone, and several processes may share the
/// same output folder: each cell is run by whoever takes its lease first.
/// </summary>
/// <param name="run">The output folder.</param>
/// <param name="dataset">The images.</param>
/// <param name="runner">Runs one cell.</param>
/// <param name="cache">Trimmed to its limit as the sweep goes on.</param>
public sealed class Sweep(string run, Dataset dataset, CellRunner runner, FeatureCache cache)
{
    private static readonly TimeSpan WaitForOthers = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, Category> _categories = [];

    /// <summary>Runs the cells; those that other processes hold are waited for and, if their owner dies, run here.</summary>
    /// <param name="cells">What to run.</param>
    /// <param name="force">Runs finished cells again.</param>
    /// <param name="observer">Told of progress.</param>
    /// <param name="cancellation">Ends the sweep after a checkpoint of the current cell; the cells that are left are
    /// <see cref="CellOutcome.Stopped"/>.</param>
    /// <returns>One result a cell, in their order.</returns>
    public IReadOnlyList<CellResult> Run(IReadOnlyList<Cell> cells, bool force, ISweepObserver observer, CancellationToken cancellation)
    {
        var results = cells.Select(cell => new CellResult(cell, CellOutcome.Stopped, null, null)).ToArray();
        var open = Enumerable.Range(0, cells.Count).ToList();
        var isWaiting = false;
        while (open.Count > 0 && !cancellation.IsCancellationRequested)
        {
            var held = new List<int>();
            foreach (var index in open)
            {
                if (cancellation.IsCancellationRequested)
                {
                    return results;
                }

                var timer = Stopwatch.StartNew();
                var result = RunOne(
                    cells[index],
                    force,
                    () => observer.Begin(cells[index], index + 1, cells.Count),
                    observer,
                    cancellation
                );
                if (result.Outcome == CellOutcome.Elsewhere)
                {
                    held.Add(index);
                    continue;
                }
                results[index] = result;
                if (result.Outcome != CellOutcome.Stopped)
                {
                    observer.End(result, timer.Elapsed);
                }
            }
            if (held.Count == open.Count)
            {
                if (!isWaiting)
                {
                    observer.Warn($"waiting for {held.Count} cells that other processes run");
                }

                isWaiting = true;
                cancellation.WaitHandle.WaitOne(WaitForOthers);
            }
            open = held;
        }
        return results;
    }

    private CellResult RunOne(Cell cell, bool force, Action begin, ISweepObserver observer, CancellationToken cancellation)
    {
        try
        {
            if (!force && ReadIfDone(cell, observer) is { } before)
            {
                return before;
            }

            using var lease = Lease.TryTake(run, cell.Id);
            if (lease is null)
            {
                return new CellResult(cell, CellOutcome.Elsewhere, null, null);
            }

            if (!force && ReadIfDone(cell, observer) is { } meanwhile)
            {
                return meanwhile;
            }

            begin();
            RunRecord.DeleteAbandoned(run, cell.Id);
            AtomicFile.DeleteAbandoned(Checkpoints.PathOf(run, cell.Id));
            var record = runner.Run(cell, CategoryOf(cell), observer.Advance, observer.Warn, cancellation);
            cache.Trim();
            return new CellResult(cell, CellOutcome.Finished, record, null);
        }
        catch (OperationCanceledException)
        {
            return new CellResult(cell, CellOutcome.Stopped, null, null);
        }
        catch (Exception failure)
        {
            return new CellResult(cell, CellOutcome.Failed, null, failure);
        }
    }

    private Category CategoryOf(Cell cell)
    {
        if (!_categories.TryGetValue(cell.Category, out var category))
        {
            _categories[cell.Category] = category = dataset.Category(cell.Category);
        }

        return category;
    }

    private CellResult? ReadIfDone(Cell cell, ISweepObserver observer)
    {
        var path = RunRecord.PathOf(run, cell.Id);
        if (!File.Exists(path))
        {
            return null;
        }

        var record = RunRecord.Read(path);
        if (!cell.IsIn(record))
        {
            observer.Warn(
                $"{path} is the record of {record.Paper} {record.Variant} on {record.Dataset}, {record.Category}, and no record of "
                    + $"{cell.Id}, which runs now and takes its place"
            );
            return null;
        }
        if (File.Exists(Lease.PathOf(run, cell.Id)))
        {
            RemoveLeftovers(cell);
        }

        return new CellResult(cell, CellOutcome.AlreadyDone, record, null)
        {
            Outdated = [.. runner.Outdated(cell, record), .. OtherImages(cell, record)],
        };
    }

    /// <summary>
    /// Images, labels or masks that are not those of a record; what cannot be read is told as such, and the record still stands.
    /// </summary>
    private IEnumerable<string> OtherImages(Cell cell, RunRecord record)
    {
        try
        {
            return RecordDifferences.OfImages(record, runner.FingerprintOf(CategoryOf(cell)));
        }
        catch (UserError failure)
        {
            return [CommandLine.Describe(failure)];
        }
    }

    /// <summary>Removes what a process left that was killed between writing the record and tidying up.</summary>
    private void RemoveLeftovers(Cell cell)
    {
        using var lease = Lease.TryTake(run, cell.Id);
        if (lease is null)
        {
            return;
        }

        RunRecord.DeleteAbandoned(run, cell.Id);
        AtomicFile.DeleteAbandoned(Checkpoints.PathOf(run, cell.Id));
        Checkpoints.Delete(Checkpoints.PathOf(run, cell.Id));
    }
}
