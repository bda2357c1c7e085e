using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor bernoulli(Generator? generator = null) => Aten.Call("aten::bernoulli", this, generator);

        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => InPlace("aten::bernoulli_.float", this, p, generator);

        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Aten.Call("aten::multinomial", this, num_samples, replacement, generator);

        public Tensor poisson(Generator? generator = null) => Aten.Call("aten::poisson", this, generator);

        public Tensor normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) => InPlace("aten::normal_", this, mean, std, generator);

        public Tensor uniform_(double from, double to, Generator? generator = null) => InPlace("aten::uniform_", this, from, to, generator);

        public Tensor exponential_(double lambda = 1.0, Generator? generator = null) => InPlace("aten::exponential_", this, lambda, generator);

        /// <summary>Integers in [from, to).</summary>
        public Tensor random_(double from, double to, Generator? generator = null) => InPlace("aten::random_.from", this, (long)from, (long)to, generator);

        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::zeros_like", this, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::ones_like", this, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::empty_like", this, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::rand_like", this, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::randn_like", this, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::full_like", this, value, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor randint_like(long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::randint_like.low_dtype", this, low, high, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor new_zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::new_zeros", this, size, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor new_empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::new_empty", this, size, dtype, Argument.None, device).with_requires_grad(requires_grad);

        public Tensor new_full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Aten.Call("aten::new_full", this, size, value, dtype, Argument.None, device).with_requires_grad(requires_grad);
    }
}
