using System.CommandLine;
using System.Globalization;
using Reproduction;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary><c>repro calibrate</c>: another threshold for a fitted model, without a fit.</summary>
internal static class CalibrateVerb
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "What 'repro fit' wrote.", HelpName = "MODEL" };
        var good = new Option<string?>("--good")
        {
            Description = "Photographs of good products that the model was not fitted on; without them the scores that it keeps are taken.",
            HelpName = "DIR",
        };
        var defective = new Option<string?>("--defective")
        {
            Description = "Photographs of defects: the threshold is then that of the best F1; needs --good.",
            HelpName = "DIR",
        };
        var rate = RunOptions.Number(
            "--fpr",
            "Accepted share of good products that are called defective.",
            "R",
            byDefault: 0.01,
            example: "0.05"
        );
        var sight = new SightOptions(isFit: false);
        var recursive = RunOptions.Recursive();
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var output = new Option<string?>("--out") { Description = "The model with the new threshold (MODEL itself).", HelpName = "MODEL" };
        var command = new Command("calibrate", "Choose another threshold for a fitted model; nothing is trained.")
        {
            model,
            good,
            defective,
            rate,
            sight.Tile,
            sight.Overlap,
            sight.Roi,
            recursive,
            weights,
            device,
            output,
        };
        command.SetAction(parsed =>
        {
            var (source, share) = (parsed.GetRequiredValue(model), parsed.GetValue(rate));
            var (print, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var shown = new ScoreOptions { Tiles = sight.Tiling(parsed), RegionOfInterest = sight.Mask(parsed) };
            var before = ModelFile.Describe(source);
            ModelFile after;
            if (parsed.GetValue(good) is { } folder)
            {
                var isRecursive = parsed.GetValue(recursive);
                var sound = Photographs.Good(folder, isRecursive);
                var defects = parsed.GetValue(defective) is { } bad ? Photographs.In(bad, isRecursive) : null;
                ProcessorCheck.BeforeConvolutions(Devices.Named(parsed.GetRequiredValue(device)), error);
                using var fitted = Model.Load(source, parsed.GetValue(weights), parsed.GetRequiredValue(device));
                fitted.Calibrate(sound, defects, share, shown);
                after = fitted.Description;
            }
            else
            {
                RefuseWithoutGood(parsed.GetValue(defective), SightOptions.Mismatch(before, shown));
                after = before.At(share);
            }
            if (after.Calibration!.Shortfall() is { } shortfall)
            {
                error.WriteLine($"repro: {shortfall}");
            }
            var target = parsed.GetValue(output) ?? source;
            after.Redescribe(source, target);
            print.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"threshold {after.Threshold:g6} (was {before.Threshold:g6}): {after.ThresholdRule}"
                )
            );
            print.WriteLine($"model: {Path.GetFullPath(target)}");
            return 0;
        });
        return command;
    }

    private static void RefuseWithoutGood(string? defective, string? mismatch)
    {
        if (defective is not null)
        {
            throw new UserError("--defective needs --good: a threshold lies between the two", exitCode: 2);
        }
        if (mismatch is not null)
        {
            throw new UserError(
                "--tile and --roi need --good: the scores that the model keeps are of photographs shown in another way",
                exitCode: 2
            );
        }
    }
}
