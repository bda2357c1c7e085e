using System.CommandLine;
using System.Runtime.InteropServices;
using Spectre.Console;

namespace Reproduction.Cli;

/// <summary>The <c>repro</c> command: one file a verb; exit code 0 on success, 2 on wrong arguments, 1 on any other failure.</summary>
public static class CommandLine
{
    private static readonly Option<bool> Debug = new("--debug") { Description = "Print the stack trace of an error.", Recursive = true };

    /// <summary>Columns of a table that goes to a file or a pipe: wide enough for the ids of cells.</summary>
    private const int WidthOfFiles = 200;

    /// <summary>Parses the arguments, runs the verb, and turns errors into one or two lines on standard error.</summary>
    public static int Run(string[] args)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Capabilities.Ansi = false;
            AnsiConsole.Profile.Capabilities.ColorSystem = ColorSystem.NoColors;
            AnsiConsole.Profile.Width = WidthOfFiles;
        }
        var root = new RootCommand("Five papers on unsupervised visual anomaly detection, reproduced on libtorch.")
        {
            DoctorVerb.Create(),
            RunVerb.Create(),
            FitVerb.Create(),
            ScoreVerb.Create(),
            FeaturesVerb.Create(),
            MetricsVerb.Create(),
            FigureVerb.Create(),
            OrthogonalityVerb.Create(),
            WeightsVerb.Create(),
            DataVerb.Create(),
            BenchVerb.Create(),
            PretrainVerb.Create(),
            ToyVerb.Create(),
        };
        root.Options.Add(Debug);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            var verb = parsed.CommandResult.Command;
            Console.Error.WriteLine($"repro: {parsed.Errors[0].Message}");
            Console.Error.WriteLine($"'repro {(verb is RootCommand ? "" : verb.Name + " ")}--help' tells what is accepted.");
            return 2;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure)
        {
            var (message, code) = failure switch
            {
                UserError error => (error.Message, error.ExitCode),
                OperationCanceledException => ("stopped; what is finished is kept, and the same command goes on from there", 1),
                DllNotFoundException or TypeInitializationException { InnerException: DllNotFoundException } =>
                    ($"a native library is missing: run scripts/setup.sh ({(failure.InnerException ?? failure).Message.Split('\n')[0]})", 1),
                ExternalException => ($"libtorch: {FirstLine(failure.Message)}", 1),
                _ => ($"{failure.GetType().Name}: {FirstLine(failure.Message)} (--debug shows where)", 1),
            };
            Console.Error.WriteLine($"repro: {message}");
            if (parsed.GetValue(Debug)) Console.Error.WriteLine(failure);
            return code;
        }
    }

    /// <summary>The first line of a message: libtorch's go on with a C++ stack trace.</summary>
    internal static string FirstLine(string text) => text.Split('\n', 2)[0];
}
