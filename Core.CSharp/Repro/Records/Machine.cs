using System.Reflection;
using System.Runtime.InteropServices;
using Reproduction;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Records;

/// <summary>What the program runs on.</summary>
public static partial class Machine
{
    /// <summary>The part of a run record that says where it ran.</summary>
    public static RunEnvironment Describe(Device device) =>
        new(LibtorchVersion, device.ToString(), torch.get_num_threads(), Processor, Commit);

    /// <summary>
    /// Version of the libtorch that is loaded: of the shim in <c>stand-ins/</c>, or of the package that TorchSharp brings.
    /// </summary>
    public static string LibtorchVersion
    {
        get
        {
            try
            {
                return Marshal.PtrToStringUTF8(THSTorch_libtorch_version()) ?? "unknown";
            }
            catch (EntryPointNotFoundException)
            {
                return $"with TorchSharp {typeof(torch).Assembly.GetName().Version}";
            }
        }
    }

    /// <summary>The commit that the program was built from, as far as the build knew; <c>-dirty</c> where its sources were not all committed.</summary>
    public static string Commit =>
        typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { } version
        && version.IndexOf('+') is var plus and >= 0
            ? version[(plus + 1)..]
            : "unknown";

    /// <summary>The processor's name.</summary>
    public static string Processor
    {
        get
        {
            const string information = "/proc/cpuinfo";
            var line = File.Exists(information)
                ? File.ReadLines(information).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
                : null;
            return line?[(line.IndexOf(':') + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
        }
    }

    /// <summary>The device of a name.</summary>
    /// <exception cref="UserError">There is no such device here.</exception>
    public static Device Device(string name)
    {
        switch (name)
        {
            case "cpu":
                return torch.CPU;
            case "cuda" when torch.cuda.is_available():
                return torch.CUDA;
            case "cuda":
                throw new UserError(
                    $"--device cuda: libtorch {LibtorchVersion} sees no CUDA device; build against a CUDA libtorch with LIBTORCH=/path scripts/setup.sh, or use --device cpu");
            default:
                throw new UserError($"--device '{name}': the devices are cpu and cuda", exitCode: 2);
        }
    }

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTorch_libtorch_version();
}
