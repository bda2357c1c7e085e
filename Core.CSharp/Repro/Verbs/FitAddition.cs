using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Repro.Sweeps;
using Reproduction;
using Reproduction.Models;
using Reproduction.Papers;

namespace Repro.Verbs;

/// <summary><c>repro fit --add DIR --model M</c>: more photographs for a fitted model, without those that it was fitted on.</summary>
internal sealed class FitAddition
{
    /// <summary>The new photographs.</summary>
    public Option<string?> Folder { get; } =
        new("--add")
        {
            Description =
                "More photographs of good products for the model of --model, which has not seen them; those it was fitted on are not "
                + $"needed ({string.Join(", ", Registry.Methods.Where(method => method.IsExtendable).Select(method => method.Id))}). "
                + "The threshold is chosen again, with --good or with a part of these.",
            HelpName = "DIR",
        };

    /// <summary>The fitted model.</summary>
    public Option<string?> Model { get; } =
        new("--model") { Description = "What 'repro fit' wrote, to add photographs to.", HelpName = "MODEL" };

    /// <summary>Whether photographs are to be added.</summary>
    /// <exception cref="UserError">One of the two options is there without the other.</exception>
    public bool IsAsked(ParseResult parsed) =>
        (parsed.GetValue(Folder), parsed.GetValue(Model)) switch
        {
            (null, null) => false,
            ({ }, { }) => true,
            _ => throw new UserError("--add and --model go together: photographs, and the model that takes them in", exitCode: 2),
        };

    /// <summary>Refuses options that only a fit from the start has.</summary>
    /// <exception cref="UserError">The first that was given.</exception>
    public void RefuseOptionsOfAFit(ParseResult parsed, params Option[] options)
    {
        if (options.FirstOrDefault(option => parsed.GetResult(option) is OptionResult { Implicit: false }) is { } given)
        {
            throw new UserError($"{given.Name} is settled in the model: it does not go with --add", exitCode: 2);
        }
    }

    /// <summary>Takes the photographs in and tells what came of it.</summary>
    /// <returns>The exit code.</returns>
    public int Run(ParseResult parsed, Photographs more, FitOptions options, string? output)
    {
        var source = parsed.GetRequiredValue(Model)!;
        var target = output ?? source;
        var (error, print) = (parsed.InvocationConfiguration.Error, parsed.InvocationConfiguration.Output);
        ModelFile.PrepareFolder(target);
        ProcessorCheck.BeforeConvolutions(Devices.Named(options.Device), error);
        using var stop = new StopSignals();
        using var model = Reproduction.Models.Model.Load(source, options.Weights, options.Device);
        var before = model.Description;
        model.Add(more, options with { Cancellation = stop.Token });
        model.Save(target);
        var after = model.Description;
        print.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{after.Method} {after.Variant}: {after.Images - before.Images} images taken in, {after.Images} in all"
            )
        );
        print.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"threshold {after.Threshold:g6} (was {before.Threshold:g6}): {after.ThresholdRule}"
            )
        );
        print.WriteLine($"model: {Path.GetFullPath(target)}");
        return 0;
    }
}
