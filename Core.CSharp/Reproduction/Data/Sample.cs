using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>One image of a data set with what is known of it.</summary>
/// <param name="Path">The file that holds the image, for messages; in MNIST-like data many samples share one.</param>
/// <param name="Id">What identifies the sample in its category on every machine: "test/crack/003.png", "test/00042".</param>
/// <param name="Label">0 good, 1 anomalous.</param>
/// <param name="Defect">The kind of defect; "good" for label 0.</param>
/// <param name="MaskPath">The ground-truth mask, of any size; null where there is none.</param>
public sealed record Sample(string Path, string Id, int Label, string Defect, string? MaskPath)
{
    /// <summary>Where the pixels come from when they are not an image file of their own at <see cref="Path"/>.</summary>
    internal Func<Image>? Pixels { get; init; }

    /// <summary>Masks of further defects of the image, which count together with <see cref="MaskPath"/>.</summary>
    internal IReadOnlyList<string> FurtherMasks { get; init; } = [];

    /// <summary>The files of the mask; none where there is none.</summary>
    internal IEnumerable<string> Masks => MaskPath is null ? [] : FurtherMasks.Prepend(MaskPath);

    /// <summary>True if the image is a file at <see cref="Path"/>; false if it is one of many inside another file.</summary>
    public bool IsFile => Pixels is null;

    /// <summary>True if <see cref="LoadMask"/> can tell which pixels are anomalous.</summary>
    public bool HasMask => Label == 0 || MaskPath is not null;

    /// <summary>The image as RGB, in its own size.</summary>
    /// <exception cref="UserError">The file cannot be read as an image.</exception>
    public Image Load() => Pixels?.Invoke().ToRgb() ?? ImageFile.Read(Path);

    /// <summary>The mask in its own size, as <see cref="LoadMask"/> has it before it is resized; null for a good image.</summary>
    /// <exception cref="UserError">As for <see cref="LoadMask"/>.</exception>
    public Image? LoadWholeMask()
    {
        if (Label == 0)
        {
            return null;
        }

        return MaskPath is null
            ? throw new UserError($"{Path}: is anomalous and has no ground-truth mask; pixel metrics cannot be had for this data set")
            : InspectMask().Mask;
    }

    /// <summary>The mask of an image that has one, all of its files together, and whether one has values between normal and
    /// anomalous.</summary>
    /// <exception cref="UserError">A file cannot be read, or is of another size than the first.</exception>
    internal (Image Mask, bool HasBetween) InspectMask()
    {
        var (mask, hasBetween) = ImageFile.InspectMask(MaskPath!);
        foreach (var file in FurtherMasks)
        {
            var (further, between) = ImageFile.InspectMask(file);
            if ((further.Width, further.Height) != (mask.Width, mask.Height))
            {
                throw new UserError(
                    $"{file}: {further.Width} x {further.Height} pixels, but {MaskPath} of the same image has {mask.Width} x {mask.Height}"
                );
            }
            mask = new Image(mask.Width, mask.Height, 1, [.. mask.Pixels.Zip(further.Pixels, Math.Max)]);
            hasBetween |= between;
        }
        return (mask, hasBetween);
    }

    /// <summary>
    /// The mask resized (nearest) to the size asked for: one channel, 0 normal and 255 anomalous; all 0 for a good image.
    /// </summary>
    /// <exception cref="UserError">The image is anomalous and has no mask, or the mask cannot be read.</exception>
    public Image LoadMask(int height, int width) =>
        LoadWholeMask() is { } mask ? Resizer.Resize(mask, width, height, Resampling.Nearest) : new Image(width, height, 1);
}

/// <summary>What one model is trained and tested on: normal images of one kind, and test images of that kind, good and anomalous.</summary>
/// <param name="Dataset">The data set's name: mvtec, mvtec-loco, visa, btad, kolektor-sdd, kolektor-sdd2, surfaces, magnetic-tile, mnist,
/// fashion-mnist, cifar10, or a folder's name.</param>
/// <param name="Name">The category's name, unique in its data set.</param>
/// <param name="Train">Good images only, at least one, in a fixed order.</param>
/// <param name="Test">Good and anomalous images, in a fixed order; may be empty in a folder that is only trained on.</param>
public sealed record Category(string Dataset, string Name, IReadOnlyList<Sample> Train, IReadOnlyList<Sample> Test)
{
    /// <summary>True if pixel metrics can be computed: some test image is anomalous and every such image has a mask.</summary>
    public bool HasMasks => HasMasksFor(Test);

    /// <summary>As <see cref="HasMasks"/>, of other test images.</summary>
    public static bool HasMasksFor(IReadOnlyList<Sample> test) =>
        test.Any(sample => sample.Label == 1) && test.All(sample => sample.HasMask);
}

/// <summary>A data set found on disk. Categories are read when they are asked for.</summary>
public sealed class Dataset
{
    private readonly Func<string, Category> _load;

    /// <param name="name">As <see cref="Category.Dataset"/>.</param>
    /// <param name="root">The folder.</param>
    /// <param name="categoryNames">In the order in which tables list them.</param>
    /// <param name="load">Reads the list of a category's samples, by name.</param>
    internal Dataset(string name, string root, IReadOnlyList<string> categoryNames, Func<string, Category> load) =>
        (Name, Root, CategoryNames, _load) = (name, root, categoryNames, load);

    /// <summary>Name of the data set, such as <c>mvtec</c>: part of a cell's id.</summary>
    public string Name { get; }

    /// <summary>Its folder.</summary>
    public string Root { get; }

    /// <summary>Its categories in the order in which tables list them.</summary>
    public IReadOnlyList<string> CategoryNames { get; }

    /// <summary>Lists a category's samples; the images themselves are not read.</summary>
    /// <exception cref="UserError">There is no such category, its train folder is empty, or a mask is missing.</exception>
    public Category Category(string name) =>
        CategoryNames.Contains(name)
            ? _load(name)
            : throw new UserError($"{Root}: no category '{name}' in {Name}; there are {string.Join(", ", CategoryNames)}", exitCode: 2);
}
