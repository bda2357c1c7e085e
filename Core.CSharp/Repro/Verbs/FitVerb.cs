using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Repro.Records;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Metrics;
using Reproduction.Models;
using Reproduction.Papers;
using TorchSharp;

namespace Repro.Verbs;

/// <summary><c>repro fit</c>: a detector for one's own product from photographs of good ones.</summary>
internal static class FitVerb
{
    private const double PixelFalsePositives = 0.005;
    private const int ScoreBatch = 8;

    public static Command Create()
    {
        var method = new Option<string>("--method")
        {
            Description = $"One of {string.Join(", ", Registry.Methods.Select(each => each.Id))}.",
            HelpName = "ID",
            Required = true,
        };
        var variant = new Option<string?>("--variant")
        {
            Description = "A variant by name (the first default one whose weights are there).",
            HelpName = "V",
        };
        var train = new Option<string>("--train")
        {
            Description =
                $"Folder of photographs of good products ({ImageFormats.Names}), any size; of folders below only where it has none itself.",
            HelpName = "DIR",
            Required = true,
        };
        var good = new Option<string?>("--good")
        {
            Description = "Further good photographs, not trained on, to choose the threshold with.",
            HelpName = "DIR",
        };
        var defective = new Option<string?>("--defective")
        {
            Description = "Photographs of defects, to choose the threshold with; needs --good.",
            HelpName = "DIR",
        };
        var fpr = RunOptions.Number(
            "--fpr",
            "Accepted share of good products that are called defective.",
            "F",
            byDefault: 0.01,
            example: "0.05"
        );
        var folds = new Option<int?>("--folds")
        {
            Description = "Parts of the cross-validation that chooses the threshold (2; 5 for a paper with folds).",
            HelpName = "K",
        }.AtLeast(2);
        var recursive = RunOptions.Recursive();
        var weights = RunOptions.Weights();
        var profile = RunOptions.ProfileOption();
        var device = RunOptions.Device();
        var seed = new Option<int>("--seed") { Description = "Seed (0).", HelpName = "N" };
        var output = new Option<string>("--out")
        {
            Description = "The model: one file.",
            HelpName = "MODEL",
            Required = true,
        };

        var command = new Command("fit", "Fit a detector to photographs of good products.")
        {
            method,
            variant,
            train,
            good,
            defective,
            recursive,
            fpr,
            folds,
            weights,
            profile,
            device,
            seed,
            output,
        };
        command.SetAction(parsed =>
        {
            var timer = Stopwatch.StartNew();
            var target = parsed.GetValue(fpr);
            if (target is not (>= 0 and < 1))
            {
                throw new UserError(string.Create(CultureInfo.InvariantCulture, $"--fpr {target}: a share from 0 to below 1"), exitCode: 2);
            }

            if (parsed.GetValue(defective) is not null && parsed.GetValue(good) is null)
            {
                throw new UserError("--defective needs --good: a threshold lies between the two", exitCode: 2);
            }

            var paper = Registry.Find(parsed.GetRequiredValue(method));
            ModelFile.PrepareFolder(parsed.GetRequiredValue(output)); // before the fit, not after hours of it
            var tell = parsed.InvocationConfiguration.Error;
            var samples = Photographs(parsed.GetRequiredValue(train), parsed.GetValue(recursive), areGood: true, tell);
            var heldOut = parsed.GetValue(good) is { } folder ? Photographs(folder, parsed.GetValue(recursive), areGood: true, tell) : null;
            var defects = parsed.GetValue(defective) is { } other
                ? Photographs(other, parsed.GetValue(recursive), areGood: false, tell)
                : null;
            RefuseTwins(samples, "--train", heldOut, "--good");
            RefuseTwins(samples, "--train", defects, "--defective");
            RefuseTwins(heldOut ?? [], "--good", defects, "--defective");
            var place = Machine.Device(parsed.GetRequiredValue(device));
            ProcessorCheck.BeforeConvolutions(place, parsed.InvocationConfiguration.Error);
            using var backbones = new BackboneProvider(parsed.GetValue(weights), place);
            var resources = new Resources
            {
                Backbones = backbones,
                Features = FeatureCache.FromEnvironment(),
                Device = place,
            };
            var name = parsed.GetValue(variant) ?? DefaultVariant(paper, backbones);
            var configuration = paper.Configure(
                name,
                parsed.GetValue(profile),
                Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetRequiredValue(train)))),
                "photographs"
            );
            var fit = new Fitting(configuration, resources, parsed.GetValue(seed));

