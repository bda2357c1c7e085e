namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>What batch norms share: a scale, a shift, and running statistics of what they saw in training.</summary>
        public abstract class NormBase : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            private protected NormBase(
                long num_features, double eps, double? momentum, bool affine, bool track_running_stats, torch.Device? device, torch.ScalarType? dtype,
                string name) : base(name)
            {
                (this.num_features, this.eps, this.momentum) = (num_features, eps, momentum);
                (this.affine, this.track_running_stats) = (affine, track_running_stats);
                if (affine)
                {
                    weight = torch.nn.Parameter(torch.ones(num_features, dtype, device));
                    bias = torch.nn.Parameter(torch.zeros(num_features, dtype, device));
                }
                if (!track_running_stats) return;
                running_mean = torch.zeros(num_features, dtype, device);
                running_var = torch.ones(num_features, dtype, device);
                num_batches_tracked = torch.zeros([], torch.ScalarType.Int64, device);
            }

            public long num_features { get; }

            public double eps { get; set; }

            /// <summary>The weight of the newest batch in the running statistics; null averages all batches.</summary>
            public double? momentum { get; set; }

            public bool affine { get; }

            public bool track_running_stats { get; }

            public Parameter? bias
            {
                get => Registered(nameof(bias));
                set => Own(nameof(bias), value);
            }

            public Parameter weight
            {
                get => Registered(nameof(weight))!;
                set => Own(nameof(weight), value);
            }

            public torch.Tensor? running_mean
            {
                get => RegisteredBuffer(nameof(running_mean));
                set => OwnBuffer(nameof(running_mean), value);
            }

            public torch.Tensor? running_var
            {
                get => RegisteredBuffer(nameof(running_var));
                set => OwnBuffer(nameof(running_var), value);
            }

            public torch.Tensor? num_batches_tracked
            {
                get => RegisteredBuffer(nameof(num_batches_tracked));
                set => OwnBuffer(nameof(num_batches_tracked), value);
            }
        }

        /// <summary>Normalises each channel over batch and space.</summary>
        public abstract class BatchNorm : NormBase
        {
            private protected BatchNorm(
                long num_features, double eps, double momentum, bool affine, bool track_running_stats, torch.Device? device, torch.ScalarType? dtype,
                string name) : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name)
            {
            }

            protected abstract void ValidateInputDimensions(torch.Tensor input);

            public override torch.Tensor forward(torch.Tensor input)
            {
                ValidateInputDimensions(input);
                var tracking = training && track_running_stats;
                if (tracking) num_batches_tracked!.add_(1);
                var factor = momentum ?? (tracking ? 1.0 / num_batches_tracked!.ToScalar().ToDouble() : 0);
                return torch.nn.functional.batch_norm(
                    input, running_mean, running_var, weight, bias, training || running_mean is null, factor, eps);
            }
        }

        public sealed class BatchNorm1d : BatchNorm
        {
            internal BatchNorm1d(
                long num_features, double eps, double momentum, bool affine, bool track_running_stats, torch.Device? device, torch.ScalarType? dtype) :
                base(num_features, eps, momentum, affine, track_running_stats, device, dtype, nameof(BatchNorm1d))
            {
            }

            protected override void ValidateInputDimensions(torch.Tensor input)
            {
                if (input.ndim is not (2 or 3)) throw new ArgumentException($"expected 2D or 3D input, but got {input.ndim}D input.");
            }
        }

        public sealed class BatchNorm2d : BatchNorm
        {
            internal BatchNorm2d(
                long num_features, double eps, double momentum, bool affine, bool track_running_stats, torch.Device? device, torch.ScalarType? dtype) :
                base(num_features, eps, momentum, affine, track_running_stats, device, dtype, nameof(BatchNorm2d))
            {
            }

            protected override void ValidateInputDimensions(torch.Tensor input)
            {
                if (input.ndim != 4) throw new ArgumentException($"expected 4D input, but got {input.ndim}D input.");
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.BatchNorm1d BatchNorm1d(
                long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);

            public static Modules.BatchNorm2d BatchNorm2d(
                long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
        }
    }
}
