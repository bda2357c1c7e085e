using System.Globalization;
using Reproduction.Backbones;
using Reproduction.Data;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Hfae;

/// <summary>The frozen encoder, the trained decoder, and the scores that follow from them.</summary>
/// <param name="settings">Hyperparameters.</param>
/// <param name="resources">Weights, frozen features and the device.</param>
public sealed partial class HfaeDetector(HfaeSettings settings, Resources resources) : IAnomalyDetector
{
    /// <summary>Further standard deviations of eq. (10)'s filter whose scores are recorded beside the main one.</summary>
    private static readonly double[] ComparedSigmas = [0, 2, 4, 8];

    private readonly Backbone _encoder = resources.Backbones.Get(settings.Network);
    private HfaeDecoder? _decoder;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Fit(IImages normal, FitContext context)
    {
        var count = settings.TrainingImages > 0 ? Math.Min(settings.TrainingImages, normal.Count) : normal.Count;
        var chosen = new ImageBatch(normal, [.. context.Shuffle(normal.Count, -1).Take(count)]);
        var batches = new ShuffledBatches(context, count, Math.Min(settings.BatchSize, count), partial: false);

        CheckSizes(normal);
        var decoder = NewDecoder();
        using var rows = new FeatureRows(chosen, resources.Features, _encoder, settings.Layers, Size, context.Cancellation);
        using var optimizer = optim.SGD(decoder.parameters(), settings.LearningRate, settings.Momentum, 0, settings.WeightDecay);

        var (loss, steps) = Training.Run(
            context,
            decoder,
            optimizer,
            (long)settings.Epochs * batches.PerEpoch,
            step => HfaeEquations.Loss(Residuals(rows.Get(batches.At(step))))
        );
        decoder.eval();
        return new Dictionary<string, double>
        {
            ["final_loss"] = loss,
            ["steps"] = steps,
            ["training_images"] = count,
        };
    }

    /// <inheritdoc/>
    public Scores Score(ImageBatch batch)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var residuals = Residuals(Encode(batch));
        Tensor[] Resized(bool weighted) =>
            [.. residuals.Select(residual => HfaeEquations.ResizedMap(residual, settings.ImageSize, weighted))];
        var resized = Resized(settings.WeightByPositions);
        var map = HfaeEquations.AnomalyMap(resized, settings.Sigma);

        var parts = new Dictionary<string, Tensor>();
        foreach (var (level, phi) in settings.Levels.Zip(resized))
        {
            parts[$"phi{level}"] = phi.MoveToOuterDisposeScope();
        }

        foreach (var sigma in ComparedSigmas.Where(sigma => sigma != settings.Sigma))
        {
            AddPart(parts, string.Create(CultureInfo.InvariantCulture, $"sigma{sigma}"), HfaeEquations.AnomalyMap(resized, sigma));
        }
        // The other reading of eq. (9) needs no other training.
        AddPart(
            parts,
            settings.WeightByPositions ? "plain" : "weighted",
            HfaeEquations.AnomalyMap(Resized(!settings.WeightByPositions), settings.Sigma)
        );
        return new Scores(map.MoveToOuterDisposeScope(), HfaeEquations.ImageScore(map).MoveToOuterDisposeScope()) { Parts = parts };
    }

    /// <summary>Records another anomaly map, and its maximum as an image score.</summary>
    private static void AddPart(Dictionary<string, Tensor> parts, string name, Tensor map)
    {
        parts[name] = map.MoveToOuterDisposeScope();
        parts[name + ".max"] = HfaeEquations.ImageScore(map).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public DetectorState Save() => new(Fitted.state_dict(), new Dictionary<string, string>());

    /// <inheritdoc/>
    public void Load(DetectorState state)
    {
        var decoder = NewDecoder();
        state.LoadInto(decoder);
        decoder.eval();
    }

    /// <inheritdoc/>
    public void Dispose() => _decoder?.Dispose();

    private ImageSize Size => ImageSize.Square(settings.ImageSize);

    private HfaeDecoder Fitted => _decoder ?? throw new InvalidOperationException("the detector has not been fitted");

    private HfaeDecoder NewDecoder()
    {
        _decoder?.Dispose();
        _decoder = new HfaeDecoder([.. settings.Layers.Select(layer => (long)_encoder.Channels(layer))], settings);
        _decoder.to(resources.Device);
        return _decoder;
    }

    /// <summary>Eq. (2): f_enc^1 ... f_enc^K, each <c>[N,c_k,h_k,w_k]</c>.</summary>
    private Tensor[] Encode(ImageBatch batch) => resources.Features.Get(batch, _encoder, settings.Layers, Size);

    /// <summary>phi_k of the levels in the settings, from f_enc^1 ... f_enc^K.</summary>
    private Tensor[] Residuals(Tensor[] encoded)
    {
        var decoded = Fitted.call(encoded[^1]);
        var lowest = encoded.Length - decoded.Length;
        return [.. settings.Levels.Select(k => HfaeEquations.ResidualMap(encoded[k - 1], decoded[k - 1 - lowest], settings.Normalise))];
    }

    private void CheckSizes(IImages normal)
    {
        using var scope = NewDisposeScope();
        var heights = Encode(new ImageBatch(normal, [0])).Select(feature => feature.shape[2]).ToArray();
        if (heights.Zip(heights.Skip(1)).All(pair => pair.First == 2 * pair.Second))
        {
            return;
        }

        throw new UserError(
            $"hfae: the layers {string.Join(", ", settings.Layers)} of {settings.Network} have heights {string.Join(", ", heights)} "
                + $"at image size {settings.ImageSize}, but each must be half of the one before; choose another image size (a multiple "
                + "of 32 suits every encoder)"
        );
    }
}
