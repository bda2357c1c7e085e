using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Reproduction;
using Reproduction.Backbones;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Verbs;

/// <summary>
/// How the command goes on where libtorch's convolutions are wrong on a processor: with oneDNN held to
/// <see cref="ConvolutionVerdicts.Fallback"/>. That must be settled before libtorch is loaded: from the verdict of an earlier process, or
/// by this process running itself again.
/// </summary>
internal static partial class ProcessorCheck
{
    private const string Self = "/proc/self/cmdline";

    // Exit codes above are signals, by the shell's convention and .NET's.
    private const int Signalled = 128;

    // Not inside another program, such as the tests: that must not be run again.
    private static bool _isCommand;

    /// <summary>Called first in the process: takes the setting that an earlier process's verdict asks for. Loads no libtorch.</summary>
    public static void Prepare()
    {
        _isCommand = true;
        if (
            ConvolutionVerdicts.OfThisMachine.Choose(TorchRuntime.Instructions) is { } instructions
            && TorchRuntime.HoldInstructions(instructions)
        )
        {
            IsHeld = true;
        }
    }

    /// <summary>Whether this process goes on with a setting that is not the user's.</summary>
    public static bool IsHeld { get; private set; }

    /// <summary>
    /// For verbs that compute convolutions, before they do: checks the processor where no verdict is there, and goes on with the fallback,
    /// told in one line, where the verdict is wrong.
    /// </summary>
    /// <param name="device">Where they are computed, by <see cref="Devices.Named"/>, which has loaded libtorch or told why not.</param>
    /// <param name="error">Where the line goes.</param>
    /// <exception cref="UserError">No setting is known to be right.</exception>
    public static void BeforeConvolutions(Device device, TextWriter error)
    {
        if (device.type != DeviceType.CPU)
        {
            return;
        }
        Settle();
        var verdict = ConvolutionVerdicts.Current;
        if (verdict.IsRight)
        {
            if (IsHeld)
            {
                error.WriteLine(Line(TorchRuntime.Instructions!, null));
            }
            return;
        }
        if (
            _isCommand
            && ConvolutionVerdicts.OfThisMachine.Choose(verdict.Instructions) is { } instructions
            && TorchRuntime.HoldInstructions(instructions)
        )
        {
            error.WriteLine(Line(instructions, verdict));
            error.Flush();
            RunAgain();
        }
        ConvolutionVerdicts.Require(device);
    }

    /// <summary>
    /// Checks libtorch's convolutions as they are, in a process of its own, because a wrong plan of oneDNN's ends it; where they are wrong
    /// or it ended, this process computes as products those that can be.
    /// </summary>
    /// <param name="program">The command's file.</param>
    internal static void Settle(string program)
    {
        if (ConvolutionVerdicts.OfThisMachine.Find(TorchRuntime.Instructions, asProducts: false) is not null)
        {
            return;
        }
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(program);
        }
        start.ArgumentList.Add(ProcessorVerb.Name);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var words = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode > Signalled)
        {
            ConvolutionVerdicts.OfThisMachine.SaveEnded($"the process of the check ends with signal {process.ExitCode - Signalled}");
        }
        _ = words.Result;
    }

    /// <summary>
    /// Finds out, where no verdict is there, whether libtorch's convolutions are right as they are. Before the first convolution.
    /// </summary>
    public static void Settle()
    {
        if (_isCommand)
        {
            Settle(Environment.GetCommandLineArgs()[0]);
        }
    }

    private static string Line(string instructions, ConvolutionVerdict? verdict) =>
        $"libtorch's convolutions are wrong on this processor{(verdict is null ? "" : $" ({verdict.Examples})")}: "
        + $"going on with {TorchRuntime.InstructionsVariable}={instructions}, which is slower and right where it was checked";

    /// <summary>
    /// The same command in this process's place, with the environment as it is now. Held to the fallback, it chooses no other: it cannot
    /// come here again. Returns only where the system refuses.
    /// </summary>
    private static unsafe void RunAgain()
    {
        var arguments = File.ReadAllText(Self, Encoding.UTF8)[..^1].Split('\0'); // each is ended by a zero
        var pointers = new nint[arguments.Length + 1]; // the last one stays null
        for (var i = 0; i < arguments.Length; i++)
        {
            pointers[i] = Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }
        fixed (nint* list = pointers)
        {
            _ = Execute(Environment.ProcessPath!, list);
        }
    }

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Execute(string path, nint* arguments);
}
