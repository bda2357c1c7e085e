using System.Text.RegularExpressions;
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
public sealed partial record Cell(IMethod Method, string Variant, string Dataset, string Category, int Repetition, bool IsFold, Profile Profile)
{
    /// <summary>Stable and readable: the name of the cell's files, <c>paper.variant.dataset.category.seed0.profile</c>.</summary>
    public string Id => Unsafe().Replace(
        $"{Method.Id}.{Variant}.{Dataset}.{Category}.{(IsFold ? "fold" : "seed")}{Repetition}.{Profile.ToString().ToLowerInvariant()}", "_");

    /// <summary>The cells that a request spans, in the order in which they run.</summary>
    /// <param name="method">The paper.</param>
    /// <param name="variants">Names of variants, each possibly with <c>+setting=value</c>.</param>
    /// <param name="dataset">Name of the data set.</param>
    /// <param name="categories">Names of its categories.</param>
    /// <param name="seeds">Seeds; a method with folds runs each of its folds with the first of them instead.</param>
    /// <param name="profile">How much of the paper's schedule.</param>
    public static IReadOnlyList<Cell> Span(
        IMethod method, IReadOnlyList<string> variants, string dataset, IReadOnlyList<string> categories, IReadOnlyList<int> seeds, Profile profile) =>
    [
        .. from category in categories
           from variant in variants
           from repetition in method.Folds > 0 ? Enumerable.Range(0, method.Folds) : seeds
           select new Cell(method, variant, dataset, category, repetition, method.Folds > 0, profile),
    ];

    /// <summary>The settings of this cell: the variant's, with the values after <c>+</c> put in their place.</summary>
    public Configuration Configure() => Method.Configure(Variant, Profile, Category, Dataset);

    [GeneratedRegex("[^A-Za-z0-9._+=-]")]
    private static partial Regex Unsafe();
}
