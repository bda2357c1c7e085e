namespace Reproduction.Data;

/// <summary>What is known of MVTec AD beside its files. Its name is given to folders that hold its categories and no others.</summary>
public static class MvtecAd
{
    /// <summary>The data set's name.</summary>
    public const string Name = "mvtec";

    /// <summary>The 15 categories.</summary>
    public static IReadOnlyList<string> Categories { get; } =
    [
        "bottle",
        "cable",
        "capsule",
        "carpet",
        "grid",
        "hazelnut",
        "leather",
        "metal_nut",
        "pill",
        "screw",
        "tile",
        "toothbrush",
        "transistor",
        "wood",
        "zipper",
    ];

    private static readonly string[] Textures = ["carpet", "grid", "leather", "tile", "wood"];

    /// <summary>Whether a category is one of MVTec AD's five textures; a category of the same name in another data set is not.</summary>
    /// <param name="dataset">The data set's name.</param>
    /// <param name="category">The category's name.</param>
    public static bool IsTexture(string dataset, string category) => dataset == Name && Textures.Contains(category);
}
