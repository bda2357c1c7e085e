using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Repro.Records;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Papers;
using Spectre.Console;
using TorchSharp;

namespace Repro.Verbs;

/// <summary><c>repro doctor</c>: what is here, what is missing, and how to get it.</summary>
internal static class DoctorVerb
{
    private const int MatrixSide = 1024;

    public static Command Create()
    {
        var weights = RunOptions.Weights();
        var data = new Option<string?>("--data") { Description = "Folder of a data set.", HelpName = "DIR" };
        var command = new Command("doctor", "Tell what is here, what is missing, and how to get it.") { weights, data };
        command.SetAction(parsed =>
        {
            var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "");
            var missing = 0;
            foreach (var (name, found, wayOut) in Check(parsed.GetValue(weights), parsed.GetValue(data)))
            {
                table.AddRow(wayOut is null ? "[green]ok[/]" : "[yellow]--[/]", Markup.Escape(name), Markup.Escape(wayOut is null ? found : $"{found}: {wayOut}"));
                if (wayOut is not null) missing++;
            }
            AnsiConsole.Write(table);
            Console.WriteLine(missing == 0 ? "Nothing is missing." : $"{missing} of these are missing; everything else works without them.");
            return 0;
        });
        return command;
    }

    private static IEnumerable<(string Name, string Found, string? WayOut)> Check(string? weights, string? data)
    {
        yield return ("libtorch", $"{Machine.LibtorchVersion}, from {LoadedFrom("libtorch_cpu", "libtorch.so")}", null);
        yield return torch.cuda.is_available()
            ? ("CUDA", $"{torch.cuda.device_count()} device(s)", null)
            : ("CUDA", "no device", "a CUDA libtorch and LIBTORCH=/path scripts/setup.sh give --device cuda");
        yield return ("threads", $"{torch.get_num_threads()} of {Environment.ProcessorCount} cores, {Machine.Processor}", null);
        yield return Blas();
        yield return ("feature cache", FeatureCache.DefaultFolder, null);
        foreach (var row in Weights(weights)) yield return row;
        yield return Data(data);
        yield return File.Exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
            ? ("Fashion-MNIST", "/usr/share/datasets/fashion-mnist", null)
            : ("Fashion-MNIST", "not here", "apt-get install dataset-fashion-mnist");
        yield return File.Exists("/usr/bin/chromium")
            ? ("chromium", "/usr/bin/chromium", null)
            : ("chromium", "not here", "apt-get install chromium draws the report's figures as images");
    }

    private static (string, string, string?) Blas()
    {
        using var scope = torch.NewDisposeScope();
        var matrix = torch.randn(MatrixSide, MatrixSide);
        using (torch.mm(matrix, matrix)) { }
        var timer = Stopwatch.StartNew();
        using (torch.mm(matrix, matrix)) { }
        var gigaflops = 2.0 * MatrixSide * MatrixSide * MatrixSide / timer.Elapsed.TotalSeconds / 1e9;
        var text = string.Create(CultureInfo.InvariantCulture, $"{gigaflops:0} GFLOP/s in a {MatrixSide} x {MatrixSide} product, {LoadedFrom("openblas", "libblas", "mkl")}");
        return gigaflops < 10 ? ("BLAS", text, "this is the slow reference BLAS; apt-get install libopenblas0-pthread") : ("BLAS", text, null);
    }

    private static IEnumerable<(string, string, string?)> Weights(string? folder)
    {
        var architectures = Registry.Methods.SelectMany(method => method.Variants).Select(variant => variant.Network).OfType<string>().Distinct().Order().ToList();
        yield return PackagedWeights.AreThere
            ? ("packaged weights", $"{PackagedWeights.Name} ({PackagedWeights.File.Licence}), an ImageNet ResNet-18, from {PackagedWeights.Folder}", null)
            : ("packaged weights", $"{PackagedWeights.Folder} has none", "build the program again: a restore brings them");
        if (folder is null)
        {
            yield return ("weights", "no folder given", "--weights DIR checks yours; 'repro weights fetch' downloads the published files");
            yield break;
        }
        using var backbones = new BackboneProvider(folder, torch.CPU);
        var has = architectures.Where(backbones.Has).ToList();
        var lacks = architectures.Except(has).Where(network => network != PackagedWeights.Name).ToList();
        yield return ("weights", has.Count > 0 ? string.Join(", ", has) : $"{folder} has none", has.Count > 0 ? null : "'repro weights fetch' downloads the published files");
        if (lacks.Count > 0) yield return ("weights", $"{lacks.Count} further networks are not in {folder}", $"'repro weights list' names their files ({string.Join(", ", lacks)})");
    }

    private static (string, string, string?) Data(string? folder)
    {
        if (folder is null) return ("data", "no folder given", "--data DIR checks yours; 'repro data surfaces' makes a procedural data set");
        var dataset = Datasets.Open(folder);
        return ("data", $"{dataset.Name} in {folder}: {string.Join(", ", dataset.CategoryNames)}", null);
    }

    /// <summary>Path of the first library among this process's mapped files whose name holds one of the texts.</summary>
    private static string LoadedFrom(params string[] names)
    {
        const string maps = "/proc/self/maps";
        if (!File.Exists(maps)) return "unknown";
        var libraries = File.ReadLines(maps).Select(line => line[(line.LastIndexOf(' ') + 1)..]).Where(path => path.StartsWith('/')).Distinct().ToList();
        return names.Select(name => libraries.Find(path => Path.GetFileName(path).Contains(name, StringComparison.Ordinal))).FirstOrDefault(path => path is not null) ?? "unknown";
    }
}
