using Reproduction.Methods;
using Reproduction.Papers.Ssae;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// What distorting a batch costs beside the training step of <see cref="Ssae"/> that it is for, and its stacks of dilated convolutions in the
/// memory layouts that TorchSharp can ask for. (libtorch's opaque oneDNN layout cannot be had through it; on the CPU libtorch hands both of these
/// to oneDNN by itself.)
/// </summary>
public sealed class SsaeBenchmark : IBenchmark
{
    private const int Repeats = 5;
    private const int PaperBatch = 2;

    /// <inheritdoc/>
    public string Name => "ssae";

    /// <inheritdoc/>
    public string Description => "distorting a batch against a training step of ssae, and the layouts of its convolutions";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        using var scope = torch.NewDisposeScope();
        var measurements = new List<Measurement>();
        foreach (var profile in new[] { Profile.Quick, Profile.Paper })
        {
            var settings = new SsaeMethod().Settings(new Request("objective1", profile, "bottle", "mvtec"));
            // Steps of the paper's network take long; what is compared grows alike with the batch.
            if (profile == Profile.Paper) settings = settings with { BatchSize = PaperBatch };
            progress.WriteLine($"training steps, {profile.ToString().ToLowerInvariant()} profile");
            measurements.AddRange(Steps(settings, $"{profile.ToString().ToLowerInvariant()} profile, width {settings.Width}, {settings.BatchSize} images of {settings.ImageSize} x {settings.ImageSize}"));
        }
        progress.WriteLine("dilated convolutions");
        measurements.AddRange(Stacks());
        return measurements;
    }

    private static IEnumerable<Measurement> Steps(SsaeSettings settings, string what)
    {
        using var network = new SsaeNetwork(settings.Kernel, settings.Width);
        using var optimizer = torch.optim.Adam(network.parameters(), settings.LearningRate);
        using var generator = new Generator(1, torch.CPU);
        var images = torch.rand([settings.BatchSize, 3, settings.ImageSize, settings.ImageSize]);
        var (distorted, mask) = SsaeDistortions.Apply(images, Distortion.Elastic, brightness: true, generator);
        var step = Seconds(() => Step(distorted));
        yield return new($"training step, {what}", step, "s");
        yield return new($"training step, channels last, {what}", Seconds(() => Step(ChannelsLast(distorted))), "s");
        foreach (var kind in new[] { Distortion.Elastic, Distortion.Occlusion })
        {
            var seconds = Seconds(() => SsaeDistortions.Apply(images, kind, brightness: true, generator));
            yield return new($"distortion ({kind.ToString().ToLowerInvariant()}), {what}", seconds, "s");
            yield return new($"distortion ({kind.ToString().ToLowerInvariant()}) as a share of the step it is for, {what}", 100 * seconds / (step + seconds), "%");
        }

        void Step(Tensor input)
        {
            optimizer.zero_grad();
            SsaeDetector.Objective1(network.call(input), images, mask, settings.Lambda).backward();
            optimizer.step();
        }
    }

    /// <summary>A stack of the paper's width on the features of images of 256 x 256 and, as in the quick profile, a quarter of it on those of 128 x 128.</summary>
    private static IEnumerable<Measurement> Stacks()
    {
        foreach (var (channels, side, batch) in new[] { (64, 32, PaperBatch), (16, 16, 8) })
        {
            using var stack = new StackedDilatedConvolution(6 * channels, channels, 3, SsaeNetwork.Dilations);
            var features = torch.rand([batch, 6 * channels, side, side]);
            var name = $"six dilated convolutions of {6 * channels} to {channels} channels, {batch} maps of {side} x {side}, forward and backward";
            yield return new($"{name}, contiguous", Seconds(() => Through(stack, features)), "s");
            yield return new($"{name}, channels last", Seconds(() => Through(stack, ChannelsLast(features))), "s");
        }

        static void Through(StackedDilatedConvolution stack, Tensor features) => stack.call(features.detach().requires_grad_()).sum().backward();
    }

    /// <summary>The same tensor with the channels of a pixel beside one another in memory, which convolutions take as a wish for that layout.</summary>
    private static Tensor ChannelsLast(Tensor images) => images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

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