            Calibration calibration;
            if (heldOut is not null)
            {
                using var trial = fit.Detector(samples, "fit");
                calibration = HeldOut(trial, heldOut, defects, target);
                return Finish(fit, trial, calibration);
            }
            var parts = parsed.GetValue(folds) ?? (paper.Folds > 0 ? paper.Folds : 2);
            calibration = CrossValidated(fit, samples, parts, target);
            using var detector = fit.Detector(samples, "fit on all images");
            return Finish(fit, detector, calibration);

            int Finish(Fitting fitted, IAnomalyDetector model, Calibration threshold)
            {
                using var scope = torch.NewDisposeScope();
                WeightsUsed[] used =
                [
                    .. backbones.Used.Select(network => new WeightsUsed(network.Name, network.WeightsSha256, network.Architecture)),
                ];
                new ModelFile(
                    paper.Id,
                    name,
                    configuration.ToJson(),
                    used,
                    threshold.Image,
                    threshold.Pixel,
                    threshold.Rule,
                    samples.Count
                ).Write(parsed.GetRequiredValue(output), model.Save());
                var print = parsed.InvocationConfiguration.Output;
                print.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{paper.Id} {name}: fitted on {samples.Count} images in {timer.Elapsed.TotalSeconds:0.0} s"
                    )
                );
                RunOptions.TellWeights(used, print);
                print.WriteLine(string.Create(CultureInfo.InvariantCulture, $"threshold {threshold.Image:g6}: {threshold.Rule}"));
                print.WriteLine($"model: {Path.GetFullPath(parsed.GetRequiredValue(output))}");
                return 0;
            }
        });
        return command;
    }

    private static string DefaultVariant(IMethod method, BackboneProvider backbones) =>
        method.Variants.FirstOrDefault(variant => variant.Default && (variant.Network is null || backbones.Has(variant.Network)))?.Name
        ?? throw new UserError(
            $"{method.Id} needs weights of "
                + $"{string.Join(" or ", method.Variants.Where(variant => variant.Default).Select(variant => variant.Network).Distinct())}; "
                + "give their folder with --weights, or a --variant that needs none"
        );

    /// <summary>The photographs of a folder; those below it that are left out are told.</summary>
    private static IReadOnlyList<Sample> Photographs(string folder, bool recursive, bool areGood, TextWriter error)
    {
        var samples = areGood ? ImageFolder.Good(folder, recursive) : ImageFolder.Samples(folder, recursive);
        if (ImageFolder.LeftOut(folder, recursive) is { Count: > 0 } below)
        {
            error.WriteLine(
                $"{folder}: {samples.Count} photographs are taken; {below.Count} in folders below are not, such as {below[0]}; "
                    + "--recursive takes them, too"
            );
        }
        return samples;
    }

    /// <summary>A picture that a model has seen, or that stands on both sides of a threshold, tells nothing about the threshold.</summary>
    private static void RefuseTwins(IReadOnlyList<Sample> first, string firstName, IReadOnlyList<Sample>? second, string secondName)
    {
        if (second is null)
        {
            return;
        }
        var (here, there) = (new SampleImages(first), new SampleImages(second));
        var known = new Dictionary<string, Sample>();
        for (var i = 0; i < first.Count; i++)
        {
            known.TryAdd(here.ContentId(i), first[i]);
        }
        var twins = second.Index().Where(item => known.ContainsKey(there.ContentId(item.Index))).ToList();
        if (twins.Count > 0)
        {
            var (index, sample) = twins[0];
            throw new UserError(
                $"{twins.Count} of the {second.Count} pictures of {secondName} are in {firstName}, too ({sample.Path} is "
                    + $"{known[there.ContentId(index)].Path}); "
                    + $"{secondName} takes pictures that are not in {firstName}",
                exitCode: 2
            );
        }
    }

    /// <summary>Thresholds and how they were chosen.</summary>
    private sealed record Calibration(double Image, double? Pixel, string Rule);

    /// <summary>Fits detectors of one method and settings.</summary>
    private sealed record Fitting(Configuration Configuration, Resources Resources, int Seed)
    {
        public IAnomalyDetector Detector(IReadOnlyList<Sample> samples, string what)
        {
            torch.manual_seed(Seed);
            var detector = Configuration.Create(Resources);
            var since = Stopwatch.StartNew();
            detector.Fit(
                new SampleImages(samples),
                new FitContext
                {
                    Seed = Seed,
                    Warn = Console.Error.WriteLine,
                    Progress = (done, all, text) =>
                    {
                        if (since.Elapsed < TimeSpan.FromSeconds(5))
                        {
                            return;
                        }

                        since.Restart();
                        Console.Error.WriteLine($"{what}: {done}/{all} {text}");
                    },
                }
            );
            return detector;
        }
    }

    private static Calibration HeldOut(
        IAnomalyDetector detector,
        IReadOnlyList<Sample> good,
        IReadOnlyList<Sample>? defective,
        double target
    )
    {
        var (normal, pixels) = Score(detector, good);
        double? pixel = pixels.Count > 0 ? Thresholds.AtFalsePositiveRate([.. pixels], PixelFalsePositives) : null;
        if (defective is null)
        {
            return new Calibration(
                Thresholds.AtFalsePositiveRate([.. normal], target),
                pixel,
                string.Create(CultureInfo.InvariantCulture, $"a false positive rate of {target} on {normal.Count} held-out good images")
            );
        }
        var (anomalous, _) = Score(detector, defective);
        float[] scores = [.. normal, .. anomalous];
        byte[] labels = [.. normal.Select(_ => (byte)0), .. anomalous.Select(_ => (byte)1)];
        var best = Roc.F1Max(scores, labels);
        return new Calibration(
            best.Threshold!.Value,
            pixel,
            string.Create(
                CultureInfo.InvariantCulture,
                $"the best F1 ({best.Metric.Value:0.000}) on {normal.Count} good and {anomalous.Count} defective held-out images"
            )
        );
    }

    private static Calibration CrossValidated(Fitting fit, IReadOnlyList<Sample> samples, int parts, double target)
    {
        var scores = new List<float>();
        var pixels = new List<float>();
        var folds = Folds.Split(samples.Count, parts, fit.Seed);
        for (var fold = 0; fold < parts; fold++)
        {
            using var detector = fit.Detector(Folds.Remaining(samples, folds, fold), $"threshold, part {fold + 1} of {parts}");
            var (image, pixel) = Score(detector, [.. folds[fold].Select(index => samples[index])]);
            scores.AddRange(image);
            pixels.AddRange(pixel);
        }
        return new Calibration(
            Thresholds.AtFalsePositiveRate([.. scores], target),
            pixels.Count > 0 ? Thresholds.AtFalsePositiveRate([.. pixels], PixelFalsePositives) : null,
            string.Create(
                CultureInfo.InvariantCulture,
                $"a false positive rate of {target} on the training images, each scored by a model that had not seen it ({parts} parts)"
            )
        );
    }

    /// <summary>Image scores, and map values thinned to what a quantile needs.</summary>
    private static (List<float> Image, List<float> Pixels) Score(IAnomalyDetector detector, IReadOnlyList<Sample> samples)
    {
        const int stride = 7;
        var image = new List<float>();
        var pixels = new List<float>();
        using var noGradient = torch.no_grad();
        foreach (var batch in ImageBatch.All(new SampleImages(samples)).Chunks(ScoreBatch))
        {
            using var scope = torch.NewDisposeScope();
            using var scores = detector.Score(batch);
            scores.CheckFinite(i => samples[batch.Indices[i]].Path);
            image.AddRange(scores.Image.cpu().data<float>().ToArray());
            if (scores.Map is { } map)
            {
                pixels.AddRange(map.flatten()[torch.TensorIndex.Slice(null, null, stride)].cpu().contiguous().data<float>().ToArray());
            }
        }
        return (image, pixels);
    }
}
