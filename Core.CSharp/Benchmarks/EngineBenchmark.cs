namespace Benchmarks;

/// <summary>
/// What libtorch's layouts and the order of a network's operations gain: the benchmarks of frozen features, training steps and the start in
/// one file.
/// </summary>
public sealed class EngineBenchmark : IBenchmark
{
    private static readonly IBenchmark[] Parts = [new StartBenchmark(), new FeaturesBenchmark(), new StepsBenchmark()];

    /// <inheritdoc/>
    public string Name => "engine";

    /// <inheritdoc/>
    public string Description => $"{string.Join(", ", Parts.Select(part => part.Name))} in one file";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress) => [.. Parts.SelectMany(part => part.Run(progress))];
}
