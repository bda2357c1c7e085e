using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor index_select(long dim, Tensor index) => Aten.Call("aten::index_select", this, dim, index);

        public Tensor gather(long dim, Tensor index) => Aten.Call("aten::gather", this, dim, index);

        public Tensor take(Tensor index) => Aten.Call("aten::take", this, index);

        public Tensor take_along_dim(Tensor indices) => Aten.Call("aten::take_along_dim", this, indices);

        public Tensor take_along_dim(Tensor indices, long dim) => Aten.Call("aten::take_along_dim", this, indices, dim);

        public Tensor masked_select(Tensor mask) => Aten.Call("aten::masked_select", this, mask);

        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.Call("aten::masked_fill.Scalar", this, mask, value);

        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.Call("aten::masked_scatter", this, mask, value);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.Call("aten::scatter.src", this, dim, index, src);

        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.Call("aten::scatter_add", this, dim, index, src);

        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.Call("aten::index_add", this, dim, index, source, alpha);

        public Tensor index_copy(long dim, Tensor index, Tensor source) => Aten.Call("aten::index_copy", this, dim, index, source);

        public Tensor index_fill(long dim, Tensor index, Scalar value) => Aten.Call("aten::index_fill.int_Scalar", this, dim, index, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => InPlace("aten::masked_fill_.Scalar", this, mask, value);

        public Tensor masked_scatter_(Tensor mask, Tensor value) => InPlace("aten::masked_scatter_", this, mask, value);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => InPlace("aten::scatter_.src", this, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => InPlace("aten::scatter_add_", this, dim, index, src);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => InPlace("aten::index_add_", this, dim, index, source, alpha);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) => InPlace("aten::index_copy_", this, dim, index, source);

        public Tensor index_fill_(long dim, Tensor index, Scalar value) => InPlace("aten::index_fill_.int_Scalar", this, dim, index, value);

        /// <summary>This tensor where the condition holds, else y.</summary>
        public Tensor where(Tensor condition, Tensor y) => condition.dtype == ScalarType.Bool
            ? Aten.Call("aten::where.self", condition, this, y)
            : throw new ArgumentException("The condition to 'where' must be a boolean tensor.");

        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>One index a dimension, from the first; fewer indices than dimensions give a sub-tensor, which shares memory.</summary>
        public Tensor this[params long[] indices]
        {
            get => index(Array.ConvertAll(indices, TensorIndex.FromLong));
            set => index_put_(value, Array.ConvertAll(indices, TensorIndex.FromLong));
        }

        public Tensor index(params TensorIndex[] indices) => WithIndices(indices, static (view, tensors) =>
            tensors is null ? view.alias() : Aten.Call("aten::index.Tensor", view, Argument.OptionalTensors(tensors)));

        public Tensor index(params Tensor[] indices) => index(Array.ConvertAll(indices, TensorIndex.Tensor));

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        /// <summary>Writes the value, broadcast, to the indexed elements; accumulate adds it instead.</summary>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            WithIndices(indices, (view, tensors) =>
            {
                if (tensors is not null) Aten.Run("aten::index_put_", view, Argument.OptionalTensors(tensors), value, accumulate);
                else if (accumulate) view.add_(value);
                else view.copy_(value);
                return this;
            });
            return this;
        }

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            index_put_(value, Array.ConvertAll(indices, TensorIndex.Tensor), accumulate);

        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using Tensor scalar = Aten.Call("aten::scalar_tensor", value, dtype, Argument.None, device);
            return index_put_(scalar, indices, false);
        }

        /// <summary>
        /// Applies numbers, slices and new axes as views, and passes the result with the index tensors by dimension (null
        /// when there are none) to the function. Everything made on the way is disposed.
        /// </summary>
        private Tensor WithIndices(TensorIndex[] indices, Func<Tensor, Tensor?[]?, Tensor> function)
        {
            var owned = new List<Tensor>();
            var tensors = new Dictionary<int, Tensor>();
            var view = this;
            var dim = 0;
            void Step(Tensor next)
            {
                owned.Add(next);
                view = next;
            }

            try
            {
                foreach (var index in indices)
                {
                    switch (index.kind)
                    {
                        case TensorIndex.Kind.Single:
                            Step(view.select(dim, index.start!.Value));
                            break;
                        case TensorIndex.Kind.Slice:
                            Step(Aten.Call("aten::slice.Tensor", view, (long)dim, index.start, index.stop, index.step ?? 1));
                            dim++;
                            break;
                        case TensorIndex.Kind.None or TensorIndex.Kind.Null:
                            Step(view.unsqueeze(dim));
                            dim++;
                            break;
                        case TensorIndex.Kind.Ellipsis:
                            dim += (int)(Dimensions - indices.Sum(ConsumedDimensions));
                            break;
                        case TensorIndex.Kind.Bool:
                            Step(view.unsqueeze(dim));
                            Tensor mask = tensor(new[] { index.start != 0 }, device: device);
                            owned.Add(mask);
                            tensors[dim++] = mask;
                            break;
                        case TensorIndex.Kind.Tensor:
                            tensors[dim] = index.tensor!;
                            dim += (int)ConsumedDimensions(index);
                            break;
                    }
                }
                var byDimension = tensors.Count == 0 ? null : new Tensor?[tensors.Keys.Max() + 1];
                foreach (var (position, tensor) in tensors) byDimension![position] = tensor;
                return function(view, byDimension);
            }
            finally
            {
                owned.ForEach(tensor => tensor.Dispose());
            }
        }

        /// <summary>How many dimensions of the indexed tensor an index stands for; a mask stands for as many as it has.</summary>
        private static long ConsumedDimensions(TensorIndex index) => index.kind switch
        {
            TensorIndex.Kind.Single or TensorIndex.Kind.Slice => 1,
            TensorIndex.Kind.Tensor => index.tensor!.dtype is ScalarType.Bool or ScalarType.Byte ? index.tensor.Dimensions : 1,
            _ => 0
        };
    }
}
