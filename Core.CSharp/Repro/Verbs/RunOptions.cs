using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>Options that several verbs share.</summary>
internal static partial class RunOptions
{
    /// <summary>One text that must be given.</summary>
    public static Option<string> Required(string name, string description, string helpName) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            Required = true,
        };

    public static Option<string?> Weights() =>
        new("--weights")
        {
            Description =
                "Folder of weights (.safetensors, .pth, .weights, .onnx, with optional .json sidecars); "
                + $"without it, {PackagedWeights.Name}, which comes with the program.",
            HelpName = "DIR",
        };

    /// <summary>One line on the trained networks that were taken; nothing where there was none.</summary>
    public static void TellWeights(IEnumerable<WeightsUsed> used, TextWriter output)
    {
        var all = used.Distinct().Select(weights => $"{weights.Name}{Origin(weights)}, sha256 {weights.Sha256[..12]}...").ToList();
        if (all.Count > 0)
        {
            output.WriteLine($"weights: {string.Join("; ", all)}");
        }

        static string Origin(WeightsUsed weights) =>
            PackagedWeights.Are(weights.Name, weights.Sha256) ? $" ({PackagedWeights.File.Licence}), which comes with the program" : "";
    }

    public static Option<bool> Recursive() =>
        new("--recursive") { Description = "Also take the photographs in folders below one that has photographs itself." };

    public static Option<string> Device() =>
        new("--device")
        {
            Description = "cpu or cuda.",
            HelpName = "cpu|cuda",
            DefaultValueFactory = _ => "cpu",
        };

    /// <summary>Which library scores.</summary>
    public static Option<string> Engine()
    {
        var engine = new Option<string>("--engine")
        {
            Description =
                "Which library scores: libtorch, onnx for ONNX Runtime on the CPU, or auto for the faster one; the scores are the same "
                + "but for rounding.",
            HelpName = string.Join('|', Model.Engines),
            DefaultValueFactory = _ => Model.Engines[0],
        };
        engine.AcceptOnlyFromAmong([.. Model.Engines]);
        return engine;
    }

    /// <summary>A model, ready to score.</summary>
    /// <exception cref="UserError">As of <see cref="Model.Load"/>, or it cannot be exported.</exception>
    public static Model Load(string path, string? weights, string device, string engine, TextWriter error)
    {
        ProcessorCheck.BeforeConvolutions(Devices.Named(device), error);
        var model = Model.Load(path, weights, device);
        try
        {
            return model.WithEngine(engine, reason => error.WriteLine($"repro: scored by libtorch: {reason}"));
        }
        catch (UserError)
        {
            model.Dispose();
            throw;
        }
    }

    public static Option<Profile> ProfileOption() =>
        new("--profile")
        {
            Description = "paper: the paper's schedule. quick: minutes a category on two cores. smoke: seconds.",
            HelpName = "paper|quick|smoke",
            DefaultValueFactory = _ => Profile.Quick,
            CustomParser = result =>
                Enum.TryParse<Profile>(result.Tokens[0].Value, ignoreCase: true, out var profile)
                && !int.TryParse(result.Tokens[0].Value, out _)
                    ? profile
                    : Fail(result, $"--profile '{result.Tokens[0].Value}': the profiles are paper, quick and smoke"),
        };

    [GeneratedRegex(@",(?![^\[]*\])")]
    private static partial Regex Commas { get; }

    /// <summary>A list given as several words, or with commas, or with the option repeated; commas in brackets stay:
    /// <c>levels=[1,2]</c>.</summary>
    public static Option<string[]> List(string name, string description, string helpName) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => [],
            CustomParser = result =>
                [
                    .. result.Tokens.SelectMany(token =>
                        Commas.Split(token.Value).Select(word => word.Trim()).Where(word => word.Length > 0)
                    ),
                ],
        };

    /// <summary>Categories, each a name with the commas that it may have, or a list with commas (<see cref="Among"/>).</summary>
    public static Option<string[]> Category(string description) =>
        new("--category")
        {
            Description = description,
            HelpName = "C ...",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => [],
        };

    /// <summary>The categories that were named, all where none was.</summary>
    /// <exception cref="UserError">The data set has no such category.</exception>
    public static IReadOnlyList<string> Among(this IReadOnlyList<string> named, Dataset dataset)
    {
        string[] names =
        [
            .. named.SelectMany(word =>
                dataset.CategoryNames.Contains(word)
                    ? [word]
                    : word.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            ),
        ];
        return names.FirstOrDefault(name => !dataset.CategoryNames.Contains(name)) is { } unknown
                ? throw new UserError(
                    $"{dataset.Name} has no category '{unknown}'; its categories are {string.Join(", ", dataset.CategoryNames)}",
                    exitCode: 2
                )
            : names.Length > 0 ? names
            : dataset.CategoryNames;
    }

    /// <summary>A number with a point; a comma or a percent sign is an error, not another number.</summary>
    public static Option<double> Number(string name, string description, string helpName, double byDefault, string example) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            DefaultValueFactory = _ => byDefault,
            CustomParser = result => Parse(result, name, example) ?? byDefault,
        };

    /// <summary>As the other one, for a number that may be left out.</summary>
    public static Option<double?> Number(string name, string description, string helpName, string example) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result => Parse(result, name, example),
        };

    private static double? Parse(System.CommandLine.Parsing.ArgumentResult result, string name, string example)
    {
        var text = result.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value))
        {
            return value;
        }
        result.AddError($"{name} '{text}' is no number; write it with a point, as in {name} {example}");
        return null;
    }

    /// <summary>Refuses a number below <paramref name="least"/>; what is no number at all the parser refuses itself.</summary>
    public static Option<T> AtLeast<T>(this Option<T> option, int least)
    {
        option.Validators.Add(result =>
        {
            if (
                result.Tokens is [var token]
                && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var value)
                && !(value >= least)
            )
            {
                result.AddError($"{option.Name} {token.Value}: give at least {least}");
            }
        });
        return option;
    }

    private static Profile Fail(System.CommandLine.Parsing.ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
