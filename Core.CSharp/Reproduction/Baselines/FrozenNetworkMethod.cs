using System.Text.Json.Serialization;
using Reproduction.Methods;

namespace Reproduction.Baselines;

/// <summary>A baseline on the features of a frozen network: its variants are networks, and the smoke profile takes small images.</summary>
/// <typeparam name="TSettings">Its hyperparameters.</typeparam>
public abstract class FrozenNetworkMethod<TSettings> : Method<TSettings>
    where TSettings : FrozenNetworkSettings
{
    /// <inheritdoc/>
    protected override TSettings Adapt(TSettings settings, Request request) =>
        request.Profile == Profile.Smoke ? settings with { ImageSize = 64 } : settings;

    /// <summary>A variant whose network must reach as far as its last level, or as far as the named one.</summary>
    protected static Variant<TSettings> Row(
        string name,
        string description,
        TSettings settings,
        bool isDefault = false,
        string? deepest = null
    ) => new(name, description, settings, isDefault, $"{settings.Network}/{deepest ?? settings.Layers[^1]}");
}

/// <summary>Hyperparameters that the baselines on a frozen network have in common.</summary>
public abstract record FrozenNetworkSettings
{
    private const double LargestSigma = 256;

    /// <summary>Architecture of the frozen network.</summary>
    [JsonPropertyOrder(-1)]
    public string Network { get; init; } = "resnet18";

    /// <summary>The levels that are used, the finest first.</summary>
    [JsonPropertyOrder(-1)]
    public string[] Layers { get; init; } = ["layer1", "layer2", "layer3"];

    /// <summary>Standard deviation in pixels of the Gaussian filter over the map; 0 for none.</summary>
    public double Sigma { get; init; } = 4;

    /// <summary>
    /// Images are resized to a square of this many pixels. Papers that crop the middle 224 of 256 are not followed: nothing is cropped
    /// here, so that defects at the border count.
    /// </summary>
    public int ImageSize { get; init; } = 256;

    /// <summary>Refuses values that no detector can be built with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public abstract void Check();

    /// <summary>Refuses what is wrong with the settings here, and checks the others.</summary>
    /// <param name="method">The method's id.</param>
    private protected SettingsCheck Checked(string method)
    {
        var check = new SettingsCheck(method);
        check.Whole(ImageSize, 1);
        check.Layers(Layers);
        check.NotNegative(Sigma, LargestSigma);
        return check;
    }
}
