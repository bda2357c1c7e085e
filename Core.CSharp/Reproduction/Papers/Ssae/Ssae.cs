using Reproduction.Backbones;
using Reproduction.Methods;

namespace Reproduction.Papers.Ssae;

/// <summary>How an input and its reconstruction are compared (section 4.1).</summary>
public enum Difference
{
    /// <summary>Squared difference, averaged over the colours, equation (2).</summary>
    Squared,

    /// <summary>One minus the structural similarity index.</summary>
    Ssim,
}

/// <summary>Hyperparameters of <c>ssae</c>.</summary>
public sealed record SsaeSettings
{
    private const int LargestSmoothing = 1001;

    /// <summary>1: equation (1). 4: equation (4). Both: the ensemble, their pixel-wise maximum.</summary>
    public required IReadOnlyList<int> Objectives { get; init; }

    /// <summary>Weight of the changed part in both objectives; 0.5 does for (1) (section 4.4).</summary>
    public double Lambda { get; init; } = 0.5;

    /// <summary>
    /// What is done to training images, in turn (sections 3.2 and 4.3); empty in a variant that takes what section 4.3 gives the category.
    /// </summary>
    public IReadOnlyList<Distortion> Distortions { get; init; } = [];

    /// <summary>Whether every other corrupted batch is turned around the images' centre, for transistor (section 4.3).</summary>
    public bool Turned { get; init; }

    /// <summary>Whether changed parts also vary in brightness: "useful depending on the data" (section 3.2).</summary>
    public bool Brightness { get; init; } = true;

    /// <summary>Side of the square that images are resized to, divisible by 8.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Kernel of the dilated convolutions, f of Table 1: 3 or 5.</summary>
    public int Kernel { get; init; } = 3;

    /// <summary>
    /// Whether the dilated convolutions of a stack have batch norm and ReLU themselves: section 3.3 says it of "each convolution Conv" and
    /// of the convolution after a stack, so that it may or may not mean those within.
    /// </summary>
    public bool ActivatedDilations { get; init; }

    /// <summary>Factor on the network's channels; 1 in the paper.</summary>
    public double Width { get; init; } = 1;

    /// <summary>
    /// Sides of the random crops that are trained on, as shares of the image, one stage after the other: the progressive growing of section
    /// 3.2.
    /// </summary>
    public IReadOnlyList<double> Growing { get; init; } = [0.25, 0.5, 1];

    /// <summary>
    /// Whether training images are flipped and rotated by multiples of 90 degrees ("depending on the category", section 4.1).
    /// </summary>
    public bool Augment { get; init; }

    /// <summary>Gradient steps for each objective; the paper does not say.</summary>
    public int Steps { get; init; } = 20_000;

    /// <summary>Images a step; the paper does not say.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Initial learning rate of Adam (section 4.1).</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>
    /// Learning rate at the last step, approached along half a cosine; the paper names no schedule, so that it keeps the initial one.
    /// </summary>
    public double FinalLearningRate { get; init; } = 1e-4;

    /// <summary>Share of the training images that is held out (section 4.1).</summary>
    public double Validation { get; init; } = 0.05;

    /// <summary>With objective (4): the validation loss is looked at every this many steps.</summary>
    public int ValidateEvery { get; init; } = 250;

    /// <summary>
    /// With objective (4): training stops when the validation loss was not the best this many times (section 4.4 asks for early stopping).
    /// </summary>
    public int Patience { get; init; } = 8;

    /// <summary>How input and reconstruction are compared.</summary>
    public Difference Difference { get; init; } = Difference.Squared;

    /// <summary>n of equation (3): how often the difference is smoothed.</summary>
    public int Smoothings { get; init; } = 3;

    /// <summary>k of equation (3): side of the mean filter at the full image size, in pixels; odd.</summary>
    public int SmoothingSize { get; init; } = 11;

    /// <summary>
    /// t of equation (14): exponent of the objects' correction, in the inverse of the difference's unit
    /// (<see cref="SsaeEquations.Corrected"/>); 0 leaves it out, as for textures.
    /// </summary>
    public double Correction { get; init; }

    /// <summary>
    /// Whether anything is asked of the images that are held out of the training: early stopping, or the objects' correction.
    /// </summary>
    internal bool NeedsValidation => Correction > 0 || Objectives.Contains(4);

    /// <summary>Refuses values that no detector can be built or trained with.</summary>
    /// <exception cref="UserError">The first such setting, its value and what it may be.</exception>
    public void Check()
    {
        var check = new SettingsCheck("ssae");
        check.That(
            Objectives.Count > 0 && Objectives.All(objective => objective is 1 or 4) && Objectives.Distinct().Count() == Objectives.Count,
            Objectives,
            "1, 4 or both"
        );
        check.NotNegative(Lambda, 1);
        check.That(Distortions.Count > 0, Distortions, "one or more kinds of distortion");
        check.That(
            ImageSize >= SsaeNetwork.Divisor && ImageSize % SsaeNetwork.Divisor == 0,
            ImageSize,
            $"above 0 and divisible by {SsaeNetwork.Divisor}"
        );
        check.That(Kernel is 3 or 5, Kernel, "3 or 5");
        check.Factor(Width);
        check.That(Growing.Count > 0 && Growing.All(share => share is > 0 and <= 1), Growing, "one or more shares above 0, at most 1");
        check.Whole(Steps, 1);
        check.Batch(BatchSize);
        check.NotNegative(LearningRate);
        check.NotNegative(FinalLearningRate);
        check.That(Validation is >= 0 and < 1, Validation, "a share from 0 to below 1");
        check.Whole(ValidateEvery, 1);
        check.Whole(Patience, 1);
        check.Whole(Smoothings, 0, 1000);
        check.That(
            SmoothingSize is >= 1 and <= LargestSmoothing && SmoothingSize % 2 == 1,
            SmoothingSize,
            $"an odd number from 1 to {LargestSmoothing}"
        );
        check.NotNegative(Correction, 1e6);
    }
}

