using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Reproduction;

/// <summary>
/// What must be settled before libtorch is loaded. It reads its settings from the process's environment once, as it is loaded; what .NET's
/// own SetEnvironmentVariable sets stays within .NET. Nothing here loads libtorch.
/// </summary>
public static partial class TorchRuntime
{
    /// <summary>The variable that holds oneDNN, libtorch's convolutions, to an instruction set.</summary>
    public const string InstructionsVariable = "ONEDNN_MAX_CPU_ISA";

    private static bool _isQuiet;

    /// <summary>The version of libtorch that this TorchSharp is made for, such as 2.10.0: the only one that it loads.</summary>
    public static string LibtorchVersion { get; } = Version();

    /// <summary>
    /// The instruction set that oneDNN is held to, as the user or <see cref="HoldInstructions"/> set it; null where it is free.
    /// </summary>
    public static string? Instructions { get; private set; }

    /// <summary>Holds oneDNN to an instruction set. Without effect once libtorch is loaded, and on systems other than Linux.</summary>
    /// <param name="instructions">A value of <see cref="InstructionsVariable"/>, such as AVX.</param>
    /// <returns>Whether the environment was changed.</returns>
    public static bool HoldInstructions(string instructions)
    {
        if (!OperatingSystem.IsLinux() || SetVariable(InstructionsVariable, instructions, 1) != 0)
        {
            return false;
        }
        Instructions = instructions;
        return true;
    }

    /// <summary>
    /// Loads libtorch where its files lie beside TorchSharp's, so that a failure is told in one line. TorchSharp itself would go on by
    /// copying all of it, half a gigabyte, into another folder, and fail there with a page of text. Without effect where it is loaded
    /// already or its files lie elsewhere.
    /// </summary>
    /// <exception cref="UserError">The system's loader refuses it; the line has the way out.</exception>
    public static void Require()
    {
        var folder = Path.GetDirectoryName(typeof(torch).Assembly.Location) ?? "";
        foreach (var file in new[] { "libLibTorchSharp.so", "LibTorchSharp.dll", "libLibTorchSharp.dylib" })
        {
            var path = Path.Combine(folder, file);
            if (!File.Exists(path))
            {
                continue;
            }
            try
            {
                NativeLibrary.Load(path);
            }
            catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
            {
                throw new UserError(Explain(failure.Message), failure);
            }
        }
    }

    /// <summary>Why libtorch cannot be loaded, and the way out, in one line.</summary>
    /// <param name="failure">What the loader or TorchSharp said, which may be a page.</param>
    public static string Explain(string failure)
    {
        var folder = Path.GetDirectoryName(typeof(torch).Assembly.Location);
        if (MissingVersion().Match(failure) is { Success: true } version)
        {
            return $"libtorch cannot be loaded: the system's library lacks {version.Groups[1].Value}; 'dotnet build' on this machine "
                + "mends it "
                + "where only a label is missing (Debian 12), else install libstdc++ of GCC 13 or newer";
        }
        if (OtherArchitecture().IsMatch(failure))
        {
            return $"libtorch cannot be loaded: the libraries in {folder} are damaged or not for this system "
                + $"({RuntimeInformation.RuntimeIdentifier}); "
                + "'dotnet build' on this machine brings the right ones";
        }
        var missing = MissingFile().Matches(failure).Select(found => Path.GetFileName(found.Groups[1].Value)).ToList();
        if (missing.Find(name => !name.Contains("LibTorchSharp", StringComparison.Ordinal)) is { } library)
        {
            return library.Contains("torch", StringComparison.Ordinal) || library.Contains("c10", StringComparison.Ordinal)
                ? $"libtorch cannot be loaded: {library} is not in {folder}; 'dotnet build' brings it"
                : $"libtorch cannot be loaded: the system has no {library}; install the package that has it";
        }
        return $"libtorch is not in {folder}; 'dotnet build' brings it (-p:Torch=cpu or -p:Torch=cuda)";
    }

    // CA2255: the settings count only before libtorch is loaded, and the library cannot know which of its types is used first.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Prepare()
    {
        Instructions = Environment.GetEnvironmentVariable(InstructionsVariable) is { Length: > 0 } chosen ? chosen : null;
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        // Idle threads spin beside other work unless they are told to sleep.
        SetVariable("OMP_WAIT_POLICY", "PASSIVE", 0);
        // MKL's products depend in their last bits on where in memory the operands lie, unless it is told otherwise; that costs nothing.
        SetVariable("MKL_CBWR", "AUTO,STRICT", 0);
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, Quiet);
    }

    /// <summary>
    /// Asked by .NET at TorchSharp's first calls into libtorch, which is loaded then: raises the level below which libtorch logs nothing.
    /// Where caches are hidden, as in many virtual machines, it warns at every convolution that NNPACK, which it does not need, is not
    /// there. It reads TORCH_CPP_LOG_LEVEL only when Python starts it.
    /// </summary>
    private static nint Quiet(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (
            !_isQuiet
            && NativeLibrary.TryLoad("c10", assembly, path, out var library)
            && NativeLibrary.TryGetExport(library, "FLAGS_caffe2_log_level", out var level)
        )
        {
            const int error = 2;
            Marshal.WriteInt32(level, error);
            _isQuiet = true;
        }
        return 0; // .NET finds the library by itself
    }

    // The constant is in TorchSharp's metadata; torch.__version__, which returns it, loads libtorch.
    private static string Version()
    {
        var field = typeof(torch).GetField("libtorchPackageVersion", BindingFlags.Static | BindingFlags.NonPublic);
        return field?.GetRawConstantValue() is string text && System.Version.TryParse(text, out var version)
            ? version.ToString(3)
            : "unknown";
    }

    [GeneratedRegex("version [`'\"]?([A-Z]+_[0-9.]+)['\"]? not found")]
    private static partial Regex MissingVersion();

    [GeneratedRegex(
        "wrong ELF class|invalid ELF header|Exec format error|file too short|incompatible architecture|0x8007000B|cannot open shared "
            + "object file: Exec"
    )]
    private static partial Regex OtherArchitecture();

    [GeneratedRegex(@"([^\s:]+): cannot open shared object file: No such file")]
    private static partial Regex MissingFile();

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
