using System.Globalization;
using System.Runtime.InteropServices;
using Reproduction;
using Reproduction.Backbones;
using static TorchSharp.torch;

/// <summary>
/// Loaded into a process under test (DOTNET_STARTUP_HOOKS), it sees the process's file operations and makes a fault at a chosen one.
/// <list type="bullet">
/// <item><c>FAULTS_UNDER=DIR</c>: only files below this folder count.</item>
/// <item><c>FAULTS_LOG=FILE</c>: one line an operation: process, operation, path; each process writes a file of its own, its number
/// appended.</item>
/// <item><c>FAULTS_KILL=TEXT</c> and <c>FAULTS_KILL_AT=N</c>: SIGKILL at the N-th operation on a path that contains this text.</item>
/// <item><c>FAULTS_CLOCK=SECONDS</c>: files bear times that are off by this much, as a process whose clock is wrong leaves them.</item>
/// <item><c>FAULTS_CONVOLUTIONS=wide|all|end</c>: the check of the convolutions sees wrong gradients, for <c>wide</c> unless they are held
/// to AVX; for <c>end</c> it ends its process, unless convolutions that are products are computed as such.</item>
/// </list>
/// </summary>
internal static partial class StartupHook
{
    private const int Sigkill = 9;

    private static readonly object Gate = new();
    private static readonly string? Under = Environment.GetEnvironmentVariable("FAULTS_UNDER");
    private static readonly string? Log = Environment.GetEnvironmentVariable("FAULTS_LOG");
    private static readonly string? Text = Environment.GetEnvironmentVariable("FAULTS_KILL");
    private static readonly int At = Number("FAULTS_KILL_AT");
    private static readonly int Clock = Number("FAULTS_CLOCK");
    private static int _matched;

    /// <summary>Called by .NET before the program starts.</summary>
    public static void Initialize()
    {
        FileOperations.Watched = Meet;
        if (Environment.GetEnvironmentVariable("FAULTS_CONVOLUTIONS") is { } wrong)
        {
            ConvolutionVerdicts.OfThisMachine = new ConvolutionVerdicts(
                Path.Combine(FeatureCache.UserFolder, "convolutions"),
                [new ConvolutionLayer("hfae", 3, 5, 3, 8, Padding: 1)],
                (layer, input, kernel, bias) =>
                {
                    if (wrong == "end" && !Convolutions.AsProducts)
                    {
                        _ = Kill(Environment.ProcessId, Sigkill);
                        Thread.Sleep(Timeout.Infinite);
                    }
                    var isWrong = wrong == "all" || (wrong == "wide" && TorchRuntime.Instructions != ConvolutionVerdicts.Fallback);
                    return Convolved(layer, input, kernel, bias, isWrong);
                }
            );
        }
    }

    /// <summary>A convolution; a wrong one gives the input half of its gradient.</summary>
    private static Tensor Convolved(ConvolutionLayer layer, Tensor input, Tensor kernel, Tensor bias, bool isWrong)
    {
        using var half = input.detach().add(input).div(2);
        return ConvolutionCheck.Ours(layer, isWrong ? half : input, kernel, bias);
    }

    private static void Meet(FileOperation operation, string path)
    {
        path = Path.GetFullPath(path);
        if (Under is null || !path.StartsWith(Under, StringComparison.Ordinal))
        {
            return;
        }
        lock (Gate)
        {
            if (Text is not null && path.Contains(Text, StringComparison.Ordinal) && ++_matched == At)
            {
                _ = Kill(Environment.ProcessId, Sigkill);
                Thread.Sleep(Timeout.Infinite);
            }
            if (Log is not null)
            {
                File.AppendAllText(
                    $"{Log}.{Environment.ProcessId}",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Environment.ProcessId} {operation.ToString().ToLowerInvariant()} {path}\n"
                    )
                );
            }
            if (Clock != 0 && operation == FileOperation.Sync)
            {
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(Clock));
            }
        }
    }

    private static int Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
