using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Imaging;
using static TorchSharp.torch;

namespace Reproduction.Models;

/// <summary>
/// The part of a photograph that counts. What lies outside is painted over with one grey before a network sees it, in training and in
/// scoring: whatever is there, the scores are the same to the bit.
/// </summary>
internal sealed class RegionOfInterest
{
    /// <summary>The mean of ImageNet's pixels, which is 0 to most networks.</summary>
    private static readonly byte[] Outside = [124, 116, 104];

    private readonly Image _mask;

    /// <param name="mask">Non-zero counts; of any size, stretched over the photograph.</param>
    /// <exception cref="UserError">Nothing counts.</exception>
    public RegionOfInterest(Image mask)
    {
        _mask = mask.ToGrey();
        if (!_mask.Pixels.AsSpan().ContainsAnyExcept((byte)0))
        {
            throw new UserError(
                $"{ApiName.RegionOfInterest}: the mask is black, so that nothing of a photograph counts; paint white what counts",
                exitCode: 2
            );
        }
    }

    /// <summary>The mask as it is kept in a model.</summary>
    public byte[] Png => ImageFile.EncodePng(_mask);

    /// <summary>The mask of a model; null where it has none.</summary>
    public static RegionOfInterest? Decode(byte[]? png) =>
        png is null ? null : new RegionOfInterest(ImageFile.Decode(png, "the model's region of interest"));

    /// <summary>A photograph with its outside painted over.</summary>
    public Sample Of(Sample sample) => sample with { Pixels = () => Painted(sample.Load()) };

    /// <summary>The tiles of a photograph of which any pixel counts; all where the mask is too fine for its size.</summary>
    public IReadOnlyList<Tile> Of(IReadOnlyList<Tile> tiles, int width, int height)
    {
        var mask = Resizer.Resize(_mask, width, height, Resampling.Nearest).Pixels;
        Tile[] touched = [.. tiles.Where(Counts)];
        return touched.Length > 0 ? touched : tiles;

        bool Counts(Tile tile) =>
            Enumerable.Range(tile.Y, tile.Height).Any(y => mask.AsSpan(y * width + tile.X, tile.Width).ContainsAnyExcept((byte)0));
    }

    /// <summary>A map whose outside has the least value of its inside.</summary>
    public AnomalyMap Of(AnomalyMap map)
    {
        var mask = Resizer.Resize(_mask, map.Width, map.Height, Resampling.Nearest).Pixels;
        var inside = map.Values.Where((_, i) => mask[i] != 0).DefaultIfEmpty(map.Values.Min()).Min();
        return map with { Values = [.. map.Values.Select((value, i) => mask[i] != 0 ? value : inside)] };
    }

    /// <summary>The values of a map that count.</summary>
    public IEnumerable<float> Inside(AnomalyMap map)
    {
        var mask = Resizer.Resize(_mask, map.Width, map.Height, Resampling.Nearest).Pixels;
        return map.Values.Where((_, i) => mask[i] != 0);
    }

    /// <summary>As <see cref="Of(Sample)"/>, as operations of an ONNX graph.</summary>
    /// <param name="photographs">uint8 <c>[N,H,W,3]</c>.</param>
    public OnnxValue Export(OnnxValue photographs)
    {
        using var scope = NewDisposeScope();
        var model = photographs.Model;
        var whole = model.Constant(tensor(_mask.Pixels, [1, _mask.Height, _mask.Width, 1]));
        var mask = ResizerGraph.Nearest(
            ResizerGraph.Nearest(whole, 1, photographs.Shape().Narrow(0, 1, 1)),
            2,
            photographs.Shape().Narrow(0, 2, 1)
        );
        return mask.To(ScalarType.Bool).Apply("Where", photographs.Type, [photographs, model.Constant(tensor(Outside))]);
    }

    /// <summary>As <see cref="Of(AnomalyMap)"/>, as operations of an ONNX graph.</summary>
    /// <param name="map">float32 <c>[N,1,height,width]</c>.</param>
    public OnnxValue Export(OnnxValue map, int width, int height)
    {
        using var scope = NewDisposeScope();
        var model = map.Model;
        var counts = tensor(Resizer.Resize(_mask, width, height, Resampling.Nearest).Pixels, [1, 1, height, width]) != 0;
        if (!counts.any().item<bool>())
        {
            counts = counts.logical_not();
        }
        var inside = model.Constant(counts);
        var least = inside.Apply("Where", map.Type, [map, model.Constant(float.PositiveInfinity, map.Type)]).Amin([1, 2, 3], keepdim: true);
        return inside.Apply("Where", map.Type, [map, least]);
    }

    private Image Painted(Image photograph)
    {
        var result = photograph.ToRgb().Copy();
        var mask = Resizer.Resize(_mask, result.Width, result.Height, Resampling.Nearest).Pixels;
        for (var i = 0; i < mask.Length; i++)
        {
            if (mask[i] == 0)
            {
                Outside.CopyTo(result.Pixels, 3 * i);
            }
        }
        return result;
    }
}
