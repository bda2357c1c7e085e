using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Reproduction;
using Repro.Records;
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

    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = "What 'repro fit' wrote.", HelpName = "MODEL", Required = true };
        var images = new Argument<string[]>("images") { Description = "Photographs, or folders of them.", HelpName = "IMAGE_OR_DIR", Arity = ArgumentArity.OneOrMore };
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var output = new Option<string>("--out") { Description = "Folder for scores.csv, overlays and a page.", HelpName = "DIR", Required = true };
        var fail = new Option<bool>("--fail-on-defect") { Description = $"Exit with {DefectExitCode} when any image is judged defective." };
        var command = new Command("score", "Score photographs with a fitted model.") { model, images, weights, device, output, fail };
        command.SetAction(parsed =>
        {
            var samples = parsed.GetRequiredValue(images).SelectMany(Named).ToList();
            var place = Machine.Device(parsed.GetRequiredValue(device));
            using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
            var resources = new Resources { Backbones = backbones, Features = new UncachedFeatures(), Device = place };
            var (file, detector) = ModelFile.Read(parsed.GetRequiredValue(model), resources);
            RunOptions.TellWeights(file.Weights, parsed.InvocationConfiguration.Output);
            using (detector)
            {
                return Score(file, detector, samples, parsed.GetRequiredValue(output)) && parsed.GetValue(fail) ? DefectExitCode : 0;
            }
        });
        return command;
    }

    /// <summary>The samples of an argument, with ids that keep photographs of different folders apart.</summary>
    private static IEnumerable<Sample> Named(string path) => ImageFolder.Samples(path).Select(sample => sample with { Id = sample.Path });

    /// <returns>Whether any image was judged defective.</returns>
    private static bool Score(ModelFile model, IAnomalyDetector detector, List<Sample> samples, string output)
    {
        var timer = Stopwatch.StartNew();
        Directory.CreateDirectory(output);
        var rows = new List<(Sample Sample, float Score, bool Defective, string? Overlay)>();
        var set = new SampleImages(samples);
        using var noGradient = torch.no_grad();
        foreach (var batch in ImageBatch.All(set).Chunks(Batch))
        {
            using var scope = torch.NewDisposeScope();
            using var scores = detector.Score(batch);
            scores.CheckFinite(i => samples[batch.Indices[i]].Path);
            var image = scores.Image.cpu().data<float>().ToArray();
            var maps = scores.Map?.cpu().contiguous();
            var drawn = new string?[batch.Count];
            if (maps is not null)
            {
                var (height, width) = ((int)maps.shape[2], (int)maps.shape[3]);
                var values = maps.data<float>().ToArray();
                Parallel.For(0, batch.Count, i =>
                {
                    var number = batch.Indices[i];
                    drawn[i] = $"{number:00000}-{Path.GetFileNameWithoutExtension(samples[number].Path)}.jpg";
                    Draw(model, samples[number], values.AsSpan(i * height * width, height * width), height, width, Path.Combine(output, drawn[i]!));
                });
            }
            for (var i = 0; i < batch.Count; i++)
            {
                rows.Add((samples[batch.Indices[i]], image[i], image[i] >= model.Threshold, drawn[i]));
            }
        }
        Write(model, rows, output);
        var defective = rows.Count(row => row.Defective);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rows.Count} images, {defective} judged defective, {rows.Count / timer.Elapsed.TotalSeconds:0.0} images/s"));
        Console.WriteLine($"scores: {Path.GetFullPath(Path.Combine(output, "scores.csv"))}");
        Console.WriteLine($"page: {Path.GetFullPath(Path.Combine(output, "index.html"))}");
        return defective > 0;
    }

    private static void Draw(ModelFile model, Sample sample, ReadOnlySpan<float> map, int height, int width, string path)
    {
        const int longestSide = 1024;
        var image = sample.Load();
        var scale = Math.Min(1.0, (double)longestSide / Math.Max(image.Width, image.Height));
        if (scale < 1)
        {
            // A picture a thousand times as long as it is wide keeps a pixel of its width.
            image = Resizer.Resize(image, Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)), Resampling.BilinearAntialias);
        }
        var threshold = (float)(model.PixelThreshold ?? model.Threshold);
        // Colours are anchored at the pixel threshold, so that the same colour means the same in every picture.
        var heat = ColorMap.Apply(map, height, width, 0, threshold > 0 ? 2 * threshold : 1);
        var overlay = Overlay.Blend(image, heat);
        var mask = Overlay.Threshold(map, height, width, threshold);
        ImageFile.Write(path, Overlay.Contour(overlay, Resizer.Resize(mask, overlay.Width, overlay.Height, Resampling.Nearest), Overlay.ContourColor));
    }

    private static void Write(ModelFile model, IReadOnlyList<(Sample Sample, float Score, bool Defective, string? Overlay)> rows, string output)
    {
        var table = new StringBuilder("path,score,threshold,verdict\n");
        var cards = new StringBuilder();
        foreach (var (sample, score, isDefective, overlay) in rows)
        {
            table.Append(CultureInfo.InvariantCulture, $"{RunRecord.Csv(sample.Path)},{score:r},{model.Threshold:r},{Verdict(isDefective)}\n");
        }
        foreach (var (sample, score, isDefective, overlay) in rows.OrderByDescending(row => row.Score))
        {
            var name = WebUtility.HtmlEncode(sample.Path);
            cards.Append(CultureInfo.InvariantCulture, $"<figure class=\"{Verdict(isDefective)}\">");
            if (overlay is not null) cards.Append(CultureInfo.InvariantCulture, $"<img loading=\"lazy\" src=\"{Uri.EscapeDataString(overlay)}\" alt=\"heat map of {name}\">");
            cards.Append(CultureInfo.InvariantCulture, $"<figcaption>{name}<br>score {score:g5}: {Verdict(isDefective)}</figcaption></figure>\n");
        }
        AtomicFile.WriteText(Path.Combine(output, "scores.csv"), table.ToString());
        AtomicFile.WriteText(Path.Combine(output, "index.html"), string.Create(CultureInfo.InvariantCulture, $$"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>Scores: {{model.Method}} {{model.Variant}}</title>
            <style>
            :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
            body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
            main { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
            figure { margin: 0; border: 1px solid #8886; border-top: 4px solid #2a8f5b; padding: .5rem; overflow-wrap: anywhere; }
            figure.defective { border-top-color: #c8402f; }
            img { width: 100%; height: auto; }
            </style></head><body>
            <h1>{{rows.Count}} images, {{rows.Count(row => row.Defective)}} judged defective</h1>
            <p>{{model.Method}} {{WebUtility.HtmlEncode(model.Variant)}}, fitted on {{model.Images}} images. Threshold {{model.Threshold:g5}}: {{WebUtility.HtmlEncode(model.ThresholdRule)}}.
            Highest scores first. Colours run from blue (0) to red (twice the pixel threshold); the white line is the pixel threshold.</p>
            <main>
            {{cards}}</main></body></html>

            """));
    }

    private static string Verdict(bool isDefective) => isDefective ? "defective" : "good";
}
