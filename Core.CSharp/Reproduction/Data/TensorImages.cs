using System.Runtime.InteropServices;
using System.Security.Cryptography;
using static TorchSharp.torch;

namespace Reproduction.Data;

/// <summary>Images in memory that are already at the size that will be asked for.</summary>
/// <param name="pixels">float32 <c>[N,3,H,W]</c>, RGB in 0..1; stays the caller's.</param>
public sealed class TensorImages(Tensor pixels) : IImages
{
    /// <inheritdoc/>
    public int Count => (int)pixels.shape[0];

    /// <inheritdoc/>
    public string ContentId(int index)
    {
        using var scope = NewDisposeScope();
        var values = pixels[index].cpu().contiguous().data<float>().ToArray();
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan())));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Another size is asked for.</exception>
    public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
    {
        if (pixels.shape[2] != size.Height || pixels.shape[3] != size.Width)
        {
            throw new ArgumentException($"the images are of {pixels.shape[3]} x {pixels.shape[2]} pixels, not of {size}", nameof(size));
        }

        using var scope = NewDisposeScope();
        var rows = tensor(indices.Select(index => (long)index).ToArray(), device: pixels.device);
        return pixels.index_select(0, rows).to(device).MoveToOuterDisposeScope();
    }
}
