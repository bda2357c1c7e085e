using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Repro.Sweeps;

/// <summary>Shows a sweep as it goes on: bars with the time left on a terminal, a line every few seconds elsewhere.</summary>
internal static class SweepProgress
{
    /// <summary>Runs <paramref name="work"/> with an observer that shows it.</summary>
    public static T Show<T>(int cells, TextWriter output, Func<ISweepObserver, T> work)
    {
        if (!ReferenceEquals(output, Console.Out) || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            return work(new Lines(cells, output));
        }

        return AnsiConsole
            .Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn(),
                new ElapsedTimeColumn()
            )
            .Start(context => work(new Bars(context, cells)));
    }

    private sealed class Bars(ProgressContext context, int cells) : ISweepObserver
    {
        private readonly ProgressTask _all = context.AddTask($"{cells} cells", maxValue: cells);
        private ProgressTask? _current;

        public void Begin(Cell cell, int number, int total)
        {
            _current?.StopTask();
            _current = context.AddTask(Markup.Escape(cell.Id), maxValue: 1);
        }

        public void Advance(string stage, long done, long all, string text)
        {
            if (_current is null)
            {
                return;
            }

            _current.Description = Markup.Escape($"{stage} {text}".Trim());
            _current.MaxValue = Math.Max(all, 1);
            _current.Value = done;
        }

        public void Warn(string text) => AnsiConsole.MarkupLineInterpolated($"[yellow]{text}[/]");

        public void End(CellResult result, TimeSpan elapsed)
        {
            _current?.StopTask();
            _all.Increment(1);
            if (result.Outcome != CellOutcome.AlreadyDone)
            {
                AnsiConsole.MarkupLineInterpolated($"{Summary(result, elapsed)}");
            }
        }
    }

    private sealed class Lines(int cells, TextWriter output) : ISweepObserver
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
        private static readonly TimeSpan QuickCell = TimeSpan.FromSeconds(2);
        private readonly Stopwatch _since = Stopwatch.StartNew();
        private readonly HashSet<string> _warned = [];
        private readonly Stopwatch _all = Stopwatch.StartNew();
        private int _ended;
        private string _cell = "";

        public void Begin(Cell cell, int number, int total) => _cell = $"[{number}/{total}] {cell.Id}: ";

        public void Advance(string stage, long done, long all, string text)
        {
            if (_since.Elapsed < Interval)
            {
                return;
            }

            _since.Restart();
            output.WriteLine($"{_cell}{stage} {done}/{all} {text}".TrimEnd());
        }

        public void Warn(string text)
        {
            if (_warned.Add(text))
            {
                output.WriteLine($"{_cell}{text}");
            }
        }

        public void End(CellResult result, TimeSpan elapsed)
        {
            _ended++;
            _cell = "";
            if (result.Outcome == CellOutcome.AlreadyDone)
            {
                return;
            }
            // The table at the end lists every cell; hundreds that take no time need no line each on the way.
            if (result.Outcome == CellOutcome.Finished && elapsed < QuickCell && _since.Elapsed < QuickCell)
            {
                return;
            }

            _since.Restart();
            var left = TimeSpan.FromSeconds(_all.Elapsed.TotalSeconds / _ended * (cells - _ended));
            output.WriteLine($"{Summary(result, elapsed)}; {_ended}/{cells}, about {left:h\\:mm\\:ss} left");
        }
    }

    private static string Summary(CellResult result, TimeSpan elapsed)
    {
        var text =
            result.Outcome == CellOutcome.Failed
                ? "failed: " + CommandLine.Describe(result.Failure!)
                : string.Join(
                    ", ",
                    new[] { "image_auroc", "pixel_auroc", "aupro" }
                        .Where(name => result.Record?.Metrics.GetValueOrDefault(name) is not null)
                        .Select(name => string.Create(CultureInfo.InvariantCulture, $"{name} {result.Record!.Metrics[name]:0.0000}"))
                );
        return string.Create(CultureInfo.InvariantCulture, $"{result.Cell.Id}: {text} ({elapsed.TotalSeconds:0.0} s)");
    }
}
