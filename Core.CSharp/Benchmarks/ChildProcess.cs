using System.Diagnostics;
using System.Reflection;
using Reproduction;

namespace Benchmarks;

/// <summary>
/// A .NET program in a process of its own, for what is decided once a process: the start itself, and what libtorch reads when it is loaded.
/// </summary>
internal static class ChildProcess
{
    /// <summary>Runs this program with other arguments.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables to set, or with null to take away.</param>
    /// <returns>What it writes to standard output.</returns>
    /// <exception cref="UserError">It fails.</exception>
    public static string Output(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment)
    {
        using var process = Start(Assembly.GetExecutingAssembly().Location, arguments, environment);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Finish(process, arguments, errors);
        return output;
    }

    /// <summary>Seconds from the start of a program to its first output and to its end.</summary>
    /// <param name="program">Path of its .dll.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="UserError">It fails.</exception>
    public static (double First, double End) Seconds(string program, IReadOnlyList<string> arguments)
    {
        var watch = Stopwatch.StartNew();
        using var process = Start(program, arguments, new Dictionary<string, string?>());
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.Read();
        var first = watch.Elapsed.TotalSeconds;
        process.StandardOutput.ReadToEnd();
        Finish(process, arguments, errors);
        return (first, watch.Elapsed.TotalSeconds);
    }

    private static Process Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment)
    {
        var start = new ProcessStartInfo("dotnet", arguments.Prepend(program))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new UserError("dotnet cannot be started");
    }

    private static void Finish(Process process, IReadOnlyList<string> arguments, Task<string> errors)
    {
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new UserError(
                $"'{string.Join(' ', arguments)}' in a process of its own ended with {process.ExitCode}: {errors.Result.Trim()}"
            );
        }
    }
}
