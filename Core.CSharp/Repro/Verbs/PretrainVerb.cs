using System.CommandLine;
using System.Diagnostics;
using Repro.Studies;
using Reproduction;
using Reproduction.Methods;

namespace Repro.Verbs;

/// <summary><c>repro pretrain</c>: trains the weights in <c>embedded/</c>.</summary>
internal static class PretrainVerb
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var defaults = new PretrainingSettings();
        var output = new Option<string>("--out")
        {
            Description = "The folder to write.",
            HelpName = "DIR",
            Required = true,
        };
        var seed = new Option<int>("--seed") { Description = "Seed of the first weights and of the images (0).", HelpName = "N" };
        var steps = new Option<int>("--steps")
        {
            Description = $"Gradient steps ({defaults.Steps}).",
            HelpName = "N",
            DefaultValueFactory = _ => defaults.Steps,
        }.AtLeast(1);
        var command = new Command(
            "pretrain",
            $"Trains {defaults.Architecture} to tell procedural patterns apart: the embedded weights, which are not ImageNet's."
        )
        {
            output,
            seed,
            steps,
        };
        command.SetAction(
            (parsed, cancellation) =>
                Task.Run(
                    () =>
                    {
                        ProcessorCheck.BeforeConvolutions(Devices.Named("cpu"), parsed.InvocationConfiguration.Error);
                        return Run(
                            defaults with
                            {
                                Seed = parsed.GetValue(seed),
                                Steps = parsed.GetValue(steps),
                            },
                            parsed.GetRequiredValue(output),
                            parsed.InvocationConfiguration.Output,
                            cancellation
                        );
                    },
                    CancellationToken.None
                )
        );
        return command;
    }

    private static int Run(PretrainingSettings settings, string folder, TextWriter output, CancellationToken cancellation)
    {
        var (all, sinceReport) = (Stopwatch.StartNew(), Stopwatch.StartNew());
        var firstDone = -1L;
        void Report(long done, long steps, string text)
        {
            if (firstDone < 0)
            {
                firstDone = done - 1;
            }

            if (sinceReport.Elapsed < ReportInterval)
            {
                return;
            }

            sinceReport.Restart();
            var left = all.Elapsed * ((double)(steps - done) / (done - firstDone));
            output.WriteLine($"{done}/{steps} {text}, about {left:h\\:mm\\:ss} left");
        }
        var result = Pretraining.Run(
            settings,
            folder,
            new FitContext
            {
                Seed = settings.Seed,
                Progress = Report,
                Cancellation = cancellation,
            }
        );
        output.WriteLine(
            $"{Path.Combine(folder, settings.Architecture)}.safetensors: held-out accuracy "
                + string.Join(", ", result.Accuracy.Select(level => FormattableString.Invariant($"{level.Key} {level.Value:0.000}")))
                + FormattableString.Invariant($", after {result.Seconds:0} s")
        );
        return 0;
    }
}
