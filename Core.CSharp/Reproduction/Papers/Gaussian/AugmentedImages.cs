using Reproduction.Data;
using Reproduction.Imaging;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// Several epochs of randomly augmented images: image <c>epoch * normal.Count + i</c> is image <c>i</c> in that epoch. What happens to it
/// depends on its content and the epoch only, so that features of it can be kept.
/// </summary>
/// <param name="normal">The images to augment, after resizing.</param>
/// <param name="rules">What may be done to them.</param>
/// <param name="epochs">How many augmented versions there are of each, at least 1.</param>
public sealed class AugmentedImages(IImages normal, AugmentationRules rules, int epochs) : IImages
{
    /// <inheritdoc/>
    public int Count => normal.Count * epochs;

    /// <inheritdoc/>
    public string ContentId(int index) => $"{normal.ContentId(index % normal.Count)}-{rules}-{index / normal.Count}";

    /// <inheritdoc/>
    public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
    {
        using var scope = NewDisposeScope();
        using var plain = normal.Pixels([.. indices.Select(index => index % normal.Count)], size, CPU);
        var bytes = plain.mul(255).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous().data<byte>().ToArray();
        var length = size.Height * size.Width * 3;
        Parallel.For(
            0,
            indices.Count,
            i =>
            {
                var image = new Image(size.Width, size.Height, 3, bytes.AsSpan(i * length, length).ToArray());
                var random = SplitMix64.For((ulong)(indices[i] / normal.Count), normal.ContentId(indices[i] % normal.Count));
                var augmented = Augmentation.Apply(image, rules, random);
                // A quarter turn of a picture that is not square has its sides swapped.
                Resizer.Resize(augmented, size.Width, size.Height, size.Resampling).Pixels.CopyTo(bytes.AsSpan(i * length));
            }
        );
        return SampleImages.Rgb01(bytes, indices.Count, size, device).MoveToOuterDisposeScope();
    }
}
