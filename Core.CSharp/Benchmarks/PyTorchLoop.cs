using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Benchmarks;

/// <summary>A training loop in PyTorch, <c>scripts/bench/NAME.py</c>, as the baseline of a benchmark.</summary>
internal static class PyTorchLoop
{
    // Not the first python3 on the path: a virtual environment would have another libtorch, or none.
    private const string Interpreter = "/usr/bin/python3";

    /// <summary>Runs the loop to its end.</summary>
    /// <param name="script">File name of the script.</param>
    /// <param name="options">Its whole-numbered options, <c>--threads</c> among them.</param>
    /// <param name="progress">Told why there is no baseline.</param>
    /// <returns>The <c>seconds</c> that it prints, one for each repetition of what it measures; null where it cannot be run.</returns>
    public static double[]? Seconds(string script, IReadOnlyList<(string Name, int Value)> options, TextWriter progress)
    {
        // The program lies in the checkout's build output, some folders below scripts/.
        var above = new List<DirectoryInfo>();
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent) above.Add(at);
        if (above.Select(at => Path.Combine(at.FullName, "scripts", "bench", script)).FirstOrDefault(File.Exists) is not { } path)
        {
            progress.WriteLine($"there is no scripts/bench/{script} above {AppContext.BaseDirectory}, so there is no baseline");
            return null;
        }
        var arguments = options.SelectMany(option => new[] { option.Name, $"{option.Value}" }).Prepend(path);
        var start = new ProcessStartInfo(Interpreter, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                progress.WriteLine($"{path} failed, so there is no baseline (it needs python3-torch): {errors.Result.Trim().Split('\n')[^1]}");
                return null;
            }
            using var json = JsonDocument.Parse(output);
            return [.. json.RootElement.GetProperty("seconds").EnumerateArray().Select(seconds => seconds.GetDouble())];
        }
        catch (Win32Exception failure)
        {
            progress.WriteLine($"{Interpreter} cannot be run, so there is no baseline: {failure.Message}");
            return null;
        }
    }
}
