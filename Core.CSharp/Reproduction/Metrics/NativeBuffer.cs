using System.Runtime.InteropServices;

namespace Reproduction.Metrics;

/// <summary>
/// Uninitialised native memory for arrays of tens of millions of pixels: it is given back at once when disposed,
/// where the garbage collector would keep several such arrays alive at the same time.
/// </summary>
internal sealed unsafe class NativeBuffer<T> : IDisposable where T : unmanaged
{
    private T* pointer;

    public NativeBuffer(long length)
    {
        Length = length;
        pointer = (T*)NativeMemory.Alloc((nuint)length, (nuint)sizeof(T));
    }

    ~NativeBuffer() => Free();

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    public T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(pointer == null, this);
            return pointer;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(pointer);
        pointer = null;
    }
}
