using Reproduction.Data;

namespace Reproduction.Models;

/// <summary>A picture that a model has seen, or that stands on both sides of a threshold, tells nothing about the threshold.</summary>
internal static class Twins
{
    /// <summary>Hexadecimal digits of a picture's content id that a model keeps: 16 bytes, which no two pictures share by chance.</summary>
    private const int KeptDigits = 32;

    /// <summary>The contents of pictures, as a model keeps them.</summary>
    /// <exception cref="UserError">A picture cannot be read.</exception>
    public static IReadOnlyList<string> Contents(IReadOnlyList<Sample> samples)
    {
        var images = new SampleImages(samples);
        var ids = new string[samples.Count];
        InParallel.For(samples.Count, i => ids[i] = images.ContentId(i)[..KeptDigits]);
        return ids;
    }

    /// <summary>Refuses pictures that are in two sets by their contents, whatever their names.</summary>
    /// <exception cref="UserError">A picture is in both.</exception>
    public static void Refuse(IReadOnlyList<Sample>? first, string firstName, IReadOnlyList<Sample>? second, string secondName)
    {
        if (first is not null && second is not null)
        {
            Refuse(Contents(first), (index, twin) => $"{twin.Path} is {first[index].Path}", firstName, second, secondName);
        }
    }

    /// <summary>Refuses pictures that a model was fitted on.</summary>
    /// <param name="contents">What the model keeps of them.</param>
    /// <exception cref="UserError">There is one.</exception>
    public static void RefuseSeen(IReadOnlyList<string> contents, IReadOnlyList<Sample>? second, string secondName)
    {
        if (second is not null)
        {
            Refuse(contents, (_, twin) => $"such as {twin.Path}", "what the model was fitted on", second, secondName);
        }
    }

    private static void Refuse(
        IReadOnlyList<string> first,
        Func<int, Sample, string> which,
        string firstName,
        IReadOnlyList<Sample> second,
        string secondName
    )
    {
        var known = new Dictionary<string, int>();
        foreach (var (index, id) in first.Index())
        {
            known.TryAdd(id, index);
        }
        var twins = Contents(second).Index().Where(item => known.ContainsKey(item.Item)).ToList();
        if (twins.Count > 0)
        {
            var (index, id) = twins[0];
            throw new UserError(
                $"{twins.Count} of the {second.Count} pictures of {secondName} are in {firstName}, too "
                    + $"({which(known[id], second[index])}); {secondName} takes pictures that are not in {firstName}",
                exitCode: 2
            );
        }
    }
}
