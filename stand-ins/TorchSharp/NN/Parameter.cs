namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>A tensor that a module learns. It takes the data's place: the data's own object is empty afterwards.</summary>
        public class Parameter : torch.Tensor
        {
            public Parameter(torch.Tensor data, bool requires_grad = true) : this(data, data.OwningDisposeScope, requires_grad)
            {
            }

            private Parameter(torch.Tensor data, DisposeScope? owner, bool requires_grad) : base(data.with_requires_grad(requires_grad).Release()) =>
                owner?.Adopt(this);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}
