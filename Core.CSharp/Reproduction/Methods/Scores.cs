using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>Anomaly scores of a batch; larger is more anomalous. Disposing frees the tensors.</summary>
/// <param name="Map">float32 <c>[N,1,H,W]</c> on any device, one score a pixel; null where the paper has no localisation.</param>
/// <param name="Image">float32 <c>[N]</c>, one score an image.</param>
public sealed record Scores(Tensor? Map, Tensor Image) : IDisposable
{
    /// <summary>
    /// Named partial scores, each <c>[N]</c> (image) or <c>[N,1,H,W]</c> (map): levels of a sum, residual maps, members of an ensemble.
    /// Their metrics are recorded as <c>image_auroc.NAME</c>, <c>pixel_auroc.NAME</c> and so on.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Parts { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>float32 <c>[N,3,H,W]</c> in 0..1: the images as the model restores them; null where it restores no image.</summary>
    public Tensor? Reconstruction { get; init; }

    /// <summary>
    /// Refuses scores that no threshold can judge: a comparison with NaN is false, so that such an image would be called good.
    /// </summary>
    /// <param name="name">What the n-th image of the batch is called, for the message.</param>
    /// <exception cref="UserError">The first image whose score or map holds NaN or an infinity.</exception>
    public void CheckFinite(Func<int, string> name)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var finite = Image.isfinite();
        if (Map is { } map)
        {
            finite = finite.logical_and(map.isfinite().flatten(1).all(1));
        }

        var each = finite.cpu().data<bool>().ToArray();
        if (Array.IndexOf(each, false) is var first and >= 0)
        {
            throw new UserError(
                $"{name(first)}: its score is no finite number, so that it cannot be judged; the fitted model is of no use: "
                    + "fit again, with more images or a lower learning rate"
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Map?.Dispose();
        Reconstruction?.Dispose();
        Image.Dispose();
        foreach (var part in Parts.Values)
        {
            part.Dispose();
        }
    }
}

/// <summary>A threshold with its name; the runner records the false and true positive rates that it achieves on the test images.</summary>
/// <param name="Name">For example <c>sigma3</c> or <c>fpr0.005</c>.</param>
/// <param name="Threshold">Scores that reach it are called anomalous.</param>
/// <param name="Part">The partial score that it belongs to; null for the method's main score.</param>
/// <param name="Pixel">Whether it applies to the pixels of the map rather than to image scores.</param>
/// <param name="Target">The false positive rate that was asked for, as a fraction.</param>
public sealed record OperatingPoint(string Name, double Threshold, string? Part, bool Pixel, double Target);
