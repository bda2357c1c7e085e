using Reproduction.Formats;
using Reproduction.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The one-class support vector machine of Schölkopf et al. with an RBF kernel, as libsvm and scikit-learn define it: what
/// <c>gaussian</c> compares with on the same features (Tables V and VIII).
/// </summary>
internal sealed class OneClassSvm : ILevelModel
{
    private readonly Tensor _supportVectors;
    private readonly Tensor _coefficients;
    private readonly Tensor _centre;
    private readonly double _gamma;
    private readonly double _offset;

    private OneClassSvm(Tensor supportVectors, Tensor coefficients, double gamma, double offset)
    {
        _supportVectors = supportVectors.DetachFromDisposeScope();
        _coefficients = coefficients.DetachFromDisposeScope();
        _centre = supportVectors.mean([0L]).DetachFromDisposeScope();
        _gamma = gamma;
        _offset = offset;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Tensors =>
        new Dictionary<string, Tensor> { ["support_vectors"] = _supportVectors, ["coefficients"] = _coefficients };

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Numbers => new Dictionary<string, double> { ["gamma"] = _gamma, ["offset"] = _offset };

    /// <summary>The machine with these parameters.</summary>
    /// <param name="state">What <see cref="Tensors"/> and <see cref="Numbers"/> gave.</param>
    /// <param name="features">D, the number of features that will be scored.</param>
    /// <param name="device">Where they will be.</param>
    /// <exception cref="UserError">Something is missing, of another shape, or not finite.</exception>
    public static OneClassSvm Load(DetectorState state, long features, Device device)
    {
        using var scope = torch.NewDisposeScope();
        Tensor Copy(string name, params long[] shape) => state.Tensor(name, ScalarType.Float64, shape).to(device, copy: true);
        var support = Copy("support_vectors", DetectorState.Any, features);
        return new OneClassSvm(support, Copy("coefficients", support.shape[0]), state.Number("gamma"), state.Number("offset"));
    }

    /// <summary>Trains on normal samples with gamma = 1 / (D * variance of all entries), scikit-learn's "scale".</summary>
    /// <param name="samples">Features <c>[N,D]</c> of normal images.</param>
    /// <param name="nu">Upper bound on the share of training images that are left outside, in (0, 1].</param>
    /// <exception cref="UserError">The features are all equal or not all finite, nu is out of range, or no solution is found.</exception>
    public static OneClassSvm Fit(Tensor samples, double nu)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64).cpu();
        var (n, d) = ((int)x.shape[0], x.shape[1]);
        var (least, most) = (x.min().item<double>(), x.max().item<double>());
        var gamma = 1 / (d * (x - x.mean()).square().mean().item<double>());
        if (least == most || !double.IsFinite(gamma))
        {
            throw new UserError(
                $"one-class SVM: the {n} x {d} features lie between {least} and {most}; "
                    + "their variance is the kernel's width, so they must be finite and vary"
            );
        }
        using var kernel = new RbfKernel(x, gamma);
        var (coefficients, offset, _) = SequentialMinimalOptimization.Solve(kernel, nu);
        var support = Enumerable.Range(0, n).Where(i => coefficients[i] != 0).ToArray();
        var device = samples.device;
        return new OneClassSvm(
            x.index_select(0, torch.tensor(support.Select(i => (long)i).ToArray())).to(device),
            torch.tensor(support.Select(i => coefficients[i]).ToArray()).to(device),
            gamma,
            offset
        );
    }

    /// <summary>Minus the decision value, sum_i alpha_i exp(-gamma |x_i - x|^2) - rho.</summary>
    /// <param name="features">Features <c>[N,D]</c> as those that it was trained on.</param>
    /// <returns>Scores <c>[N]</c>, positive outside.</returns>
    public Tensor Score(Tensor features)
    {
        using var scope = torch.NewDisposeScope();
        var kernel = RbfKernel.Between(features.to(ScalarType.Float64) - _centre, _supportVectors - _centre, _gamma);
        return (_offset - kernel.mm(_coefficients.unsqueeze(1)).squeeze(1)).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public OnnxValue Export(OnnxValue features)
    {
        using var scope = torch.NewDisposeScope();
        var model = features.Model;
        var x = features - model.Constant(_centre);
        var support = _supportVectors - _centre;
        var products = x.MatMul(model.Constant(support.t()));
        var squares = x.Square().Sum([1], keepdim: true) + model.Constant(support.square().sum([1L]).unsqueeze(0));
        var kernel = (-_gamma * (squares - (2 * products)).ClampMin(0)).Exp();
        return _offset - kernel.MatMul(model.Constant(_coefficients.unsqueeze(1))).Reshape(-1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _supportVectors.Dispose();
        _coefficients.Dispose();
        _centre.Dispose();
    }
}
