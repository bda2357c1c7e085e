namespace Reproduction.Methods;

/// <summary>A method whose variants differ in their settings only.</summary>
/// <typeparam name="TSettings">A record whose public properties are the hyperparameters: they are written into run records under these
/// names.</typeparam>
public abstract class Method<TSettings> : IMethod
    where TSettings : class
{
    /// <inheritdoc/>
    public abstract string Id { get; }

    /// <inheritdoc/>
    public virtual int Folds => 0;

    /// <inheritdoc/>
    public virtual bool IsExtendable => false;

    /// <inheritdoc cref="IMethod.Variants"/>
    public abstract IReadOnlyList<Variant<TSettings>> Variants { get; }

    /// <inheritdoc/>
    IReadOnlyList<Variant> IMethod.Variants => Variants;

    /// <inheritdoc/>
    public virtual IReadOnlyDictionary<string, string> FormerSettings => new Dictionary<string, string>();

    /// <inheritdoc/>
    public virtual IReadOnlyDictionary<string, string> FormerVariants => new Dictionary<string, string>();

    /// <summary>A variant's settings for a category and a profile.</summary>
    /// <exception cref="UserError">The variant is unknown; the message lists the known ones.</exception>
    public TSettings Settings(Request request) =>
        Adapt(Variants.Named(FormerVariants.GetValueOrDefault(request.Variant, request.Variant), Id).Settings, request);

    /// <inheritdoc/>
    Configuration IMethod.Configure(Request request) => Configure(request);

    /// <inheritdoc cref="IMethod.Configure"/>
    public Configuration<TSettings> Configure(Request request) => new(Id, FormerSettings, Settings(request), Create);

    /// <inheritdoc cref="VariantText.Configure"/>
    public Configuration<TSettings> Configure(string variant, Profile profile, string category, string dataset)
    {
        var (request, assignments) = VariantText.Read(variant, profile, category, dataset);
        return Configure(request).With(assignments);
    }

    /// <summary>A detector that has not been fitted yet.</summary>
    /// <param name="settings">Of a variant, possibly with changed values.</param>
    /// <param name="resources">Weights, frozen features and the device.</param>
    /// <exception cref="UserError">A setting has a value that no detector can be built with.</exception>
    public abstract IAnomalyDetector Create(TSettings settings, Resources resources);

    /// <summary>The settings for a category, where the paper has rules for it, and for a profile: what it reduces.</summary>
    protected abstract TSettings Adapt(TSettings settings, Request request);
}

/// <summary>Several methods under one paper's name: its method and the baselines that it measures beside it.</summary>
/// <param name="id">As <see cref="IMethod.Id"/>; the members' are not used.</param>
/// <param name="folds">As <see cref="IMethod.Folds"/>.</param>
/// <param name="members">No two have a variant of the same name.</param>
public abstract class MethodFamily(string id, int folds, IReadOnlyList<IMethod> members) : IMethod
{
    /// <inheritdoc/>
    public string Id => id;

    /// <inheritdoc/>
    public int Folds => folds;

    /// <inheritdoc/>
    public bool IsExtendable => members.Any(member => member.IsExtendable);

    /// <inheritdoc/>
    public IReadOnlyList<Variant> Variants { get; } = [.. members.SelectMany(member => member.Variants)];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> FormerSettings { get; } =
        members.SelectMany(member => member.FormerSettings).DistinctBy(entry => entry.Key).ToDictionary();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> FormerVariants { get; } = members.SelectMany(member => member.FormerVariants).ToDictionary();

    /// <inheritdoc/>
    public Configuration Configure(Request request)
    {
        var variant = Variants.Named(FormerVariants.GetValueOrDefault(request.Variant, request.Variant), Id);
        return members.First(member => member.Variants.Contains(variant)).Configure(request);
    }
}

/// <summary>Variants by name.</summary>
public static class Variants
{
    private const int Shown = 5;

    /// <summary>The variant of this name.</summary>
    /// <param name="variants">All of a method.</param>
    /// <param name="name">What was asked for.</param>
    /// <param name="method">The method's id, for the message.</param>
    /// <exception cref="UserError">There is none; the message names the nearest, and where there are few, all.</exception>
    public static TVariant Named<TVariant>(this IReadOnlyList<TVariant> variants, string name, string method)
        where TVariant : Variant => variants.FirstOrDefault(variant => variant.Name == name) ?? throw Unknown(variants, name, method);

    private static UserError Unknown(IReadOnlyList<Variant> variants, string name, string method)
    {
        var nearest = variants.Select(variant => variant.Name).OrderBy(known => Distance(name, known)).Take(Shown).ToArray();
        return new UserError(
            variants.Count <= 4 * Shown
                ? $"{method} has no variant '{name}'; its variants are {string.Join(", ", variants.Select(variant => variant.Name))}"
                : $"{method} has no variant '{name}'; the nearest of its {variants.Count} variants are {string.Join(", ", nearest)} "
                    + $"('repro run --paper {method} --help' lists all)",
            exitCode: 2
        );
    }

    /// <summary>The least number of letters to insert, remove or replace (Levenshtein).</summary>
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1)));
            }
        }
        return row[^1];
    }
}
