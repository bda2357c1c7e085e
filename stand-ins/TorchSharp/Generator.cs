using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A random number generator with a state of its own.</summary>
    public class Generator : IDisposable
    {
        private nint handle;

        internal Generator(nint handle, Device device) => (this.handle, this.device) = (handle, device);

        public Generator(ulong seed = 0, Device? device = null)
        {
            EnsureInitialized();
            this.device = device ?? CPU;
            handle = NativeMethods.Check(NativeMethods.THSGenerator_new(seed, (int)this.device.type, this.device.index));
        }

        ~Generator() => Dispose(false);

        /// <summary>The generator that operators use when they are given none. It lives as long as the process.</summary>
        public static Generator Default
        {
            get
            {
                EnsureInitialized();
                return new Generator(NativeMethods.THSGenerator_default_generator(), CPU);
            }
        }

        /// <exception cref="ObjectDisposedException">The generator is disposed.</exception>
        public IntPtr Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Generator));

        public Device device { get; }

        /// <summary>The state as a tensor of bytes, for <see cref="set_state"/>.</summary>
        public Tensor get_state() => new(NativeMethods.Check(NativeMethods.THSGenerator_get_state(Handle)));

        public void set_state(Tensor value) => NativeMethods.Check(NativeMethods.THSGenerator_set_state(Handle, value.Handle));

        public Generator manual_seed(long seed)
        {
            NativeMethods.THSGenerator_manual_seed(Handle, (ulong)seed);
            return this;
        }

        /// <summary>Seeds from the clock and returns the seed.</summary>
        public long seed()
        {
            var seed = DateTime.UtcNow.Ticks;
            manual_seed(seed);
            return seed;
        }

        public long initial_seed() => (long)NativeMethods.THSGenerator_initial_seed(Handle);

        protected virtual void Dispose(bool disposing)
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0) NativeMethods.THSGenerator_dispose(owned);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>The default generator.</summary>
    public static partial class random
    {
        public static long seed() => Generator.Default.seed();

        public static long initial_seed() => Generator.Default.initial_seed();

        /// <summary>Seeds the default generators of every device.</summary>
        public static Generator manual_seed(long seed)
        {
            EnsureInitialized();
            NativeMethods.Check(NativeMethods.THSTorch_manual_seed(seed));
            return Generator.Default;
        }

        public static Tensor get_rng_state() => Generator.Default.get_state();

        public static void set_rng_state(Tensor new_state) => Generator.Default.set_state(new_state);
    }

    public static long seed() => random.seed();

    public static long initial_seed() => random.initial_seed();

    public static Generator manual_seed(long seed) => random.manual_seed(seed);

    public static Tensor get_rng_state() => random.get_rng_state();

    public static void set_rng_state(Tensor new_state) => random.set_rng_state(new_state);
}
