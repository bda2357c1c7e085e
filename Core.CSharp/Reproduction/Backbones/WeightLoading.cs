using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>Fills a network's convolutions, from a checkpoint or at random.</summary>
internal static class WeightLoading
{
    private const string CountSuffix = ".num_batches_tracked";

    /// <summary>
    /// Loads every convolution that the checkpoint has. It may end early, but what it has must be the network's first convolutions,
    /// complete, of the right shapes, and beside them only a classifier.
    /// </summary>
    /// <exception cref="UserError">Names the first tensor that is missing, of another shape, not finite, or not the network's.</exception>
    public static void Load(Network network, string architecture, Checkpoint checkpoint, BackboneOptions options)
    {
        string? missing = null;
        var known = new HashSet<string>();
        foreach (var convolution in network.Convolutions)
        {
            var spec = convolution.Spec;
            known.UnionWith(Names(spec));
            if (!checkpoint.TryGet($"{spec.Name}.weight", out var weight))
            {
                missing ??= $"{spec.Name}.weight";
                continue;
            }
            if (missing is not null)
            {
                throw Wrong(
                    checkpoint,
                    architecture,
                    missing == $"{network.Convolutions[0].Spec.Name}.weight"
                        ? $"lacks {missing}"
                        : $"lacks {missing} but has the later {spec.Name}.weight"
                );
            }
            using var scope = torch.NewDisposeScope();
            var kernel = Read(checkpoint, architecture, weight, spec.WeightShape);
            var norm = BatchNormOf(checkpoint, architecture, spec);
            Tensor? bias = null;
            if (checkpoint.TryGet($"{spec.Name}.bias", out var offset))
            {
                bias = Read(checkpoint, architecture, offset, [spec.Out]);
            }
            else if (norm is null)
            {
                throw Wrong(
                    checkpoint,
                    architecture,
                    spec.Norm is null
                        ? $"lacks {spec.Name}.bias"
                        : $"lacks {spec.Norm}.weight, and {spec.Name}.bias too, so that its batch norm was not folded"
                );
            }
            convolution.Load(kernel, bias, norm, options.Trainable, options.Device ?? torch.CPU);
        }
        if (!network.Convolutions[0].IsLoaded)
        {
            throw Wrong(
                checkpoint,
                architecture,
                $"lacks {missing}; it begins with {string.Join(", ", checkpoint.Entries.Take(3).Select(entry => entry.Name))}"
            );
        }
        var stranger = checkpoint.Entries.FirstOrDefault(entry =>
            !known.Contains(entry.Name)
            && !entry.Name.EndsWith(CountSuffix, StringComparison.Ordinal)
            && !network.ClassifierPrefixes.Any(prefix => entry.Name.StartsWith(prefix, StringComparison.Ordinal))
        );
        if (stranger is not null)
        {
            throw Wrong(checkpoint, architecture, $"holds {stranger.Name} {Shape(stranger.Shape)}, which {architecture} does not have");
        }
    }

    /// <summary>Kaiming's normal initialisation by fan out (He et al., 2015), as torchvision initialises its convolutions.</summary>
    public static void Randomise(Network network, int seed, BackboneOptions options)
    {
        foreach (var convolution in network.Convolutions)
        {
            using var scope = torch.NewDisposeScope();
            var spec = convolution.Spec;
            var deviation = Math.Sqrt(2.0 / (spec.Out * spec.Kernel * spec.Kernel));
            var kernel = torch.tensor(
                Normal(SplitMix64.For((ulong)seed, spec.Name), spec.WeightShape.Aggregate((left, right) => left * right), deviation),
                spec.WeightShape
            );
            var norm = spec.Norm is null
                ? null
                : new BatchNorm(torch.ones(spec.Out), torch.zeros(spec.Out), torch.zeros(spec.Out), torch.ones(spec.Out));
            convolution.Load(kernel, norm is null ? torch.zeros(spec.Out) : null, norm, options.Trainable, options.Device ?? torch.CPU);
        }
    }

    private static IEnumerable<string> Names(ConvolutionSpec spec)
    {
        yield return $"{spec.Name}.weight";
        yield return $"{spec.Name}.bias";
        foreach (var part in spec.Norm is null ? [] : NormParts)
        {
            yield return $"{spec.Norm}.{part}";
        }
    }

    private static readonly string[] NormParts = ["weight", "bias", "running_mean", "running_var"];

    private static BatchNorm? BatchNormOf(Checkpoint checkpoint, string architecture, ConvolutionSpec spec)
    {
        if (spec.Norm is null || NormParts.All(part => !checkpoint.TryGet($"{spec.Norm}.{part}", out _)))
        {
            return null;
        }
        var parts = NormParts
            .Select(part =>
                checkpoint.TryGet($"{spec.Norm}.{part}", out var entry)
                    ? Read(checkpoint, architecture, entry, [spec.Out])
                    : throw Wrong(checkpoint, architecture, $"lacks {spec.Norm}.{part}")
            )
            .ToArray();
        return new BatchNorm(parts[0], parts[1], parts[2], parts[3]);
    }

    private static Tensor Read(Checkpoint checkpoint, string architecture, TensorEntry entry, long[] shape) =>
        entry.Shape.SequenceEqual(shape)
            ? entry.ToFiniteSingles()
            : throw Wrong(checkpoint, architecture, $"has {entry.Name} of shape {Shape(entry.Shape)}, {architecture} takes {Shape(shape)}");

    private static UserError Wrong(Checkpoint checkpoint, string architecture, string problem) =>
        new($"{checkpoint.Path}: {problem}; is it a file of {architecture}? `repro weights inspect` shows what it holds");

    private static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    // Box and Muller's transform of two uniform numbers into two normal ones.
    private static float[] Normal(SplitMix64 random, long count, double deviation)
    {
        var values = new float[count];
        for (var index = 0; index < values.Length; index += 2)
        {
            var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
            values[index] = (float)(radius * cosine);
            if (index + 1 < values.Length)
            {
                values[index + 1] = (float)(radius * sine);
            }
        }
        return values;
    }
}
