using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Repro.Records;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Models;
using TorchSharp;

namespace Repro.Verbs;

/// <summary><c>repro score</c>: scores photographs with a fitted model.</summary>
internal static class ScoreVerb
{
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
            var (folder, isRecursive) = (parsed.GetRequiredValue(output), parsed.GetValue(recursive));
            var error = parsed.InvocationConfiguration.Error;
            var samples = parsed
                .GetRequiredValue(images)
                .SelectMany(path => Named(path, isRecursive, folder))
                .DistinctBy(sample => Path.GetFullPath(sample.Path))
                .ToList();
            var taken = samples.Select(sample => Path.GetFullPath(sample.Path)).ToHashSet();
            var left = parsed
                .GetRequiredValue(images)
                .SelectMany(path => ImageFolder.LeftOut(path, isRecursive, folder))
                .Where(path => !taken.Contains(Path.GetFullPath(path)))
                .Distinct()
                .ToList();
            var place = Machine.Device(parsed.GetRequiredValue(device));
            ProcessorCheck.BeforeConvolutions(place, parsed.InvocationConfiguration.Error);
            using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
            var resources = new Resources
            {
                Backbones = backbones,
                Features = new UncachedFeatures(),
                Device = place,
            };
            var (file, detector) = ModelFile.Read(parsed.GetRequiredValue(model), resources);
            RunOptions.TellWeights(file.Weights, parsed.InvocationConfiguration.Output);
            using (detector)
            {
                var rows = Score(file, detector, samples, folder, parsed.InvocationConfiguration.Output);
                return ExitCode(rows, left, parsed.GetValue(fail), error);
            }
        });
        return command;
    }

    /// <summary>Tells what was not judged, which never is success.</summary>
    private static int ExitCode(List<ScoredImage> rows, List<string> left, bool failOnDefect, TextWriter error)
    {
        var unreadable = rows.Where(row => row.Reason is not null).ToList();
        foreach (var row in unreadable.Take(MostNamed))
        {
            error.WriteLine($"repro: not judged: {row.Reason}");
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

    /// <summary>The samples of an argument, with ids that keep photographs of different folders apart.</summary>
    private static IEnumerable<Sample> Named(string path, bool recursive, string output)
    {
        if (Absolute(path) == Absolute(output))
        {
            throw new UserError(
                $"--out {output}: is the folder of the photographs, and heat maps would be taken for photographs the next time; give "
                    + "another",
                exitCode: 2
            );
        }
        return ImageFolder.Samples(path, recursive, except: output).Select(sample => sample with { Id = sample.Path });

        static string Absolute(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    }

    /// <summary>Judges all pictures; the rows stand in scores.csv as soon as their batch is done.</summary>
    private static List<ScoredImage> Score(
        ModelFile model,
        IAnomalyDetector detector,
        List<Sample> samples,
        string output,
        TextWriter print
    )
    {
        var timer = Stopwatch.StartNew();
        var rows = new List<ScoredImage>();
        using (var table = new ScoreTable(Path.Combine(output, "scores.csv"), model.Threshold))
        {
            var set = new SampleImages(samples);
            using var noGradient = torch.no_grad();
            foreach (var batch in ImageBatch.All(set).Chunks(Batch))
            {
                var judged = Judge(model, detector, samples, batch, output);
                rows.AddRange(judged);
                table.Add(judged);
            }
        }
        ScorePage.Write(model, rows, Path.Combine(output, "index.html"));
        print.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{rows.Count(row => row.Reason is null)} images, {rows.Count(row => row.IsDefective)} judged defective, "
                    + $"{rows.Count / timer.Elapsed.TotalSeconds:0.0} images/s"
            )
        );
        print.WriteLine($"scores: {Path.GetFullPath(Path.Combine(output, "scores.csv"))}");
        print.WriteLine($"page: {Path.GetFullPath(Path.Combine(output, "index.html"))}");
        return rows;
    }

    /// <summary>
    /// A batch's rows in its order. If it cannot be judged as a whole, the pictures that cannot be read become rows without a score.
    /// </summary>
    private static ScoredImage[] Judge(ModelFile model, IAnomalyDetector detector, List<Sample> samples, ImageBatch batch, string output)
    {
        try
        {
            return Judged(model, detector, samples, batch, output);
        }
        catch (UserError)
        {
            var reasons = batch.Indices.ToDictionary(index => index, index => WhyUnreadable(samples[index]));
            if (reasons.Values.All(reason => reason is null))
            {
                throw;
            }
            int[] sound = [.. batch.Indices.Where(index => reasons[index] is null)];
            var judged = sound.Length > 0 ? Judged(model, detector, samples, batch with { Indices = sound }, output) : [];
            return
            [
                .. batch.Indices.Select(index =>
                    reasons[index] is { } reason
                        ? new ScoredImage(samples[index], null, false, null) { Reason = reason }
                        : judged[Array.IndexOf(sound, index)]
                ),
            ];
        }
    }

    private static string? WhyUnreadable(Sample sample)
    {
        try
        {
            sample.Load();
            return null;
        }
        catch (UserError failure)
        {
            return failure.Message;
        }
    }

    private static ScoredImage[] Judged(ModelFile model, IAnomalyDetector detector, List<Sample> samples, ImageBatch batch, string output)
    {
        using var scope = torch.NewDisposeScope();
        using var scores = detector.Score(batch);
        scores.CheckFinite(i => samples[batch.Indices[i]].Path);
        var image = scores.Image.cpu().data<float>().ToArray();
        var drawn = new string?[batch.Count];
        if (scores.Map?.cpu().contiguous() is { } maps)
        {
            var (height, width) = ((int)maps.shape[2], (int)maps.shape[3]);
            var values = maps.data<float>().ToArray();
            SampleImages.ForEach(
                batch.Count,
                i =>
                {
                    var number = batch.Indices[i];
                    drawn[i] = HeatMapName(number, samples[number].Path);
                    Draw(
                        model,
                        samples[number],
                        values.AsSpan(i * height * width, height * width),
                        height,
                        width,
                        Path.Combine(output, drawn[i]!)
                    );
                }
            );
        }
        return [.. batch.Indices.Select((index, i) => new ScoredImage(samples[index], image[i], image[i] >= model.Threshold, drawn[i]))];
    }

    /// <summary>
    /// The picture's number keeps it unique; of the picture's name as much as leaves room for what is appended while it is written.
    /// </summary>
    private static string HeatMapName(int number, string path)
    {
        var stem = new string([.. Path.GetFileNameWithoutExtension(path).Where(letter => !char.IsSurrogate(letter))]);
        return $"{number:00000}-{(stem.Length > LongestStem ? stem[..LongestStem] : stem)}.jpg";
    }

    private static void Draw(ModelFile model, Sample sample, ReadOnlySpan<float> map, int height, int width, string path)
    {
        const int longestSide = 1024;
        var image = sample.Load();
        var scale = Math.Min(1.0, (double)longestSide / Math.Max(image.Width, image.Height));
        if (scale < 1)
        {
            // A picture a thousand times as long as it is wide keeps a pixel of its width.
            image = Resizer.Resize(
                image,
                Math.Max(1, (int)(image.Width * scale)),
                Math.Max(1, (int)(image.Height * scale)),
                Resampling.BilinearAntialias
            );
        }
        var threshold = (float)(model.PixelThreshold ?? model.Threshold);
        // Colours are anchored at the pixel threshold, so that the same colour means the same in every picture.
        var heat = ColorMap.Apply(map, height, width, 0, threshold > 0 ? 2 * threshold : 1);
        var overlay = Overlay.Blend(image, heat);
        var mask = Overlay.Threshold(map, height, width, threshold);
        ImageFile.Write(
            path,
            Overlay.Contour(overlay, Resizer.Resize(mask, overlay.Width, overlay.Height, Resampling.Nearest), Overlay.ContourColor)
        );
    }
}
