using Reproduction.Data;

namespace Reproduction.Methods;

/// <summary>How much of the paper's schedule is run.</summary>
public enum Profile
{
    /// <summary>The paper's schedule.</summary>
    Paper,

    /// <summary>Minutes a category on two CPU cores; what it reduces shows in the settings.</summary>
    Quick,

    /// <summary>Seconds: for tests of the machinery, not of the method.</summary>
    Smoke,
}

/// <summary>What is asked of a method.</summary>
/// <param name="Variant">Name of one of <see cref="IMethod.Variants"/>.</param>
/// <param name="Profile">How much of the paper's schedule.</param>
/// <param name="Category">Category of the data, for the papers' rules per category (augmentation, texture or object); lower case.</param>
/// <param name="Dataset">Name of the data set, lower case: <c>mvtec</c>, <c>mnist</c>, <c>surfaces</c>, ...</param>
public sealed record Request(string Variant, Profile Profile, string Category, string Dataset)
{
    /// <summary>Whether the category is one of MVTec AD's textures, for which the papers have settings of their own.</summary>
    public bool IsTexture => MvtecAd.IsTexture(Dataset, Category);

    /// <summary>The category where it is one of MVTec AD, for which the papers have rules of their own; empty for another.</summary>
    public string MvtecCategory => Dataset == MvtecAd.Name ? Category : "";

    /// <summary>Whether the images are those of a classification data set: 28 or 32 pixels a side, and no defects to localise.</summary>
    public bool IsOfDigitsOrObjects => Dataset is "mnist" or "fashion-mnist" or "cifar10";
}
