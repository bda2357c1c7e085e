using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Repro.Studies;

/// <summary>
/// Procedural patterns with their classes, drawn in batches: what the embedded weights are trained to tell apart. Colours, rotation,
/// period, light, blur, noise and a second pattern shining through vary within a class, so that only the structure tells it.
/// </summary>
public static class Patterns
{
    /// <summary>Counts up when the same seed gives other images than before.</summary>
    public const int Version = 1;

    /// <summary>The classes' names; a label is an index into them.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = [.. PatternKind.All.Select(kind => kind.Name)];

    /// <summary>Draws a batch.</summary>
    /// <param name="count">Number of images N.</param>
    /// <param name="side">Width and height S in pixels.</param>
    /// <param name="generator">On the CPU; equal states give equal batches.</param>
    /// <returns>Images <c>[N,3,S,S]</c>, RGB, 0..1, and labels <c>[N]</c>, int64, each class equally likely.</returns>
    public static (Tensor Images, Tensor Labels) Sample(long count, int side, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        var labels = torch.randint(0, PatternKind.All.Count, [count], ScalarType.Int64, generator: generator);
        var images = Draw(labels, side, generator);
        return (images.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope());
    }

    /// <summary>Draws patterns of given classes.</summary>
    /// <param name="labels"><c>[N]</c>, int64: indices into <see cref="ClassNames"/>.</param>
    /// <param name="side">Width and height S in pixels.</param>
    /// <param name="generator">On the CPU; equal states give equal batches.</param>
    /// <returns><c>[N,3,S,S]</c>, RGB, 0..1.</returns>
    public static Tensor Draw(Tensor labels, int side, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var images = Colour(Fields(labels, side, generator), generator);
        images = images.lerp(images.roll(1, 0), Uniform(labels.shape[0], 0, 0.2, generator));
        return Photograph(images, generator).MoveToOuterDisposeScope();
    }

    // [N,S,S], the classes one after the other.
    private static Tensor Fields(Tensor labels, int side, Generator generator)
    {
        var fields = torch.zeros([labels.shape[0], side, side]);
        foreach (
            var group in labels
                .data<long>()
                .ToArray()
                .Select((label, place) => (label, place))
                .GroupBy(pair => pair.label, pair => (long)pair.place)
                .OrderBy(group => group.Key)
        )
        {
            using var scope = torch.NewDisposeScope();
            var places = group.ToArray();
            var kind = PatternKind.All[(int)group.Key];
            var canvas = new PatternCanvas(places.Length, side, kind.Shortest, kind.Longest, generator);
            fields.index_copy_(0, torch.tensor(places), kind.Field(canvas));
        }
        return fields.clamp_(0, 1);
    }

    // Two colours, bright or nearly grey, the second far enough from the first in brightness that a grey image would still show the
    // pattern.
    private static Tensor Colour(Tensor fields, Generator generator)
    {
        var count = fields.shape[0];
        var first = torch.rand([count, 3, 1, 1], generator: generator);
        var away = (0.5 - first.mean([1L], keepdim: true)).sign();
        var tint = (torch.rand([count, 3, 1, 1], generator: generator) - 0.5) * 0.5;
        var second = (first + away * Uniform(count, 0.35, 0.85, generator) + tint).clamp(0, 1);
        var images = first.lerp(second, fields.unsqueeze(1));
        return images.lerp(images.mean([1L], keepdim: true), Uniform(count, 0, 1, generator));
    }

    // A gradient of light, some blur, some noise.
    private static Tensor Photograph(Tensor images, Generator generator)
    {
        var (count, side) = (images.shape[0], images.shape[3]);
        var axis = torch.linspace(-0.5, 0.5, side);
        var light =
            1
            + axis.reshape(1, 1, 1, side) * Uniform(count, -0.6, 0.6, generator)
            + axis.reshape(1, 1, side, 1) * Uniform(count, -0.6, 0.6, generator);
        var blurred = F.avg_pool2d(F.pad(images, [1, 1, 1, 1], PaddingModes.Reflect), [3, 3], [1, 1]);
        var seen = images.lerp(blurred, Uniform(count, 0, 1, generator)) * light;
        return (seen + torch.randn(seen.shape, generator: generator) * Uniform(count, 0, 0.06, generator)).clamp(0, 1);
    }

    private static Tensor Uniform(long count, double low, double high, Generator generator) =>
        torch.rand([count, 1, 1, 1], generator: generator) * (high - low) + low;
}
