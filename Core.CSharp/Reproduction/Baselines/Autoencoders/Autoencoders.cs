using Reproduction.Methods;

namespace Reproduction.Baselines.Autoencoders;

/// <summary>What an autoencoder is trained to make small, and its map shows.</summary>
public enum Difference
{
    /// <summary>The squared difference of pixels.</summary>
    L2,

    /// <summary>One less the structural similarity of patches.</summary>
    Ssim,
}

/// <summary>
/// The autoencoder of Bergmann, Loewe, Fauser, Sattlegger and Steger, Improving Unsupervised Defect Segmentation by Applying Structural
/// Similarity to Autoencoders: images go through a code of 100 values; where the image that comes back differs, it is anomalous.
/// </summary>
public abstract class AutoencoderMethod : Method<AutoencoderSettings>
{
    private readonly AutoencoderSettings _settings;

    /// <summary>The method with one of the paper's two losses.</summary>
    private protected AutoencoderMethod(Difference difference, string name)
    {
        _settings = new AutoencoderSettings { Difference = difference };
        Variants =
        [
            new("colour", $"Bergmann's autoencoder of colour patches, {name}", _settings, Default: true),
            new("grey", $"Bergmann's autoencoder of grey patches, {name}", _settings with { IsGrey = true }),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<AutoencoderSettings>> Variants { get; }

    /// <inheritdoc/>
    public override IAnomalyDetector Create(AutoencoderSettings settings, Resources resources)
    {
        settings.Check(Id);
        return new AutoencoderDetector(settings, resources.Device);
    }

    /// <inheritdoc/>
    protected override AutoencoderSettings Adapt(AutoencoderSettings settings, Request request)
    {
        // A texture is learned from pieces of it, an object as a whole.
        settings = request.IsTexture ? settings with { ImageSize = 256 } : settings;
        return request.Profile switch
        {
            Profile.Smoke => settings with { BatchSize = 4, Epochs = 1, PatchesPerEpoch = 16 },
            // So few steps have to be large ones.
            Profile.Quick => settings with
            {
                BatchSize = 8,
                Epochs = 1,
                PatchesPerEpoch = request.Dataset == "photographs" ? 1500 : 5000,
                LearningRate = 1e-3,
            },
            _ => settings,
        };
    }
}

/// <summary>The autoencoder with structural similarity: AE-SSIM.</summary>
public sealed class SsimAutoencoderMethod() : AutoencoderMethod(Difference.Ssim, "structural similarity")
{
    /// <inheritdoc/>
    public override string Id => "ae-ssim";
}

/// <summary>The autoencoder with squared differences: AE-L2.</summary>
public sealed class L2AutoencoderMethod() : AutoencoderMethod(Difference.L2, "squared differences")
{
    /// <inheritdoc/>
    public override string Id => "ae-l2";
}

/// <summary>Hyperparameters of <see cref="AutoencoderMethod"/>; the defaults are the paper's.</summary>
public sealed record AutoencoderSettings
{
    /// <summary>Loss and map.</summary>
    public required Difference Difference { get; init; }

    /// <summary>Whether colours are averaged first.</summary>
    public bool IsGrey { get; init; }

    /// <summary>Images are resized to a square of this many pixels, at least a patch.</summary>
    public int ImageSize { get; init; } = AutoencoderNetwork.PatchSide;

    /// <summary>Pixels from one patch to the next where an image that is larger than a patch is scored.</summary>
    public int Stride { get; init; } = 32;

    /// <summary>d, the number of values of the code.</summary>
    public int Latent { get; init; } = 100;

    /// <summary>Side of SSIM's window, odd.</summary>
    public int Window { get; init; } = 11;

    /// <summary>Epochs of the training.</summary>
    public int Epochs { get; init; } = 200;

    /// <summary>Patches an epoch, the training images in turn.</summary>
    public int PatchesPerEpoch { get; init; } = 10_000;

    /// <summary>Patches a step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Learning rate of Adam.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Weight decay of Adam.</summary>
    public double WeightDecay { get; init; } = 1e-5;

    /// <summary>Refuses values that no autoencoder can be built or trained with.</summary>
    /// <param name="method">For the message.</param>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check(string method)
    {
        var check = new SettingsCheck(method);
        check.Whole(ImageSize, AutoencoderNetwork.PatchSide);
        check.Whole(Stride, 1, AutoencoderNetwork.PatchSide);
        check.Latent(Latent);
        check.That(Window is >= 1 and <= AutoencoderNetwork.PatchSide && Window % 2 == 1, Window, "an odd number below a patch's side");
        check.Whole(Epochs, 1);
        check.Whole(PatchesPerEpoch, 1);
        check.Batch(BatchSize);
        check.NotNegative(LearningRate);
        check.NotNegative(WeightDecay);
    }
}
