using System.CommandLine;
using Repro.Pictures;
using Reproduction;
using Reproduction.Imaging;

namespace Repro.Verbs;

/// <summary><c>repro figure</c>: a paper's figure of anomaly maps, from the galleries of a run.</summary>
internal static class FigureVerb
{
    public static Command Create()
    {
        var figures = PaperFigures
            .All.GroupBy(figure => figure.Paper)
            .Select(paper => $"{paper.Key}: {string.Join(", ", paper.Select(figure => figure.Name))}");
        var paper = RunOptions.Required(
            "--paper",
            $"One of {string.Join(", ", PaperFigures.All.Select(figure => figure.Paper).Distinct())}.",
            "ID"
        );
        var figure = new Option<string?>("--figure")
        {
            Description = $"The figure's number, of {string.Join("; ", figures)} (the first).",
            HelpName = "N",
        };
        var run = RunOptions.Required("--run", "Folder of a run whose cells were drawn with --gallery.", "DIR");
        var category = RunOptions.Required("--category", "The category whose images are shown.", "C");
        var variant = RunOptions.List("--variant", "Variants to set beside one another (those of the paper that the run has).", "V");
        var images = new Option<int>("--images")
        {
            Description = "How many images to show at most (4).",
            HelpName = "N",
            DefaultValueFactory = _ => 4,
        };
        var output = new Option<string>("--out")
        {
            Description = "The picture; its caption is written beside it as FILE.md.",
            HelpName = "FILE.png",
            Required = true,
        };
        var command = new Command("figure", "Draw a paper's figure of anomaly maps from the galleries of a run.")
        {
            paper,
            figure,
            run,
            category,
            variant,
            images,
            output,
        };
        command.SetAction(parsed =>
        {
            var count = parsed.GetValue(images);
            if (count < 1)
            {
                throw new UserError($"--images {count}: show at least one image", exitCode: 2);
            }

            var wanted = PaperFigures.Find(parsed.GetRequiredValue(paper), parsed.GetValue(figure));
            var drawn = DrawnFigure.From(
                wanted,
                parsed.GetRequiredValue(run),
                parsed.GetRequiredValue(category),
                parsed.GetRequiredValue(variant),
                count
            );
            var path = parsed.GetRequiredValue(output);
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            ImageFile.Write(path, drawn.Image);
            var caption = Path.ChangeExtension(path, ".md");
            AtomicFile.WriteText(caption, drawn.Caption);
            foreach (var line in drawn.Missing)
            {
                Console.Error.WriteLine($"missing: {line}");
            }

            Console.WriteLine($"figure: {Path.GetFullPath(path)}, caption: {Path.GetFullPath(caption)}");
            return 0;
        });
        return command;
    }
}
