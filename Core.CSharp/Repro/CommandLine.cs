using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Repro.Verbs;
using Reproduction;
using Reproduction.Methods;
using Spectre.Console;

namespace Repro;

/// <summary>The <c>repro</c> command: one file a verb; exit code 0 on success, 2 on wrong arguments, 1 on any other failure.</summary>
public static class CommandLine
{
    private static readonly Option<bool> Debug = new("--debug") { Description = "Print the stack trace of an error.", Recursive = true };

    /// <summary>Columns of a table that goes to a file or a pipe: wide enough for the ids of cells.</summary>
    private const int WidthOfFiles = 200;

    private static readonly string[] MemoryErrors = ["can't allocate memory", "out of memory", "bad_alloc"];

    private const string Smaller =
        "take smaller images or batches (a setting after the variant, as in --variant V+image_size=128), or a machine with more memory";

    /// <summary>A word with two dashes that was taken for an argument, such as a photograph.</summary>
    private static string? UnknownOption(ParseResult parsed) =>
        parsed
            .Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal))
            ?.Value;

    /// <summary>Parses the arguments, runs the verb, and turns errors into one or two lines on standard error.</summary>
    /// <param name="args">A verb and its options.</param>
    /// <param name="output">Instead of standard output.</param>
    /// <param name="error">Instead of standard error.</param>
    /// <param name="beforeVerb">Called before a verb acts, not for help or wrong arguments: what the process settles before libtorch is
    /// loaded.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter? output = null, TextWriter? error = null, Action? beforeVerb = null)
    {
        output ??= Console.Out;
        error ??= Console.Error;
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
            VerifyVerb.Create(),
            FitVerb.Create(),
            ScoreVerb.Create(),
            ExportVerb.Create(),
            ServeVerb.Create(),
            WatchVerb.Create(),
            CalibrateVerb.Create(),
            DescribeVerb.Create(),
            FeaturesVerb.Create(),
            MetricsVerb.Create(),
            FigureVerb.Create(),
            OrthogonalityVerb.Create(),
            WeightsVerb.Create(),
            DataVerb.Create(),
            ToyVerb.Create(),
            DistortionsVerb.Create(),
            ProcessorVerb.Create(),
        };
        root.Options.Add(Debug);
        // A photograph may be called @x.png: that is no file of further arguments.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (UnknownOption(parsed) is { } unknown)
        {
            error.WriteLine($"repro: '{unknown}' is no option of {parsed.CommandResult.Command.Name}; a file of that name goes behind --");
            error.WriteLine($"'repro {parsed.CommandResult.Command.Name} --help' tells what is accepted.");
            return 2;
        }
        if (parsed.Errors.Count > 0)
        {
            var verb = parsed.CommandResult.Command;
            // What was not understood says more than what is then missing.
            var problem =
                parsed.Errors.FirstOrDefault(each =>
                    parsed.UnmatchedTokens.Any(token => each.Message.Contains(token, StringComparison.Ordinal))
                ) ?? parsed.Errors[0];
            error.WriteLine($"repro: {problem.Message}");
            error.WriteLine($"'repro {(verb is RootCommand ? "" : verb.Name + " ")}--help' tells what is accepted.");
            return 2;
        }
        try
        {
            if (parsed.Action is not HelpAction)
            {
                beforeVerb?.Invoke();
            }
            return parsed.Invoke(
                new InvocationConfiguration
                {
                    Output = output,
                    Error = error,
                    EnableDefaultExceptionHandler = false,
                }
            );
        }
        catch (Exception failure)
        {
            error.WriteLine($"repro: {Describe(failure)}");
            if (IsDebug(parsed))
            {
                error.WriteLine(failure);
            }

            return failure is UserError mistake ? mistake.ExitCode : 1;
        }
    }

    /// <summary>A console for tables on an output: colours and the terminal's width on a terminal, neither elsewhere.</summary>
    internal static IAnsiConsole Tables(TextWriter output)
    {
        if (ReferenceEquals(output, Console.Out))
        {
            return AnsiConsole.Console;
        }

        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Out = new AnsiConsoleOutput(output),
            }
        );
        console.Profile.Width = WidthOfFiles;
        return console;
    }

    /// <summary>Whether <c>--debug</c> was given.</summary>
    internal static bool IsDebug(ParseResult parsed) => parsed.GetValue(Debug);

    /// <summary>A failure in one or two lines, without a stack trace.</summary>
    internal static string Describe(Exception failure) =>
        failure switch
        {
            UserError => OptionNames.In(failure.Message),
            DivergenceException => FirstLine(failure.Message),
            OperationCanceledException => "stopped; what is finished is kept, and the same command goes on from there",
            TypeInitializationException { InnerException: { } inner } => Describe(inner),
            NotSupportedException when failure.Message.Contains("LoadNativeBackend", StringComparison.Ordinal) => TorchRuntime.Explain(
                failure.Message
            ),
            DllNotFoundException when failure.Message.Contains("orch", StringComparison.Ordinal) => TorchRuntime.Explain(failure.Message),
            DllNotFoundException => $"a native library is missing; 'dotnet build' brings it ({FirstLine(failure.Message)})",
            OutOfMemoryException => $"out of memory; {Smaller}",
            ExternalException when MemoryErrors.Any(words => failure.Message.Contains(words, StringComparison.Ordinal)) =>
                $"out of memory ({FirstLine(failure.Message)}); {Smaller}",
            ExternalException => $"libtorch: {FirstLine(failure.Message)}",
            _ => $"{failure.GetType().Name}: {FirstLine(failure.Message)} (--debug shows where)",
        };

    /// <summary>libtorch's messages go on with a C++ stack trace.</summary>
    private static string FirstLine(string text) => text.Split('\n', 2)[0];
}
