using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp.PInvoke;

[assembly: DisableRuntimeMarshalling]

namespace TorchSharp.PInvoke;

/// <summary>The C ABI of native/: all parameters are blittable, and every entry that can fail returns null or -1 and keeps its message.</summary>
internal static unsafe partial class NativeMethods
{
    private const string Library = "LibTorchSharp";

    [DllImport(Library)] internal static extern nint THSTorch_find_operator(byte* qualified_name);
    [DllImport(Library)] internal static extern int THSTorch_call(nint op, NativeValue* arguments, int count, NativeValue* results, int capacity);
    [DllImport(Library)] internal static extern void THSTorch_free(void* array);
    [DllImport(Library)] private static extern byte* THSTorch_get_and_reset_last_err();
    [DllImport(Library)] internal static extern int THSTorch_get_num_threads();
    [DllImport(Library)] internal static extern void THSTorch_set_num_threads(int threads);
    [DllImport(Library)] internal static extern int THSTorch_manual_seed(long seed);

    [DllImport(Library)] internal static extern void THSTensor_dispose(nint tensor);
    [DllImport(Library)] internal static extern long THSTensor_ndimension(nint tensor);
    [DllImport(Library)] internal static extern long THSTensor_numel(nint tensor);
    [DllImport(Library)] internal static extern long THSTensor_element_size(nint tensor);
    [DllImport(Library)] internal static extern long THSTensor_storage_offset(nint tensor);
    [DllImport(Library)] internal static extern sbyte THSTensor_type(nint tensor);
    [DllImport(Library)] internal static extern int THSTensor_device_type(nint tensor);
    [DllImport(Library)] internal static extern int THSTensor_device_index(nint tensor);
    [DllImport(Library)] internal static extern bool THSTensor_is_contiguous(nint tensor);
    [DllImport(Library)] internal static extern bool THSTensor_is_leaf(nint tensor);
    [DllImport(Library)] internal static extern bool THSTensor_is_sparse(nint tensor);
    [DllImport(Library)] internal static extern bool THSTensor_requires_grad(nint tensor);
    [DllImport(Library)] internal static extern void THSTensor_sizes(nint tensor, long* sizes);
    [DllImport(Library)] internal static extern void THSTensor_strides(nint tensor, long* strides);
    [DllImport(Library)] internal static extern void* THSTensor_data(nint tensor);
    [DllImport(Library)]
    internal static extern nint THSTensor_from_blob(
        void* data, delegate* unmanaged<nint, void> release, nint context, long* sizes, int count, sbyte dtype);
    [DllImport(Library)] internal static extern int THSTensor_set_requires_grad(nint tensor, bool requires_grad);
    [DllImport(Library)] internal static extern nint THSTensor_grad(nint tensor);
    [DllImport(Library)] internal static extern int THSTensor_set_grad(nint tensor, nint grad);

    [DllImport(Library)]
    internal static extern int THSAutograd_backward(
        nint* tensors, int count, nint* grad_tensors, int grad_count, bool retain_graph, bool create_graph, nint* inputs, int input_count);
    [DllImport(Library)]
    internal static extern int THSAutograd_grad(
        nint* outputs, int output_count, nint* inputs, int input_count, nint* grad_outputs, int grad_count,
        bool retain_graph, bool create_graph, bool allow_unused, nint* results);
    [DllImport(Library)] internal static extern bool THSAutograd_isGradEnabled();
    [DllImport(Library)] internal static extern void THSAutograd_setGrad(bool enabled);
    [DllImport(Library)] internal static extern bool THSAutograd_isInferenceModeEnabled();
    [DllImport(Library)] internal static extern nint THSAutograd_getInferenceModeGuard(bool mode);
    [DllImport(Library)] internal static extern void THSAutograd_deleteInferenceModeGuard(nint guard);

    [DllImport(Library)] internal static extern nint THSGenerator_default_generator();
    [DllImport(Library)] internal static extern nint THSGenerator_new(ulong seed, int device_type, int device_index);
    [DllImport(Library)] internal static extern void THSGenerator_dispose(nint generator);
    [DllImport(Library)] internal static extern ulong THSGenerator_initial_seed(nint generator);
    [DllImport(Library)] internal static extern void THSGenerator_manual_seed(nint generator, ulong seed);
    [DllImport(Library)] internal static extern nint THSGenerator_get_state(nint generator);
    [DllImport(Library)] internal static extern int THSGenerator_set_state(nint generator, nint state);

    [DllImport(Library)] internal static extern bool THSTorchCuda_is_available();
    [DllImport(Library)] internal static extern bool THSTorchCuda_cudnn_is_available();
    [DllImport(Library)] internal static extern int THSTorchCuda_device_count();
    [DllImport(Library)] internal static extern int THSTorchCuda_synchronize(long device_index);
    [DllImport(Library)] internal static extern int THSCuda_manual_seed(long seed, bool all_devices);

    /// <summary>libtorch's message for the last failure on this thread, or null.</summary>
    internal static string? LastError()
    {
        var message = THSTorch_get_and_reset_last_err();
        if (message is null) return null;
        var text = Marshal.PtrToStringUTF8((nint)message);
        THSTorch_free(message);
        return text;
    }

    /// <summary>The exception for the last failure on this thread.</summary>
    internal static Exception Failure() => new ExternalException(LastError() ?? "libtorch failed without a message");

    internal static nint Check(nint handle) => handle != 0 ? handle : throw Failure();

    internal static void Check(int status)
    {
        if (status < 0) throw Failure();
    }
}
