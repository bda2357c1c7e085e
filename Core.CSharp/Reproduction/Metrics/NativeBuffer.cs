using System.Runtime.InteropServices;

namespace Reproduction.Metrics;

/// <summary>
/// Uninitialised native memory for arrays of tens of millions of pixels: it is given back at once when disposed,
/// where the garbage collector would keep several such arrays alive at the same time.
/// </summary>
internal sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private T* _pointer;

    public NativeBuffer(long length)
    {
        Length = length;
        _pointer = (T*)NativeMemory.Alloc((nuint)length, (nuint)sizeof(T));
    }

    ~NativeBuffer() => Free();

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    public T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer == null, this);
            return _pointer;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_pointer);
        _pointer = null;
    }
}
