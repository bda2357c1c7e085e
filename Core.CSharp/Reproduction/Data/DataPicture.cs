using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>A data set at a glance.</summary>
public static class DataPicture
{
    private const int PanelSide = 160;
    private const int DefectPanels = 5;
    private static readonly (byte R, byte G, byte B) MaskColor = (255, 40, 40);

    /// <summary>
    /// A row a category: a training image, then the first image of up to five kinds of defects, with the outline of its mask.
    /// </summary>
    /// <returns>RGB, panels of 160 x 160 pixels.</returns>
    /// <exception cref="UserError">An image cannot be read.</exception>
    public static Image Draw(Dataset dataset) =>
        Panels.Grid([.. dataset.CategoryNames.Select(name => Row(dataset.Category(name)))], PanelSide, PanelSide);

    private static IReadOnlyList<Image> Row(Category category) =>
        [
            category.Train[0].Load(),
            .. category.Test.Where(sample => sample.Label == 1).DistinctBy(sample => sample.Defect).Take(DefectPanels).Select(Outlined),
        ];

    private static Image Outlined(Sample sample)
    {
        var image = Resizer.Resize(sample.Load(), PanelSide, PanelSide, Resampling.BilinearAntialias);
        return sample.HasMask ? Overlay.Contour(image, sample.LoadMask(PanelSide, PanelSide), MaskColor, thickness: 1) : image;
    }
}
