using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The sum of all elements.</summary>
        public Tensor sum(ScalarType? type = null) => Aten.Call("aten::sum", this, type);

        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("aten::sum.dim_IntList", this, dim, keepdim, type);

        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => sum(dim.ToArray(), keepdim, type);

        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum(new[] { dim }, keepdim, type);

        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => sum(new[] { dim0, dim1 }, keepdim, type);

        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) => sum(new[] { dim0, dim1, dim2 }, keepdim, type);

        public Tensor mean() => Aten.Call("aten::mean", this);

        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Aten.Call("aten::mean.dim", this, dimensions, keepdim, type);

        public Tensor nansum() => Aten.Call("aten::nansum", this);

        public Tensor nanmean(int? dim = null, bool keepdim = false, ScalarType? dtype = null) =>
            Aten.Call("aten::nanmean", this, dim is null ? Argument.None : new[] { (long)dim.Value }, keepdim, dtype);

        public Tensor prod(ScalarType? type = null) => Aten.Call("aten::prod", this, type);

        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("aten::prod.dim_int", this, dim, keepdim, type);

        /// <summary>Over all elements; unbiased divides by n - 1, else by n.</summary>
        public Tensor std(bool unbiased = true) => Aten.Call("aten::std", this, unbiased);

        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            InType(Aten.Call("aten::std.dim", this, dimensions, unbiased, keepdim), type);

        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std(new[] { dim }, unbiased, keepdim, type);

        /// <summary>Over all elements; unbiased divides by n - 1, else by n.</summary>
        public Tensor var(bool unbiased = true) => Aten.Call("aten::var", this, unbiased);

        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            InType(Aten.Call("aten::var.dim", this, dimensions, unbiased, keepdim), type);

        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var(new[] { dim }, unbiased, keepdim, type);

        public (Tensor std, Tensor mean) std_mean(bool unbiased = true) => Aten.Call2("aten::std_mean", this, unbiased);

        public (Tensor @var, Tensor mean) var_mean(bool unbiased = true) => Aten.Call2("aten::var_mean", this, unbiased);

        public (Tensor std, Tensor mean) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null)
        {
            var (std, mean) = Aten.Call2("aten::std_mean.dim", this, dimensions, unbiased, keepdim);
            return (InType(std, type), InType(mean, type));
        }

        private static Tensor InType(Tensor tensor, ScalarType? type)
        {
            if (type is null || tensor.dtype == type) return tensor;
            using (tensor) return tensor.to_type(type.Value);
        }

        public Tensor max() => Aten.Call("aten::max", this);

        public Tensor max(Tensor other) => Aten.Call("aten::maximum", this, other);

        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.Call2("aten::max.dim", this, dim, keepdim);

        public Tensor amax(long[] dims, bool keepdim = false) => Aten.Call("aten::amax", this, dims, keepdim);

        public Tensor amax(params long[] dims) => Aten.Call("aten::amax", this, dims);

        public Tensor argmax() => Aten.Call("aten::argmax", this);

        public Tensor argmax(long dim, bool keepdim = false) => Aten.Call("aten::argmax", this, dim, keepdim);

        public Tensor min() => Aten.Call("aten::min", this);

        public Tensor min(Tensor other) => Aten.Call("aten::minimum", this, other);

        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.Call2("aten::min.dim", this, dim, keepdim);

        public Tensor amin(long[] dims, bool keepdim = false) => Aten.Call("aten::amin", this, dims, keepdim);

        public Tensor amin(params long[] dims) => Aten.Call("aten::amin", this, dims);

        public Tensor argmin() => Aten.Call("aten::argmin", this);

        public Tensor argmin(long dim, bool keepdim = false) => Aten.Call("aten::argmin", this, dim, keepdim);

        public (Tensor min, Tensor max) aminmax(long? dim = null, bool keepdim = false) => Aten.Call2("aten::aminmax", this, dim, keepdim);

        public Tensor all() => Aten.Call("aten::all", this);

        public Tensor all(long dim, bool keepdim = false) => Aten.Call("aten::all.dim", this, dim, keepdim);

        public Tensor any() => Aten.Call("aten::any", this);

        public Tensor any(long dim, bool keepdim = false) => Aten.Call("aten::any.dim", this, dim, keepdim);

        public Tensor count_nonzero(long[]? dims = null) =>
            dims is null ? Aten.Call("aten::count_nonzero", this) : Aten.Call("aten::count_nonzero.dim_IntList", this, dims);

        /// <summary>The p-norm of all elements.</summary>
        public Tensor norm(float p = 2.0f) => Aten.Call("aten::norm.Scalar", this, (double)p);

        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) =>
            Aten.Call("aten::norm.ScalarOpt_dim", this, (double)p, new[] { (long)dim }, keepdim);

        public Tensor dist(Tensor other, float p = 2.0f) => Aten.Call("aten::dist", this, other, (double)p);

        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.Call("aten::logsumexp", this, new[] { dim }, keepdim);

        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.Call("aten::cumsum", this, dim, type);

        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.Call("aten::cumprod", this, dim, type);

        public (Tensor values, Tensor indexes) cummax(long dim) => Aten.Call2("aten::cummax", this, dim);

        public (Tensor values, Tensor indexes) cummin(long dim) => Aten.Call2("aten::cummin", this, dim);

        /// <summary>The lower of the two middle elements when their number is even.</summary>
        public Tensor median() => Aten.Call("aten::median", this);

        public Tensor nanmedian() => Aten.Call("aten::nanmedian", this);

        /// <summary>Quantiles, interpolated linearly. dim -1 means all elements, not the last dimension: so does TorchSharp 0.106.</summary>
        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) =>
            Aten.Call("aten::quantile", this, q, dim == -1 ? Argument.None : dim, keepdim);

        public Tensor nanquantile(Tensor q, long dim = -1, bool keepdim = false) =>
            Aten.Call("aten::nanquantile", this, q, dim == -1 ? Argument.None : dim, keepdim);

        /// <summary>The k-th smallest element along a dimension, counted from 1, and its position.</summary>
        public (Tensor values, Tensor indices) kthvalue(long k, long? dim, bool keepdim = false) =>
            Aten.Call2("aten::kthvalue", this, k, dim ?? -1, keepdim);

        public (Tensor values, Tensor indices) mode(long dim = -1L, bool keepdim = false) => Aten.Call2("aten::mode", this, dim, keepdim);

        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Aten.Call2("aten::topk", this, (long)k, (long)dim, largest, sorted);

        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            Aten.Call2("aten::sort.stable", this, stable, dim, descending);

        public Tensor msort() => Aten.Call("aten::msort", this);

        public Tensor argsort(long dim = -1, bool descending = false) => Aten.Call("aten::argsort", this, dim, descending);

        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(
            bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            Requested(
                dim is null
                    ? Aten.Call3("aten::_unique2", this, sorted, return_inverse, return_counts)
                    : Aten.Call3("aten::unique_dim", this, (long)dim.Value, sorted, return_inverse, return_counts),
                return_inverse, return_counts);

        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(
            bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            Requested(Aten.Call3("aten::unique_consecutive", this, return_inverse, return_counts, (long?)dim), return_inverse, return_counts);

        private static (Tensor, Tensor?, Tensor?) Requested((Tensor Output, Tensor Inverse, Tensor Counts) result, bool inverse, bool counts)
        {
            if (!inverse) result.Inverse.Dispose();
            if (!counts) result.Counts.Dispose();
            return (result.Output, inverse ? result.Inverse : null, counts ? result.Counts : null);
        }

        public Tensor nonzero() => Aten.Call("aten::nonzero", this);

        public IList<Tensor> nonzero_as_list() => Aten.CallList("aten::nonzero_numpy", this);

        public Tensor argwhere() => Aten.Call("aten::argwhere", this);

        public Tensor histc(long bins = 100, long min = 0, long max = 0) => Aten.Call("aten::histc", this, bins, min, max);

        public Tensor bincount(Tensor? weights, long minlength = 0) => Aten.Call("aten::bincount", this, weights, minlength);

        public Tensor bucketize(Tensor boundaries, bool outInt32 = false, bool right = false) =>
            Aten.Call("aten::bucketize.Tensor", this, boundaries, outInt32, right);

        public Tensor trace() => Aten.Call("aten::trace", this);

        /// <summary>The covariance matrix of variables in rows and observations in columns; correction 1 divides by n - 1.</summary>
        public Tensor cov(long correction = 1, Tensor? fweights = null, Tensor? aweights = null) =>
            Aten.Call("aten::cov", this, correction, fweights, aweights);

        public Tensor corrcoef() => Aten.Call("aten::corrcoef", this);
    }
}
