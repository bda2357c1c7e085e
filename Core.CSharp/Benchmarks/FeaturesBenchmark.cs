using Reproduction;
using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// Images a second through frozen networks, channels-last and with batch norms folded in, beside the plain order: NCHW, each batch norm an
/// operation of its own. The same weights, input, threads and libtorch, in turns, so that whatever else the machine does falls on both.
/// Beside them stands what of the processor's fused multiply-adds either uses: no order of the numbers can use more than all of them.
/// </summary>
public sealed class FeaturesBenchmark : IBenchmark
{
    private const int Rounds = 5;

    /// <summary>Largest difference of the features, relative to the largest feature, that is rounding.</summary>
    private const double Agreement = 1e-4;

    private static readonly int[] Batches = [1, 4];
    private static readonly int[] Threads = [1, 2];

    // The papers' networks at the papers' sizes: DFR's, HFAE's and the Gaussian's; billions of multiplications an image in all their
    // convolutions (EfficientNet-B4's as its paper gives them).
    private static readonly (string Network, string Layer, int Side, double Billions)[] Cases =
    [
        ("vgg19", "pool5", 256, 25.48),
        ("resnet18", "layer4", 256, 2.369),
        ("efficientnet_b4", "head", 380, 4.2),
    ];

    /// <inheritdoc/>
    public string Name => "features";

    /// <inheritdoc/>
    public string Description => "images/s of VGG-19, ResNet-18 and EfficientNet-B4 against the plain order (NCHW, batch norms not folded)";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        var threads = torch.get_num_threads();
        try
        {
            return [.. Cases.SelectMany(one => Compare(one.Network, one.Layer, one.Side, one.Billions, folder.FullName, progress))];
        }
        finally
        {
            torch.set_num_threads(threads);
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Measurement> Compare(
        string network,
        string layer,
        int side,
        double billions,
        string folder,
        TextWriter progress
    )
    {
        using var frozen = torch.no_grad();
        var weights = Path.Combine(folder, $"{network}.safetensors");
        WriteWeights(network, weights);
        using var backbone = Backbone.Load(weights, network);
        using var plain = InPlainOrder(() => Backbone.Load(weights, network, new BackboneOptions { Trainable = true }));
        var measurements = new List<Measurement>();
        foreach (var batch in Batches)
        {
            using var generator = new Generator(0);
            using var input = torch.rand([batch, 3, side, side], generator: generator);
            using (torch.NewDisposeScope())
            {
                var (ours, theirs) = (backbone.ForwardRaw(input, [layer])[0], InPlainOrder(() => plain.ForwardRaw(input, [layer])[0]));
                var difference = ((ours - theirs).abs().max() / theirs.abs().max()).item<float>();
                if (!(difference <= Agreement))
                {
                    throw new UserError(
                        $"{network}: the two orders' features differ by {difference} of the largest; two networks would be compared"
                    );
                }
            }
            foreach (var threads in Threads)
            {
                torch.set_num_threads(threads);
                var what = $"{network} at {side} x {side}, batch {batch}, {threads} thread{(threads == 1 ? "" : "s")}";
                measurements.AddRange(
                    Compare(
                        what,
                        batch,
                        threads,
                        billions,
                        () => backbone.ForwardRaw(input, [layer])[0].Dispose(),
                        () => plain.ForwardRaw(input, [layer])[0].Dispose()
                    )
                );
                progress.WriteLine(
                    $"{what}: ours {measurements[^5].Value:F2}, plain {measurements[^4].Value:F2} images/s, "
                        + $"{measurements[^3].Value:F2} times; {measurements[^2].Value:P0} and {measurements[^1].Value:P0} of the processor"
                );
            }
        }
        return measurements;
    }

    private static IEnumerable<Measurement> Compare(string what, int batch, int threads, double billions, Action ours, Action plain)
    {
        var (our, other, peak) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        for (var round = 0; round < Rounds; round++)
        {
            our[round] = Gauge.Seconds(ours);
            other[round] = InPlainOrder(() => Gauge.Seconds(plain));
            peak[round] = MultiplyAdds.BillionsASecond(threads);
        }
        double Share(double[] seconds) => Gauge.Median(seconds.Zip(peak, (second, rate) => batch * billions / second / rate));
        return
        [
            new($"{what}, ours", batch / Gauge.Median(our), "images/s"),
            new($"{what}, plain order", batch / Gauge.Median(other), "images/s"),
            new($"{what}, ours against the plain order", Gauge.Median(other.Zip(our, (theirs, mine) => theirs / mine)), "times faster"),
            new($"{what}, ours, of the processor's fused multiply-adds", Share(our), "share"),
            new($"{what}, plain order, of the processor's fused multiply-adds", Share(other), "share"),
        ];
    }

    /// <summary>Random weights; the batch norms' are such that one left out would show in the features.</summary>
    private static void WriteWeights(string network, string path)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new Generator(1);
        using var published = Backbone.Random(network, 1, new BackboneOptions { Trainable = true });
        var tensors = published
            .StateDict(fold: false)
            .ToDictionary(
                entry => entry.Key,
                entry =>
                    entry.Key.Split('.')[^1] switch
                    {
                        "running_mean" => torch.rand(entry.Value.shape, generator: generator) - 0.5,
                        "running_var" => torch.rand(entry.Value.shape, generator: generator) + 0.5,
                        _ => entry.Value,
                    }
            );
        SafeTensors.Write(path, tensors);
    }

    private static T InPlainOrder<T>(Func<T> what)
    {
        ChannelsLast.IsOff = true;
        try
        {
            return what();
        }
        finally
        {
            ChannelsLast.IsOff = false;
        }
    }
}
