using System.Diagnostics;
using System.Text.Json.Serialization;

namespace Benchmarks;

/// <summary>One measured figure of a benchmark.</summary>
/// <param name="Name">What was measured, and on how much.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit"><c>s</c>, <c>MiB</c>, <c>times faster</c>, ...</param>
/// <param name="Before">The same figure of an earlier commit, where one is given.</param>
public sealed record Measurement(
    string Name,
    double Value,
    string Unit,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Before = null
);

/// <summary>
/// A benchmark: it measures our way and the baseline it is compared with in the same run, so that their ratio holds on any machine.
/// </summary>
public interface IBenchmark
{
    /// <summary>The name by which <c>scripts/bench.sh</c> runs it.</summary>
    string Name { get; }

    /// <summary>One line: what is compared with what.</summary>
    string Description { get; }

    /// <summary>Runs the benchmark.</summary>
    /// <param name="progress">Takes one line a step.</param>
    IReadOnlyList<Measurement> Run(TextWriter progress);
}

/// <summary>All benchmarks. A further one is a class in this folder and a line here.</summary>
public static class BenchmarkRegistry
{
    /// <summary>The benchmarks, in the order in which they run.</summary>
    public static IReadOnlyList<IBenchmark> All { get; } =
    [
        new DfrBenchmark(),
        new EngineBenchmark(),
        new FavaeBenchmark(),
        new FeaturesBenchmark(),
        new FiltersBenchmark(),
        new GaussianBenchmark(),
        new HfaeBenchmark(),
        new MetricsBenchmark(),
        new PatchCoreBenchmark(),
        new SsaeBenchmark(),
        new StartBenchmark(),
        new StepsBenchmark(),
    ];
}

/// <summary>Stop watch and memory gauge for benchmarks.</summary>
public static class Gauge
{
    /// <summary>Shortest wall-clock time of several calls, in seconds: the one that the least else disturbed.</summary>
    public static double Seconds(Action action, int repeats = 1)
    {
        var best = double.PositiveInfinity;
        for (var i = 0; i < repeats; i++)
        {
            var watch = Stopwatch.StartNew();
            action();
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
        }
        return best;
    }

    /// <summary>The value in the middle, the mean of the two in the middle of an even number.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>
    /// Processor time of a call, in seconds, on all threads of this process: unlike the clock it leaves out what other processes took
    /// meanwhile, so that the shortest of many calls holds on a busy machine too.
    /// </summary>
    public static double ProcessorSeconds(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    /// <summary>The resident memory of the process after a collection of what nothing refers to any more, in MiB.</summary>
    public static double ResidentMebibytes
    {
        get
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64 / (1024.0 * 1024.0);
        }
    }

    /// <summary>The highest resident memory of the process so far, in MiB.</summary>
    public static double PeakMebibytes
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64 / (1024.0 * 1024.0);
        }
    }
}