/// <summary>
/// Bauer et al., self-supervised autoencoders for visual anomaly detection: an autoencoder with a wide view is trained to restore images of
/// which a part was changed. At test it leaves normal regions alone and replaces the others, so that the difference is the anomaly.
/// </summary>
public sealed class SsaeMethod : Method<SsaeSettings>, ITrainsConvolutions
{
    private static readonly string[] SsimCategories = ["carpet", "tile", "bottle", "cable", "capsule", "metal_nut", "transistor", "zipper"];
    private static readonly string[] AnyPose = ["bottle", "hazelnut", "screw"];

    // t of (14) in the inverse of the difference's unit: 1 - SSIM is around 1 where normal images differ, a squared difference around
    // 0.001.
    private const double SsimCorrection = 1;
    private const double SquaredCorrection = 1000;

    private static readonly SsaeSettings Plain = new() { Objectives = [1], ImageSize = 256 };

    /// <inheritdoc/>
    public override string Id => "ssae";

    /// <inheritdoc/>
    public override IReadOnlyList<Variant<SsaeSettings>> Variants { get; } =
    [
        new("objective1", "objective (1): Tables 2 to 4", Plain, Default: true),
        new("objective4", "objective (4): Table 4", Plain with { Objectives = [4] }),
        new("ensemble", "the pixel-wise maximum of both: Table 4", Plain with { Objectives = [1, 4] }),
        .. from objective in new[] { 1, 4 }
        from distortion in new[] { (Kind: Distortion.CutOut, Name: "cutout"), (Kind: Distortion.Swap, Name: "swap") }
        select new Variant<SsaeSettings>(
            $"objective{objective}-{distortion.Name}",
            $"objective ({objective}) with {distortion.Name} instead of elastic deformation (section 3.2, figure 11)",
            Plain with
            {
                Objectives = [objective],
                Distortions = [distortion.Kind],
            }
        ),
    ];

    /// <inheritdoc/>
    IEnumerable<ConvolutionLayer> ITrainsConvolutions.Convolutions =>
        Enum.GetValues<Profile>()
            .Select(profile => Settings(new Request(Variants[0].Name, profile, Category: "", Dataset: "")).Width)
            .SelectMany(width => SsaeConvolutions.Of(Id, width));

    /// <inheritdoc/>
    public override IAnomalyDetector Create(SsaeSettings settings, Resources resources)
    {
        settings.Check();
        return new SsaeDetector(settings, resources);
    }

    /// <inheritdoc/>
    protected override SsaeSettings Adapt(SsaeSettings settings, Request request)
    {
        settings = settings with
        {
            Distortions = settings.Distortions.Count > 0 ? settings.Distortions : ForCategory(request.MvtecCategory),
            Turned = request.MvtecCategory == "transistor",
            ImageSize = request.IsTexture ? 512 : 256,
            Augment = request.IsTexture || AnyPose.Contains(request.MvtecCategory) || request.Dataset == "magnetic-tile",
            Difference = SsimCategories.Contains(request.MvtecCategory) ? Difference.Ssim : Difference.Squared,
            Correction =
                request.IsTexture || request.Dataset == "magnetic-tile" ? 0
                : SsimCategories.Contains(request.MvtecCategory) ? SsimCorrection
                : SquaredCorrection,
        };
        return request.Profile switch
        {
            Profile.Paper => settings,
            // Small images in small batches: so deep a network needs thousands of steps before more than an average image comes through it.
            // Whole images from the start, all in one pose: in so few steps growing crops and poses leave less of what tells images from
            // one another (measured, see the sheet).
            Profile.Quick => settings with
            {
                ImageSize = 64,
                Width = 0.25,
                Growing = [1],
                Steps = request.Dataset == "surfaces" ? 1800 : 8000,
                BatchSize = 4,
                LearningRate = 1e-3,
                FinalLearningRate = 1e-5,
                ValidateEvery = 250,
                SmoothingSize = 3,
                // Images of every pose would need many times these steps.
                Augment = false,
            },
            _ => settings with
            {
                ImageSize = 64,
                Width = 0.0625,
                Growing = [0.5, 1],
                Steps = 6,
                BatchSize = 4,
                LearningRate = 1e-3,
                FinalLearningRate = 1e-3,
                ValidateEvery = 3,
                SmoothingSize = 5,
            },
        };
    }

    /// <summary>Section 4.3: occlusion in turn with elastic deformation for cable, screw and transistor.</summary>
    private static IReadOnlyList<Distortion> ForCategory(string category) =>
        category is "cable" or "screw" or "transistor" ? [Distortion.Elastic, Distortion.Occlusion] : [Distortion.Elastic];
}
