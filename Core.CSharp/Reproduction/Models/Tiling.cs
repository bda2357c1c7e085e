using System.Collections.Concurrent;
using Reproduction.Data;
using Reproduction.Imaging;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>
/// A large photograph is cut into overlapping square tiles in its own resolution and each is judged as an image: a defect of a few pixels
/// would be gone once the whole photograph is brought to the size that the network sees.
/// </summary>
/// <param name="Size">Side of a tile in pixels of the photograph; the photograph's where that is smaller.</param>
/// <param name="Overlap">Pixels that neighbours share at least, from 0 to below <paramref name="Size"/>.</param>
public sealed record Tiling(int Size, int Overlap)
{
    /// <summary>The least side of a tile.</summary>
    public const int LeastSize = 16;

    /// <summary>What no tiling can be; null where there is nothing wrong.</summary>
    internal string? Mistake() =>
        Size is < LeastSize or > ImageFile.MaxSide
            ? $"{ApiName.TileSize} {Size}: give a side from {LeastSize} to {ImageFile.MaxSide} pixels"
        : Overlap < 0 || Overlap >= Size ? $"{ApiName.TileOverlap} {Overlap}: give a number from 0 to below the tile's side, {Size}"
        : null;

    /// <summary>The tiles of a photograph, row by row; the last of a row or column ends where the photograph ends.</summary>
    internal IReadOnlyList<Tile> Tiles(int width, int height) =>
        [.. Starts(height).SelectMany(y => Starts(width).Select(x => new Tile(x, y, Math.Min(Size, width), Math.Min(Size, height))))];

    private IEnumerable<int> Starts(int length)
    {
        var start = 0;
        for (; start + Size < length; start += Size - Overlap)
        {
            yield return start;
        }
        yield return Math.Max(0, Math.Min(start, length - Size));
    }
}

/// <summary>A rectangle of a photograph.</summary>
internal readonly record struct Tile(int X, int Y, int Width, int Height)
{
    /// <summary>The pixels of the photograph in it.</summary>
    public Image Of(Image photograph)
    {
        var channels = photograph.Channels;
        var result = new Image(Width, Height, channels);
        for (var row = 0; row < Height; row++)
        {
            photograph
                .Pixels.AsSpan(((Y + row) * photograph.Width + X) * channels, Width * channels)
                .CopyTo(result.Pixels.AsSpan(row * Width * channels));
        }
        return result;
    }
}

/// <summary>
/// The tiles' maps laid over one another: where they overlap a position's value is their mean, each weighted by how far the position is
/// from its tile's border, so that no seam is seen.
/// </summary>
internal sealed class TileBlend
{
    private readonly double _scale;
    private readonly int _overlap;
    private readonly int _width;
    private readonly int _height;
    private readonly float[] _sum;
    private readonly float[] _weight;

    /// <param name="width">Of the photograph.</param>
    /// <param name="height">Of the photograph.</param>
    /// <param name="overlap">Of neighbours, in pixels of the photograph.</param>
    /// <param name="scale">Positions of the map a pixel, at most 1.</param>
    public TileBlend(int width, int height, int overlap, double scale)
    {
        (_scale, _overlap) = (scale, (int)Math.Round(overlap * scale));
        (_width, _height) = (Place(width), Place(height));
        (_sum, _weight) = (new float[_width * _height], new float[_width * _height]);
    }

    /// <summary>Adds a tile's map, resized (bilinear) to its place.</summary>
    /// <param name="map">float32 <c>[1,1,H,W]</c>.</param>
    public void Add(Tile tile, Tensor map)
    {
        var (left, top) = (Place(tile.X), Place(tile.Y));
        var (right, bottom) = (Math.Min(_width, Place(tile.X + tile.Width)), Math.Min(_height, Place(tile.Y + tile.Height)));
        using var scope = NewDisposeScope();
        var values = nn
            .functional.interpolate(map, [bottom - top, right - left], mode: InterpolationMode.Bilinear, align_corners: false)
            .cpu()
            .contiguous()
            .data<float>()
            .ToArray();
        var across = Ramp(right - left);
        var down = Ramp(bottom - top);
        for (var y = top; y < bottom; y++)
        {
            for (var x = left; x < right; x++)
            {
                var weight = across[x - left] * down[y - top];
                _sum[y * _width + x] += weight * values[(y - top) * (right - left) + x - left];
                _weight[y * _width + x] += weight;
            }
        }
    }

    /// <summary>The blended map; positions that no tile covers have the least value of the others.</summary>
    public AnomalyMap Finish()
    {
        for (var i = 0; i < _sum.Length; i++)
        {
            _sum[i] = _weight[i] > 0 ? _sum[i] / _weight[i] : float.PositiveInfinity;
        }
        var least = _sum.Min();
        for (var i = 0; i < _sum.Length; i++)
        {
            if (float.IsPositiveInfinity(_sum[i]))
            {
                _sum[i] = least;
            }
        }
        return new AnomalyMap(_height, _width, _sum);
    }

    private int Place(int pixels) => Math.Max(0, (int)Math.Round(pixels * _scale));

    private float[] Ramp(int length)
    {
        var ramp = new float[length];
        for (var i = 0; i < length; i++)
        {
            ramp[i] = Math.Min(1, (Math.Min(i, length - 1 - i) + 0.5f) / Math.Max(1, _overlap));
        }
        return ramp;
    }
}

/// <summary>Photographs in their own size, of which as many are kept as fit: a training asks for their tiles in any order.</summary>
internal sealed class DecodedPhotographs
{
    /// <summary>How many bytes of photographs are kept.</summary>
    private const long MostBytes = 1L << 30;

    private readonly ConcurrentDictionary<string, Lazy<Image>> _kept = new();
    private long _bytes;

    /// <summary>A photograph; decoded once as long as there is room.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    public Image Of(Sample sample)
    {
        if (_kept.TryGetValue(sample.Id, out var before))
        {
            return before.Value;
        }
        if (Volatile.Read(ref _bytes) >= MostBytes)
        {
            return sample.Load();
        }
        var decoded = _kept.GetOrAdd(
            sample.Id,
            _ => new Lazy<Image>(() =>
            {
                var image = sample.Load();
                Interlocked.Add(ref _bytes, image.Pixels.Length);
                return image;
            })
        );
        return decoded.Value;
    }
}
