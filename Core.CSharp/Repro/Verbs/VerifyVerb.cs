using System.CommandLine;
using System.Globalization;
using Repro.Records;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Papers;
using TorchSharp;

namespace Repro.Verbs;

/// <summary><c>repro verify</c>: runs a sample of finished cells again and compares.</summary>
internal static class VerifyVerb
{
    private const string RecordPattern = "*.json";

    public static Command Create()
    {
        var records = RunOptions.Required("--records", "Folder of a run (what --out was) or of its records.", "DIR");
        var data = new Option<string>("--data")
        {
            Description = "Folder of the data set that the cells ran on; cells of other data sets are left out.",
            HelpName = "DIR",
            Required = true,
        };
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var sample = new Option<int>("--sample")
        {
            Description = "How many cells to run again (3).",
            HelpName = "N",
            DefaultValueFactory = _ => 3,
        }.AtLeast(1);
        var seed = new Option<int>("--seed") { Description = "Chooses the cells (0).", HelpName = "N" };
        var tolerance = RunOptions
            .Number(
                "--tolerance",
                "Largest difference of a metric that still counts as equal (0: bit for bit, as it is with the same program, device "
                    + "and threads).",
                "T",
                byDefault: 0,
                example: "0.001"
            )
            .AtLeast(0);
        var command = new Command(
            "verify",
            "Run a seeded sample of finished cells again, with the record's number of threads, and compare the metrics. Where they "
                + "differ it says what else does: "
                + "settings, weights, images, libtorch, device, threads, processor, commit. Exit code 1 when a cell differs."
        )
        {
            records,
            data,
            weights,
            device,
            sample,
            seed,
            tolerance,
        };
        command.SetAction(parsed =>
        {
            var dataset = Datasets.Open(parsed.GetRequiredValue(data));
            var all = Records(parsed.GetRequiredValue(records))
                .Where(record => record.Dataset == dataset.Name && dataset.CategoryNames.Contains(record.Category))
                .ToArray();
            if (all.Length == 0)
            {
                throw new UserError(
                    $"{parsed.GetRequiredValue(records)} has no record of {dataset.Name} ({string.Join(", ", dataset.CategoryNames)}); "
                        + $"give the --data that its cells ran on"
                );
            }
            SplitMix64.For((ulong)parsed.GetValue(seed), "verify").Shuffle<RunRecord>(all);
            var place = Devices.Named(parsed.GetRequiredValue(device));
            ProcessorCheck.BeforeConvolutions(place, parsed.InvocationConfiguration.Error);
            using var stop = new StopSignals();
            using var verification = new Verification(
                dataset,
                parsed.GetValue(weights),
                place,
                parsed.GetValue(tolerance),
                parsed.InvocationConfiguration.Output,
                stop.Token
            );
            var chosen = all.Take(parsed.GetValue(sample)).ToList();
            var different = chosen.Count(record => !verification.Holds(record));
            parsed.InvocationConfiguration.Output.WriteLine(
                $"{chosen.Count - different} of {chosen.Count} cells hold (of {all.Length} records)"
            );
            return different == 0 ? 0 : 1;
        });
        return command;
    }

    /// <summary>The records of a run's folder, in the order of their names.</summary>
    private static IEnumerable<RunRecord> Records(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new UserError($"{folder}: no such folder; give what --out of 'repro run' was");
        }

        if (Directory.Exists(RunRecord.Folder(folder)))
        {
            folder = RunRecord.Folder(folder);
        }

        return Directory
            .EnumerateFiles(folder, RecordPattern)
            .Where(DataFolder.IsData)
            .Order(StringComparer.Ordinal)
            .Select(RunRecord.Read);
    }

    /// <summary>Runs cells again, into a folder that goes with it.</summary>
    private sealed class Verification(
        Dataset dataset,
        string? weights,
        torch.Device device,
        double tolerance,
        TextWriter output,
        CancellationToken stop
    ) : IDisposable
    {
        private readonly string _scratch = Directory.CreateTempSubdirectory("reproduction-verify-").FullName;
        private readonly BackboneProvider _backbones = new(weights, device);

        /// <summary>Runs a record's cell again and prints whether the metrics are the same, and what else is not.</summary>
        public bool Holds(RunRecord record)
        {
            try
            {
                var cell = new Cell(
                    Registry.Find(record.Paper),
                    record.Variant,
                    record.Dataset,
                    record.Category,
                    record.Fold ?? record.Seed ?? 0,
                    record.Fold is not null,
                    Enum.Parse<Profile>(record.Profile, ignoreCase: true)
                );
                var configuration = cell.Configure();
                torch.set_num_threads(record.Environment.Threads);
                var again = Run(cell);
                var metrics = Differences(record, again).ToList();
                output.WriteLine(
                    metrics.Count == 0
                        ? $"{record.Cell}: holds, {record.Metrics.Count} metrics"
                        : $"{record.Cell}: differs in {metrics.Count} of {record.Metrics.Count} metrics"
                );
                foreach (var difference in metrics)
                {
                    output.WriteLine($"  {difference}");
                }

                if (metrics.Count == 0)
                {
                    return true;
                }

                string[] reasons =
                [
                    .. RecordDifferences.OfSettings(record, cell.Method, configuration),
                    .. RecordDifferences.OfWeights(record, _backbones.Sha256Of),
                    .. RecordDifferences.OfSurroundings(record, again),
                ];
                output.WriteLine(
                    reasons.Length == 0 ? "  settings, weights, images and machine are those of the record" : "  what else differs:"
                );
                foreach (var reason in reasons)
                {
                    output.WriteLine($"    {reason}");
                }

                return false;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                output.WriteLine($"{record.Cell}: could not be run again: {CommandLine.Describe(failure)}");
                return false;
            }
        }

        public void Dispose()
        {
            _backbones.Dispose();
            Directory.Delete(_scratch, recursive: true);
        }

        /// <summary>With a cache of its own: kept features are part of what is verified.</summary>
        private RunRecord Run(Cell cell)
        {
            var cache = new FeatureCache(Path.Combine(_scratch, "features"), long.MaxValue);
            var resources = new Resources
            {
                Backbones = _backbones,
                Features = cache,
                Device = device,
            };
            return new CellRunner(_scratch, resources, cache, gallery: 0).Run(
                cell,
                dataset.Category(cell.Category),
                (_, _, _, _) => { },
                text => output.WriteLine($"{cell.Id}: {text}"),
                stop
            );
        }

        private IEnumerable<string> Differences(RunRecord record, RunRecord again)
        {
            foreach (var name in record.Metrics.Keys.Union(again.Metrics.Keys).Order(StringComparer.Ordinal))
            {
                var (then, now) = (record.Metrics.GetValueOrDefault(name), again.Metrics.GetValueOrDefault(name));
                if (then == now || (then is { } a && now is { } b && Math.Abs(a - b) <= tolerance))
                {
                    continue;
                }

                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name} is {now?.ToString("r", CultureInfo.InvariantCulture) ?? "undefined"}, in the record "
                        + $"{then?.ToString("r", CultureInfo.InvariantCulture) ?? "undefined"}"
                );
            }
        }
    }
}
