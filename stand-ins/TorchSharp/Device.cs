namespace TorchSharp
{
    /// <summary>Kinds of devices, with libtorch's numbers.</summary>
    public enum DeviceType
    {
        CPU = 0,
        CUDA = 1,
        MKLDNN = 2,
        OPENGL = 3,
        OPENCL = 4,
        IDEEP = 5,
        HIP = 6,
        FPGA = 7,
        MSNPU = 8,
        XLA = 9,
        MPS = 13,
        META = 14
    }

    public static partial class torch
    {
        /// <summary>Where a tensor lies: a device type, and for several devices of the type its index (-1: the current one).</summary>
        public class Device
        {
            public DeviceType type { get; }

            public int index { get; }

            /// <param name="description"><c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</param>
            /// <exception cref="ArgumentException">The type is not one of <see cref="DeviceType"/>.</exception>
            public Device(string description)
            {
                var parts = description.Split(':');
                type = Enum.Parse<DeviceType>(parts[0].ToUpperInvariant());
                index = parts.Length == 2 ? int.Parse(parts[1]) : -1;
            }

            public Device(string deviceType, int index = -1) : this(Enum.Parse<DeviceType>(deviceType.ToUpperInvariant()), index)
            {
            }

            public Device(DeviceType deviceType, int index = -1) => (type, this.index) = (deviceType, index);

            public Device(int index) : this(DeviceType.CUDA, index)
            {
            }

            public static implicit operator Device(string description) => new(description);

            public override string ToString()
            {
                var name = type.ToString().ToLowerInvariant();
                return type == DeviceType.CPU || index == -1 ? name : $"{name}:{index}";
            }
        }

        public static readonly Device CPU = new(DeviceType.CPU);

        public static readonly Device META = new(DeviceType.META);

        /// <summary>The current CUDA device.</summary>
        public static Device CUDA { get; } = new(DeviceType.CUDA);

        public static Device device(string description) => new(description);

        public static Device device(string deviceType, int index = -1) => new(deviceType, index);

        public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

        public static Device device(int index) => new(index);
    }
}
