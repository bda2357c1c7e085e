using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using static TorchSharp.torch;

namespace Reproduction.Baselines.PatchCore;

/// <summary>The frozen network and the memory bank.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class PatchCoreDetector(PatchCoreSettings settings, Resources resources) : IExtendableDetector
{
    private const int ImagesAtOnce = 16;

    private readonly Backbone _network = resources.Backbones.Get(settings.Network);
    private Tensor? _bank;
    private Lazy<NeighbourIndex>? _index;
    private long _patches;
    private int _seed;
    private double _radius;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var patches = AllPatches(normal, context);
        (_patches, _seed) = (patches.shape[0], context.Seed);
        var first = SplitMix64.For((ulong)context.Seed, "first patch").NextInt((int)_patches);
        var (chosen, radius) = GreedyCoreset.Select(Projected(patches), BankSize, first, progress: Told(context));
        _radius = radius;
        Keep(patches.index_select(0, tensor(chosen, device: patches.device)));
        return Facts;
    }

    /// <summary>
    /// Takes patches of more images into the bank: the greedy choice goes on among the new patches, beginning with the distances to the
    /// bank as it is, until the bank is again the set share of all patches seen. Old patches that were not chosen are gone;
    /// they stay within the radius that the first fit tells.
    /// </summary>
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Add(IImages more, FitContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var patches = AllPatches(more, context);
        _patches += patches.shape[0];
        var projected = Projected(patches);
        var (closest, _) = NearestNeighbours.Nearest(projected, Projected(Bank));
        var count = (int)Math.Clamp(BankSize - Bank.shape[0], 0, patches.shape[0]);
        var (chosen, radius) = GreedyCoreset.Select(projected, count, -1, closest, Told(context));
        _radius = Math.Max(_radius, radius);
        if (chosen.Length > 0)
        {
            Keep(cat([Bank, patches.index_select(0, tensor(chosen, device: patches.device))]));
        }
        return Facts;
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var patches = Patches(batch);
        var rows = FeaturePyramid.Rows(patches);
        var (squares, index) = Index.Nearest(rows);
        // Equation (6): the patch of an image that is farthest from the bank, and its nearest neighbour there.
        var distances = squares.sqrt().reshape(batch.Count, -1);
        var (nearest, farthest) = distances.max(1);
        var image = nearest;
        if (settings.Neighbours > 1)
        {
            var position = farthest + (arange(batch.Count, device: farthest.device) * distances.shape[1]);
            image = PatchCoreEquations.Reweighted(nearest, Neighbourhood(rows.index_select(0, position), index.index_select(0, position)));
        }
        var grid = distances.reshape(batch.Count, 1, patches.shape[2], patches.shape[3]);
        var map = AnomalyMaps.GaussianFilter(AnomalyMaps.Enlarged(grid, settings.ImageSize), settings.Sigma);
        return new Scores(map.MoveToOuterDisposeScope(), image.MoveToOuterDisposeScope())
        {
            Parts = new Dictionary<string, Tensor> { ["unweighted"] = nearest.clone().MoveToOuterDisposeScope() },
        };
    }

    /// <inheritdoc/>
    public DetectorState Save() =>
        new(
            new Dictionary<string, Tensor> { ["bank"] = Bank },
            new Dictionary<string, string>
            {
                ["patches"] = _patches.ToString(CultureInfo.InvariantCulture),
                ["seed"] = _seed.ToString(CultureInfo.InvariantCulture),
                ["radius"] = _radius.ToString("r", CultureInfo.InvariantCulture),
            }
        );

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        state.CheckNoOther(["bank"]);
        var bank = state.Tensor("bank", ScalarType.Float32, [DetectorState.Any, Channels]);
        (_patches, _seed, _radius) = (state.Whole("patches", 1), (int)state.Whole("seed", 0), state.Number("radius"));
        Keep(bank.to(resources.Device, copy: true));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_index is { IsValueCreated: true })
        {
            _index.Value.Dispose();
        }
        _bank?.Dispose();
    }

    private Tensor Bank => _bank ?? throw new InvalidOperationException("the detector has not been fitted");

    private NeighbourIndex Index => (_index ?? throw new InvalidOperationException("the detector has not been fitted")).Value;

    private int BankSize => (int)Math.Max(1, Math.Ceiling(settings.Coreset * _patches));

    private long Channels => settings.Dimension > 0 ? settings.Dimension : settings.Layers.Sum(layer => (long)_network.Channels(layer));

    private Dictionary<string, double> Facts =>
        new()
        {
            ["patches"] = _patches,
            ["bank"] = Bank.shape[0],
            ["radius"] = _radius,
        };

    private Tensor Patches(ImageBatch batch) =>
        PatchCoreEquations.Patches(
            resources.Features.Get(batch, _network, settings.Layers, ImageSize.Square(settings.ImageSize)),
            settings.PatchSize,
            settings.Dimension
        );

    /// <summary>The patches of all images, <c>[images*H*W,C]</c>.</summary>
    private Tensor AllPatches(IImages images, FitContext context)
    {
        Tensor? all = null;
        var filled = 0L;
        foreach (var batch in ImageBatch.All(images).Chunks(ImagesAtOnce))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var each = NewDisposeScope();
            var rows = FeaturePyramid.Rows(Patches(batch));
            all ??= empty([rows.shape[0] / batch.Count * images.Count, rows.shape[1]], device: rows.device).MoveToOuterDisposeScope();
            all.narrow(0, filled, rows.shape[0]).copy_(rows);
            filled += rows.shape[0];
            context.Progress(filled, all.shape[0], "patches");
        }
        return all ?? throw new UserError("patchcore needs at least 1 training image; there is none");
    }

    private Tensor Projected(Tensor patches)
    {
        if (settings.Projection == 0 || settings.Projection >= patches.shape[1])
        {
            return patches;
        }
        var projection = PatchCoreEquations.SparseProjection((int)patches.shape[1], settings.Projection, _seed);
        return patches.Times(projection.to(patches.device));
    }

    /// <summary>|m_test - m| for the b patches m of the bank nearest to m*, <c>[N,b]</c>.</summary>
    /// <param name="tested">m_test, <c>[N,C]</c>.</param>
    /// <param name="nearest">The row of m* in the bank, <c>[N]</c>.</param>
    private Tensor Neighbourhood(Tensor tested, Tensor nearest)
    {
        var among = (int)Math.Min(settings.Neighbours, Bank.shape[0]);
        var (_, around) = NearestNeighbours.SquaredDistances(Bank.index_select(0, nearest), Bank).topk(among, largest: false);
        var neighbours = Bank.index_select(0, around.flatten()).reshape(tested.shape[0], among, -1);
        return (tested.unsqueeze(1) - neighbours).square().sum([2L]).sqrt();
    }

    private void Keep(Tensor bank)
    {
        Dispose();
        _bank = bank.DetachFromDisposeScope();
        _index = new(() => new NeighbourIndex(_bank));
    }

    private static Action<int> Told(FitContext context) =>
        chosen =>
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress(chosen, chosen, "patches chosen");
        };
}
