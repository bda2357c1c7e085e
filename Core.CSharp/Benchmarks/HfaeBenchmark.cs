using System.Diagnostics;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Formats;
using Reproduction.Methods;
using Reproduction.Papers.Hfae;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// A training epoch of <see cref="HfaeMethod"/> with ResNet-18 on as many images of 256 x 256 as MVTec AD's bottle has, the encoder's
/// features
/// computed beforehand.
/// </summary>
public sealed class HfaeBenchmark : IBenchmark
{
    private const int Images = 209;
    private const int Epochs = 3;
    private static readonly HfaeSettings Settings = new() { Epochs = Epochs };

    /// <inheritdoc/>
    public string Name => "hfae";

    /// <inheritdoc/>
    public string Description => "a training epoch of hfae on bottle's 209 images of 256 x 256";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        progress.WriteLine("training");
        var what = $"training epoch, {Images} images, batch {Settings.BatchSize}, {torch.get_num_threads()} threads";
        return [new(what, Epoch(), "s")];
    }

    /// <summary>Shortest epoch, timed between the first steps of consecutive epochs.</summary>
    private static double Epoch()
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            using var scope = torch.NewDisposeScope();
            using (var network = Backbone.Random(Settings.Network, 0))
            {
                SafeTensors.Write(Path.Combine(folder.FullName, Settings.Network + ".safetensors"), network.StateDict(fold: true));
            }
            using var backbones = new BackboneProvider(folder.FullName, torch.CPU);
            using var detector = new HfaeDetector(
                Settings,
                new Resources
                {
                    Backbones = backbones,
                    Features = new RandomFeatures(),
                    Device = torch.CPU,
                }
            );
            var watch = new Stopwatch();
            var ends = new List<double> { 0 };
            var stepsPerEpoch = Images / Settings.BatchSize;
            detector.Fit(
                new NoImages(),
                new FitContext
                {
                    Seed = 0,
                    Progress = (done, _, _) =>
                    {
                        // The first step also warms up: its epoch is counted from its end and left out of the shortest.
                        if (done == 1)
                        {
                            watch.Start();
                        }
                        else if (done % stepsPerEpoch == 0)
                        {
                            ends.Add(watch.Elapsed.TotalSeconds);
                        }
                    },
                }
            );
            return ends.Zip(ends.Skip(1), (start, end) => end - start).Skip(1).Min();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Features of the encoder's shapes without an encoder.</summary>
    private sealed class RandomFeatures : IFeatures
    {
        public Tensor[] Get(
            ImageBatch batch,
            Backbone backbone,
            IReadOnlyList<string> layers,
            ImageSize size,
            Pooling pooling = Pooling.None
        ) =>
            [
                .. layers.Select(
                    (layer, i) => torch.rand([batch.Count, backbone.Channels(layer), size.Height >> (i + 2), size.Width >> (i + 2)])
                ),
            ];
    }

    private sealed class NoImages : IImages
    {
        public int Count => Images;

        public string ContentId(int index) => throw new NotSupportedException();

        public Tensor Pixels(IReadOnlyList<int> indices, ImageSize size, Device device) => throw new NotSupportedException();
    }
}
