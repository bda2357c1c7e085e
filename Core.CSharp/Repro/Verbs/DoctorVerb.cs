using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Repro.Records;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Papers;
using Spectre.Console;
using TorchSharp;

namespace Repro.Verbs;

/// <summary>
/// <c>repro doctor</c>: what is here, what is missing, and how to get it. What is wrong is a row too: it stops at nothing.
/// </summary>
internal static class DoctorVerb
{
    private const int MatrixSide = 1024;
    private const int MarkWidth = 2;
    private const int NameWidth = 16;

    public static Command Create()
    {
        var weights = RunOptions.Weights();
        var data = new Option<string?>("--data") { Description = "Folder of a data set.", HelpName = "DIR" };
        var command = new Command("doctor", "Tell what is here, what is missing, and how to get it.") { weights, data };
        command.SetAction(parsed =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var console = CommandLine.Tables(output);
            var missing = 0;
            foreach (var row in Rows(parsed.GetValue(weights), parsed.GetValue(data)))
            {
                Write(console, row);
                if (row.IsMissing)
                {
                    missing++;
                }
            }
            output.WriteLine(
                missing == 0 ? "Nothing is missing." : $"{missing} of these are missing or wrong; what does not need them works."
            );
            return 0;
        });
        return command;
    }

    /// <summary>A table of one row: the first one is there before the last one is known.</summary>
    private static void Write(IAnsiConsole console, Row row)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders();
        table
            .AddColumn(new TableColumn("") { Width = MarkWidth, NoWrap = true })
            .AddColumn(new TableColumn("") { Width = NameWidth, NoWrap = true })
            .AddColumn("");
        table.AddRow(row.IsMissing ? "[yellow]--[/]" : "[green]ok[/]", Markup.Escape(row.Name), Markup.Escape(row.Text));
        console.Write(table);
    }

    private static IEnumerable<Row> Rows(string? weights, string? data)
    {
        var engine = Guarded("libtorch", Libtorch).ToList();
        foreach (var row in engine)
        {
            yield return row;
        }

        if (!engine.Exists(row => row.IsMissing))
        {
            foreach (var row in Guarded("version label", Label))
            {
                yield return row;
            }

            foreach (var row in Guarded("CUDA", Cuda))
            {
                yield return row;
            }

            foreach (var row in Guarded("threads", Threads))
            {
                yield return row;
            }

            foreach (var row in Guarded("BLAS", Blas))
            {
                yield return row;
            }

            foreach (var row in Guarded("weights", () => Weights(weights)))
            {
                yield return row;
            }
        }
        foreach (var row in Guarded("packaged weights", Packaged))
        {
            yield return row;
        }

        foreach (var row in Guarded("data", () => Data(data)))
        {
            yield return row;
        }

        yield return Found("feature cache", FeatureCache.DefaultFolder);
        yield return File.Exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
            ? Found("Fashion-MNIST", "/usr/share/datasets/fashion-mnist")
            : Missing("Fashion-MNIST", "not here: apt-get install dataset-fashion-mnist");
        yield return File.Exists("/usr/bin/chromium")
            ? Found("chromium", "/usr/bin/chromium")
            : Missing("chromium", "not here: apt-get install chromium draws the report's figures as images");
        // Last, as it takes seconds the first time.
        if (!engine.Exists(row => row.IsMissing))
        {
            foreach (var row in Guarded("convolutions", Convolutions))
            {
                yield return row;
            }
        }
    }

    /// <summary>The rows of a part; where it fails, one that says why.</summary>
    private static List<Row> Guarded(string name, Func<IEnumerable<Row>> rows)
    {
        try
        {
            return [.. rows()];
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return [Missing(name, CommandLine.Describe(failure))];
        }
    }

    private static Row Found(string name, string text) => new(name, text, IsMissing: false);

    private static Row Missing(string name, string text) => new(name, text, IsMissing: true);

    private static IEnumerable<Row> Libtorch()
    {
        TorchRuntime.Require();
        using (torch.zeros(1)) { } // loads it
        yield return Found(
            "libtorch",
            $"{Machine.LibtorchVersion}, from {LoadedFrom("libtorch_cpu", "torch_cpu") ?? "TorchSharp's folder"}"
        );
    }

    private static IEnumerable<Row> Label()
    {
        if (LoadedFrom("libLibTorchSharp.so") is { } library)
        {
            yield return Found("version label", VersionLabel.Describe(library));
        }
    }

    private static IEnumerable<Row> Cuda()
    {
        yield return torch.cuda.is_available()
            ? Found("CUDA", $"{torch.cuda.device_count()} device(s)")
            : Missing("CUDA", "no device: 'dotnet build -p:Torch=cuda' gives --device cuda on a machine that has one");
    }

    private static IEnumerable<Row> Threads()
    {
        yield return Found("threads", $"{torch.get_num_threads()} of {Environment.ProcessorCount} cores, {Machine.Processor}");
    }

    private static IEnumerable<Row> Blas()
    {
        using var scope = torch.NewDisposeScope();
        var matrix = torch.rand(MatrixSide, MatrixSide);
        using (torch.mm(matrix, matrix)) { }
        var timer = Stopwatch.StartNew();
        using (torch.mm(matrix, matrix)) { }
        var gigaflops = 2.0 * MatrixSide * MatrixSide * MatrixSide / timer.Elapsed.TotalSeconds / 1e9;
        var library =
            RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64
                ? "MKL, inside libtorch"
                : "inside libtorch";
        yield return Found(
            "BLAS",
            string.Create(CultureInfo.InvariantCulture, $"{library}; {gigaflops:0} GFLOP/s in a {MatrixSide} x {MatrixSide} product")
        );
    }

    private static IEnumerable<Row> Convolutions()
    {
        ProcessorCheck.Settle();
        var verdict = ConvolutionVerdicts.Current;
        var text =
            $"{verdict.Text}, in {ConvolutionVerdicts.OfThisMachine.Layers.Count} layers and their gradients on {verdict.Processor} "
            + $"(checked {verdict.Checked})";
        if (verdict.IsRight)
        {
            yield return Found(
                "convolutions",
                ProcessorCheck.IsHeld ? $"{text}; wrong without this setting, which the command makes by itself" : text
            );
            yield break;
        }
        yield return Missing(
            "convolutions",
            ConvolutionVerdicts.OfThisMachine.Choose(verdict.Instructions) is { } instructions
                ? $"{text}: the command goes on with {TorchRuntime.InstructionsVariable}={instructions} by itself; set it for programs "
                    + "of your own"
                : OptionNames.In(ConvolutionVerdicts.Refusal(verdict, null))
        );
    }

    private static IEnumerable<Row> Packaged()
    {
        yield return PackagedWeights.AreThere
            ? Found(
                "packaged weights",
                $"{PackagedWeights.Name} ({PackagedWeights.File.Licence}), an ImageNet ResNet-18, from {PackagedWeights.Folder}"
            )
            : Missing("packaged weights", $"{PackagedWeights.Folder} has none: build the program again, as a restore brings them");
    }

    private static IEnumerable<Row> Weights(string? folder)
    {
        if (folder is null)
        {
            yield return Missing(
                "weights",
                "no folder given: --weights DIR checks yours; 'repro weights fetch' downloads the published files"
            );
            yield break;
        }
        var architectures = Registry
            .Methods.SelectMany(method => method.Variants)
            .Select(variant => variant.Network)
            .OfType<string>()
            .Distinct()
            .Order()
            .ToList();
        using var backbones = new BackboneProvider(folder, torch.CPU);
        var has = architectures.Where(backbones.Has).ToList();
        var lacks = architectures.Except(has).Where(network => network != PackagedWeights.Name).ToList();
        yield return has.Count > 0
            ? Found("weights", string.Join(", ", has))
            : Missing("weights", $"{folder} has none: 'repro weights fetch' downloads the published files");
        if (lacks.Count > 0)
        {
            yield return Missing(
                "weights",
                $"{lacks.Count} further networks are not in {folder}: 'repro weights list' names their files ({string.Join(", ", lacks)})"
            );
        }
    }

    private static IEnumerable<Row> Data(string? folder)
    {
        if (folder is null)
        {
            yield return Missing("data", "no folder given: --data DIR checks yours; 'repro data surfaces' makes a procedural data set");
            yield break;
        }
        var dataset = Datasets.Open(folder);
        yield return Found("data", $"{dataset.Name} in {folder}: {string.Join(", ", dataset.CategoryNames)}");
    }

    /// <summary>
    /// Path of the first library among this process's mapped files whose name holds one of the texts; null where the system does not tell.
    /// </summary>
    private static string? LoadedFrom(params string[] names)
    {
        const string maps = "/proc/self/maps";
        if (!File.Exists(maps))
        {
            return null;
        }

        var libraries = File.ReadLines(maps)
            .Select(line => line.IndexOf('/') is var start and >= 0 ? line[start..] : "")
            .Where(path => path.Length > 0)
            .Distinct()
            .ToList();
        return names
            .Select(name => libraries.Find(path => Path.GetFileName(path).Contains(name, StringComparison.Ordinal)))
            .FirstOrDefault(path => path is not null);
    }

    private sealed record Row(string Name, string Text, bool IsMissing);
}
