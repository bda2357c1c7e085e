using System.CommandLine;
using Reproduction.Backbones;

namespace Repro.Verbs;

/// <summary>
/// A verb that no help names: checks libtorch's convolutions as they are, none as a matrix product, and keeps the verdict. The command runs
/// it in a process of its own (<see cref="ProcessorCheck"/>), because a wrong convolution may end the process.
/// </summary>
internal static class ProcessorVerb
{
    public const string Name = "check-processor";

    public static Command Create()
    {
        var verb = new Command(Name, "Checks libtorch's convolutions on this processor.") { Hidden = true };
        verb.SetAction(_ =>
        {
            Convolutions.AsProducts = false;
            ConvolutionVerdicts.OfThisMachine.Check();
            return 0;
        });
        return verb;
    }
}
