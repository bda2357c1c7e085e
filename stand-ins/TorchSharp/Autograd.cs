using TorchSharp.PInvoke;

namespace TorchSharp;

/// <summary>Switches the recording of operations for autograd on or off on its thread, until it is disposed.</summary>
internal sealed class AutoGradMode : IDisposable
{
    private readonly bool previous;

    internal AutoGradMode(bool enabled)
    {
        torch.EnsureInitialized();
        previous = NativeMethods.THSAutograd_isGradEnabled();
        NativeMethods.THSAutograd_setGrad(enabled);
    }

    public void Dispose() => NativeMethods.THSAutograd_setGrad(previous);
}

/// <summary>Inference mode on its thread, until it is disposed there.</summary>
internal sealed class InferenceMode : IDisposable
{
    private nint guard;

    internal InferenceMode(bool mode)
    {
        torch.EnsureInitialized();
        guard = NativeMethods.THSAutograd_getInferenceModeGuard(mode);
    }

    public void Dispose()
    {
        if (guard == 0) return;
        NativeMethods.THSAutograd_deleteInferenceModeGuard(guard);
        guard = 0;
    }
}

public static partial class torch
{
    /// <summary>No operation is recorded for autograd until the result is disposed.</summary>
    public static IDisposable no_grad() => new AutoGradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new AutoGradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new AutoGradMode(mode);

    public static bool is_grad_enabled() => NativeMethods.THSAutograd_isGradEnabled();

    /// <summary>As <see cref="no_grad"/>, and tensors made meanwhile can never take part in autograd: the fastest way to run a fitted model.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    public static bool is_inference_mode_enabled() => NativeMethods.THSAutograd_isInferenceModeEnabled();

    /// <summary>Gradients of recorded computations.</summary>
    public static partial class autograd
    {
        /// <summary>The gradients of outputs, weighted by grad_outputs, with respect to inputs; null for an unused input where allow_unused.</summary>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false,
            bool create_graph = false, bool allow_unused = false)
        {
            var (outputHandles, inputHandles, gradHandles) = (Handles(outputs), Handles(inputs), Handles(grad_outputs));
            var results = new nint[inputs.Count];
            fixed (nint* output = outputHandles, input = inputHandles, gradient = gradHandles, result = results)
            {
                NativeMethods.Check(NativeMethods.THSAutograd_grad(
                    output, outputHandles.Length, input, inputHandles.Length, gradient, gradHandles.Length,
                    retain_graph, create_graph, allow_unused, result));
            }
            GC.KeepAlive((outputs, inputs, grad_outputs));
            return results.Select(handle => handle == 0 ? null! : new Tensor(handle)).ToArray();
        }

        /// <summary>Adds the gradients of tensors, weighted by grad_tensors, to the grad of the leaves (or of inputs only).</summary>
        public static unsafe void backward(
            IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false,
            IList<Tensor>? inputs = null)
        {
            var (handles, gradHandles, inputHandles) = (Handles(tensors), Handles(grad_tensors), Handles(inputs));
            fixed (nint* tensor = handles, gradient = gradHandles, input = inputHandles)
            {
                NativeMethods.Check(NativeMethods.THSAutograd_backward(
                    tensor, handles.Length, gradient, gradHandles.Length, retain_graph ?? create_graph, create_graph, input, inputHandles.Length));
            }
            GC.KeepAlive((tensors, grad_tensors, inputs));
        }

        public static void backward(
            Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(
            Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        private static nint[] Handles(IList<Tensor>? tensors) => tensors?.Select(tensor => (nint)tensor.Handle).ToArray() ?? [];
    }
}
