using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;
using Reproduction.Papers;

namespace Repro.Verbs;

/// <summary><c>repro fit</c>: a detector for one's own product from photographs of good ones.</summary>
internal static class FitVerb
{
    private const int MostListed = 20;

    /// <summary>Of a method with more variants than <see cref="MostListed"/>.</summary>
    private const int MostNamed = 4;

    public static Command Create()
    {
        var method = new Option<string>("--method")
        {
            Description = $"One of {string.Join(", ", Registry.Methods.Select(each => each.Id))}; needed but with --add.",
            HelpName = "ID",
        };
        var variant = new Option<string?>("--variant")
        {
            Description = $"A variant by name (the first default one whose weights are there). {Variants()}",
            HelpName = "V",
        };
        var train = new Option<string>("--train")
        {
            Description =
                $"Folder of photographs of good products ({ImageFormats.Names}), any size; of folders below only where it has none itself; "
                + "needed but with --add.",
            HelpName = "DIR",
        };
        var addition = new FitAddition();
        var good = new Option<string?>("--good")
        {
            Description =
                "Further good photographs, not trained on, to choose the threshold with; without them a fifth of those of --train is held "
                + "back (at least 30, at most 300; a third where there are fewer than 60).",
            HelpName = "DIR",
        };
        var defective = new Option<string?>("--defective")
        {
            Description = "Photographs of defects, to choose the threshold with; needs --good.",
            HelpName = "DIR",
        };
        var fpr = RunOptions.Number(
            "--fpr",
            "Accepted share of good products that are called defective.",
            "F",
            byDefault: 0.01,
            example: "0.05"
        );
        var folds = new Option<int?>("--folds")
        {
            Description =
                "Fit on all photographs, and choose the threshold by cross-validation in so many parts: a fit for each, and a threshold "
                + "that is measured on other models than this one. 10 come near the rate; with fewer the threshold is too high.",
            HelpName = "K",
        }.AtLeast(2);
        var side = new Option<int?>("--image-size")
        {
            Description = "Side of the images that the network sees, as --variant V+image_size=N (the variant's).",
            HelpName = "N",
        }.AtLeast(1);
        var sight = new SightOptions(isFit: true);
        var recursive = RunOptions.Recursive();
        var weights = RunOptions.Weights();
        var profile = RunOptions.ProfileOption();
        var device = RunOptions.Device();
        var seed = new Option<int>("--seed") { Description = "Seed (0).", HelpName = "N" };
        var output = new Option<string>("--out")
        {
            Description = "The model: one file; with --add that of --model where it is not given.",
            HelpName = "MODEL",
        };

        var command = new Command(
            "fit",
            "Fit a detector to photographs of good products. One that was interrupted goes on with the same command."
        )
        {
            method,
            variant,
            train,
            addition.Folder,
            addition.Model,
            good,
            defective,
            recursive,
            fpr,
            folds,
            side,
            sight.Tile,
            sight.Overlap,
            sight.Roi,
            weights,
            profile,
            device,
            seed,
            output,
        };
        command.SetAction(parsed =>
        {
            var timer = Stopwatch.StartNew();
            var (error, print) = (parsed.InvocationConfiguration.Error, parsed.InvocationConfiguration.Output);
            var options = new FitOptions
            {
                Variant = parsed.GetValue(variant),
                Profile = parsed.GetValue(profile),
                Weights = parsed.GetValue(weights),
                Device = parsed.GetRequiredValue(device),
                Seed = parsed.GetValue(seed),
                FalsePositiveRate = parsed.GetValue(fpr),
                Folds = parsed.GetValue(folds),
                ImageSize = parsed.GetValue(side),
                Tiles = sight.Tiling(parsed),
                RegionOfInterest = sight.Mask(parsed),
                Progress = EveryFewSeconds(error),
                Warn = error.WriteLine,
            };
            if (parsed.GetValue(defective) is not null && parsed.GetValue(good) is null)
            {
                throw new UserError("--defective needs --good: a threshold lies between the two", exitCode: 2);
            }

            var isRecursive = parsed.GetValue(recursive);
            if (addition.IsAsked(parsed))
            {
                addition.RefuseOptionsOfAFit(parsed, method, variant, train, defective, folds, side, sight.Tile, sight.Roi);
                var further = parsed.GetValue(good) is { } kept ? Told(kept, Photographs.Good, isRecursive, error) : null;
                return addition.Run(
                    parsed,
                    Told(parsed.GetValue(addition.Folder)!, Photographs.Good, isRecursive, error),
                    options with
                    {
                        Good = further,
                    },
                    parsed.GetValue(output)
                );
            }
            var (file, paper) = (Needed(parsed, output), Registry.Find(Needed(parsed, method)));
            var folder = Needed(parsed, train);
            ModelFile.PrepareFolder(file); // before the fit, not after hours of it
            var photographs = Told(folder, Photographs.Good, isRecursive, error);
            options = options with
            {
                Good = parsed.GetValue(good) is { } held ? Told(held, Photographs.Good, isRecursive, error) : null,
                Defective = parsed.GetValue(defective) is { } defects ? Told(defects, Photographs.In, isRecursive, error) : null,
            };
            ProcessorCheck.BeforeConvolutions(Devices.Named(options.Device), error);
            using var stop = new StopSignals();
            var checkpoints = new FitCheckpoints(file, error.WriteLine);
            using var fitted = Model.Fit(paper, photographs, options with { Cancellation = stop.Token, Checkpoints = checkpoints.Of });
            fitted.Save(file);
            checkpoints.Delete();
            var model = fitted.Description;
            print.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{model.Method} {model.Variant}: fitted on {model.Images} images in {timer.Elapsed.TotalSeconds:0.0} s"
                )
            );
            RunOptions.TellWeights(model.Weights, print);
            print.WriteLine(string.Create(CultureInfo.InvariantCulture, $"threshold {model.Threshold:g6}: {model.ThresholdRule}"));
            print.WriteLine($"model: {Path.GetFullPath(file)}");
            return 0;
        });
        return command;
    }

    private static string Needed(ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) ?? throw new UserError($"{option.Name} is missing; repro fit --help tells what it takes", exitCode: 2);

    /// <summary>The photographs of a folder; those below it that are left out are told.</summary>
    private static Photographs Told(string folder, Func<string, bool, Photographs> find, bool recursive, TextWriter error)
    {
        var photographs = find(folder, recursive);
        if (photographs.LeftOut is { Count: > 0 } below)
        {
            error.WriteLine(
                $"{folder}: {photographs.Count} photographs are taken; {below.Count} in folders below are not, such as {below[0]}; "
                    + "--recursive takes them, too"
            );
        }
        return photographs;
    }

    /// <summary>A line of progress, not more often than one can read.</summary>
    private static Action<FitProgress> EveryFewSeconds(TextWriter error)
    {
        var (since, stage) = (Stopwatch.StartNew(), "");
        return progress =>
        {
            if (progress.Stage != stage)
            {
                stage = progress.Stage;
                since.Restart();
            }
            if (since.Elapsed >= TimeSpan.FromSeconds(5))
            {
                since.Restart();
                error.WriteLine($"{progress.Stage}: {progress.Done}/{progress.All} {progress.Text}");
            }
        };
    }

    private static string Variants() =>
        string.Join(
            "; ",
            Registry.Methods.Select(method =>
                method.Variants.Count <= MostListed
                    ? $"{method.Id}: {string.Join(", ", method.Variants.Select(variant => variant.Name))}"
                    : $"{method.Id}: "
                        + string.Join(
                            ", ",
                            method.Variants.Where(variant => variant.Default).Take(MostNamed).Select(variant => variant.Name)
                        )
                        + $" and {method.Variants.Count} in all ('repro run --paper {method.Id} --help')"
            )
        ) + ".";
}
