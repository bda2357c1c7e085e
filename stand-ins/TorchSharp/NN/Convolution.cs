namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>What all convolutions share. Weights and bias start as PyTorch's do: uniform in +-1 / sqrt(fan in).</summary>
        public abstract class Convolution : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            private readonly int spatial;

            private protected Convolution(
                string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type,
                long[] dilation, bool transposed, long[] output_padding, long groups, bool bias, PaddingModes padding_mode, torch.Device? device,
                torch.ScalarType? dtype) : base(name)
            {
                if (transposed && padding_mode != PaddingModes.Zeros)
                    throw new ArgumentException("Only PaddingModes.Zeros is supported for ConvTransposeND", nameof(padding_mode));
                spatial = kernel_size.Length;
                (this.in_channels, this.out_channels, this.transposed, this.groups) = (in_channels, out_channels, transposed, groups);
                (this.kernel_size, this.stride, this.dilation, this.output_padding) = (kernel_size, stride, dilation, output_padding);
                (this.padding, this.padding_type, this.padding_mode) = (padding, padding_type, padding_mode);
                long[] channels = transposed ? [in_channels, out_channels / groups] : [out_channels, in_channels / groups];
                weight = torch.nn.Parameter(torch.empty([.. channels, .. kernel_size], dtype, device));
                if (bias) this.bias = torch.nn.Parameter(torch.empty(out_channels, dtype, device));
                reset_parameters();
            }

            public long in_channels { get; }

            public long out_channels { get; }

            public bool transposed { get; }

            public long groups { get; set; }

            public long[] kernel_size { get; set; }

            public long[] stride { get; set; }

            public long[] dilation { get; set; }

            public long[] output_padding { get; set; }

            /// <summary>Null where <see cref="padding_type"/> is given.</summary>
            public long[]? padding { get; }

            public Padding? padding_type { get; }

            public PaddingModes padding_mode { get; set; }

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

            public void reset_parameters()
            {
                torch.nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
                var (fanIn, _) = torch.nn.init.CalculateFanInAndFanOut(weight);
                if (bias is not null && fanIn != 0) torch.nn.init.uniform_(bias, -1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn));
            }

            private protected void RequireShape(torch.Tensor input)
            {
                var shape = input.shape;
                var batched = shape.Length == spatial + 2 && shape[1] == in_channels;
                if (batched || (shape.Length == spatial + 1 && shape[0] == in_channels)) return;
                throw new ArgumentException(
                    $"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input with {in_channels} channels to {GetName()}, " +
                    $"not [{string.Join(", ", shape)}].");
            }

            /// <summary>How far the input is extended on both sides of each dimension, from the last to the first.</summary>
            private protected long[] Extension => [.. Enumerable.Range(0, spatial).Reverse().SelectMany(i =>
            {
                if (padding is not null) return new[] { padding[i], padding[i] };
                var total = padding_type == Padding.Same ? dilation[i] * (kernel_size[i] - 1) : 0;
                return [total / 2, total - total / 2];
            })];
        }

        public sealed class Conv1d : Convolution
        {
            internal Conv1d(
                long in_channels, long out_channels, long kernel_size, long stride, long? padding, Padding? padding_type, long dilation, long groups,
                bool bias, PaddingModes padding_mode, torch.Device? device, torch.ScalarType? dtype) : base(
                nameof(Conv1d), in_channels, out_channels, [kernel_size], [stride], padding is null ? null : [padding.Value], padding_type, [dilation],
                false, [0], groups, bias, padding_mode, device, dtype)
            {
            }

            /// <param name="input">[N, in_channels, L]</param>
            public override torch.Tensor forward(torch.Tensor input)
            {
                RequireShape(input);
                if (padding_mode == PaddingModes.Zeros && padding is not null)
                    return torch.nn.functional.conv1d(input, weight, bias, stride[0], padding[0], dilation[0], groups);
                using var padded = torch.nn.functional.pad(input, Extension, padding_mode);
                return torch.nn.functional.conv1d(padded, weight, bias, stride[0], 0, dilation[0], groups);
            }
        }

        public sealed class Conv2d : Convolution
        {
            internal Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long) stride, (long, long)? padding, Padding? padding_type,
                (long, long) dilation, long groups, bool bias, PaddingModes padding_mode, torch.Device? device, torch.ScalarType? dtype) : base(
                nameof(Conv2d), in_channels, out_channels, [kernel_size.Item1, kernel_size.Item2], [stride.Item1, stride.Item2],
                padding is null ? null : [padding.Value.Item1, padding.Value.Item2], padding_type, [dilation.Item1, dilation.Item2], false, [0, 0],
                groups, bias, padding_mode, device, dtype)
            {
            }

            /// <param name="input">[N, in_channels, H, W]</param>
            public override torch.Tensor forward(torch.Tensor input)
            {
                RequireShape(input);
                if (padding_mode != PaddingModes.Zeros)
                {
                    using var padded = torch.nn.functional.pad(input, Extension, padding_mode);
                    return torch.nn.functional.conv2d(padded, weight, bias, stride, [0, 0], dilation, groups);
                }
                return padding_type is { } type
                    ? torch.nn.functional.conv2d_padding(input, weight, bias, stride, type, dilation, groups)
                    : torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups);
            }
        }

        /// <summary>The convolution of which the gradient with respect to its input is computed.</summary>
        public sealed class ConvTranspose2d : Convolution
        {
            internal ConvTranspose2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long) stride, (long, long) padding, (long, long) dilation,
                (long, long) output_padding, long groups, bool bias, PaddingModes padding_mode, torch.Device? device, torch.ScalarType? dtype) : base(
                nameof(ConvTranspose2d), in_channels, out_channels, [kernel_size.Item1, kernel_size.Item2], [stride.Item1, stride.Item2],
                [padding.Item1, padding.Item2], null, [dilation.Item1, dilation.Item2], true, [output_padding.Item1, output_padding.Item2], groups,
                bias, padding_mode, device, dtype)
            {
            }

            /// <param name="input">[N, in_channels, H, W]</param>
            public override torch.Tensor forward(torch.Tensor input)
            {
                RequireShape(input);
                return torch.nn.functional.conv_transpose2d(input, weight, bias, stride, padding, output_padding, dilation, groups);
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.Conv1d Conv1d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride, padding, null, dilation, groups, bias, padding_mode, device, dtype);

            public static Modules.Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, (kernel_size, kernel_size), (stride, stride), (padding, padding), null, (dilation, dilation), groups,
                    bias, padding_mode, device, dtype);

            public static Modules.Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), padding ?? (0, 0), null, dilation ?? (1, 1), groups, bias,
                    padding_mode, device, dtype);

            public static Modules.Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, (kernel_size, kernel_size), (stride, stride), null, padding, (dilation, dilation), groups, bias,
                    padding_mode, device, dtype);

            public static Modules.Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, Padding padding, (long, long)? stride = null,
                (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), null, padding, dilation ?? (1, 1), groups, bias, padding_mode, device, dtype);

            public static Modules.ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, (kernel_size, kernel_size), (stride, stride), (padding, padding), (dilation, dilation),
                    (output_padding, output_padding), groups, bias, padding_mode, device, dtype);

            public static Modules.ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? output_padding = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1,
                bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), padding ?? (0, 0), dilation ?? (1, 1), output_padding ?? (0, 0), groups,
                    bias, padding_mode, device, dtype);
        }
    }
}
