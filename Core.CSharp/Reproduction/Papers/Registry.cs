using Reproduction.Methods;
using Reproduction.Papers.Dfr;
using Reproduction.Papers.Favae;
using Reproduction.Papers.Gaussian;
using Reproduction.Papers.Hfae;
using Reproduction.Papers.Ssae;

namespace Reproduction.Papers;

/// <summary>
/// The methods that the program knows. A further one is a file beside this one, a line here and a folder under <c>papers/</c>.
/// </summary>
public static class Registry
{
    /// <summary>All methods.</summary>
    public static IReadOnlyList<IMethod> Methods { get; } =
    [new GaussianMethod(), new HfaeMethod(), new DfrMethod(), new FavaeMethod(), new SsaeMethod()];

    /// <summary>The method with this id.</summary>
    /// <exception cref="UserError">There is none.</exception>
    public static IMethod Find(string id) =>
        Methods.FirstOrDefault(method => method.Id == id)
        ?? throw new UserError(
            $"no paper is called '{id}'; the papers are {string.Join(", ", Methods.Select(method => method.Id))}",
            exitCode: 2
        );
}
