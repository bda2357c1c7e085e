using TorchSharp.PInvoke;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Element types, with libtorch's numbers.</summary>
    public enum ScalarType : sbyte
    {
        Byte = 0,
        Int8 = 1,
        Int16 = 2,
        Int32 = 3,
        Int64 = 4,
        Float16 = 5,
        Float32 = 6,
        Float64 = 7,
        ComplexFloat32 = 9,
        ComplexFloat64 = 10,
        Bool = 11,
        BFloat16 = 15
    }

    /// <summary>
    /// A multi-dimensional array in libtorch's memory. Names, parameters and results are those of PyTorch's Tensor; a member
    /// whose name ends in an underscore changes the tensor in place and returns it. An error of libtorch is an
    /// <see cref="System.Runtime.InteropServices.ExternalException"/> with libtorch's message.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long totalCount;
        private static long peakCount;

        private nint handle;

        internal Tensor(nint handle, bool register = true)
        {
            this.handle = handle;
            var count = Interlocked.Increment(ref totalCount);
            if (count > peakCount) peakCount = count;
            if (register) OwningDisposeScope = DisposeScopeManager.ThreadSingleton.Register(this);
        }

        ~Tensor()
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned == 0) return;
            Interlocked.Decrement(ref totalCount);
            NativeMethods.THSTensor_dispose(owned);
        }

        /// <summary>Tensors alive in the process.</summary>
        public static long TotalCount => totalCount;

        public static long PeakCount => peakCount;

        internal DisposeScope? OwningDisposeScope { get; set; }

        /// <exception cref="ObjectDisposedException">The tensor is disposed.</exception>
        public IntPtr Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Tensor), "The tensor was used after it was disposed.");

        public bool IsInvalid => handle == 0;

        public string? name { get; set; }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        /// <summary>Frees the native tensor; a second call does nothing.</summary>
        protected virtual void Dispose(bool disposing)
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned == 0) return;
            DisposeScopeManager.ThreadSingleton.Disposing(this);
            OwningDisposeScope?.MarkAsDisposed(this);
            Interlocked.Decrement(ref totalCount);
            NativeMethods.THSTensor_dispose(owned);
        }

        /// <summary>Gives the native tensor away; this object is then as if disposed.</summary>
        internal nint Release()
        {
            var released = Handle;
            handle = 0;
            DisposeScopeManager.ThreadSingleton.Disposing(this);
            OwningDisposeScope?.MarkAsDisposed(this);
            Interlocked.Decrement(ref totalCount);
            GC.SuppressFinalize(this);
            return released;
        }

        /// <summary>Puts the native tensor of another object, which is then as if disposed, in the place of the own one.</summary>
        internal void Become(Tensor other)
        {
            var freed = Interlocked.Exchange(ref handle, other.Release());
            if (freed != 0) NativeMethods.THSTensor_dispose(freed);
        }

        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.OwningDisposeScope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (OwningDisposeScope is null) other?.Attach(this);
            else OwningDisposeScope.MoveToOther(other, this);
            return this;
        }

        // Metadata

        public long Dimensions => Alive(NativeMethods.THSTensor_ndimension(Handle));

        public long dim() => Dimensions;

        public long ndim => Dimensions;

        public long NumberOfElements => Alive(NativeMethods.THSTensor_numel(Handle));

        public long numel() => NumberOfElements;

        /// <summary>Bytes of one element.</summary>
        public long ElementSize => Alive(NativeMethods.THSTensor_element_size(Handle));

        public long element_size() => ElementSize;

        public long storage_offset() => Alive(NativeMethods.THSTensor_storage_offset(Handle));

        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[Dimensions];
                fixed (long* target = sizes) NativeMethods.THSTensor_sizes(Handle, target);
                return Alive(sizes);
            }
        }

        public long[] size() => shape;

        /// <param name="dim">A dimension; a negative one counts from the last.</param>
        public long size(int dim) => Aten.CallScalar("aten::size.int", this, dim).Integer;

        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* target = strides) NativeMethods.THSTensor_strides(Handle, target);
            return Alive(strides);
        }

        public long stride(int dim) => Aten.CallScalar("aten::stride.int", this, dim).Integer;

        public ScalarType dtype => (ScalarType)Alive(NativeMethods.THSTensor_type(Handle));

        public DeviceType device_type => (DeviceType)Alive(NativeMethods.THSTensor_device_type(Handle));

        public int device_index => Alive(NativeMethods.THSTensor_device_index(Handle));

        public Device device => device_type == DeviceType.CPU ? CPU : new Device(device_type, device_index);

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_meta => device_type == DeviceType.META;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_sparse => Alive(NativeMethods.THSTensor_is_sparse(Handle));

        public bool is_contiguous() => Alive(NativeMethods.THSTensor_is_contiguous(Handle));

        public bool is_integral() => torch.is_integral(dtype);

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_complex() => torch.is_complex(dtype);

        /// <summary>Keeps the tensor from its finalizer until the native call that produced the value has returned.</summary>
        private T Alive<T>(T value)
        {
            GC.KeepAlive(this);
            return value;
        }

        // Elements

        internal unsafe void* DataPointer()
        {
            var pointer = NativeMethods.THSTensor_data(Handle);
            if (pointer is null && NumberOfElements > 0) throw NativeMethods.Failure();
            return pointer;
        }

        /// <summary>The memory of a contiguous CPU tensor. It is valid as long as the tensor is.</summary>
        /// <exception cref="InvalidOperationException">The tensor is not contiguous or not on the CPU.</exception>
        public unsafe Span<byte> bytes
        {
            get
            {
                if (!is_contiguous()) throw new InvalidOperationException("Bytes() called on non-contiguous tensor.");
                if (device_type != DeviceType.CPU)
                    throw new InvalidOperationException("Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
                var total = NumberOfElements * ElementSize;
                if (total > int.MaxValue) throw new ArgumentException("Span only supports up to int.MaxValue elements.");
                return new Span<byte>(DataPointer(), (int)total);
            }
            set
            {
                var target = bytes;
                if (target.Length != value.Length) throw new ArgumentException("Mismatched data sizes in SetBytes().");
                value.CopyTo(target);
            }
        }

        /// <summary>The elements; those of a tensor on another device are copied to the CPU first.</summary>
        /// <exception cref="ArgumentException">T is not the .NET type of the tensor's dtype.</exception>
        public TensorAccessor<T> data<T>() where T : unmanaged
        {
            var expected = DotNetType(dtype);
            if (expected is not null && expected != typeof(T)) throw new ArgumentException($"{typeof(T).Name} is not compatible with {dtype}");
            return new TensorAccessor<T>(device_type == DeviceType.CPU ? this : cpu());
        }

        /// <summary>The only element.</summary>
        public T item<T>() where T : unmanaged =>
            NumberOfElements == 1 ? data<T>()[0] : throw new ArgumentException("Number of elements in the tensor must be 1");

        /// <summary>The only element, whatever its type.</summary>
        public Scalar ToScalar() => Aten.CallScalar("aten::item", this);

        public bool is_nonzero() => Aten.CallScalar("aten::is_nonzero", this).Integer != 0;

        private static Type? DotNetType(ScalarType type) => type switch
        {
            ScalarType.Byte => typeof(byte),
            ScalarType.Int8 => typeof(sbyte),
            ScalarType.Int16 => typeof(short),
            ScalarType.Int32 => typeof(int),
            ScalarType.Int64 => typeof(long),
            ScalarType.Float16 => typeof(Half),
            ScalarType.Float32 => typeof(float),
            ScalarType.Float64 => typeof(double),
            ScalarType.Bool => typeof(bool),
            ScalarType.ComplexFloat64 => typeof(System.Numerics.Complex),
            _ => null
        };

        public double ReadCpuDouble(long i) => data<double>()[i];

        public float ReadCpuSingle(long i) => data<float>()[i];

        public int ReadCpuInt32(long i) => data<int>()[i];

        public long ReadCpuInt64(long i) => data<long>()[i];

        public byte ReadCpuByte(long i) => data<byte>()[i];

        public bool ReadCpuBool(long i) => data<bool>()[i];

        // Autograd

        public bool requires_grad
        {
            get => Alive(NativeMethods.THSTensor_requires_grad(Handle));
            set => NativeMethods.Check(NativeMethods.THSTensor_set_requires_grad(Handle, value));
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Keeps the gradient of a tensor that is not a leaf.</summary>
        public void retain_grad() => Aten.Run("aten::retain_grad", this);

        public bool is_leaf => Alive(NativeMethods.THSTensor_is_leaf(Handle));

        /// <summary>The accumulated gradient, or null. Each read gives a new object over the same memory.</summary>
        public Tensor? grad
        {
            get
            {
                var result = Alive(NativeMethods.THSTensor_grad(Handle));
                if (result != 0) return new Tensor(result);
                var error = NativeMethods.LastError();
                return error is null ? null : throw new System.Runtime.InteropServices.ExternalException(error);
            }
            set
            {
                NativeMethods.Check(NativeMethods.THSTensor_set_grad(Handle, value?.Handle ?? 0));
                GC.KeepAlive(value);
            }
        }

        public void backward() => backward(null);

        /// <summary>Adds the gradient of this scalar (or of its product with grad_tensors) to the leaves' grad.</summary>
        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);

        public Tensor detach() => Aten.Call("aten::detach", this);

        public Tensor detach_() => InPlace("aten::detach_", this);

        /// <summary>Shape, type and device, not the elements.</summary>
        public override string ToString() => this.metastr();

        /// <summary>Calls an operator that changes this tensor.</summary>
        private Tensor InPlace(string op, params ReadOnlySpan<Argument> arguments)
        {
            Aten.Run(op, arguments);
            return this;
        }
    }
}
