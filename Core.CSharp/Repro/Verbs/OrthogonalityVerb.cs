using System.CommandLine;
using System.Globalization;
using Repro.Studies;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Papers;
using TorchSharp;

namespace Repro.Verbs;

/// <summary>
/// <c>repro orthogonality</c>: fits a method that restores images and measures how near it is to an orthogonal projection.
/// </summary>
internal static class OrthogonalityVerb
{
    public static Command Create()
    {
        var paper = new Option<string>("--paper")
        {
            Description = "The method; it must restore images, as ssae does.",
            HelpName = "ID",
            Required = true,
        };
        var variant = RunOptions.Required("--variant", "Its variant.", "V");
        var data = RunOptions.Required("--data", "Folder of a data set.", "DIR");
        var category = RunOptions.Category("Categories (all).");
        var weights = RunOptions.Weights();
        var profile = RunOptions.ProfileOption();
        var device = RunOptions.Device();
        var seed = new Option<int>("--seed") { Description = "Seed (0).", HelpName = "N" };
        var output = RunOptions.Required("--out", "The measurements, a row a category and patch width.", "FILE.csv");
        var command = new Command(
            "orthogonality",
            "Fit a method and measure how near it is to an orthogonal projection (figure 9 of ssae)."
        )
        {
            paper,
            variant,
            data,
            category,
            weights,
            profile,
            device,
            seed,
            output,
        };
        command.SetAction(
            (parsed, cancellation) =>
            {
                var place = Devices.Named(parsed.GetRequiredValue(device));
                var dataset = Datasets.Open(parsed.GetRequiredValue(data));
                var categories = parsed.GetRequiredValue(category).Among(dataset);
                using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
                var resources = new Resources
                {
                    Backbones = backbones,
                    Features = FeatureCache.FromEnvironment(),
                    Device = place,
                };
                var progress = parsed.InvocationConfiguration.Error;
                var rows = new List<string>
                {
                    "dataset,category,variant,profile,seed,patch_width,samples,input_accuracy,output_accuracy,"
                        + "distance,distance_deviation,premise,condition",
                };
                foreach (
                    var cell in Cell.Span(
                        Registry.Find(parsed.GetRequiredValue(paper)),
                        [parsed.GetRequiredValue(variant)],
                        dataset.Name,
                        categories,
                        [parsed.GetValue(seed)],
                        parsed.GetValue(profile)
                    )
                )
                {
                    torch.manual_seed(cell.Repetition);
                    using var detector = cell.Configure().Create(resources);
                    var normal = new SampleImages(dataset.Category(cell.Category).Train);
                    var fit = new ProgressLine(progress, $"{cell.Category}: fit");
                    detector.Fit(
                        normal,
                        new FitContext
                        {
                            Seed = cell.Repetition,
                            Cancellation = cancellation,
                            Warn = progress.WriteLine,
                            Progress = (done, all, _) => fit.Show(done, all),
                        }
                    );
                    var measure = new ProgressLine(progress, $"{cell.Category}: patch widths");
                    rows.AddRange(
                        Orthogonality
                            .Measure(detector, normal, cell.Repetition, place, (done, all) => measure.Show(done, all), cancellation)
                            .Select(point =>
                                string.Create(
                                    CultureInfo.InvariantCulture,
                                    $"{dataset.Name},{cell.Category},{cell.Variant},{cell.Profile.ToString().ToLowerInvariant()},"
                                        + $"{cell.Repetition},"
                                        + $"{point.PatchWidth},{point.Samples},{point.InputAccuracy:0.####},{point.OutputAccuracy:0.####},"
                                        + $"{point.Distance:0.#####},{point.DistanceDeviation:0.#####},"
                                        + $"{point.Premise:0.####},{point.Condition:0.####}"
                                )
                            )
                    );
                }
                AtomicFile.WriteText(parsed.GetRequiredValue(output), string.Join('\n', rows) + "\n");
                parsed.InvocationConfiguration.Output.WriteLine(Path.GetFullPath(parsed.GetRequiredValue(output)));
                return Task.FromResult(0);
            }
        );
        return command;
    }

    /// <summary>A line every few seconds.</summary>
    private sealed class ProgressLine(TextWriter output, string what)
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
        private DateTime _last = DateTime.UtcNow;

        public void Show(long done, long all)
        {
            if (DateTime.UtcNow - _last < Interval && done < all)
            {
                return;
            }

            _last = DateTime.UtcNow;
            output.WriteLine($"{what} {done}/{all}");
        }
    }
}
