using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The one-class support vector machine of Schölkopf et al. with an RBF kernel, trained by libsvm: what <c>gaussian</c> compares with
/// on the same features (Tables V and VIII).
/// </summary>
internal sealed unsafe partial class OneClassSvm : ILevelModel
{
    private const string Library = "reproduction_native";
    private const int ErrorSize = 256;

    private readonly Tensor _supportVectors;
    private readonly Tensor _coefficients;
    private readonly double _gamma;
    private readonly double _offset;

    private OneClassSvm(Tensor supportVectors, Tensor coefficients, double gamma, double offset)
    {
        _supportVectors = supportVectors.DetachFromDisposeScope();
        _coefficients = coefficients.DetachFromDisposeScope();
        _gamma = gamma;
        _offset = offset;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Tensors => new Dictionary<string, Tensor>
    {
        ["support_vectors"] = _supportVectors,
        ["coefficients"] = _coefficients,
    };

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Numbers => new Dictionary<string, double>
    {
        ["gamma"] = _gamma,
        ["offset"] = _offset,
    };

    /// <summary>The machine with these parameters.</summary>
    public static OneClassSvm Load(IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, double> numbers, Device device)
    {
        using var scope = torch.NewDisposeScope();
        Tensor Copy(string name) => tensors[name].to(ScalarType.Float64).to(device).clone();
        return new OneClassSvm(Copy("support_vectors"), Copy("coefficients"), numbers["gamma"], numbers["offset"]);
    }

    /// <summary>Trains on normal samples with gamma = 1 / (D * variance of all entries), scikit-learn's "scale".</summary>
    /// <param name="samples">Features <c>[N,D]</c> of normal images.</param>
    /// <param name="nu">Upper bound on the share of training images that are left outside.</param>
    public static OneClassSvm Fit(Tensor samples, double nu)
    {
        using var scope = torch.NewDisposeScope();
        var x = samples.to(ScalarType.Float64).cpu().contiguous();
        var (n, d) = ((int)x.shape[0], (int)x.shape[1]);
        var gamma = 1 / (d * (x - x.mean()).square().mean().item<double>());
        var coefficients = new double[n];
        var error = stackalloc byte[ErrorSize];
        double offset;
        int status;
        fixed (double* rows = x.data<double>().ToArray())
        fixed (double* result = coefficients)
            status = native_svm_one_class_train(rows, n, d, gamma, nu, result, out offset, error, ErrorSize);
        if (status != 0)
        {
            throw new InvalidOperationException($"libsvm: {Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(error))}");
        }
        var support = Enumerable.Range(0, n).Where(i => coefficients[i] != 0).ToArray();
        var device = samples.device;
        return new OneClassSvm(
            x.index_select(0, torch.tensor(support.Select(i => (long)i).ToArray())).to(device),
            torch.tensor(support.Select(i => coefficients[i]).ToArray()).to(device),
            gamma,
            offset);
    }

    /// <summary>Minus the decision value, sum_i alpha_i exp(-gamma |x_i - x|^2) - rho.</summary>
    public Tensor Score(Tensor features)
    {
        using var scope = torch.NewDisposeScope();
        var x = features.to(ScalarType.Float64);
        var squaredDistances = x.square().sum([1L]).unsqueeze(1) + _supportVectors.square().sum([1L]) - (2 * x.matmul(_supportVectors.t()));
        var kernel = (squaredDistances.clamp_min(0) * -_gamma).exp();
        return (_offset - kernel.matmul(_coefficients)).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _supportVectors.Dispose();
        _coefficients.Dispose();
    }

    [LibraryImport(Library)]
    private static partial int native_svm_one_class_train(
        double* rows, int n, int d, double gamma, double nu, double* coefficients, out double offset, byte* error, nuint errorSize);
}
