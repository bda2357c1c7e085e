using Reproduction.Imaging;
using static TorchSharp.torch;

namespace Reproduction.Data;

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
