using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Repro.Studies;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Methods;

namespace Repro.Verbs;

/// <summary><c>repro toy</c>: the toy study of <c>favae</c>, of which <c>scripts/toy-distribution.fsx</c> makes figure 1.</summary>
internal static class ToyVerb
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var extractor = new Option<string>("--variant")
        {
            Description = "The variant of favae whose features are reconstructed.",
            HelpName = "V",
            DefaultValueFactory = _ => PackagedWeights.Name,
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Gradient steps of each model (600).",
            HelpName = "N",
            DefaultValueFactory = _ => 600,
        }.AtLeast(1);
        var batch = new Option<int>("--batch")
        {
            Description = "Images a gradient step (8).",
            HelpName = "N",
            DefaultValueFactory = _ => 8,
        }.AtLeast(1);
        var normsFixed = Share("--norms-fixed-after", "Share of the steps after which the batch norms keep their statistics (0.1).", 0.1);
        var finalRate = Share("--final-rate", "Share of the learning rates that is left at the last step, along half a cosine (1).", 1);
        var seed = new Option<int>("--seed") { Description = "Seed (0).", HelpName = "N" };
        var output = RunOptions.Required("--out", "The folder to write.", "DIR");
        var command = new Command(
            "toy",
            "Scores the toy images of favae's section 3 under the optimal VAE, a trained one and a trained FAVAE."
        )
        {
            weights,
            device,
            extractor,
            steps,
            batch,
            normsFixed,
            finalRate,
            seed,
            output,
        };
        command.SetAction(
            (parsed, cancellation) =>
                Task.Run(
                    () =>
                    {
                        var place = Devices.Named(parsed.GetRequiredValue(device));
                        ProcessorCheck.BeforeConvolutions(place, parsed.InvocationConfiguration.Error);
                        using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
                        var sinceReport = Stopwatch.StartNew();
                        var study = new ToyStudy(
                            new Resources
                            {
                                Backbones = backbones,
                                Features = new UncachedFeatures(),
                                Device = place,
                            }
                        )
                        {
                            Seed = parsed.GetValue(seed),
                            Steps = parsed.GetValue(steps),
                            BatchSize = parsed.GetValue(batch),
                            NormsFixedAfter = parsed.GetValue(normsFixed),
                            FinalLearningRateShare = parsed.GetValue(finalRate),
                            Progress = (stage, done, all, text) =>
                            {
                                if (sinceReport.Elapsed < ReportInterval && done < all)
                                {
                                    return;
                                }

                                sinceReport.Restart();
                                Console.Error.WriteLine(
                                    string.Create(CultureInfo.InvariantCulture, $"{stage}: step {done} of {all}, {text}")
                                );
                            },
                        };
                        var folder = parsed.GetRequiredValue(output);
                        study.Run(parsed.GetRequiredValue(extractor), folder, cancellation);
                        Console.WriteLine(Path.Combine(folder, ToyStudy.ScoresFile));
                        return 0;
                    },
                    CancellationToken.None
                )
        );
        return command;
    }

    private static Option<double> Share(string name, string description, double value)
    {
        var option = RunOptions.Number(name, description, "SHARE", value, "0.3");
        option.Validators.Add(result =>
        {
            // What is no number at all the parser refuses itself.
            if (
                result.Tokens is [var token]
                && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var share)
                && share is not (> 0 and <= 1)
            )
            {
                result.AddError($"{name} {token.Value}: a share above 0, at most 1");
            }
        });
        return option;
    }
}
