using Reproduction.Backbones;
using Reproduction.Data;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// The feature maps of a set of training images as rows to draw batches from. Below a limit all of them are held in memory, so
/// that an epoch costs no reading; above it each batch is asked of the cache.
/// </summary>
public sealed class FeatureRows : IDisposable
{
    /// <summary>Above this many bytes the features are left where they are.</summary>
    public const long DefaultLimitBytes = 3L << 30;

    /// <summary>Images fetched at once while the table is filled.</summary>
    private const int FillBatch = 16;

    private readonly ImageBatch _images;
    private readonly Func<ImageBatch, Tensor[]> _fetch;

    /// <summary><c>[images,H,W,C]</c> a layer.</summary>
    private readonly Tensor[]? _held;

    /// <summary>Fetches the features of all images once where they fit.</summary>
    /// <param name="images">The rows.</param>
    /// <param name="features">Where features come from.</param>
    /// <param name="backbone">The frozen network.</param>
    /// <param name="layers">Names of its layers.</param>
    /// <param name="size">What the images are resized to.</param>
    /// <param name="cancellation">Stops the filling.</param>
    /// <param name="limitBytes">Features of more bytes than this are not held.</param>
    public FeatureRows(
        ImageBatch images,
        IFeatures features,
        Backbone backbone,
        IReadOnlyList<string> layers,
        ImageSize size,
        CancellationToken cancellation,
        long limitBytes = DefaultLimitBytes
    )
    {
        _images = images;
        _fetch = batch => features.Get(batch, backbone, layers, size);
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var first = _fetch(images.Chunks(FillBatch).First());
        if (first.Sum(map => map.numel() / map.shape[0]) * sizeof(float) * images.Count > limitBytes)
        {
            return;
        }

        _held =
        [
            .. first.Select(map =>
                empty([images.Count, map.shape[2], map.shape[3], map.shape[1]], ScalarType.Float32, map.device).DetachFromDisposeScope()
            ),
        ];
        var filled = 0L;
        foreach (var chunk in images.Chunks(FillBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var each = NewDisposeScope();
            foreach (var (row, map) in _held.Zip(_fetch(chunk)))
            {
                row.narrow(0, filled, chunk.Count).copy_(map.permute(0, 2, 3, 1));
            }

            filled += chunk.Count;
        }
    }

    /// <summary>The features of some rows.</summary>
    /// <param name="rows">Which, each in 0..count-1.</param>
    /// <returns>One <c>[N,C,H,W]</c> tensor a layer with the channels innermost in memory; the caller disposes them.</returns>
    public Tensor[] Get(int[] rows)
    {
        using var scope = NewDisposeScope();
        if (_held is null)
        {
            var fetched = _fetch(_images with { Indices = [.. rows.Select(row => _images.Indices[row])] });
            return
            [
                .. fetched.Select(map =>
                {
                    using (map)
                    {
                        return map.channels_last().MoveToOuterDisposeScope();
                    }
                }),
            ];
        }
        var index = tensor(rows.Select(row => (long)row).ToArray(), device: _held[0].device);
        return [.. _held.Select(map => map.index_select(0, index).permute(0, 3, 1, 2).MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var map in _held ?? [])
        {
            map.Dispose();
        }
    }
}
