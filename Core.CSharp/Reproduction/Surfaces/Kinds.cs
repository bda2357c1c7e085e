namespace Reproduction.Surfaces;

/// <summary>What can be wrong with a surface.</summary>
internal enum DefectKind
{
    Scratch,
    Crack,
    Stain,
    Hole,
    MissingPart,
    Misprint,
    Contamination,
    Thread,
}

/// <summary>A defect that the surface's own pattern has, so that its painter must make it; other defects are laid on afterwards.</summary>
/// <param name="Kind"><see cref="DefectKind.MissingPart"/> or <see cref="DefectKind.Misprint"/>; null for a sound surface.</param>
/// <param name="Random">Decides where and how; apart from the painter's own generator, so that everything else stays as it was.</param>
internal sealed record Fault(DefectKind? Kind, SplitMix64 Random)
{
    internal bool IsMissingPart => Kind == DefectKind.MissingPart;

    internal bool IsMisprint => Kind == DefectKind.Misprint;
}

/// <summary>A category of Surfaces.</summary>
/// <param name="Name">The category's name and folder.</param>
/// <param name="Defects">The kinds of defects in its test images.</param>
/// <param name="Paint">Lays a specimen under the camera: the same generator gives the same specimen, up to the fault.</param>
internal sealed record SurfaceKind(string Name, IReadOnlyList<DefectKind> Defects, Action<Scene, SplitMix64, Fault> Paint)
{
    /// <summary>
    /// The least and the greatest strength of a defect that is laid on; drawn uniformly between. Set for each surface so that with
    /// ImageNet features no category is lost in its own pattern and none is perfect for every method (results/surfaces).
    /// </summary>
    internal (float Least, float Most) Strength { get; init; } = (0.55f, 1);

    internal static readonly IReadOnlyList<SurfaceKind> Textures =
    [
        new("woven", [DefectKind.Hole, DefectKind.Stain, DefectKind.Thread, DefectKind.Misprint, DefectKind.Contamination], Texture.Woven),
        new(
            "wood_grain",
            [DefectKind.Scratch, DefectKind.Crack, DefectKind.Stain, DefectKind.Hole, DefectKind.Contamination],
            Texture.WoodGrain
        ),
        new("tiles", [DefectKind.Crack, DefectKind.Stain, DefectKind.MissingPart, DefectKind.Misprint, DefectKind.Scratch], Texture.Tiles),
        new("hide", [DefectKind.Scratch, DefectKind.Crack, DefectKind.Hole, DefectKind.Stain, DefectKind.Thread], Texture.Hide),
        new(
            "brushed_metal",
            [DefectKind.Scratch, DefectKind.Stain, DefectKind.Hole, DefectKind.Contamination, DefectKind.Thread],
            Texture.BrushedMetal
        )
        {
            Strength = (0.15f, 0.45f),
        },
        new("mesh", [DefectKind.MissingPart, DefectKind.Thread, DefectKind.Contamination, DefectKind.Stain], Texture.Mesh)
        {
            Strength = (1.3f, 1.8f),
        },
    ];

    internal static readonly IReadOnlyList<SurfaceKind> Objects =
    [
        new(
            "hex_nut",
            [DefectKind.Scratch, DefectKind.MissingPart, DefectKind.Contamination, DefectKind.Stain, DefectKind.Crack],
            Specimen.HexNut
        ),
        new("gear", [DefectKind.MissingPart, DefectKind.Crack, DefectKind.Scratch, DefectKind.Stain, DefectKind.Hole], Specimen.Gear)
        {
            Strength = (1, 1.4f),
        },
        new(
            "tablet",
            [DefectKind.Misprint, DefectKind.Crack, DefectKind.Hole, DefectKind.Contamination, DefectKind.Stain],
            Specimen.Tablet
        ),
        new(
            "connector",
            [DefectKind.MissingPart, DefectKind.Misprint, DefectKind.Scratch, DefectKind.Thread, DefectKind.Contamination],
            Specimen.Connector
        ),
    ];
}
