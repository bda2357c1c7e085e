using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Reproduction;
using Repro.Records;

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
        var name = new Argument<string>("benchmark")
        {
            Description = string.Join("; ", BenchmarkRegistry.All.Select(benchmark => $"{benchmark.Name}: {benchmark.Description}")),
        };
        name.AcceptOnlyFromAmong([.. BenchmarkRegistry.All.Select(benchmark => benchmark.Name)]);
        var output = new Option<string?>("--out")
        {
            Description = "JSON file for the figures; without it they are printed",
            HelpName = "FILE",
        };
        var command = new RootCommand("Measures our way and a baseline in the same run.") { name, output };
        command.SetAction(parsed =>
        {
            var benchmark = BenchmarkRegistry.All.Single(candidate => candidate.Name == parsed.GetRequiredValue(name));
            var measurements = benchmark.Run(parsed.InvocationConfiguration.Error);
            var json = JsonSerializer.Serialize(new
            {
                benchmark = benchmark.Name,
                benchmark.Description,
                processor = Machine.Processor,
                cores = Environment.ProcessorCount,
                commit = Machine.Commit,
                runtime = RuntimeInformation.FrameworkDescription,
                measured = DateTime.UtcNow.ToString("yyyy-MM-dd"),
                measurements,
            }, Indented);
            if (parsed.GetValue(output) is { } path)
                AtomicFile.WriteText(path, json + "\n");
            else
                parsed.InvocationConfiguration.Output.WriteLine(json);
            return 0;
        });
        return command.Parse(args).Invoke();
    }
}
