using System.CommandLine;
using System.Globalization;
using Reproduction;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Papers.Ssae;
using Reproduction.Surfaces;
using Spectre.Console;
using TorchSharp;

namespace Repro.Verbs;

/// <summary><c>repro data list|verify|surfaces|import|moments</c>: the images that models are trained and tested on.</summary>
internal static class DataVerb
{
    /// <summary>What can be opened and where it comes from.</summary>
    private static readonly (string Name, string Content, string Source)[] Known =
    [
        (
            "mvtec",
            "MVTec AD, 15 categories; or any folder with train/good, test/*, ground_truth/*",
            "mvtec.com/company/research/datasets/mvtec-ad"
        ),
        ("mvtec-loco", "MVTec LOCO AD, 5 categories, masks of an image together", "mvtec.com/company/research/datasets/mvtec-loco"),
        (
            "visa",
            "VisA, 12 categories, as published (split_csv/1cls.csv) or in its one-class layout",
            "github.com/amazon-science/spot-diff"
        ),
        ("btad", "BTAD, 3 products (train/ok, test/ok, test/ko)", "avires.dimi.uniud.it/papers/btad/btad.zip"),
        (
            "kolektor-sdd",
            "KolektorSDD as published (kos01/Part0.jpg, Part0_label.bmp); 80% of the good train",
            "vicos.si/resources/kolektorsdd"
        ),
        ("kolektor-sdd2", "KolektorSDD2 as published (train/10301.png, 10301_GT.png)", "vicos.si/resources/kolektorsdd2"),
        ("a folder's name", "one product: good beside a folder a kind of defect, perhaps mask; 80% of the good train", "anomalib's Folder"),
        ("magnetic-tile", "magnetic tile defects as published (MT_Free, ...)", "github.com/abin24/Magnetic-tile-defect-datasets."),
        ("mnist", "four idx files, one digit against the others", "yann.lecun.com/exdb/mnist"),
        (
            "fashion-mnist",
            "four idx files, one class against the others",
            "apt-get install dataset-fashion-mnist; /usr/share/datasets/fashion-mnist"
        ),
        ("cifar10", "binary version, one class against the others", "www.cs.toronto.edu/~kriz/cifar.html"),
        ("surfaces", "procedural textures and objects", "repro data surfaces --out DIR"),
    ];

