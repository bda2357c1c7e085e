using Reproduction.Baselines.Autoencoders;
using Reproduction.Baselines.Floor;
using Reproduction.Baselines.Padim;
using Reproduction.Baselines.PatchCore;
using Reproduction.Baselines.Spade;
using Reproduction.Baselines.Stpm;
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
    /// <summary>The papers that this repository reproduces: what runs, reports and costs where no method is named.</summary>
    public static IReadOnlyList<IMethod> Papers { get; } =
    [new GaussianMethod(), new HfaeMethod(), new DfrMethod(), new FavaeMethod(), new SsaeMethod()];

    /// <summary>The methods that the papers print beside their own, and floors that need no learning.</summary>
    public static IReadOnlyList<IMethod> Baselines { get; } =
    [
        new PadimMethod(),
        new PatchCoreMethod(),
        new SpadeMethod(),
        new StpmMethod(),
        new SsimAutoencoderMethod(),
        new L2AutoencoderMethod(),
        new MeanImageMethod(),
        new PcaPixelsMethod(),
        new PcaFeaturesMethod(),
    ];

    /// <summary>All methods that can be run and fitted.</summary>
    public static IReadOnlyList<IMethod> Methods { get; } = [.. Papers, .. Baselines];

    /// <summary>The method with this id.</summary>
    /// <exception cref="UserError">There is none.</exception>
    public static IMethod Find(string id) =>
        Methods.FirstOrDefault(method => method.Id == id)
        ?? throw new UserError(
            $"no paper is called '{id}'; the papers are {string.Join(", ", Papers.Select(method => method.Id))}, "
                + $"the baselines {string.Join(", ", Baselines.Select(method => method.Id))}",
            exitCode: 2
        );
}
