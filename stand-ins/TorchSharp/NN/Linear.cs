namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>x weight^T + bias. Weights and bias start as PyTorch's do: uniform in +-1 / sqrt(inputs).</summary>
        public sealed class Linear : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            internal Linear(long inputSize, long outputSize, bool hasBias, torch.Device? device, torch.ScalarType? dtype) : base(nameof(Linear))
            {
                (in_features, out_features) = (inputSize, outputSize);
                weight = torch.nn.Parameter(torch.empty(outputSize, inputSize, dtype, device));
                torch.nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
                if (!hasBias) return;
                bias = torch.nn.Parameter(torch.empty(outputSize, dtype, device));
                var bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
                torch.nn.init.uniform_(bias, -bound, bound);
            }

            public long in_features { get; set; }

            public long out_features { get; set; }

            public Parameter? bias
            {
                get => Registered(nameof(bias));
                set => Own(nameof(bias), value);
            }

            public Parameter weight
            {
                get => Registered(nameof(weight))!;
                set => Own(nameof(weight), value ?? throw new ArgumentNullException(nameof(weight)));
            }

            /// <param name="tensor">[.., in_features]</param>
            public override torch.Tensor forward(torch.Tensor tensor) => torch.nn.functional.linear(tensor, weight, bias);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, outputSize, hasBias, device, dtype);
        }
    }
}