    /// <summary>The verb with its subcommands.</summary>
    public static Command Create()
    {
        var optional = new Argument<string?>("DIR")
        {
            Description = "the data set's folder; without it, the data sets that are known",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var picture = new Option<string?>("--picture")
        {
            Description = "Also draw a good and some defective images of every category into this file.",
            HelpName = "FILE.png",
        };
        var list = new Command("list", "Lists a data set's categories, or the data sets that can be used.") { optional, picture };
        list.SetAction(parsed =>
        {
            if (parsed.GetValue(optional) is not { } folder)
            {
                return ListKnown();
            }

            var dataset = Datasets.Open(folder);
            if (parsed.GetValue(picture) is { } file)
            {
                ImageFile.Write(file, DataPicture.Draw(dataset));
            }

            return List(dataset);
        });

        var directory = new Argument<string>("DIR") { Description = "the data set's folder" };
        var categories = RunOptions.Category("Categories; all without it.");
        var verify = new Command("verify", "Reads every image and mask and tells what is wrong with them.") { directory, categories };
        verify.SetAction(
            (parsed, cancellation) =>
                Task.FromResult(
                    Verify(
                        Chosen(Datasets.Open(parsed.GetRequiredValue(directory)), parsed.GetValue(categories)),
                        parsed.InvocationConfiguration.Output,
                        cancellation
                    )
                )
        );

        return new Command("data", "Lists, verifies, generates, imports and describes data sets.")
        {
            list,
            verify,
            SurfacesCommand(),
            ImportCommand(),
            MomentsCommand(),
        };
    }

    private static Command SurfacesCommand()
    {
        var defaults = new SurfacesCounts();
        var output = Output();
        var seed = Seed("Chooses every specimen and defect.");
        var train = Count("--train", "Good training images a category.", 1, defaults.Train);
        var good = Count("--test-good", "Good test images a category.", 0, defaults.TestGood);
        var defective = Count("--per-defect", "Test images of each of a category's kinds of defects.", 0, defaults.PerDefect);
        var force = new Option<bool>("--force") { Description = "Write images that are there already again." };
        var command = new Command(
            "surfaces",
            "Generates Surfaces: six textures and four objects with eight kinds of defects. Does nothing where DIR holds it already."
        )
        {
            output,
            seed,
            train,
            good,
            defective,
            force,
        };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(output);
            var counts = new SurfacesCounts(parsed.GetValue(train), parsed.GetValue(good), parsed.GetValue(defective));
            if (!SurfacesDataset.IsWritten(folder, parsed.GetValue(seed), counts) || parsed.GetValue(force))
            {
                AnsiConsole
                    .Progress()
                    .Start(context =>
                    {
                        var bar = context.AddTask("images");
                        SurfacesDataset.Write(folder, parsed.GetValue(seed), counts, (done, all) => bar.Value(100.0 * done / all));
                    });
            }
            return List(Datasets.Open(folder));
        });
        return command;
    }

    private static Command ImportCommand()
    {
        var source = new Argument<string>("SOURCE") { Description = "the data set's folder as published" };
        var output = Output();
        var categories = RunOptions.Category("Categories; all without it.");
        var seed = Seed("Chooses the training images where the data set has no split of its own (magnetic tile).");
        var command = new Command("import", "Writes a data set in MVTec layout.") { source, output, categories, seed };
        command.SetAction(
            (parsed, cancellation) =>
            {
                var folder = parsed.GetRequiredValue(output);
                foreach (
                    var category in Chosen(
                        Datasets.Open(parsed.GetRequiredValue(source), parsed.GetValue(seed)),
                        parsed.GetValue(categories)
                    )
                )
                {
                    cancellation.ThrowIfCancellationRequested();
                    parsed.InvocationConfiguration.Output.WriteLine(
                        $"{category.Name}: {DataImport.Write(category, folder)} images in {Path.Combine(folder, category.Name)}"
                    );
                }
                return Task.FromResult(0);
            }
        );
        return command;
    }

    private static Command MomentsCommand()
    {
        const int imageSide = 256,
            window = 128,
            step = 8,
            batch = 8;
        var directories = new Argument<string[]>("DIR") { Description = "the data sets' folders", Arity = ArgumentArity.OneOrMore };
        var output = RunOptions.Required("--out", "The moments, a row a category and pixel.", "FILE.csv");
        var command = new Command(
            "moments",
            $"Mean and deviation of pixels over all {window} x {window} windows of the training images at {imageSide} x {imageSide} "
                + "(figure 8 of ssae)."
        )
        {
            directories,
            output,
        };
        command.SetAction(
            (parsed, cancellation) =>
            {
                var rows = new List<string> { "dataset,category,images,row,column,mean,deviation" };
                foreach (var category in parsed.GetRequiredValue(directories).SelectMany(folder => Chosen(Datasets.Open(folder), [])))
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = torch.NewDisposeScope();
                    var images = ImageBatch
                        .All(new SampleImages(category.Train))
                        .Chunks(batch)
                        .Select(chunk => chunk.Pixels(ImageSize.Square(imageSide), torch.CPU));
                    var (mean, deviation) = SsaeTheory.MarginalMoments(images, window);
                    var (means, deviations) = (mean.data<double>().ToArray(), deviation.data<double>().ToArray());
                    for (var y = step / 2; y < window; y += step)
                    {
                        for (var x = step / 2; x < window; x += step)
                        {
                            var at = (y * window) + x;
                            rows.Add(
                                string.Create(
                                    CultureInfo.InvariantCulture,
                                    $"{category.Dataset},{category.Name},{category.Train.Count},{y},{x},{means[at]:0.####},"
                                        + $"{deviations[at]:0.####}"
                                )
                            );
                        }
                    }
                    parsed.InvocationConfiguration.Error.WriteLine($"{category.Name}: {category.Train.Count} images");
                }
                AtomicFile.WriteText(parsed.GetRequiredValue(output), string.Join('\n', rows) + "\n");
                return Task.FromResult(0);
            }
        );
        return command;
    }

    private static int ListKnown()
    {
        var table = new Table().Border(TableBorder.None).AddColumns("name", "what", "where");
        foreach (var (name, content, source) in Known)
        {
            table.AddRow(name, content, source);
        }

        AnsiConsole.Write(table);
        return 0;
    }

    private static int List(Dataset dataset)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("category", "train", "test good", "anomalous", "masks", "defects");
        foreach (var category in Chosen(dataset, []))
        {
            var anomalous = category.Test.Where(sample => sample.Label == 1).ToArray();
            var defects = anomalous.GroupBy(sample => sample.Defect).Select(kind => $"{kind.Key} {kind.Count()}");
            table.AddRow(
                Markup.Escape(category.Name),
                $"{category.Train.Count}",
                $"{category.Test.Count - anomalous.Length}",
                $"{anomalous.Length}",
                category.HasMasks ? "yes" : "no",
                Markup.Escape(string.Join(", ", defects))
            );
        }
        AnsiConsole.WriteLine($"{dataset.Name} in {dataset.Root}");
        AnsiConsole.Write(table);
        return 0;
    }

    private static int Verify(IEnumerable<Category> categories, TextWriter output, CancellationToken cancellation)
    {
        var failed = 0;
        foreach (var category in categories)
        {
            cancellation.ThrowIfCancellationRequested();
            var findings = DataCheck.Run(category);
            var verdict = findings.Errors.Count == 0 ? "ok" : $"{findings.Errors.Count} errors";
            output.WriteLine(
                $"{category.Name}: {category.Train.Count + category.Test.Count} images of {findings.Smallest.Width} x "
                    + $"{findings.Smallest.Height} "
                    + $"to {findings.Largest.Width} x {findings.Largest.Height} pixels, {verdict}"
            );
            foreach (var error in findings.Errors)
            {
                output.WriteLine($"  error: {error}");
            }

            foreach (var warning in findings.Warnings)
            {
                output.WriteLine($"  warning: {warning}");
            }

            failed += findings.Errors.Count;
        }
        return failed == 0 ? 0 : 1;
    }

    private static IEnumerable<Category> Chosen(Dataset dataset, string[]? names) => (names ?? []).Among(dataset).Select(dataset.Category);

    private static Option<string> Output() =>
        new("--out")
        {
            Description = "The folder to write; made where it is missing.",
            HelpName = "DIR",
            Required = true,
        };

    private static Option<int> Seed(string description) =>
        new("--seed")
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => 0,
        };

    private static Option<int> Count(string name, string description, int least, int usual) =>
        new Option<int>(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => usual,
        }.AtLeast(least);
}
