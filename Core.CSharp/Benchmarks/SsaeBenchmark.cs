using Reproduction.Methods;
using Reproduction.Papers.Ssae;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// What distorting a batch costs beside the training step of <see cref="SsaeMethod"/> that it is for.
/// </summary>
public sealed class SsaeBenchmark : IBenchmark
{
    private const int Repeats = 5;
    private const int PaperBatch = 2;

    /// <inheritdoc/>
    public string Name => "ssae";

    /// <inheritdoc/>
    public string Description => "distorting a batch against a training step of ssae";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        using var scope = torch.NewDisposeScope();
        var measurements = new List<Measurement>();
        foreach (var profile in new[] { Profile.Quick, Profile.Paper })
        {
            var settings = new SsaeMethod().Settings(new Request("objective1", profile, "bottle", "mvtec"));
            // Steps of the paper's network take long; what is compared grows alike with the batch.
            if (profile == Profile.Paper)
            {
                settings = settings with { BatchSize = PaperBatch };
            }

            progress.WriteLine($"training steps, {profile.ToString().ToLowerInvariant()} profile");
            measurements.AddRange(
                Steps(
                    settings,
                    $"{profile.ToString().ToLowerInvariant()} profile, width {settings.Width}, {settings.BatchSize} images of "
                        + $"{settings.ImageSize} x {settings.ImageSize}"
                )
            );
        }
        return measurements;
    }

    private static IEnumerable<Measurement> Steps(SsaeSettings settings, string what)
    {
        using var network = new SsaeNetwork(settings.Kernel, settings.Width);
        using var optimizer = torch.optim.Adam(network.parameters(), settings.LearningRate);
        using var generator = new Generator(1, torch.CPU);
        var images = torch.rand([settings.BatchSize, 3, settings.ImageSize, settings.ImageSize]);
        var (distorted, mask) = SsaeDistortions.Apply(images, Distortion.Elastic, brightness: true, turned: false, generator);
        var step = Seconds(Step);
        yield return new($"training step, {what}", step, "s");
        foreach (var kind in new[] { Distortion.Elastic, Distortion.Occlusion })
        {
            var seconds = Seconds(() => SsaeDistortions.Apply(images, kind, brightness: true, turned: false, generator));
            yield return new($"distortion ({kind.ToString().ToLowerInvariant()}), {what}", seconds, "s");
            yield return new(
                $"distortion ({kind.ToString().ToLowerInvariant()}) as a share of the step it is for, {what}",
                100 * seconds / (step + seconds),
                "%"
            );
        }

        void Step()
        {
            optimizer.zero_grad();
            SsaeEquations.Objective1(network.call(distorted), images, mask, settings.Lambda).backward();
            optimizer.step();
        }
    }

    private static double Seconds(Action action)
    {
        Once();
        return Gauge.Seconds(Once, Repeats);

        void Once()
        {
            using var scope = torch.NewDisposeScope();
            action();
        }
    }
}
