using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Favae;

/// <summary>
/// The toy data of section 3.1 and appendix A of <see cref="Favae"/>: grey images <c>[N,1,H,W]</c> in float64, whose grey values are not
/// bounded.
/// </summary>
/// <param name="NormalDeviation">sigma_n, the standard deviation of the normal images' white noise.</param>
/// <param name="AmplitudeDeviation">sigma_a, the standard deviation of the amplitude G of the anomalous images' stripes.</param>
public sealed record ToyDistribution(double NormalDeviation, double AmplitudeDeviation)
{
    /// <summary>Height and width in pixels; d is its square.</summary>
    public const int Side = 128;

    /// <summary>
    /// psi, the number of stripes. As printed, sin(2 pi psi j + phi) with psi = 5 is the same for every integer j, so that there would be
    /// no stripes: j must be the share of the image's height.
    /// </summary>
    public const int Stripes = 5;

    /// <summary>
    /// The constants of appendix A as printed. They break the appendix's own condition: a stripe's pixel deviates from the background by
    /// sigma_a / sqrt 2 = 0.0403 on average, more than the noise of the normal images, and half of the anomalous images are less likely
    /// than any normal one.
    /// </summary>
    public static ToyDistribution AsPrinted { get; } = new(0.0285, 0.0570);

    /// <summary>The same with the two constants exchanged, which keeps the condition and gives figure 1.</summary>
    public static ToyDistribution Exchanged { get; } = new(0.0570, 0.0285);

    /// <summary>White noise on a background of one grey value: mu ~ N(0, 1), x_k ~ N(mu, sigma_n^2).</summary>
    /// <returns><c>[count,1,128,128]</c>.</returns>
    public Tensor Normal(int count, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        var background = torch.randn([count, 1, 1, 1], ScalarType.Float64, generator: generator);
        var noise = torch.randn([count, 1, Side, Side], ScalarType.Float64, generator: generator);
        return (background + noise * NormalDeviation).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Horizontal stripes on a background of one grey value: x_ij = mu + G sin(2 pi psi j / H + phi), with G ~ N(0, sigma_a^2).
    /// </summary>
    /// <returns><c>[count,1,128,128]</c>.</returns>
    public Tensor Anomalous(int count, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        var background = torch.randn([count, 1, 1, 1], ScalarType.Float64, generator: generator);
        var amplitude = torch.randn([count, 1, 1, 1], ScalarType.Float64, generator: generator) * AmplitudeDeviation;
        var phase = torch.rand([count, 1, 1, 1], ScalarType.Float64, generator: generator) * (2 * Math.PI);
        var row = torch.arange(Side, ScalarType.Float64).reshape(1, 1, Side, 1) / Side;
        var stripes = amplitude * (row * (2 * Math.PI * Stripes) + phase).sin();
        return (background + stripes).expand(count, 1, Side, Side).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The same pixels in random order, each image in its own: what the shuffled anomalies are made of (section 3.1).</summary>
    public static Tensor Shuffled(Tensor images, Generator generator)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = images.flatten(1);
        var order = torch.rand(pixels.shape, generator: generator).argsort(1);
        return pixels.gather(1, order).reshape(images.shape).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// The VAE that is optimal for the toy data's normal images (appendix B): one latent variable z ~ N(0, 1), which the decoder broadcasts to
/// all pixels, and gamma = sigma_n; so p(x) = q_n(x), and everything about it is known in closed form.
/// </summary>
/// <param name="deviation">sigma_n.</param>
public sealed class OptimalToyVae(double deviation)
{
    private readonly double _variance = deviation * deviation;

    /// <summary>log p(x) = log N(x; 0, sigma_n^2 I + 1 1^T), in nats.</summary>
    /// <param name="images"><c>[N,1,H,W]</c>.</param>
    /// <returns><c>[N]</c>.</returns>
    public Tensor LogLikelihood(Tensor images)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = images.flatten(1);
        var d = pixels.shape[1];
        // The covariance has the eigenvalue sigma_n^2 + d once and sigma_n^2 otherwise; its inverse is that of Sherman and Morrison.
        var quadratic = (pixels.square().sum(1) - pixels.sum(1).square() / (_variance + d)) / _variance;
        var logDeterminant = ((d - 1) * Math.Log(_variance)) + Math.Log(_variance + d);
        return (-0.5 * (quadratic + (logDeterminant + (d * Math.Log(2 * Math.PI))))).MoveToOuterDisposeScope();
    }

    /// <summary>The posterior p(z|x) of equation (10).</summary>
    /// <param name="images"><c>[N,1,H,W]</c>.</param>
    /// <returns>Mean <c>[N]</c>, and the variance, which is the same for all images.</returns>
    public (Tensor Mean, double Variance) Posterior(Tensor images)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = images.flatten(1);
        var total = _variance + pixels.shape[1];
        return ((pixels.sum(1) / total).MoveToOuterDisposeScope(), _variance / total);
    }

    /// <summary>
    /// Equation (1) for an encoder that answers N(mean, variance): the expected log probability less the divergence from the prior.
    /// </summary>
    /// <param name="images"><c>[N,1,H,W]</c>.</param>
    /// <param name="mean"><c>[N]</c>.</param>
    /// <param name="variance">Of z, for all images.</param>
    /// <returns><c>[N]</c>, in nats.</returns>
    public Tensor Elbo(Tensor images, Tensor mean, double variance)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = images.flatten(1);
        var d = pixels.shape[1];
        var squares = (pixels - mean.reshape(-1, 1)).square().sum(1) + (d * variance);
        var reconstruction = -0.5 * (squares / _variance + (d * Math.Log(2 * Math.PI * _variance)));
        var divergence = 0.5 * (mean.square() + (variance - Math.Log(variance) - 1));
        return (reconstruction - divergence).MoveToOuterDisposeScope();
    }

    /// <summary>The typicality score of equation (2), with the posterior's mean for z: 0 at best.</summary>
    /// <param name="images"><c>[N,1,H,W]</c>.</param>
    /// <returns><c>[N]</c>, in nats a pixel.</returns>
    public Tensor Typicality(Tensor images)
    {
        using var scope = torch.NewDisposeScope();
        var (mean, _) = Posterior(images);
        var residual = images.flatten(1) - mean.reshape(-1, 1);
        return (-(0.5 - residual.square().mean([1L]) / (2 * _variance)).abs()).MoveToOuterDisposeScope();
    }
}
