using System.CommandLine;
using Reproduction;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Papers.Ssae;
using static TorchSharp.torch;

namespace Repro.Verbs;

/// <summary>
/// <c>repro distortions</c>: draws what <c>ssae</c> trains on, its figure 5: image X, mask M, distorted image X^, a row an image.
/// </summary>
internal static class DistortionsVerb
{
    public static Command Create()
    {
        var data = RunOptions.Required("--data", "Folder of a data set.", "DIR");
        var category = RunOptions.Required("--category", "The category whose training images are distorted.", "C");
        var variant = new Option<string>("--variant")
        {
            Description = "The variant of ssae whose distortions are drawn (objective1).",
            HelpName = "V",
            DefaultValueFactory = _ => "objective1",
        };
        var profile = RunOptions.ProfileOption();
        var images = new Option<int>("--images")
        {
            Description = "How many images to show (4).",
            HelpName = "N",
            DefaultValueFactory = _ => 4,
        };
        var seed = new Option<int>("--seed") { Description = "Seed (0).", HelpName = "N" };
        var output = RunOptions.Required("--out", "The picture.", "FILE.png");
        var command = new Command("distortions", "Draw what ssae trains on: image, mask and distorted image (figure 5).")
        {
            data,
            category,
            variant,
            profile,
            images,
            seed,
            output,
        };
        command.SetAction(parsed =>
        {
            var count = parsed.GetValue(images);
            if (count < 1)
            {
                throw new UserError($"--images {count}: show at least one image", exitCode: 2);
            }

            var dataset = Datasets.Open(parsed.GetRequiredValue(data));
            var named = new[] { parsed.GetRequiredValue(category) }.Among(dataset)[0];
            var settings = new SsaeMethod()
                .Configure(parsed.GetRequiredValue(variant), parsed.GetValue(profile), named, dataset.Name)
                .Settings;
            settings.Check();
            var normal = new SampleImages(dataset.Category(named).Train);
            var context = new FitContext { Seed = parsed.GetValue(seed) };
            var chosen = context.Shuffle(normal.Count, -1).Take(count).ToArray();
            using var scope = NewDisposeScope();
            var originals = normal.Pixels(chosen, ImageSize.Square(settings.ImageSize), CPU);
            using var generator = context.Generator(0, CPU);
            var (distorted, mask) = SsaeDistortions.Apply(
                originals,
                settings.Distortions[0],
                settings.Brightness,
                settings.Turned,
                generator
            );
            var rows = Enumerable
                .Range(0, chosen.Length)
                .Select(i => (IReadOnlyList<Image>)[Picture(originals[i]), Picture(mask[i].expand(3, -1, -1)), Picture(distorted[i])])
                .ToArray();
            var path = Path.GetFullPath(parsed.GetRequiredValue(output));
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            ImageFile.Write(path, Panels.Grid(rows, settings.ImageSize, settings.ImageSize));
            Console.WriteLine(path);
            return 0;
        });
        return command;
    }

    /// <summary>An image <c>[3,H,W]</c> of 0..1.</summary>
    private static Image Picture(Tensor pixels) =>
        new(
            (int)pixels.shape[2],
            (int)pixels.shape[1],
            3,
            (pixels * byte.MaxValue).round().to(ScalarType.Byte).permute(1, 2, 0).contiguous().data<byte>().ToArray()
        );
}
