using TorchSharp.PInvoke;

namespace TorchSharp;

/// <summary>
/// The functions of PyTorch's <c>torch</c> module over libtorch's operators, with the names, parameters and defaults of
/// TorchSharp 0.106. What a function computes is what PyTorch documents under the same name.
/// </summary>
public static partial class torch
{
    private static readonly Lazy<bool> initialized = new(() =>
    {
        // Debian's libtorch starts with one thread; PyTorch's own builds start with all cores unless told otherwise.
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null) NativeMethods.THSTorch_set_num_threads(Environment.ProcessorCount);
        return true;
    });

    public const ScalarType uint8 = ScalarType.Byte;
    public const ScalarType int8 = ScalarType.Int8;
    public const ScalarType int16 = ScalarType.Int16;
    public const ScalarType int32 = ScalarType.Int32;
    public const ScalarType int64 = ScalarType.Int64;
    public const ScalarType float16 = ScalarType.Float16;
    public const ScalarType half = ScalarType.Float16;
    public const ScalarType bfloat16 = ScalarType.BFloat16;
    public const ScalarType float32 = ScalarType.Float32;
    public const ScalarType float64 = ScalarType.Float64;
    public const ScalarType complex64 = ScalarType.ComplexFloat32;
    public const ScalarType complex128 = ScalarType.ComplexFloat64;
    public const ScalarType @bool = ScalarType.Bool;
    public const ScalarType @short = ScalarType.Int16;
    public const ScalarType @int = ScalarType.Int32;
    public const ScalarType @long = ScalarType.Int64;
    public const ScalarType @float = ScalarType.Float32;
    public const ScalarType @double = ScalarType.Float64;

    /// <summary>The version of the TorchSharp interface that this assembly stands in for.</summary>
    public static string __version__ => "0.106.0";

    /// <summary>Loads libtorch; every entry that does not start from a tensor goes through it.</summary>
    internal static void EnsureInitialized() => _ = initialized.Value;

    /// <summary>Opens a scope that disposes the tensors created on this thread until it is disposed itself.</summary>
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.ThreadSingleton.NewDisposeScope();

    /// <summary>Runs func in a dispose scope of its own that its result outlives.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }

    public static bool is_integral(ScalarType type) =>
        type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;

    public static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;

    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;

    public static bool is_floating_point(Tensor input) => is_floating_point(input.dtype);

    public static bool is_complex(Tensor input) => is_complex(input.dtype);

    public static long numel(Tensor input) => input.numel();

    /// <summary>The element type that an operator over both tensors computes in.</summary>
    public static ScalarType result_type(Tensor tensor1, Tensor tensor2) =>
        (ScalarType)Aten.CallScalar("aten::result_type.Tensor", tensor1, tensor2).Integer;

    public static ScalarType get_default_dtype() => ScalarType.Float32;

    public static Device get_default_device() => CPU;

    /// <summary>Threads that one operator uses.</summary>
    public static int get_num_threads()
    {
        EnsureInitialized();
        return NativeMethods.THSTorch_get_num_threads();
    }

    /// <exception cref="ArgumentOutOfRangeException">The number is not positive.</exception>
    public static void set_num_threads(int num)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(num);
        EnsureInitialized();
        NativeMethods.THSTorch_set_num_threads(num);
    }

    public static bool cuda_is_available() => cuda.is_available();

    /// <summary>NVIDIA devices. With a libtorch built without CUDA there are none.</summary>
    public static partial class cuda
    {
        public static bool is_available()
        {
            EnsureInitialized();
            return NativeMethods.THSTorchCuda_is_available();
        }

        public static bool is_cudnn_available()
        {
            EnsureInitialized();
            return NativeMethods.THSTorchCuda_cudnn_is_available();
        }

        public static int device_count()
        {
            EnsureInitialized();
            return NativeMethods.THSTorchCuda_device_count();
        }

        /// <summary>Seeds the current device.</summary>
        public static void manual_seed(long seed) => NativeMethods.Check(NativeMethods.THSCuda_manual_seed(seed, false));

        public static void manual_seed_all(long seed) => NativeMethods.Check(NativeMethods.THSCuda_manual_seed(seed, true));

        /// <summary>Waits until the device has done all work that was given to it.</summary>
        public static void synchronize(Device? device = null)
        {
            EnsureInitialized();
            NativeMethods.Check(NativeMethods.THSTorchCuda_synchronize(device?.index ?? -1));
        }
    }
}
