namespace Benchmarks;

/// <summary>How long the command takes from its start to its first output, and to its end.</summary>
public sealed class StartBenchmark : IBenchmark
{
    private const int Rounds = 5;

    private static readonly string[] Verbs = ["--help", "doctor"];

    /// <inheritdoc/>
    public string Name => "start";

    /// <inheritdoc/>
    public string Description => "from the start of 'repro --help' and 'repro doctor' to the first output and to the end";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var measurements = new List<Measurement>();
        var program = Path.Combine(AppContext.BaseDirectory, "repro.dll");
        foreach (var verb in Verbs)
        {
            // The first start reads the files from the disk.
            ChildProcess.Seconds(program, [verb]);
            var rounds = Enumerable.Range(0, Rounds).Select(_ => ChildProcess.Seconds(program, [verb])).ToList();
            measurements.Add(
                new($"'repro {verb}' to its first output, median of {Rounds}", Gauge.Median(rounds.Select(round => round.First)), "s")
            );
            measurements.Add(new($"'repro {verb}' to its end, median of {Rounds}", Gauge.Median(rounds.Select(round => round.End)), "s"));
            progress.WriteLine($"repro {verb}: {measurements[^2].Value:F2} s to the first output, {measurements[^1].Value:F2} s in all");
        }
        return measurements;
    }
}
