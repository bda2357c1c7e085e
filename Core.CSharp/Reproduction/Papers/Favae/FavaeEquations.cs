using static TorchSharp.torch;

namespace Reproduction.Papers.Favae;

/// <summary>The equations of the paper. All probabilities are normal with diagonal covariance, in nats.</summary>
public static class FavaeEquations
{
    private static readonly double LogTwoPi = Math.Log(2 * Math.PI);

    /// <summary>z of q(z|x), reparameterised: its mean plus its deviation times noise (section 3).</summary>
    /// <param name="mean"><c>[N,latent,1,1]</c>.</param>
    /// <param name="logVariance">Likewise.</param>
    /// <param name="noise">Standard normal, likewise.</param>
    public static Tensor Reparameterised(Tensor mean, Tensor logVariance, Tensor noise) => mean + (logVariance * 0.5).exp() * noise;

    /// <summary>KL(q(z|x) | p(z)) with a standard normal prior: the last term of equation (8).</summary>
    /// <param name="mean">Of q(z|x), <c>[N,latent,1,1]</c>.</param>
    /// <param name="logVariance">Likewise.</param>
    /// <returns><c>[N]</c>.</returns>
    public static Tensor Divergence(Tensor mean, Tensor logVariance) =>
        0.5 * (mean.square() + logVariance.exp() - logVariance - 1).flatten(1).sum(1);

    /// <summary>
    /// -log p(y|z) of equation (8) for one layer y, the pixels (y_0 = x) or features, summed over channels: one variance a channel
    /// (section 4.2).
    /// </summary>
    /// <param name="target">y, <c>[N,C,H,W]</c>.</param>
    /// <param name="mean">Of p(y|z), likewise.</param>
    /// <param name="logVariance"><c>[C]</c>.</param>
    /// <returns><c>[N,1,H,W]</c>.</returns>
    public static Tensor NegativeLogProbability(Tensor target, Tensor mean, Tensor logVariance)
    {
        var scaled = (target - mean) * (logVariance * -0.5).exp().reshape(1, -1, 1, 1);
        return 0.5 * (scaled.square().sum([1L], keepdim: true) + (logVariance + LogTwoPi).sum());
    }

    /// <summary>The hat of equation (8): a layer's map, brought to the image's size bilinearly (figure 2b).</summary>
    /// <param name="map"><c>[N,1,h,w]</c>.</param>
    /// <param name="height">Of the image.</param>
    /// <param name="width">Likewise.</param>
    /// <returns><c>[N,1,height,width]</c>.</returns>
    public static Tensor Upsampled(Tensor map, long height, long width) =>
        map.shape[2] == height
            ? map
            : nn.functional.interpolate(map, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);

    /// <summary>What equation (8) is the negative of, for each image.</summary>
    /// <param name="negativeLogProbabilities">Of the pixels and of every layer, at the image's size, <c>[N,1+L,H,W]</c>.</param>
    /// <param name="divergence">The KL term, <c>[N]</c>.</param>
    /// <returns><c>[N]</c>.</returns>
    public static Tensor Elbo(Tensor negativeLogProbabilities, Tensor divergence) =>
        -negativeLogProbabilities.flatten(1).sum(1) - divergence;
}
