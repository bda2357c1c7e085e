namespace Reproduction.Imaging;

/// <summary>Puts images side by side into one, as the papers' figures do.</summary>
public static class Panels
{
    private const byte Background = 255;

    /// <summary>A grid of images, one list a row, with white gaps. All panels get the size asked for; a short row ends in white.</summary>
    /// <param name="rows">At least one row, the longest with at least one image.</param>
    /// <param name="panelHeight">Rows of pixels a panel.</param>
    /// <param name="panelWidth">Columns of pixels a panel.</param>
    /// <param name="gap">Pixels between panels.</param>
    public static Image Grid(IReadOnlyList<IReadOnlyList<Image>> rows, int panelHeight, int panelWidth, int gap = 4)
    {
        var columns = rows.Max(row => row.Count);
        var result = new Image(columns * panelWidth + (columns - 1) * gap, rows.Count * panelHeight + (rows.Count - 1) * gap, 3);
        result.Pixels.AsSpan().Fill(Background);
        for (var r = 0; r < rows.Count; r++)
        {
            for (var c = 0; c < rows[r].Count; c++)
            {
                var panel = Resizer.Resize(rows[r][c].ToRgb(), panelWidth, panelHeight, Resampling.BilinearAntialias);
                for (var y = 0; y < panelHeight; y++)
                {
                    var target = ((r * (panelHeight + gap) + y) * result.Width + c * (panelWidth + gap)) * 3;
                    panel.Pixels.AsSpan(y * panelWidth * 3, panelWidth * 3).CopyTo(result.Pixels.AsSpan(target));
                }
            }
        }
        return result;
    }
}
