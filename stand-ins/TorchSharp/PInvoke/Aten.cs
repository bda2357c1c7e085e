using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.PInvoke;

/// <summary>
/// Calls libtorch's operators by their qualified names, e.g. <c>aten::add.Tensor</c>, with arguments in the order of the
/// operator's schema. Trailing arguments may be left out when the schema has defaults for them.
/// </summary>
internal static unsafe class Aten
{
    private const int StackBytes = 2048;

    private static readonly ConcurrentDictionary<string, nint> operators = new();

    private static nint Find(string name) =>
        operators.TryGetValue(name, out var op) ? op : operators.GetOrAdd(name, static name =>
        {
            torch.EnsureInitialized();
            fixed (byte* utf8 = System.Text.Encoding.UTF8.GetBytes(name + "\0")) return NativeMethods.Check(NativeMethods.THSTorch_find_operator(utf8));
        });

    [SkipLocalsInit]
    private static void Invoke(string name, ReadOnlySpan<Argument> arguments, NativeValue* results, int capacity)
    {
        var op = Find(name);
        var bytes = arguments.Length * sizeof(NativeValue);
        foreach (ref readonly var argument in arguments) bytes += argument.ScratchBytes;
        if (bytes <= StackBytes)
        {
            var buffer = stackalloc byte[StackBytes];
            Invoke(op, arguments, buffer, results, capacity);
        }
        else
        {
            var buffer = (byte*)NativeMemory.Alloc((nuint)bytes);
            try
            {
                Invoke(op, arguments, buffer, results, capacity);
            }
            finally
            {
                NativeMemory.Free(buffer);
            }
        }
    }

    private static void Invoke(nint op, ReadOnlySpan<Argument> arguments, byte* buffer, NativeValue* results, int capacity)
    {
        var values = (NativeValue*)buffer;
        var scratch = buffer + arguments.Length * sizeof(NativeValue);
        for (var i = 0; i < arguments.Length; i++)
        {
            arguments[i].Write(values + i, scratch);
            scratch += arguments[i].ScratchBytes;
        }
        NativeMethods.Check(NativeMethods.THSTorch_call(op, values, arguments.Length, results, capacity));
        // A finalizer must not free a tensor while libtorch reads it.
        foreach (ref readonly var argument in arguments) GC.KeepAlive(argument.Reference);
    }

    /// <summary>Calls an operator for its effect.</summary>
    internal static void Run(string name, params ReadOnlySpan<Argument> arguments) => Invoke(name, arguments, null, 0);

    /// <summary>Calls an operator that returns one tensor.</summary>
    internal static torch.Tensor Call(string name, params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(name, arguments, &result, 1);
        return new torch.Tensor((nint)result.Bits);
    }

    /// <summary>Calls an operator that returns two tensors.</summary>
    internal static (torch.Tensor, torch.Tensor) Call2(string name, params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[2];
        Invoke(name, arguments, results, 2);
        return (new torch.Tensor((nint)results[0].Bits), new torch.Tensor((nint)results[1].Bits));
    }

    /// <summary>Calls an operator that returns three tensors.</summary>
    internal static (torch.Tensor, torch.Tensor, torch.Tensor) Call3(string name, params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[3];
        Invoke(name, arguments, results, 3);
        return (new torch.Tensor((nint)results[0].Bits), new torch.Tensor((nint)results[1].Bits), new torch.Tensor((nint)results[2].Bits));
    }

    /// <summary>Calls an operator that returns four tensors.</summary>
    internal static (torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor) Call4(string name, params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[4];
        Invoke(name, arguments, results, 4);
        return (new torch.Tensor((nint)results[0].Bits), new torch.Tensor((nint)results[1].Bits),
            new torch.Tensor((nint)results[2].Bits), new torch.Tensor((nint)results[3].Bits));
    }

    /// <summary>Calls an operator that returns a list of tensors.</summary>
    internal static torch.Tensor[] CallList(string name, params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(name, arguments, &result, 1);
        var handles = (nint*)result.Bits;
        var tensors = new torch.Tensor[result.Length];
        for (var i = 0; i < tensors.Length; i++) tensors[i] = new torch.Tensor(handles[i]);
        NativeMethods.THSTorch_free(handles);
        return tensors;
    }

    /// <summary>Calls an operator that returns a number.</summary>
    internal static Scalar CallScalar(string name, params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(name, arguments, &result, 1);
        return result.Kind switch
        {
            ValueKind.Boolean => result.Bits != 0,
            ValueKind.Integer => result.Bits,
            _ => BitConverter.Int64BitsToDouble(result.Bits)
        };
    }
}
