using System.Diagnostics;
using System.Globalization;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Benchmarks;

/// <summary>
/// Images a second through frozen networks, beside the same networks in PyTorch: the same weights, input, threads and libtorch, in
/// turns, so that whatever else the machine does falls on both.
/// </summary>
public sealed class FeaturesBenchmark : IBenchmark
{
    private const int Batch = 4;
    private const int Rounds = 9;
    private const float Agreement = 1e-3f;

    // The paper's networks at the paper's sizes: DFR's, HFAE's and the Gaussian's.
    private static readonly (string Network, string Layer, int Side)[] Cases =
        [("vgg19", "pool5", 256), ("resnet18", "layer4", 256), ("efficientnet_b4", "head", 380)];

    /// <inheritdoc/>
    public string Name => "features";

    /// <inheritdoc/>
    public string Description => "images/s of VGG-19, ResNet-18 and EfficientNet-B4 against PyTorch (python3-torch, python3-torchvision)";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress)
    {
        var folder = Directory.CreateTempSubdirectory("repro-bench-");
        try
        {
            return [.. Cases.SelectMany(one => Compare(one.Network, one.Layer, one.Side, folder.FullName, progress))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Measurement> Compare(string network, string layer, int side, string folder, TextWriter progress)
    {
        using var scope = torch.NewDisposeScope();
        var weights = Path.Combine(folder, $"{network}.safetensors");
        using (var published = Backbone.Random(network, 1, new BackboneOptions { Trainable = true }))
        {
            SafeTensors.Write(weights, published.StateDict(fold: false));
        }
        using var backbone = Backbone.Load(weights, network);
        var random = SplitMix64.For(0, "features benchmark");
        var values = Enumerable.Range(0, Batch * 3 * side * side).Select(_ => (float)random.NextDouble(-2, 2)).ToArray();
        var array = Path.Combine(folder, $"{network}.npy");
        Npy.Write<float>(array, values, Batch, 3, side, side);
        var input = torch.tensor(values, [Batch, 3, side, side]);

        var threads = torch.get_num_threads();
        using var python = new PyTorch(network, weights, array, threads);
        var largest = Largest(backbone, input, layer);
        if (Math.Abs(largest - python.Largest) > Agreement * largest)
        {
            throw new UserError($"{network}: our features reach {largest}, PyTorch's {python.Largest}; the comparison would be of two things");
        }
        var ours = new List<double>();
        var theirs = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(Gauge.Seconds(() => backbone.ForwardRaw(input, [layer])[0].Dispose()));
            theirs.Add(python.Seconds());
            progress.WriteLine($"{network} round {round + 1} of {Rounds}: ours {Batch / ours[^1]:F2}, PyTorch {Batch / theirs[^1]:F2} images/s");
        }
        var what = $"{network} at {side} x {side}, batch {Batch}, {threads} threads";
        return
        [
            new($"{what}, ours", Batch / Median(ours), "images/s"),
            new($"{what}, PyTorch", Batch / Median(theirs), "images/s"),
            new($"{what}, ours against PyTorch", Median([.. theirs.Zip(ours, (their, our) => their / our)]), "times faster"),
        ];
    }

    private static float Largest(Backbone backbone, Tensor input, string layer)
    {
        using var scope = torch.NewDisposeScope();
        return backbone.ForwardRaw(input, [layer])[0].abs().max().item<float>();
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    /// <summary>scripts/bench/features.py, which computes one forward pass a line.</summary>
    private sealed class PyTorch : IDisposable
    {
        // Not the first python3 on the path: a virtual environment would have another libtorch, or none.
        private const string Interpreter = "/usr/bin/python3";

        private readonly Process process;

        public PyTorch(string network, string weights, string array, int threads)
        {
            var script = Script();
            var start = new ProcessStartInfo(Interpreter, [script, network, weights, array, $"{threads}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            };
            start.Environment["OMP_NUM_THREADS"] = $"{threads}";
            process = Process.Start(start) ?? throw new UserError($"{Interpreter} cannot be started");
            var ready = process.StandardOutput.ReadLine()?.Split(' ');
            Largest = ready is ["ready", var largest]
                ? float.Parse(largest, CultureInfo.InvariantCulture)
                : throw new UserError($"{script}: PyTorch does not run; install python3-torch and python3-torchvision (apt-get install)");
        }

        /// <summary>The largest magnitude in the deepest features.</summary>
        public float Largest { get; }

        public double Seconds()
        {
            process.StandardInput.WriteLine();
            process.StandardInput.Flush();
            return double.Parse(process.StandardOutput.ReadLine() ?? throw new UserError("PyTorch stopped in the middle of the benchmark"), CultureInfo.InvariantCulture);
        }

        public void Dispose()
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }

        private static string Script()
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            {
                var script = Path.Combine(folder.FullName, "scripts", "bench", "features.py");
                if (File.Exists(script))
                {
                    return script;
                }
            }
            throw new UserError("scripts/bench/features.py is not found; run the benchmark from a checkout");
        }
    }
}
