using System.CommandLine;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Formats;

namespace Repro.Verbs;

/// <summary><c>repro weights list|verify|inspect|fetch</c>: the files that hold backbones.</summary>
internal static class WeightsVerb
{
    /// <summary>The verb with its subcommands.</summary>
    public static Command Create()
    {
        var folder = new Option<string>("--weights")
        {
            Description = "the folder of weights files",
            HelpName = "DIR",
            DefaultValueFactory = _ => "weights",
        };
        var list = new Command("list", "Lists a folder's weights files, the networks they are for, and what comes with the program.")
        {
            folder,
        };
        list.SetAction(parsed =>
        {
            var named = parsed.GetRequiredValue(folder);
            // Who names no folder and has none asks for what there is: the packaged weights.
            var isThere = Directory.Exists(named) || parsed.GetResult(folder) is { Implicit: false };
            return List(isThere ? Weights.Open(named) : null, parsed.InvocationConfiguration.Output);
        });

        var files = new Argument<string[]>("FILE")
        {
            Description = "the files; without any, all of --weights",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var verify = new Command("verify", "Checks sha256, structure, shapes and values of weights files.") { files, folder };
        verify.SetAction(parsed =>
        {
            var named = parsed.GetValue(files) ?? [];
            var all = named.Length > 0 ? [.. named.Select(Named)] : Weights.Open(parsed.GetRequiredValue(folder)).Files;
            return Verify(all, parsed.InvocationConfiguration.Output);
        });

        var file = new Argument<string>("FILE")
        {
            Description = $"the file, or {PackagedWeights.Name} for the one that comes with the program",
        };
        var inspect = new Command("inspect", "Prints the tensors of a weights file and the layers that its network gives.") { file };
        inspect.SetAction(parsed => Inspect(parsed.GetRequiredValue(file), parsed.InvocationConfiguration.Output));

        var names = new Argument<string[]>("NAME")
        {
            Description = "networks, e.g. resnet18 vgg19 efficientnet-b4",
            Arity = ArgumentArity.OneOrMore,
        };
        var fetch = new Command(
            "fetch",
            "Downloads published weights, goes on with broken downloads, verifies before it puts a file in place."
        )
        {
            names,
            folder,
        };
        fetch.SetAction(
            (parsed, cancellation) =>
                Fetch(
                    parsed.GetRequiredValue(names),
                    parsed.GetRequiredValue(folder),
                    parsed.InvocationConfiguration.Output,
                    parsed.InvocationConfiguration.Error,
                    cancellation
                )
        );

        return new Command("weights", "Lists, verifies, inspects and fetches weights files.") { list, verify, inspect, fetch };
    }

    private static int List(Weights? weights, TextWriter output)
    {
        foreach (var file in weights?.Files ?? [])
        {
            output.WriteLine(Line(file));
        }
        if (PackagedWeights.AreThere)
        {
            output.WriteLine($"{Line(PackagedWeights.File)}, comes with the program");
        }
        if (weights is { Files.Count: 0 })
        {
            output.WriteLine($"{weights.Folder}: no weights files; `repro weights fetch NAME --weights {weights.Folder}` downloads them");
        }
        return 0;
    }

    private static string Line(WeightsFile file)
    {
        var megabytes = new FileInfo(file.Path).Length / 1e6;
        return $"{Path.GetFileName(file.Path), -44} {file.Architecture ?? "unknown network", -22} {megabytes, 8:F1} MB  {file.Licence}";
    }

    /// <summary>The file of a path, or the packaged one by its name.</summary>
    private static WeightsFile Named(string path) =>
        path == PackagedWeights.Name && !File.Exists(path) ? PackagedWeights.File : WeightsFile.Describe(path);

    private static int Verify(IReadOnlyList<WeightsFile> files, TextWriter output)
    {
        var failed = 0;
        foreach (var file in files)
        {
            try
            {
                output.WriteLine($"{file.Path}: {Verify(file)}");
            }
            catch (UserError error)
            {
                failed++;
                output.WriteLine(
                    error.Message.StartsWith(file.Path, StringComparison.Ordinal)
                        ? $"FAILED {error.Message}"
                        : $"FAILED {file.Path}: {error.Message}"
                );
            }
        }
        return failed == 0 ? 0 : throw new UserError($"{failed} of {files.Count} weights files are not sound; fetch them again");
    }

    private static string Verify(WeightsFile file)
    {
        using (var checkpoint = Checkpoint.Open(file.Path))
        {
            foreach (var entry in checkpoint.Entries)
            {
                entry.CheckFinite();
            }
        }
        var expected = file.Sha256 ?? PublishedWeights.Sha256Of(Path.GetFileName(file.Path));
        var hash = WeightsFile.Hash(file.Path);
        if (expected is not null && !hash.StartsWith(expected, StringComparison.Ordinal))
        {
            throw new UserError($"{file.Path}: its sha256 is {hash}, expected {expected}; fetch the file again");
        }
        var provenance = expected is null ? "sha256 unknown" : "sha256 agrees";
        if (file.Architecture is null)
        {
            return $"ok, {provenance}, network unknown";
        }
        using var backbone = Backbone.Load(file);
        return $"ok, {provenance}, {backbone.Architecture} up to {backbone.LayerNames[^1]}";
    }

    private static int Inspect(string path, TextWriter output)
    {
        var file = Named(path);
        using (var checkpoint = Checkpoint.Open(file.Path))
        {
            output.WriteLine($"{file.Path}: {checkpoint.Format}, {checkpoint.Entries.Count} tensors");
            foreach (var (key, value) in checkpoint.Metadata)
            {
                output.WriteLine($"  {key} = {value}");
            }
            foreach (var entry in checkpoint.Entries)
            {
                output.WriteLine($"  {entry.Name, -56} {entry.Type.SafeTensorsName(), -5} [{string.Join(", ", entry.Shape)}]");
            }
        }
        output.WriteLine(
            $"network: {file.Architecture ?? "unknown"}, licence: {file.Licence ?? "unknown"}, batch norm: "
                + $"{file.BatchNorm ?? "as the tensors say"}"
        );
        if (file.Architecture is not null)
        {
            using var backbone = Backbone.Load(file);
            output.WriteLine($"preprocessing: {backbone.Preprocessing}");
            output.WriteLine($"layers: {string.Join(", ", backbone.LayerNames.Select(layer => $"{layer} ({backbone.Channels(layer)})"))}");
        }
        return 0;
    }

    private static async Task<int> Fetch(string[] names, string folder, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        var download = new WeightsDownload();
        foreach (var weights in names.Select(PublishedWeights.Find).ToList())
        {
            error.WriteLine($"{weights.Url} ({weights.Licence})");
            var announced = 0L;
            var path = await download
                .FetchAsync(
                    weights,
                    folder,
                    (there, total) =>
                    {
                        const long step = 10_000_000;
                        if (there / step > announced)
                        {
                            announced = there / step;
                            error.WriteLine($"  {there / 1e6:F0} of {(total is null ? "?" : $"{total / 1e6:F0}")} MB");
                        }
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            output.WriteLine($"{path}: verified");
        }
        return 0;
    }
}
