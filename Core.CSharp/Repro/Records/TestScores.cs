using Reproduction.Methods;
using static TorchSharp.torch;

namespace Repro.Records;

/// <summary>Anomaly maps of a whole test set in plain memory, <c>[Count,Height,Width]</c>.</summary>
public sealed class MapStack(int count, int height, int width)
{
    /// <summary>Number of maps.</summary>
    public int Count => count;

    /// <summary>Rows of a map.</summary>
    public int Height => height;

    /// <summary>Columns of a map.</summary>
    public int Width => width;

    /// <summary>All values, map after map, row after row.</summary>
    public float[] Values { get; } = new float[(long)count * height * width];

    /// <summary>One map.</summary>
    public ReadOnlySpan<float> this[int index] => Values.AsSpan(index * height * width, height * width);

    internal void Set(int first, Tensor maps)
    {
        using var contiguous = maps.to(ScalarType.Float32).cpu().contiguous();
        contiguous.data<float>().ToArray().CopyTo(Values.AsSpan(first * height * width));
    }
}

/// <summary>The scores of a whole test set, collected batch by batch.</summary>
/// <param name="total">Number of images.</param>
public sealed class TestScores(int total)
{
    private readonly Dictionary<string, float[]> _imageParts = [];
    private readonly Dictionary<string, MapStack> _mapParts = [];

    /// <summary>Images taken so far.</summary>
    public int Count { get; private set; }

    /// <summary>One score an image.</summary>
    public float[] Image { get; } = new float[total];

    /// <summary>The anomaly maps; null where the method has none.</summary>
    public MapStack? Map { get; private set; }

    /// <summary>Partial image scores by name.</summary>
    public IReadOnlyDictionary<string, float[]> ImageParts => _imageParts;

    /// <summary>Partial maps by name.</summary>
    public IReadOnlyDictionary<string, MapStack> MapParts => _mapParts;

    /// <summary>Adds the scores of the next batch.</summary>
    public void Take(Scores scores)
    {
        CopyTo(scores.Image, Image);
        if (scores.Map is { } map)
        {
            (Map ??= Stack(map)).Set(Count, map);
        }

        foreach (var (name, part) in scores.Parts)
        {
            if (part.dim() == 1)
            {
                if (!_imageParts.TryGetValue(name, out var values))
                {
                    _imageParts[name] = values = new float[total];
                }

                CopyTo(part, values);
            }
            else
            {
                if (!_mapParts.TryGetValue(name, out var maps))
                {
                    _mapParts[name] = maps = Stack(part);
                }

                maps.Set(Count, part);
            }
        }
        Count += (int)scores.Image.shape[0];
    }

    private void CopyTo(Tensor scores, float[] values)
    {
        using var plain = scores.to(ScalarType.Float32).cpu().contiguous();
        plain.data<float>().ToArray().CopyTo(values.AsSpan(Count));
    }

    private MapStack Stack(Tensor map) => new(total, (int)map.shape[2], (int)map.shape[3]);
}
