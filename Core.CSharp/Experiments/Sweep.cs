using System.Diagnostics;
using Reproduction.Data;
using Reproduction.Papers;

namespace Reproduction.Experiments;

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
}

/// <summary>The end of one cell.</summary>
public sealed record CellResult(Cell Cell, CellOutcome Outcome, RunRecord? Record, Exception? Failure);

/// <summary>Told of what a sweep does.</summary>
public interface ISweepObserver
{
    /// <summary>A cell begins: the number of the cell, how many there are.</summary>
    void Begin(Cell cell, int number, int total);

    /// <summary>A stage of the current cell advanced.</summary>
    void Advance(string stage, long done, long all, string text);

    /// <summary>What a user should know though the cell goes on.</summary>
    void Warn(string text);

    /// <summary>A cell ended.</summary>
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
    /// <param name="cancellation">Ends the sweep after a checkpoint of the current cell.</param>
    public IReadOnlyList<CellResult> Run(IReadOnlyList<Cell> cells, bool force, ISweepObserver observer, CancellationToken cancellation)
    {
        var results = new CellResult[cells.Count];
        var open = Enumerable.Range(0, cells.Count).ToList();
        while (open.Count > 0)
        {
            var held = new List<int>();
            foreach (var index in open)
            {
                cancellation.ThrowIfCancellationRequested();
                var timer = Stopwatch.StartNew();
                observer.Begin(cells[index], index + 1, cells.Count);
                results[index] = RunOne(cells[index], force, observer, cancellation);
                if (results[index].Outcome == CellOutcome.Elsewhere) held.Add(index);
                else observer.End(results[index], timer.Elapsed);
            }
            if (held.Count == open.Count && cancellation.WaitHandle.WaitOne(WaitForOthers)) cancellation.ThrowIfCancellationRequested();
            open = held;
        }
        return results;
    }

    private CellResult RunOne(Cell cell, bool force, ISweepObserver observer, CancellationToken cancellation)
    {
        try
        {
            if (!force && ReadIfDone(cell) is { } before) return new CellResult(cell, CellOutcome.AlreadyDone, before, null);
            using var lease = Lease.TryTake(run, cell.Id);
            if (lease is null) return new CellResult(cell, CellOutcome.Elsewhere, null, null);
            if (!force && ReadIfDone(cell) is { } meanwhile) return new CellResult(cell, CellOutcome.AlreadyDone, meanwhile, null);
            if (!_categories.TryGetValue(cell.Category, out var category)) _categories[cell.Category] = category = dataset.Category(cell.Category);
            var record = runner.Run(cell, category, observer.Advance, observer.Warn, cancellation);
            cache.Trim();
            return new CellResult(cell, CellOutcome.Finished, record, null);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return new CellResult(cell, CellOutcome.Failed, null, failure);
        }
    }

    private RunRecord? ReadIfDone(Cell cell)
    {
        var path = RunRecord.PathOf(run, cell.Id);
        return File.Exists(path) ? RunRecord.Read(path) : null;
    }
}
