using System.CommandLine;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>The options for how photographs are shown to a detector, of <c>fit</c>, <c>score</c> and <c>calibrate</c>.</summary>
internal sealed class SightOptions
{
    private const int DefaultOverlap = 4;

    /// <param name="isFit">Whether a model is fitted, which then keeps them.</param>
    public SightOptions(bool isFit)
    {
        var otherwise = isFit ? "" : "; without it, as the model was fitted";
        Tile = new Option<int?>("--tile")
        {
            Description =
                $"Cut photographs into tiles of so many pixels a side, each judged as an image; the highest score counts{otherwise}.",
            HelpName = "PIXELS",
        }.AtLeast(Reproduction.Models.Tiling.LeastSize);
        Overlap = new Option<int?>("--overlap")
        {
            Description = "Pixels that neighbouring tiles share (a quarter of --tile).",
            HelpName = "PIXELS",
        }.AtLeast(0);
        Roi = new Option<string?>("--roi")
        {
            Description = $"A mask, white where a photograph counts; what lies outside changes no score{otherwise}.",
            HelpName = "MASK",
        };
    }

    /// <summary>Side of a tile.</summary>
    public Option<int?> Tile { get; }

    /// <summary>What tiles share.</summary>
    public Option<int?> Overlap { get; }

    /// <summary>The file of a mask.</summary>
    public Option<string?> Roi { get; }

    /// <summary>The tiles that were asked for; null for none.</summary>
    /// <exception cref="UserError">An overlap without tiles.</exception>
    public Tiling? Tiling(ParseResult parsed)
    {
        var overlap = parsed.GetValue(Overlap);
        return parsed.GetValue(Tile) is { } size ? new Tiling(size, overlap ?? size / DefaultOverlap)
            : overlap is not null ? throw new UserError("--overlap needs --tile: it is what tiles share", exitCode: 2)
            : null;
    }

    /// <summary>The mask that was asked for; null for none.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    public Image? Mask(ParseResult parsed) => parsed.GetValue(Roi) is { } file ? ImageFile.ReadMask(file) : null;

    /// <summary>Why a model's threshold does not belong to the scores that are asked for; null where it does.</summary>
    public static string? Mismatch(ModelFile model, ScoreOptions options) =>
        (options.Tiles is not null && options.Tiles != model.Tiles) || options.RegionOfInterest is not null
            ? "the model's threshold was chosen with photographs shown in another way than --tile or --roi ask for; "
                + "'repro calibrate' with the same options gives one that belongs to them"
            : null;
}
