using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Reproduction.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Data;

/// <summary>
/// The images of some samples, decoded and resized by all cores. While a caller works on one batch the next is decoded; what was decoded is
/// kept up to <see cref="CacheBytes"/>, so that a training that comes round again does not decode again.
/// </summary>
/// <param name="samples">The images, in the order of their indices.</param>
public sealed class SampleImages(IReadOnlyList<Sample> samples) : IImages
{
    /// <summary>How many bytes of resized images are kept.</summary>
    public const long CacheBytes = 1L << 30;

    private readonly ConcurrentDictionary<(int Index, ImageSize Size), byte[]> _cache = new();
    private readonly ConcurrentDictionary<(int Index, ImageSize Size), Lazy<byte[]>> _underWay = new();
    private readonly ConcurrentDictionary<int, Image> _views = new();
    private readonly ConcurrentDictionary<int, (int Width, int Height)> _sizes = new();
    private readonly ConcurrentDictionary<int, UserError> _unreadable = new();
    private readonly string?[] _contentIds = new string?[samples.Count];
    private long _cachedBytes;
    private volatile Task _ahead = Task.CompletedTask;

    /// <inheritdoc/>
    public int Count => samples.Count;

    /// <summary>Keeps each image that is decoded also in its own shape, shrunk to at most this many pixels a side; 0 keeps none.</summary>
    internal int ViewSide { get; init; }

    /// <inheritdoc/>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public string ContentId(int index) => _contentIds[index] ??= HashOf(samples[index]);

    /// <inheritdoc/>
    /// <exception cref="UserError">An image cannot be read; the message names it.</exception>
    public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device)
    {
        var length = 3L * size.Height * size.Width;
        if (length * indices.Count > Array.MaxLength)
        {
            throw new UserError(
                $"{indices.Count} images of {size.Width} x {size.Height} pixels do not fit into one batch; take smaller images or batches"
            );
        }

        var bytes = new byte[length * indices.Count];
        InParallel.For(indices.Count, i => Resized(indices[i], size).CopyTo(bytes.AsSpan((int)(i * length))));
        ReadAhead(indices, size);
        return Rgb01(bytes, indices.Count, size, device);
    }

    /// <summary>Images as the networks take them.</summary>
    /// <param name="bytes">HWC, one image after the other.</param>
    /// <param name="count">How many images.</param>
    /// <param name="size">Of each.</param>
    /// <param name="device">Where the tensor lies.</param>
    /// <returns><c>[N,3,H,W]</c>, RGB, 0..1.</returns>
    internal static Tensor Rgb01(byte[] bytes, int count, ImageSize size, Device device)
    {
        using var scope = NewDisposeScope();
        return torch
            .tensor(bytes, [count, size.Height, size.Width, 3], ScalarType.Byte)
            .to(device)
            .permute(0, 3, 1, 2)
            .contiguous()
            .to(ScalarType.Float32)
            .div_(255)
            .MoveToOuterDisposeScope();
    }

    /// <summary>A batch of consecutive images is nearly always followed by the next one, of the same length.</summary>
    private void ReadAhead(IReadOnlyList<int> indices, ImageSize size)
    {
        if (
            indices.Count == 0
            || indices[^1] - indices[0] != indices.Count - 1
            || !_ahead.IsCompleted
            || Volatile.Read(ref _cachedBytes) >= CacheBytes
        )
        {
            return;
        }

        var first = indices[^1] + 1;
        var count = Math.Min(indices.Count, Count - first);
        if (count > 0)
        {
            _ahead = Task.Run(() => InParallel.For(count, i => Preload(first + i, size)));
        }
    }

    private void Preload(int index, ImageSize size)
    {
        try
        {
            Resized(index, size);
        }
        catch (UserError)
        {
            // Nobody has asked for this image yet; whoever does gets the error.
        }
    }

    /// <summary>Why an image cannot be read; null where it can, or nobody has asked for it yet.</summary>
    internal string? WhyUnreadable(int index) => _unreadable.GetValueOrDefault(index)?.Message;

    /// <summary>An image in its own shape, at most <see cref="ViewSide"/> pixels a side; made when it is decoded.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    internal Image View(int index) => _views.TryGetValue(index, out var view) ? view : Viewed(samples[index].Load());

    /// <summary>The size of an image in its file; known where <see cref="ViewSide"/> is not 0 and it was decoded.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    internal (int Width, int Height) SizeOf(int index)
    {
        if (!_sizes.TryGetValue(index, out var size))
        {
            var image = samples[index].Load();
            _sizes[index] = size = (image.Width, image.Height);
        }
        return size;
    }

    /// <summary>Frees what is kept of some images.</summary>
    internal void Forget(IReadOnlyList<int> indices)
    {
        var gone = indices.ToHashSet();
        foreach (var key in _cache.Keys.Where(key => gone.Contains(key.Index)))
        {
            if (_cache.TryRemove(key, out var pixels))
            {
                Interlocked.Add(ref _cachedBytes, -pixels.Length);
            }
        }
        foreach (var index in gone)
        {
            _views.TryRemove(index, out _);
            _sizes.TryRemove(index, out _);
        }
    }

    private Image Viewed(Image image) => ViewSide > 0 ? Resizer.Within(image, ViewSide) : image;

    private byte[] Resized(int index, ImageSize size)
    {
        var key = (index, size);
        if (_cache.TryGetValue(key, out var cached))
        {
            return cached;
        }

        // An image that is asked for while it is read ahead is decoded once.
        var work = _underWay.GetOrAdd(key, _ => new Lazy<byte[]>(() => Decode(index, size)));
        try
        {
            return work.Value;
        }
        finally
        {
            _underWay.TryRemove(KeyValuePair.Create(key, work));
        }
    }

    private byte[] Decode(int index, ImageSize size)
    {
        if (_cache.TryGetValue((index, size), out var cached))
        {
            return cached;
        }

        Image image;
        try
        {
            image = samples[index].Load();
        }
        catch (UserError error)
        {
            _unreadable[index] = error;
            throw;
        }
        if (ViewSide > 0)
        {
            _views[index] = Viewed(image);
            _sizes[index] = (image.Width, image.Height);
        }
        var pixels = Resizer.Resize(image, size.Width, size.Height, size.Resampling).Pixels;
        // Once full, the cache stays as it is: with passes over all images, replacing would throw out each image just before its turn.
        if (Interlocked.Add(ref _cachedBytes, pixels.Length) <= CacheBytes)
        {
            _cache[(index, size)] = pixels;
        }

        return pixels;
    }

    /// <summary>The sha256 of a file, in lower-case hexadecimal.</summary>
    /// <exception cref="UserError">The file cannot be read.</exception>
    internal static string HashOfFile(string path)
    {
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({e.Message})", e);
        }
    }

    /// <summary>The sha256 of a sample's file, or of its pixels where one file holds many samples; in lower-case hexadecimal.</summary>
    /// <exception cref="UserError">The file cannot be read.</exception>
    internal static string HashOf(Sample sample)
    {
        if (sample.IsFile)
        {
            return HashOfFile(sample.Path);
        }

        var image = sample.Load();
        Span<byte> size = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(size, image.Width);
        BinaryPrimitives.WriteInt32LittleEndian(size[4..], image.Height);
        return Convert.ToHexStringLower(SHA256.HashData([.. size, .. image.Pixels]));
    }
}
