namespace Reproduction.Metrics;

/// <summary>One connected region of a mask.</summary>
/// <param name="Label">Its value in <see cref="RegionMap.Labels"/>, from 1.</param>
/// <param name="Area">Number of pixels.</param>
/// <param name="Top">First row of the bounding box.</param>
/// <param name="Left">First column of the bounding box.</param>
/// <param name="Height">Rows of the bounding box.</param>
/// <param name="Width">Columns of the bounding box.</param>
public readonly record struct Region(int Label, int Area, int Top, int Left, int Height, int Width);

/// <summary>The regions of one mask and the region of each pixel. Owns native memory.</summary>
public sealed unsafe class RegionMap : IDisposable
{
    private readonly NativeBuffer<int> _labels;

    internal RegionMap(NativeBuffer<int> labels, int height, int width, IReadOnlyList<Region> regions)
    {
        this._labels = labels;
        Height = height;
        Width = width;
        Regions = regions;
    }

    /// <summary>Rows of the mask.</summary>
    public int Height { get; }

    /// <summary>Columns of the mask.</summary>
    public int Width { get; }

    /// <summary>The regions, in the order in which a row-by-row scan first meets them; region i has label i + 1.</summary>
    public IReadOnlyList<Region> Regions { get; }

    /// <summary>[H, W], row by row: 0 for background, otherwise the pixel's region. Valid until disposal.</summary>
    public ReadOnlySpan<int> Labels => new(_labels.Pointer, (int)_labels.Length);

    /// <inheritdoc/>
    public void Dispose() => _labels.Dispose();
}

/// <summary>Connected regions of binary masks, by two passes with union-find: time linear in the pixels, no recursion.</summary>
public static unsafe class ConnectedComponents
{
    /// <summary>Labels the connected regions of a mask.</summary>
    /// <param name="mask">[H, W]; non-zero is foreground.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="connectivity">8: pixels that touch at a corner belong together; 4: only those that share an edge.</param>
    /// <exception cref="UserError">The mask does not have H x W pixels, or the connectivity is neither 4 nor 8.</exception>
    public static RegionMap Label(ReadOnlySpan<byte> mask, int height, int width, int connectivity = 8)
    {
        if (connectivity is not (4 or 8))
        {
            throw new UserError($"connectivity {connectivity} is unknown: use 4 or 8");
        }

        if (mask.Length != (long)height * width)
        {
            throw new UserError($"a mask of {mask.Length} pixels cannot be {height} x {width}: give one byte a pixel");
        }

        var labels = new NativeBuffer<int>(mask.Length);
        // A provisional label begins only where the pixels to the left and above are background: at most at every second pixel.
        using var parents = new NativeBuffer<int>(mask.Length / 2 + 2L);
        fixed (byte* pixels = mask)
        {
            var provisional = LabelProvisionally(pixels, labels.Pointer, parents.Pointer, height, width, connectivity);
            var count = NumberRoots(parents.Pointer, provisional);
            return new RegionMap(labels, height, width, Resolve(labels.Pointer, parents.Pointer, height, width, count));
        }
    }

    /// <summary>The mask with its holes filled: background that is cut off from the border becomes foreground.</summary>
    /// <param name="mask">[H, W]; non-zero is foreground.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="backgroundConnectivity">4: a ring closed only at corners already encloses a hole; 8: it does not.</param>
    /// <returns>[H, W] of 0 and 1.</returns>
    /// <exception cref="UserError">As for <see cref="Label"/>.</exception>
    public static byte[] FillHoles(ReadOnlySpan<byte> mask, int height, int width, int backgroundConnectivity = 4)
    {
        var background = new byte[mask.Length];
        for (var i = 0; i < mask.Length; i++)
        {
            background[i] = mask[i] == 0 ? (byte)1 : (byte)0;
        }

        using var components = Label(background, height, width, backgroundConnectivity);
        var labels = components.Labels;
        var filled = new byte[mask.Length];
        for (var i = 0; i < filled.Length; i++)
        {
            filled[i] = labels[i] == 0 || !TouchesBorder(components.Regions[labels[i] - 1], height, width) ? (byte)1 : (byte)0;
        }

        return filled;
    }

    private static bool TouchesBorder(Region region, int height, int width) =>
        region.Top == 0 || region.Left == 0 || region.Top + region.Height == height || region.Left + region.Width == width;

    /// <summary>First pass. Returns the number of provisional labels; parents[1..] is their union-find forest.</summary>
    private static int LabelProvisionally(byte* mask, int* labels, int* parents, int height, int width, int connectivity)
    {
        var count = 0;
        for (var y = 0; y < height; y++)
        {
            var row = mask + (long)y * width;
            var current = labels + (long)y * width;
            var above = current - width;
            for (var x = 0; x < width; x++)
            {
                if (row[x] == 0)
                {
                    current[x] = 0;
                    continue;
                }
                var label = x > 0 ? current[x - 1] : 0;
                if (y > 0)
                {
                    label = Join(parents, label, above[x]);
                    if (connectivity == 8)
                    {
                        if (x > 0)
                        {
                            label = Join(parents, label, above[x - 1]);
                        }

                        if (x + 1 < width)
                        {
                            label = Join(parents, label, above[x + 1]);
                        }
                    }
                }
                if (label == 0)
                {
                    label = ++count;
                    parents[label] = label;
                }
                current[x] = label;
            }
        }
        return count;
    }

    /// <summary>Unites the sets of two labels, where 0 is none, and returns a label of the union.</summary>
    private static int Join(int* parents, int a, int b)
    {
        if (a == 0 || b == 0 || a == b)
        {
            return a | b;
        }

        int rootA = Root(parents, a),
            rootB = Root(parents, b);
        // The lower root wins, so that a region's root is its first label in scan order.
        var root = Math.Min(rootA, rootB);
        parents[Math.Max(rootA, rootB)] = root;
        return root;
    }

    private static int Root(int* parents, int label)
    {
        while (parents[label] != label)
        {
            label = parents[label] = parents[parents[label]];
        }

        return label;
    }

    /// <summary>Replaces each provisional label's parent by its final label 1..K and returns K.</summary>
    private static int NumberRoots(int* parents, int provisional)
    {
        var count = 0;
        // A parent is never above its child, so its final label is known when the child's turn comes.
        for (var label = 1; label <= provisional; label++)
        {
            parents[label] = parents[label] == label ? ++count : parents[parents[label]];
        }

        return count;
    }

    /// <summary>Second pass: final labels, areas and bounding boxes.</summary>
    private static Region[] Resolve(int* labels, int* final, int height, int width, int count)
    {
        var area = new int[count];
        var top = new int[count];
        var left = new int[count];
        var bottom = new int[count];
        var right = new int[count];
        Array.Fill(top, int.MaxValue);
        Array.Fill(left, int.MaxValue);
        for (var y = 0; y < height; y++)
        {
            var row = labels + (long)y * width;
            for (var x = 0; x < width; x++)
            {
                if (row[x] == 0)
                {
                    continue;
                }

                var label = row[x] = final[row[x]];
                var i = label - 1;
                area[i]++;
                top[i] = Math.Min(top[i], y);
                bottom[i] = y;
                left[i] = Math.Min(left[i], x);
                right[i] = Math.Max(right[i], x);
            }
        }
        var regions = new Region[count];
        for (var i = 0; i < count; i++)
        {
            regions[i] = new Region(i + 1, area[i], top[i], left[i], bottom[i] - top[i] + 1, right[i] - left[i] + 1);
        }

        return regions;
    }
}
