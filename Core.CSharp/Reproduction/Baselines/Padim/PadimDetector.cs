using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.Padim;

/// <summary>The frozen network, the chosen channels, and a Gaussian a position.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class PadimDetector(PadimSettings settings, Resources resources) : IExtendableDetector
{
    private const int ImagesAtOnce = 16;

    private readonly Backbone _network = resources.Backbones.Get(settings.Network);
    private long[] _channels = [];
    private PositionGaussians? _gaussians;
    private Tensor? _inverseFactor;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        if (normal.Count < 2)
        {
            throw new UserError($"padim fits a covariance, which needs at least 2 training images; there is {normal.Count}");
        }
        Clear();
        _channels = Chosen(context.Seed);
        var (height, width) = Grid();
        _gaussians = PositionGaussians.Empty(height * width, _channels.Length, resources.Device);
        return Add(normal, context);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Add(IImages more, FitContext context)
    {
        using var noGradient = no_grad();
        var done = 0;
        foreach (var batch in ImageBatch.All(more).Chunks(ImagesAtOnce))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            Fitted.Add(Embedded(batch).flatten(2).permute(2, 0, 1));
            done += batch.Count;
            context.Progress(done, more.Count, "features");
        }
        Factor();
        return new Dictionary<string, double> { ["training_images"] = Fitted.Count, ["channels"] = _channels.Length };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var embedded = Embedded(batch);
        var centred = embedded.flatten(2).permute(2, 1, 0) - Fitted.Mean.unsqueeze(2);
        var distance = PadimEquations.Mahalanobis(centred, _inverseFactor!);
        var grid = distance.t().reshape(batch.Count, 1, embedded.shape[2], embedded.shape[3]);
        var map = AnomalyMaps.GaussianFilter(AnomalyMaps.Enlarged(grid, settings.ImageSize), settings.Sigma);
        return new Scores(map.MoveToOuterDisposeScope(), AnomalyMaps.Maximum(map).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public DetectorState Save() =>
        new(
            new Dictionary<string, Tensor>
            {
                ["channels"] = tensor(_channels),
                ["mean"] = Fitted.Mean,
                ["scatter"] = Fitted.Scatter,
            },
            new Dictionary<string, string> { ["count"] = Fitted.Count.ToString(CultureInfo.InvariantCulture) }
        );

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(["channels", "mean", "scatter"]);
        var all = AllChannels;
        var count = settings.Channels == 0 ? all : Math.Min(settings.Channels, all);
        var channels = state.Tensor("channels", ScalarType.Int64, [count]).cpu().data<long>().ToArray();
        if (channels.Any(channel => channel < 0 || channel >= all))
        {
            throw state.Wrong($"names channels outside 0..{all - 1}");
        }
        var (height, width) = Grid();
        Clear();
        _channels = channels;
        _gaussians = PositionGaussians.Load(state, height * width, count, resources.Device);
        Factor();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private PositionGaussians Fitted => _gaussians ?? throw new InvalidOperationException("the detector has not been fitted");

    private ImageSize Size => ImageSize.Square(settings.ImageSize);

    private long AllChannels => settings.Layers.Sum(layer => (long)_network.Channels(layer));

    private long[] Chosen(int seed)
    {
        long[] all = [.. Enumerable.Range(0, (int)AllChannels).Select(channel => (long)channel)];
        if (settings.Channels == 0 || settings.Channels >= all.Length)
        {
            return all;
        }
        SplitMix64.For((ulong)seed, "channels").Shuffle(all.AsSpan());
        return [.. all.Take(settings.Channels).Order()];
    }

    /// <summary>The chosen channels at every position of the finest level, <c>[N,C,H,W]</c>.</summary>
    private Tensor Embedded(ImageBatch batch)
    {
        var levels = resources.Features.Get(batch, _network, settings.Layers, Size);
        var chosen = new List<Tensor>();
        var before = 0L;
        foreach (var level in levels)
        {
            var (from, count) = (before, level.shape[1]);
            long[] own = [.. _channels.Where(channel => channel >= from && channel < from + count).Select(channel => channel - from)];
            if (own.Length > 0)
            {
                chosen.Add(level.index_select(1, tensor(own, device: level.device)));
            }
            before += count;
        }
        return FeaturePyramid.Concatenated(chosen, levels[0].shape[2], levels[0].shape[3], InterpolationMode.Nearest);
    }

    private (long Height, long Width) Grid()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var map = _network.Forward(zeros([1, 3, settings.ImageSize, settings.ImageSize], device: resources.Device), [settings.Layers[0]])[
            0
        ];
        return (map.shape[2], map.shape[3]);
    }

    private void Factor()
    {
        _inverseFactor?.Dispose();
        _inverseFactor = PadimEquations.InverseFactor(Fitted.Scatter, Fitted.Count, settings.Regularisation).DetachFromDisposeScope();
    }

    private void Clear()
    {
        _gaussians?.Dispose();
        _inverseFactor?.Dispose();
        (_gaussians, _inverseFactor) = (null, null);
    }
}
