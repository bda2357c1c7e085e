using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        // Views: they share this tensor's memory.

        public Tensor view(params long[] shape) => Aten.Call("aten::view", this, shape);

        public Tensor view_as(Tensor other) => view(other.shape);

        /// <summary>A view where the strides allow it, else a copy.</summary>
        public Tensor reshape(params long[] shape) => Aten.Call("aten::reshape", this, shape);

        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.Call("aten::flatten.using_ints", this, start_dim, end_dim);

        public Tensor unflatten(long dim, params long[] sizes)
        {
            var split = dim < 0 ? dim + Dimensions : dim;
            var old = shape;
            return view([.. old.Take((int)split), .. sizes, .. old.Skip((int)split + 1)]);
        }

        public Tensor ravel() => Aten.Call("aten::ravel", this);

        public Tensor permute(params long[] permutation) => Aten.Call("aten::permute", this, permutation);

        public Tensor transpose(long dim0, long dim1) => Aten.Call("aten::transpose.int", this, dim0, dim1);

        public Tensor t() => Aten.Call("aten::t", this);

        public Tensor T => Aten.Call("aten::numpy_T", this);

        /// <summary>The transpose of the last two dimensions.</summary>
        public Tensor mT => Aten.Call("aten::mT", this);

        public Tensor swapdims(long dim0, long dim1) => transpose(dim0, dim1);

        public Tensor swapaxes(long dim0, long dim1) => transpose(dim0, dim1);

        public Tensor movedim(long[] source, long[] destination) => Aten.Call("aten::movedim.intlist", this, source, destination);

        /// <summary>Removes dimension dim if its size is 1, or all such dimensions.</summary>
        public Tensor squeeze(long? dim = null) => dim is null ? Aten.Call("aten::squeeze", this) : Aten.Call("aten::squeeze.dim", this, dim);

        public Tensor squeeze_(long? dim = null) => dim is null ? InPlace("aten::squeeze_", this) : InPlace("aten::squeeze_.dim", this, dim);

        public Tensor unsqueeze(long dim) => Aten.Call("aten::unsqueeze", this, dim);

        public Tensor unsqueeze_(long dim) => InPlace("aten::unsqueeze_", this, dim);

        public Tensor expand(long[] sizes, bool isImplicit = false) => Aten.Call("aten::expand", this, sizes, isImplicit);

        public Tensor expand(params long[] sizes) => Aten.Call("aten::expand", this, sizes);

        public Tensor expand_as(Tensor other) => expand(other.shape);

        public Tensor broadcast_to(params long[] shape) => Aten.Call("aten::broadcast_to", this, shape);

        public Tensor narrow(long dim, long start, long length) => Aten.Call("aten::narrow", this, dim, start, length);

        public Tensor select(long dim, long index) => Aten.Call("aten::select.int", this, dim, index);

        public Tensor slice(long dim, long start, long finish, long step) => Aten.Call("aten::slice.Tensor", this, dim, start, finish, step);

        /// <summary>All windows of a size along a dimension; the windows become the last dimension.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.Call("aten::unfold", this, dimension, size, step);

        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0L) =>
            Aten.Call("aten::as_strided", this, size, strides, storageOffset);

        public Tensor diagonal(long offset = 0L, long dim1 = 0L, long dim2 = 1L) => Aten.Call("aten::diagonal", this, offset, dim1, dim2);

        public Tensor alias() => Aten.Call("aten::alias", this);

        public Tensor[] chunk(long chunks, long dim = 0L) => Aten.CallList("aten::chunk", this, chunks, dim);

        public Tensor[] split(long size, int dim = 0) => Aten.CallList("aten::split.Tensor", this, size, (long)dim);

        public Tensor[] split(long[] sizes, long dim = 0) => Aten.CallList("aten::split_with_sizes", this, sizes, dim);

        public Tensor[] tensor_split(long size, long dim = 0L) => Aten.CallList("aten::tensor_split.sections", this, size, dim);

        public Tensor[] unbind(long dimension = 0L) => Aten.CallList("aten::unbind.int", this, dimension);

        // Copies

        public Tensor clone() => Aten.Call("aten::clone", this);

        /// <summary>This tensor if its memory is row-major, else a copy that is.</summary>
        public Tensor contiguous() => Aten.Call("aten::contiguous", this);

        public Tensor copy_(Tensor source, bool nonBlocking = false) => InPlace("aten::copy_", this, source, nonBlocking);

        /// <summary>Makes this tensor share the memory and shape of the source.</summary>
        public Tensor set_(Tensor source) => InPlace("aten::set_.source_Tensor", this, source);

        public Tensor flip(params long[] dims) => Aten.Call("aten::flip", this, dims);

        public Tensor fliplr() => Aten.Call("aten::fliplr", this);

        public Tensor flipud() => Aten.Call("aten::flipud", this);

        public Tensor roll(long shifts, long? dims = null) => Aten.Call("aten::roll", this, new[] { shifts }, dims is null ? Array.Empty<long>() : [dims.Value]);

        public Tensor roll((long, long) shifts, (long, long) dims) => roll([shifts.Item1, shifts.Item2], [dims.Item1, dims.Item2]);

        public Tensor roll(long[] shifts, long[] dims) => Aten.Call("aten::roll", this, shifts, dims);

        /// <summary>Rotates k quarter turns in the plane of dims, from the first towards the second.</summary>
        public Tensor rot90(long k = 1, (long, long)? dims = null)
        {
            var (first, second) = dims ?? (0, 1);
            return Aten.Call("aten::rot90", this, k, new[] { first, second });
        }

        public Tensor repeat(params long[] sizes) => Aten.Call("aten::repeat", this, sizes);

        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Aten.Call("aten::repeat_interleave.self_Tensor", this, repeats, dim, output_size);

        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Aten.Call("aten::repeat_interleave.self_int", this, repeats, dim, output_size);

        public Tensor tile(long[] reps) => Aten.Call("aten::tile", this, reps);

        public Tensor tril(long diagonal = 0) => Aten.Call("aten::tril", this, diagonal);

        public Tensor triu(long diagonal = 0) => Aten.Call("aten::triu", this, diagonal);

        /// <summary>The diagonal of a matrix, or the matrix with a vector as its diagonal.</summary>
        public Tensor diag(long diagonal = 0) => Aten.Call("aten::diag", this, diagonal);

        public Tensor diag_embed(long offset = 0L, long dim1 = -2L, long dim2 = -1L) => Aten.Call("aten::diag_embed", this, offset, dim1, dim2);

        public Tensor diff(long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) =>
            Aten.Call("aten::diff", this, n, dim, prepend, append);

        // Element type and device

        /// <summary>This tensor if it has the type already, else a converted copy.</summary>
        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.Call("aten::to.dtype", this, type, non_blocking, copy), disposeAfter);

        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to_type(type, copy, disposeAfter, non_blocking);

        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.Call("aten::to.device", this, device, dtype, non_blocking, copy), disposeAfter);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.Call("aten::to.device", this, device, type, non_blocking, copy), disposeAfter);

        /// <summary>The type and device of another tensor.</summary>
        public Tensor to(Tensor other, bool non_blocking = false) => to(other.dtype, other.device, non_blocking: non_blocking);

        public Tensor type(ScalarType dtype) => to_type(dtype);

        public Tensor type_as(Tensor tensor) => to_type(tensor.dtype);

        public Tensor cpu() => to(CPU);

        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);

        public Tensor @bool() => to_type(ScalarType.Bool);

        public Tensor @byte() => to_type(ScalarType.Byte);

        public Tensor @char() => to_type(ScalarType.Int8);

        public Tensor @short() => to_type(ScalarType.Int16);

        public Tensor @int() => to_type(ScalarType.Int32);

        public Tensor @long() => to_type(ScalarType.Int64);

        public Tensor half() => to_type(ScalarType.Float16);

        public Tensor @float() => to_type(ScalarType.Float32);

        public Tensor @double() => to_type(ScalarType.Float64);

        private Tensor Converted(Tensor result, bool disposeAfter)
        {
            if (disposeAfter) Dispose();
            return result;
        }
    }
}
