using Reproduction.Backbones;
using Reproduction.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers;

/// <summary>An ordered set of images that a method is fitted on or scores. Implementations may be used from several threads.</summary>
public interface IImages
{
    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>The content of image <paramref name="index"/> as a stable key: equal for equal files, on every machine.</summary>
    string ContentId(int index);

    /// <summary>Decodes and resizes images.</summary>
    /// <param name="indices">Which images, each in 0..<see cref="Count"/>-1; may repeat.</param>
    /// <param name="size">Target size and resampling.</param>
    /// <param name="device">Where the result lives.</param>
    /// <returns>float32 <c>[N,3,H,W]</c>, RGB in 0..1; grey images tripled.</returns>
    Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device);
}

/// <summary>Some images of a set.</summary>
public sealed record ImageBatch(IImages Images, IReadOnlyList<int> Indices)
{
    /// <summary>Number of images in the batch.</summary>
    public int Count => Indices.Count;

    /// <summary>All images of a set in their order.</summary>
    public static ImageBatch All(IImages images) => new(images, [.. Enumerable.Range(0, images.Count)]);

    /// <summary>float32 <c>[N,3,H,W]</c>, RGB in 0..1.</summary>
    public Tensor Pixels(ImageSize size, Device device) => Images.Pixels(Indices, size, device);

    /// <summary>The batch cut into consecutive batches of at most <paramref name="size"/> images.</summary>
    public IEnumerable<ImageBatch> Chunks(int size) => Indices.Chunk(size).Select(chunk => new ImageBatch(Images, chunk));
}

/// <summary>The size that images are brought to, and how.</summary>
public sealed record ImageSize(int Height, int Width, Resampling Resampling = Resampling.BilinearAntialias)
{
    /// <summary>A square of <paramref name="side"/> pixels.</summary>
    public static ImageSize Square(int side, Resampling resampling = Resampling.BilinearAntialias) => new(side, side, resampling);

    /// <inheritdoc/>
    public override string ToString() => $"{Height}x{Width}-{Resampling}";
}

/// <summary>What is kept of a feature map.</summary>
public enum Pooling
{
    /// <summary>The whole map, <c>[N,C,H,W]</c>.</summary>
    None,

    /// <summary>The mean over all positions, <c>[N,C]</c>.</summary>
    Average,
}

/// <summary>Features of frozen networks, computed once a (weights, image, preprocessing) and reused by every method, variant and fold.</summary>
public interface IFeatures
{
    /// <summary>Feature maps of the named layers.</summary>
    /// <param name="batch">N images.</param>
    /// <param name="backbone">The frozen network.</param>
    /// <param name="layers">Names out of <see cref="Backbone.LayerNames"/>.</param>
    /// <param name="size">What the images are resized to before the network.</param>
    /// <param name="pooling">What is kept of each map.</param>
    /// <returns>One float32 tensor a layer, <c>[N,C,H,W]</c> or <c>[N,C]</c>, on the backbone's device; the caller disposes them.</returns>
    Tensor[] Get(ImageBatch batch, Backbone backbone, IReadOnlyList<string> layers, ImageSize size, Pooling pooling = Pooling.None);
}
