using TorchSharp.PInvoke;

namespace TorchSharp;

/// <content>Functions of several tensors.</content>
public static partial class torch
{
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Aten.Call("aten::cat", tensors.ToArray(), dim);

    public static Tensor cat(Tensor[] tensors, long dim = 0) => Aten.Call("aten::cat", tensors, dim);

    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Aten.Call("aten::cat", tensors.ToArray(), dim);

    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.Call("aten::stack", tensors.ToArray(), dim);

    public static Tensor hstack(IList<Tensor> tensors) => Aten.Call("aten::hstack", tensors.ToArray());

    public static Tensor hstack(params Tensor[] tensors) => Aten.Call("aten::hstack", tensors);

    public static Tensor vstack(IList<Tensor> tensors) => Aten.Call("aten::vstack", tensors.ToArray());

    public static Tensor vstack(Tensor[] tensors) => Aten.Call("aten::vstack", tensors);

    public static Tensor dstack(IList<Tensor> tensors) => Aten.Call("aten::dstack", tensors.ToArray());

    public static Tensor dstack(params Tensor[] tensors) => Aten.Call("aten::dstack", tensors);

    public static Tensor column_stack(params Tensor[] tensors) => Aten.Call("aten::column_stack", tensors);

    public static Tensor block_diag(params Tensor[] tensors) => Aten.Call("aten::block_diag", tensors);

    public static Tensor cartesian_prod(params Tensor[] tensors) => Aten.Call("aten::cartesian_prod", tensors);

    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") =>
        Aten.CallList("aten::meshgrid.indexing", tensors.ToArray(), indexing);

    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Aten.CallList("aten::broadcast_tensors", tensors);

    /// <summary>The sum of products that the equation describes in Einstein's notation, e.g. <c>"bij,bjk->bik"</c>.</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.Call("aten::einsum", equation, tensors);

    public static Tensor where(Tensor condition, Tensor x, Tensor y) => x.where(condition, y);

    /// <summary>The indices at which the condition holds, a tensor a dimension.</summary>
    public static Tensor[] where(Tensor condition) => Aten.CallList("aten::where", condition);

    public static Tensor movedim(Tensor input, long source, long destination) => Aten.Call("aten::movedim.int", input, source, destination);

    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0L) => tensor.split(split_size_or_sections, dim);

    public static Tensor take_along_dim(Tensor input, Tensor indices, long dim = 0L) => input.take_along_dim(indices, dim);

    /// <summary>For each value the position at which it keeps the innermost dimension of sorted_sequence sorted; right puts it behind equals.</summary>
    public static Tensor searchsorted(Tensor sorted_sequence, Tensor values, bool out_int32 = false, bool right = false, Tensor? sorter = null) =>
        Aten.Call("aten::searchsorted.Tensor", sorted_sequence, values, out_int32, right, Argument.None, sorter);

    public static Tensor bincount(Tensor input, Tensor? weights = null, long minlength = 0) => input.bincount(weights, minlength);

    /// <summary>The p-norm distances between the rows of x1 [.., P, M] and of x2 [.., R, M]: [.., P, R].</summary>
    public static Tensor cdist(
        Tensor x1, Tensor x2, double p = 2.0, compute_mode compute_mode = compute_mode.use_mm_for_euclid_dist_if_necessary) =>
        Aten.Call("aten::cdist", x1, x2, p, (long)compute_mode);

    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

    public static Tensor amax(Tensor input, long[] dims, bool keepdim = false) => input.amax(dims, keepdim);

    public static Tensor amin(Tensor input, long[] dims, bool keepdim = false) => input.amin(dims, keepdim);

    public static Tensor std(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);

    public static Tensor std(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);

    public static Tensor var(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);

    public static Tensor var(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);

    public static Tensor inverse(Tensor input) => linalg.inv(input);

    public static Tensor norm(Tensor input) => input.norm();

    /// <summary>A complex tensor.</summary>
    public static Tensor complex(Tensor real, Tensor imag) => Aten.Call("aten::complex", real, imag);
}
