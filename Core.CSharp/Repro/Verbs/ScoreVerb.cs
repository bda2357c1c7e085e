using System.CommandLine;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary><c>repro score</c>: scores photographs with a fitted model.</summary>
internal static class ScoreVerb
{
    /// <summary>The exit code of <c>--fail-on-defect</c>, apart from that of a failure.</summary>
    private const int DefectExitCode = 3;

    private const int MostNamed = 10;

    private const string Description =
        "Score photographs with a fitted model. scores.csv is written as it goes; a picture that cannot be read is a row 'unreadable' "
        + "with its reason. "
        + "Whatever was not judged is told, and the exit code is then 1.";

    public static Command Create()
    {
        var model = RunOptions.Required("--model", "What 'repro fit' or 'repro export' wrote.", "MODEL");
        var images = new Argument<string[]>("images")
        {
            Description = "Photographs, or folders of them.",
            HelpName = "IMAGE_OR_DIR",
            Arity = ArgumentArity.OneOrMore,
        };
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var engine = RunOptions.Engine();
        var output = RunOptions.Required("--out", "Folder for scores.csv, overlays and a page.", "DIR");
        var fail = new Option<bool>("--fail-on-defect")
        {
            Description = $"Exit with {DefectExitCode} when any image is judged defective (1 if some could not be judged).",
        };
        var recursive = RunOptions.Recursive();
        var threshold = RunOptions.Number(
            "--threshold",
            "Scores that reach it are called defective, in the unit of scores: 1.0 is the model's own threshold.",
            "X",
            example: "1.2"
        );
        var rate = RunOptions.Number(
            "--fpr",
            "Accepted share of good products that are called defective, instead of --threshold; scores keep their unit.",
            "R",
            example: "0.05"
        );
        var labels = new Option<string?>("--labels")
        {
            Description =
                "What is known of the pictures: a CSV file with the columns path and label (good, ok, normal or 0; anything else is a "
                + "defect), or 'folders' for the names of their folders. Gives the confusion matrix and the ROC (evaluation.json).",
            HelpName = "FILE|folders",
        };
        var sight = new SightOptions(isFit: false);
        var command = new Command("score", Description)
        {
            model,
            images,
            recursive,
            weights,
            device,
            engine,
            output,
            fail,
            threshold,
            rate,
            labels,
            sight.Tile,
            sight.Overlap,
            sight.Roi,
        };
        command.SetAction(parsed =>
        {
            var (folder, paths) = (parsed.GetRequiredValue(output), parsed.GetRequiredValue(images));
            RefuseOwnOutput(paths, folder);
            if (File.Exists(folder))
            {
                throw new UserError($"--out {folder}: is a file; give a folder, which is made where it is missing", exitCode: 2);
            }
            var options = new ScoreOptions
            {
                Threshold = (float?)parsed.GetValue(threshold),
                FalsePositiveRate = parsed.GetValue(rate),
                Tiles = sight.Tiling(parsed),
                RegionOfInterest = sight.Mask(parsed),
            };
            var known = parsed.GetValue(labels) is { } source ? ScoreLabels.Read(source) : null;
            var photographs = Photographs.In(paths, parsed.GetValue(recursive), except: folder);
            var (print, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            using var fitted = RunOptions.Load(
                parsed.GetRequiredValue(model),
                parsed.GetValue(weights),
                parsed.GetRequiredValue(device),
                parsed.GetRequiredValue(engine),
                error
            );
            if (SightOptions.Mismatch(fitted.Description, options) is { } mismatch)
            {
                error.WriteLine($"repro: {mismatch}");
            }
            RunOptions.TellWeights(fitted.Description.Weights, print);
            using var stop = new StopSignals();
            var rows = new ScoreRun(fitted, options, known, folder).Judge(photographs, print, stop.Token);
            if (rows.Count < photographs.Count)
            {
                error.WriteLine($"repro: stopped by {stop.Signal}: {rows.Count} of {photographs.Count} pictures are judged, in scores.csv");
                return 1;
            }
            return ExitCode(rows, photographs.LeftOut, parsed.GetValue(fail), error);
        });
        return command;
    }

    /// <summary>Tells what was not judged, which never is success.</summary>
    private static int ExitCode(IReadOnlyList<ScoredImage> rows, IReadOnlyList<string> left, bool failOnDefect, TextWriter error)
    {
        var unreadable = rows.Where(row => row.Page.Reason is not null).ToList();
        foreach (var row in unreadable.Take(MostNamed))
        {
            error.WriteLine($"repro: not judged: {row.Page.Reason}");
        }
        if (unreadable.Count > 0)
        {
            error.WriteLine($"repro: {unreadable.Count} of {rows.Count} pictures were not judged; scores.csv names each with its reason");
        }
        if (left.Count > 0)
        {
            error.WriteLine(
                $"repro: {left.Count} pictures in folders below were not judged, such as {left[0]}; --recursive takes them, too"
            );
        }
        return unreadable.Count + left.Count > 0 ? 1
            : failOnDefect && rows.Any(row => row.IsDefective) ? DefectExitCode
            : 0;
    }

    /// <summary>Heat maps among the photographs would be taken for photographs the next time.</summary>
    /// <exception cref="UserError">The output folder is one of the photographs' folders.</exception>
    internal static void RefuseOwnOutput(IEnumerable<string> paths, string output)
    {
        if (paths.Any(path => Absolute(path) == Absolute(output)))
        {
            throw new UserError(
                $"--out {output}: is the folder of the photographs, and heat maps would be taken for photographs the next time; give "
                    + "another",
                exitCode: 2
            );
        }

        static string Absolute(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    }
}
