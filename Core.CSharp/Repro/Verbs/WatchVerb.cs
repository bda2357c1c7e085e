using System.CommandLine;
using Repro.Sweeps;
using Reproduction;

namespace Repro.Verbs;

/// <summary><c>repro watch</c>: judges pictures as they arrive in a folder.</summary>
internal static class WatchVerb
{
    private const string Description =
        "Judge the pictures of a folder as they arrive, each once and when it is complete. scores.csv and the page grow; "
        + "a picture that cannot "
        + "be read is a row 'unreadable'. Ended anyhow, the same command goes on. Ctrl-C ends it.";

    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "Where pictures arrive." };
        var model = RunOptions.Required("--model", "What 'repro fit' or 'repro export' wrote.", "MODEL");
        var output = RunOptions.Required("--out", "Folder for scores.csv, overlays and a page.", "DIR");
        var (weights, device, engine, recursive) = (RunOptions.Weights(), RunOptions.Device(), RunOptions.Engine(), RunOptions.Recursive());
        var once = new Option<bool>("--once") { Description = "Judge what is there, then end." };
        var command = new Command("watch", Description) { folder, model, output, recursive, weights, device, engine, once };
        command.SetAction(parsed =>
        {
            var (watched, results) = (parsed.GetRequiredValue(folder), parsed.GetRequiredValue(output));
            var (print, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            if (!Directory.Exists(watched))
            {
                throw new UserError($"{watched}: no such folder; give the folder in which pictures arrive", exitCode: 2);
            }
            ScoreVerb.RefuseOwnOutput([watched], results);
            var path = parsed.GetRequiredValue(model);
            using var signals = new StopSignals();
            using var fitted = RunOptions.Load(
                path,
                parsed.GetValue(weights),
                parsed.GetRequiredValue(device),
                parsed.GetRequiredValue(engine),
                error
            );
            RunOptions.TellWeights(fitted.Description.Weights, print);
            var options = new WatchOptions(
                watched,
                parsed.GetValue(recursive),
                Interval: TimeSpan.FromSeconds(0.5),
                Settle: TimeSpan.FromSeconds(3)
            );
            using var run = new WatchRun(fitted, path, options, results, print);
            if (parsed.GetValue(once))
            {
                while (run.Look(signals.Token) > 0 && !signals.Token.IsCancellationRequested)
                {
                    signals.Token.WaitHandle.WaitOne(options.Interval);
                }
            }
            else
            {
                print.WriteLine($"watching {Path.GetFullPath(watched)}, {run.Count} pictures judged before (Ctrl-C ends it)");
                print.Flush();
                run.Run(signals.Token);
            }
            print.WriteLine($"{run.Count} pictures: {Path.GetFullPath(Path.Combine(results, "scores.csv"))}");
            return 0;
        });
        return command;
    }
}
