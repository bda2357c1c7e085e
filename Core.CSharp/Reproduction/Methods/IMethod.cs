namespace Reproduction.Methods;

/// <summary>
/// A published method as the rest of the program knows it: its variants by name, and for each a detector with settings. The runner, the
/// command line, the cache, the report and the tests know this interface and no paper by name; <c>Papers/Registry.cs</c> lists the methods.
/// </summary>
public interface IMethod
{
    /// <summary>Short lower-case name: the value of <c>--paper</c> and the folder under <c>papers/</c>.</summary>
    string Id { get; }

    /// <summary>All variants that can be asked for by name; those with <see cref="Variant.Default"/> run when none is asked for.</summary>
    IReadOnlyList<Variant> Variants { get; }

    /// <summary>
    /// Number of folds of the training images that the paper's protocol fits one after the other; 0 where it repeats over seeds.
    /// </summary>
    int Folds { get; }

    /// <summary>Whether fitted detectors of it take more images in: <see cref="IExtendableDetector"/>.</summary>
    bool IsExtendable { get; }

    /// <summary>What settings were called in records and models of before, each with the name that it has now; snake_case.</summary>
    IReadOnlyDictionary<string, string> FormerSettings { get; }

    /// <summary>
    /// What variants were called before, each with the name that the same settings have now: commands, models and records of then are
    /// understood.
    /// </summary>
    IReadOnlyDictionary<string, string> FormerVariants { get; }

    /// <summary>A variant's settings for a category and a profile.</summary>
    /// <exception cref="UserError">The variant is unknown; the message lists the known ones.</exception>
    Configuration Configure(Request request);
}

/// <summary>A named variant of a method: a row of one of the paper's tables.</summary>
/// <param name="Name">As given to <c>--variant</c>; letters, digits, <c>-</c>, <c>_</c> and <c>.</c> only.</param>
/// <param name="Description">One line: what it is and which table or figure it belongs to.</param>
/// <param name="Default">Runs when no variant is asked for, provided that its network is in the weights folder.</param>
/// <param name="Network">
/// Architecture whose trained weights it needs, as in the weights' sidecar, with the deepest layer where not all of the file need be there
/// (<c>vgg19/relu4_4</c>); null for none.
/// </param>
public record Variant(string Name, string Description, bool Default = false, string? Network = null);

/// <summary>
/// A variant with its settings, whole: those of the paper's schedule on a category that the paper gives no rule of its own.
/// </summary>
/// <typeparam name="TSettings">The method's settings.</typeparam>
/// <param name="Name">As of <see cref="Variant"/>.</param>
/// <param name="Description">As of <see cref="Variant"/>.</param>
/// <param name="Settings">Every hyperparameter with its value.</param>
/// <param name="Default">As of <see cref="Variant"/>.</param>
/// <param name="Network">As of <see cref="Variant"/>.</param>
public sealed record Variant<TSettings>(string Name, string Description, TSettings Settings, bool Default = false, string? Network = null)
    : Variant(Name, Description, Default, Network)
    where TSettings : class;
