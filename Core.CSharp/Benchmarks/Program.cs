using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Repro.Records;
using Reproduction;

namespace Benchmarks;

/// <summary>How fast we are beside a baseline that is measured in the same run.</summary>
internal static class Program
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static int Main(string[] args)
    {
        var command = new RootCommand("Measures our way and a baseline in the same run.") { StepsBenchmark.StepCommand() };
        foreach (var benchmark in BenchmarkRegistry.All)
        {
            command.Add(CommandOf(benchmark));
        }

        try
        {
            return command.Parse(args).Invoke(new() { EnableDefaultExceptionHandler = false });
        }
        catch (UserError problem)
        {
            Console.Error.WriteLine($"benchmarks: {problem.Message}");
            return problem.ExitCode;
        }
    }

    private static Command CommandOf(IBenchmark benchmark)
    {
        var output = new Option<string?>("--out")
        {
            Description = "JSON file for the figures; without it they are printed",
            HelpName = "FILE",
        };
        var before = new Option<string?>("--before")
        {
            Description =
                "JSON file of an earlier commit's figures, as --out writes them: each is put beside the figure of the same name and unit",
            HelpName = "FILE",
        };
        var command = new Command(benchmark.Name, benchmark.Description) { output, before };
        command.SetAction(parsed =>
        {
            var earlier = parsed.GetValue(before) is { } file ? Figures.Read(file) : null;
            var measurements = benchmark.Run(parsed.InvocationConfiguration.Error);
            var json = JsonSerializer.Serialize(
                new Figures(
                    benchmark.Name,
                    benchmark.Description,
                    Machine.Processor,
                    Environment.ProcessorCount,
                    Machine.Commit,
                    RuntimeInformation.FrameworkDescription,
                    DateTime.UtcNow.ToString("yyyy-MM-dd"),
                    earlier is null ? null : new(earlier.Commit, earlier.Measured),
                    earlier?.Beside(measurements) ?? measurements
                ),
                Indented
            );
            if (parsed.GetValue(output) is { } path)
            {
                AtomicFile.WriteText(path, json + "\n");
            }
            else
            {
                parsed.InvocationConfiguration.Output.WriteLine(json);
            }
            return 0;
        });
        return command;
    }

    /// <summary>A file of figures.</summary>
    /// <param name="Before">Where the earlier figures come from.</param>
    private sealed record Figures(
        string Benchmark,
        string Description,
        string Processor,
        int Cores,
        string Commit,
        string Runtime,
        string Measured,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Origin? Before,
        IReadOnlyList<Measurement> Measurements
    )
    {
        /// <exception cref="UserError">The file cannot be read or is no file of figures.</exception>
        public static Figures Read(string path)
        {
            try
            {
                return JsonSerializer.Deserialize<Figures>(File.ReadAllText(path), Indented) is { Measurements: not null } figures
                    ? figures
                    : throw new UserError($"{path}: has no \"measurements\"; give a file that --out wrote");
            }
            catch (Exception problem) when (problem is JsonException or IOException or UnauthorizedAccessException)
            {
                throw new UserError($"{path}: cannot be read as a file that --out wrote: {problem.Message}");
            }
        }

        /// <summary>Later measurements with the figures of the same name and unit beside them.</summary>
        public IReadOnlyList<Measurement> Beside(IReadOnlyList<Measurement> later) =>
            [
                .. later.Select(now =>
                    now with
                    {
                        Before = Measurements.FirstOrDefault(then => (then.Name, then.Unit) == (now.Name, now.Unit))?.Value,
                    }
                ),
            ];
    }

    /// <summary>The commit that figures were measured with, and the day.</summary>
    private sealed record Origin(string Commit, string Measured);
}
