using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary><c>repro score</c>: scores photographs with a fitted model.</summary>
internal static partial class ScoreVerb
{
    /// <summary>Pictures whose heat maps are drawn at once.</summary>
    private const int Batch = 8;

    /// <summary>The exit code of <c>--fail-on-defect</c>, apart from that of a failure.</summary>
    private const int DefectExitCode = 3;

    /// <summary>Characters of a picture's name in its heat map's: at most 4 bytes each, they stay far below a file system's 255.</summary>
    private const int LongestStem = 40;

    private const int MostNamed = 10;

    private const string Description =
        "Score photographs with a fitted model. scores.csv is written as it goes; a picture that cannot be read is a row 'unreadable' "
        + "with its reason. "
        + "Whatever was not judged is told, and the exit code is then 1.";

    public static Command Create()
    {
        var model = new Option<string>("--model")
        {
            Description = "What 'repro fit' wrote.",
            HelpName = "MODEL",
            Required = true,
        };
        var images = new Argument<string[]>("images")
        {
            Description = "Photographs, or folders of them.",
            HelpName = "IMAGE_OR_DIR",
            Arity = ArgumentArity.OneOrMore,
        };
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var output = new Option<string>("--out")
        {
            Description = "Folder for scores.csv, overlays and a page.",
            HelpName = "DIR",
            Required = true,
        };
        var fail = new Option<bool>("--fail-on-defect")
        {
            Description = $"Exit with {DefectExitCode} when any image is judged defective (1 if some could not be judged).",
        };
        var recursive = RunOptions.Recursive();
        var command = new Command("score", Description) { model, images, recursive, weights, device, output, fail };
        command.SetAction(parsed =>
        {
            var (folder, paths) = (parsed.GetRequiredValue(output), parsed.GetRequiredValue(images));
            RefuseOwnOutput(paths, folder);
            if (File.Exists(folder))
            {
                throw new UserError($"--out {folder}: is a file; give a folder, which is made where it is missing", exitCode: 2);
            }
            var photographs = Photographs.In(paths, parsed.GetValue(recursive), except: folder);
            ProcessorCheck.BeforeConvolutions(Devices.Named(parsed.GetRequiredValue(device)), parsed.InvocationConfiguration.Error);
            using var fitted = Model.Load(parsed.GetRequiredValue(model), parsed.GetValue(weights), parsed.GetRequiredValue(device));
            RunOptions.TellWeights(fitted.Description.Weights, parsed.InvocationConfiguration.Output);
            var rows = Score(fitted, photographs, folder, parsed.InvocationConfiguration.Output);
            return ExitCode(rows, photographs.LeftOut, parsed.GetValue(fail), parsed.InvocationConfiguration.Error);
        });
        return command;
    }

    /// <summary>Tells what was not judged, which never is success.</summary>
    private static int ExitCode(List<ScoredImage> rows, IReadOnlyList<string> left, bool failOnDefect, TextWriter error)
    {
        var unreadable = rows.Where(row => row.Judgement.Reason is not null).ToList();
        foreach (var row in unreadable.Take(MostNamed))
        {
            error.WriteLine($"repro: not judged: {row.Judgement.Reason}");
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
            : failOnDefect && rows.Any(row => row.Judgement.IsDefective) ? DefectExitCode
            : 0;
    }

    private static void RefuseOwnOutput(IEnumerable<string> paths, string output)
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

    /// <summary>Judges all pictures; the rows stand in scores.csv as soon as their batch is done.</summary>
    private static List<ScoredImage> Score(Model fitted, Photographs photographs, string output, TextWriter print)
    {
        var timer = Stopwatch.StartNew();
        var rows = new List<ScoredImage>();
        RemoveHeatMaps(output);
        using (var table = new ScoreTable(Path.Combine(output, "scores.csv"), fitted.Description.Threshold))
        {
            foreach (var batch in fitted.Score(photographs).Chunk(Batch))
            {
                var drawn = new ScoredImage[batch.Length];
                InParallel.For(batch.Length, i => drawn[i] = Drawn(batch[i], rows.Count + i, output));
                rows.AddRange(drawn);
                table.Add(drawn);
            }
        }
        ScorePage.Write(fitted.Description, rows, Path.Combine(output, "index.html"));
        print.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{rows.Count(row => row.Judgement.Reason is null)} images, {rows.Count(row => row.Judgement.IsDefective)} judged defective, "
                    + $"{rows.Count / timer.Elapsed.TotalSeconds:0.0} images/s"
            )
        );
        print.WriteLine($"scores: {Path.GetFullPath(Path.Combine(output, "scores.csv"))}");
        print.WriteLine($"page: {Path.GetFullPath(Path.Combine(output, "index.html"))}");
        return rows;
    }

    /// <summary>An earlier run's heat maps, which would stand beside the new scores as if they were theirs.</summary>
    private static void RemoveHeatMaps(string output)
    {
        if (File.Exists(Path.Combine(output, "scores.csv")))
        {
            foreach (var old in Directory.EnumerateFiles(output, "*.jpg").Where(path => OwnHeatMap().IsMatch(Path.GetFileName(path))))
            {
                AtomicFile.Delete(old);
            }
        }
    }

    [GeneratedRegex(@"^\d{5}-.*\.jpg$")]
    private static partial Regex OwnHeatMap();

    private static ScoredImage Drawn(Judgement judgement, int number, string output)
    {
        if (judgement.DrawOverlay() is not { } overlay)
        {
            return new ScoredImage(judgement, null);
        }
        var name = HeatMapName(number, judgement.Name);
        ImageFile.Write(Path.Combine(output, name), overlay);
        return new ScoredImage(judgement, name);
    }

    /// <summary>
    /// The picture's number keeps it unique; of the picture's name as much as leaves room for what is appended while it is written.
    /// </summary>
    private static string HeatMapName(int number, string path)
    {
        var stem = new string([.. Path.GetFileNameWithoutExtension(path).Where(letter => !char.IsSurrogate(letter))]);
        return $"{number:00000}-{(stem.Length > LongestStem ? stem[..LongestStem] : stem)}.jpg";
    }
}
