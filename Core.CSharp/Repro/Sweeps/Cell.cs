using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Repro.Records;
using Reproduction.Methods;

namespace Repro.Sweeps;

/// <summary>One unit of work: a method's variant on one category, with one seed or fold, under one profile.</summary>
/// <param name="Method">The paper.</param>
/// <param name="Variant">Name of the variant, with settings that depart from it appended: <c>resnet18+image_size=224</c>.</param>
/// <param name="Dataset">Name of the data set.</param>
/// <param name="Category">Name of the category.</param>
/// <param name="Repetition">The seed, or the number of the fold where the method has folds.</param>
/// <param name="IsFold">Whether <paramref name="Repetition"/> is a fold.</param>
/// <param name="Profile">How much of the paper's schedule.</param>
public sealed partial record Cell(
    IMethod Method,
    string Variant,
    string Dataset,
    string Category,
    int Repetition,
    bool IsFold,
    Profile Profile
)
{
    private const int HashLength = 8;
    private const int LongestName = 60;

    /// <summary>
    /// Stable, readable and of this cell alone: the name of the cell's files, <c>paper.variant.dataset.category.seed0.profile</c>. Letters
    /// and digits of all scripts stay as they are. A data set or category whose name has other characters (spaces, dots) or is very long
    /// gets the start of its sha256 behind a <c>~</c>, which no name keeps, so that two that look alike stay apart.
    /// </summary>
    public string Id =>
        string.Join(
            '.',
            Method.Id,
            UnsafeInVariant().Replace(Variant, "_"),
            Part(Dataset),
            Part(Category),
            $"{(IsFold ? "fold" : "seed")}{Repetition}",
            Profile.ToString().ToLowerInvariant()
        );

    /// <summary>Whether a record is of this cell, whatever its file is called.</summary>
    public bool IsIn(RunRecord record) =>
        record.Paper == Method.Id
        && record.Variant == Variant
        && record.Dataset == Dataset
        && record.Category == Category
        && (IsFold ? record.Fold : record.Seed) == Repetition
        && record.Profile == Profile.ToString().ToLowerInvariant();

    /// <summary>The cells that a request spans, in the order in which they run.</summary>
    /// <param name="method">The paper.</param>
    /// <param name="variants">Names of variants, each possibly with <c>+setting=value</c>.</param>
    /// <param name="dataset">Name of the data set.</param>
    /// <param name="categories">Names of its categories.</param>
    /// <param name="seeds">Seeds; a method with folds runs each of its folds with the first of them instead.</param>
    /// <param name="profile">How much of the paper's schedule.</param>
    public static IReadOnlyList<Cell> Span(
        IMethod method,
        IReadOnlyList<string> variants,
        string dataset,
        IReadOnlyList<string> categories,
        IReadOnlyList<int> seeds,
        Profile profile
    ) =>
        [
            .. from category in categories
            from variant in variants
            from repetition in method.Folds > 0 ? Enumerable.Range(0, method.Folds) : seeds
            select new Cell(method, variant, dataset, category, repetition, method.Folds > 0, profile),
        ];

    /// <summary>The settings of this cell: the variant's, with the values after <c>+</c> put in their place.</summary>
    public Configuration Configure() => Method.Configure(Variant, Profile, Category, Dataset);

    private static string Part(string name)
    {
        var readable = UnsafeInName().Replace(name, "_");
        if (readable == name && name.Length <= LongestName)
        {
            return name;
        }
        var cut = readable.Length > LongestName ? readable[..LongestName] : readable;
        return $"{cut}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..HashLength]}";
    }

    /// <summary>Of a variant only the values of lists are changed; the settings beside them tell two variants apart.</summary>
    [GeneratedRegex("[^A-Za-z0-9._+=-]")]
    private static partial Regex UnsafeInVariant();

    [GeneratedRegex(@"[^\p{L}\p{M}\p{N}_+=-]")]
    private static partial Regex UnsafeInName();
}
