using System.CommandLine;
using System.Globalization;
using Repro.Records;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Papers;
using Spectre.Console;

namespace Repro.Verbs;

/// <summary><c>repro run</c>: runs the cells of a paper and writes their records.</summary>
internal static class RunVerb
{
    private const int ShownWarnings = 12;
    private const int ShownOutdated = 3;

    private const string Description =
        "Run a paper's variants on categories of a data set. Finished cells are skipped; a cell that fails leaves the others alone, "
        + "and the same command runs it again. "
        + "Several processes may share --out: each cell is run by one of them. SIGTERM and Ctrl-C end it after a checkpoint, with "
        + "exit code 1; however it ends, the same command goes on. "
        + "Environment: REPRO_CHECKPOINT_SECONDS (120) between checkpoints of a training, REPRO_CACHE and REPRO_CACHE_GB (20) for "
        + "kept features, OMP_NUM_THREADS.";

    public static Command Create()
    {
        var paper = RunOptions.Required("--paper", $"One of {string.Join(", ", Registry.Methods.Select(method => method.Id))}.", "ID");
        var variant = RunOptions.List(
            "--variant",
            "Variants by name (all default ones); a setting can be changed as in resnet18+epochs=5.",
            "V"
        );
        var data = RunOptions.Required("--data", "Folder of a data set: MVTec AD's layout or another that 'repro data list' names.", "DIR");
        var category = RunOptions.Category("Categories (all).");
        var weights = RunOptions.Weights();
        var profile = RunOptions.ProfileOption();
        var device = RunOptions.Device();
        var seed = RunOptions.List("--seed", "Seeds (0); a paper with folds runs its folds instead.", "N");
        var output = new Option<string>("--out")
        {
            Description = "Folder of the run; its records are in runs/.",
            HelpName = "DIR",
            Required = true,
        };
        var list = new Option<bool>("--list") { Description = "Print the ids of the cells and stop." };
        var shard = new Option<string?>("--shard")
        {
            Description = "Run every N-th cell, beginning with the I-th (1-based).",
            HelpName = "I/N",
        };
        var cell = RunOptions.List("--cell", "Run just the cells with these ids.", "ID");
        var force = new Option<bool>("--force") { Description = "Run finished cells again." };
        var gallery = new Option<int>("--gallery")
        {
            Description = "Draw this many test images a cell as panels (0).",
            HelpName = "N",
        }.AtLeast(0);

        var command = new Command("run", Description)
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
            list,
            shard,
            cell,
            force,
            gallery,
        };
        command.SetAction(parsed =>
        {
            var method = Registry.Find(parsed.GetRequiredValue(paper));
            var dataset = Datasets.Open(parsed.GetRequiredValue(data));
            var place = Devices.Named(parsed.GetRequiredValue(device));
            using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
            var variants = Variants(method, parsed.GetRequiredValue(variant), backbones);
            var categories = parsed.GetRequiredValue(category).Among(dataset);
            var cells = Select(
                Cell.Span(method, variants, dataset.Name, categories, Seeds(parsed.GetRequiredValue(seed)), parsed.GetValue(profile)),
                parsed.GetValue(shard),
                parsed.GetRequiredValue(cell)
            );
            foreach (var each in cells)
            {
                each.Configure(); // a wrong variant or setting fails before anything runs
            }

            if (parsed.GetValue(list))
            {
                foreach (var each in cells)
                {
                    parsed.InvocationConfiguration.Output.WriteLine(each.Id);
                }

                return 0;
            }
            ProcessorCheck.BeforeConvolutions(place, parsed.InvocationConfiguration.Error);
            return Run(
                cells,
                dataset,
                backbones,
                parsed.GetRequiredValue(output),
                place,
                parsed.GetValue(force),
                parsed.GetValue(gallery),
                parsed
            );
        });
        return command;
    }

    private static int Run(
        IReadOnlyList<Cell> cells,
        Dataset dataset,
        BackboneProvider backbones,
        string output,
        TorchSharp.torch.Device device,
        bool force,
        int gallery,
        ParseResult parsed
    )
    {
        var cache = FeatureCache.FromEnvironment();
        var resources = new Resources
        {
            Backbones = backbones,
            Features = cache,
            Device = device,
        };
        var sweep = new Sweep(output, dataset, new CellRunner(output, resources, cache, gallery), cache);
        using var stop = new StopSignals();

        var print = parsed.InvocationConfiguration.Output;
        var missing = cells.Where(cell => force || !File.Exists(RunRecord.PathOf(output, cell.Id))).Select(cell => cell.Category);
        TellOfData(dataset, missing.Distinct(), parsed.InvocationConfiguration.Error);
        var results = SweepProgress.Show(cells.Count, print, observer => sweep.Run(cells, force, observer, stop.Token));
        PrintTable(results, print);
        RunOptions.TellWeights(results.SelectMany(result => result.Record?.Weights ?? []), print);
        print.WriteLine($"records: {Path.GetFullPath(RunRecord.Folder(output))}");
        return Tell(results, stop, parsed);
    }

    /// <summary>The warnings of <c>repro data verify</c> about what is run now, once and in one block.</summary>
    private static void TellOfData(Dataset dataset, IEnumerable<string> categories, TextWriter error)
    {
        var warnings = categories.SelectMany(name => WarningsOf(dataset, name).Select(warning => $"  {name}: {warning}")).ToList();
        if (warnings.Count == 0)
        {
            return;
        }
        error.WriteLine($"repro: what 'repro data verify {dataset.Root}' warns of:");
        foreach (var warning in warnings.Take(ShownWarnings))
        {
            error.WriteLine(warning);
        }
        if (warnings.Count > ShownWarnings)
        {
            error.WriteLine($"  and {warnings.Count - ShownWarnings} more");
        }
    }

    private static IReadOnlyList<string> WarningsOf(Dataset dataset, string category)
    {
        try
        {
            return DataCheck.Warnings(dataset.Category(category));
        }
        catch (UserError)
        {
            return []; // its cell fails with this error, and no other
        }
    }

    /// <summary>Tells on standard error what is not as it should be and what to do about it.</summary>
    /// <returns>The exit code.</returns>
    private static int Tell(IReadOnlyList<CellResult> results, StopSignals stop, ParseResult parsed)
    {
        var error = parsed.InvocationConfiguration.Error;
        var outdated = results.Where(result => result.Outdated.Count > 0).ToList();
        if (outdated.Count > 0)
        {
            error.WriteLine(
                $"repro: {outdated.Count} of {results.Count} cells were done before with something else than now; --force runs them again:"
            );
            foreach (var result in outdated.Take(ShownOutdated))
            {
                error.WriteLine($"  {result.Cell.Id}: {string.Join("; ", result.Outdated)}");
            }

            if (outdated.Count > ShownOutdated)
            {
                error.WriteLine($"  and {outdated.Count - ShownOutdated} more");
            }
        }
        var failed = results.Where(result => result.Outcome == CellOutcome.Failed).ToList();
        if (failed.Count > 0)
        {
            error.WriteLine(
                $"repro: {failed.Count} of {results.Count} cells failed; the same command runs just these again, with --cell ID one of "
                    + "them:"
            );
            foreach (var result in failed)
            {
                error.WriteLine($"  {result.Cell.Id}: {CommandLine.Describe(result.Failure!)}");
            }

            if (CommandLine.IsDebug(parsed))
            {
                error.WriteLine(failed[0].Failure);
            }
        }
        var left = results.Count(result => result.Outcome == CellOutcome.Stopped);
        if (left > 0)
        {
            error.WriteLine(
                $"repro: stopped by {stop.Signal}: {results.Count - left - failed.Count} of {results.Count} cells are done and kept; "
                    + "the same command goes on from there, a training from its checkpoint"
            );
        }
        return failed.Count + left > 0 ? 1 : 0;
    }

    private static IReadOnlyList<string> Variants(IMethod method, string[] asked, BackboneProvider backbones)
    {
        if (asked.Length > 0)
        {
            return asked;
        }

        var defaults = method.Variants.Where(variant => variant.Default).ToList();
        var possible = defaults
            .Where(variant => variant.Network is null || backbones.Has(variant.Network))
            .Select(variant => variant.Name)
            .ToList();
        return possible.Count > 0
            ? possible
            : throw new UserError(
                $"no default variant of {method.Id} can run: "
                    + $"{(backbones.Folder is { } folder ? $"{folder} has" : "without --weights there is")} none of "
                    + $"{string.Join(", ", defaults.Select(variant => variant.Network).Distinct())}; 'repro weights fetch' gets them, "
                    + $"or name a --variant, "
                    + $"or leave --weights out to take {PackagedWeights.Name}, which comes with the program"
            );
    }

    private static IReadOnlyList<int> Seeds(string[] asked) =>
        asked.Length == 0
            ? [0]
            :
            [
                .. asked.Select(text =>
                    int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
                        ? seed
                        : throw new UserError($"--seed '{text}' is not a number from 0", exitCode: 2)
                ),
            ];

    private static IReadOnlyList<Cell> Select(IReadOnlyList<Cell> cells, string? shard, string[] ids)
    {
        if (ids.Length > 0)
        {
            return
            [
                .. ids.Distinct()
                    .Select(id =>
                        cells.FirstOrDefault(cell => cell.Id == id)
                        ?? throw new UserError($"--cell '{id}' is none of the {cells.Count} cells; --list prints them", exitCode: 2)
                    ),
            ];
        }
        if (shard is null)
        {
            return cells;
        }

        var parts = shard.Split('/');
        return
            parts.Length == 2
            && int.TryParse(parts[0], out var first)
            && int.TryParse(parts[1], out var count)
            && first >= 1
            && first <= count
            ? [.. cells.Where((_, index) => index % count == first - 1)]
            : throw new UserError($"--shard '{shard}' is not I/N with 1 <= I <= N", exitCode: 2);
    }

    private static void PrintTable(IReadOnlyList<CellResult> results, TextWriter output)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("cell", "image AUROC", "pixel AUROC", "AUPRO", "seconds", "");
        foreach (var index in Enumerable.Range(2, 4))
        {
            table.Columns[index - 1].RightAligned();
        }

        foreach (var result in results)
        {
            table.AddRow(
                Markup.Escape(result.Cell.Id),
                Metric(result, "image_auroc"),
                Metric(result, "pixel_auroc"),
                Metric(result, "aupro"),
                result.Record is { Seconds: var seconds }
                    ? (seconds.Features + seconds.Fit + seconds.Score + seconds.Metrics).ToString("0.0", CultureInfo.InvariantCulture)
                    : "",
                result.Outcome switch
                {
                    CellOutcome.AlreadyDone => "done before",
                    CellOutcome.Failed => "[red]failed[/]",
                    CellOutcome.Stopped => "not done",
                    _ => "",
                }
            );
        }
        CommandLine.Tables(output).Write(table);
    }

    private static string Metric(CellResult result, string name) =>
        result.Record?.Metrics.GetValueOrDefault(name) is { } value ? value.ToString("0.0000", CultureInfo.InvariantCulture) : "";
}
