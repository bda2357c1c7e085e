using System.Reflection;
using Reproduction;
using Reproduction.Backbones;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Records;

/// <summary>What the program runs on.</summary>
public static class Machine
{
    /// <summary>The part of a run record that says where it ran.</summary>
    public static RunEnvironment Describe(Device device) =>
        new(
            LibtorchVersion,
            device.ToString(),
            torch.get_num_threads(),
            Processor,
            Commit,
            device.type == DeviceType.CPU ? ConvolutionVerdicts.Known?.Text : null
        );

    /// <summary>Version of libtorch, such as 2.10.0.</summary>
    public static string LibtorchVersion => TorchRuntime.LibtorchVersion;

    /// <summary>
    /// The commit that the program was built from, as far as the build knew; <c>-dirty</c> where its sources were not all committed.
    /// </summary>
    public static string Commit =>
        typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { } version
        && version.IndexOf('+') is var plus and >= 0
            ? version[(plus + 1)..]
            : "unknown";

    /// <summary>The processor's name.</summary>
    public static string Processor => Reproduction.Processor.Name;
}
