using System.Diagnostics;
using System.Globalization;
using Reproduction;
using Reproduction.Formats;
using Reproduction.Methods;

namespace Repro.Sweeps;

/// <summary>Seconds that a cell took before it was interrupted.</summary>
public sealed record CarriedSeconds(double Features, double Fit);

/// <summary>The checkpoint of one training: a file that goes when the training is finished.</summary>
/// <param name="path">The file.</param>
/// <param name="identity"> What the training is of, settings, weights and images: asked at each use, when the fit has loaded its weights. A
/// checkpoint of another is ignored. </param>
/// <param name="interval">Time between checkpoints.</param>
/// <param name="warn">Told when a checkpoint cannot be written or read; the training goes on without it.</param>
public sealed class Checkpoints(string path, Func<string> identity, TimeSpan interval, Action<string> warn) : ICheckpoints
{
    private const string IdentityKey = "identity";
    private const string ResumedKey = "resumed";
    private const string FeaturesKey = "seconds.features";
    private const string FitKey = "seconds.fit";
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(2);
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();

    /// <summary>Path of a cell's checkpoint.</summary>
    public static string PathOf(string run, string cell) => Path.Combine(run, "checkpoints", cell + ".safetensors");

    /// <summary>Time between checkpoints: <c>REPRO_CHECKPOINT_SECONDS</c>, or two minutes.</summary>
    /// <exception cref="UserError">The variable is not a number from 0.</exception>
    public static TimeSpan IntervalFromEnvironment()
    {
        const string variable = "REPRO_CHECKPOINT_SECONDS";
        if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } text)
        {
            return DefaultInterval;
        }

        return double.TryParse(text, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0 and <= 1e6
            ? TimeSpan.FromSeconds(seconds)
            : throw new UserError(
                $"{variable} is '{text}'; it is the time between two checkpoints in seconds, a number from 0",
                exitCode: 2
            );
    }

    /// <summary>How often the training was interrupted and went on from a checkpoint.</summary>
    public int Resumed { get; private set; }

    /// <summary>What the training took before the checkpoint that it went on from.</summary>
    public CarriedSeconds Carried { get; private set; } = new(0, 0);

    /// <summary>What the training took so far in this process, for the checkpoint to carry.</summary>
    public Func<CarriedSeconds> Spent { get; init; } = () => new CarriedSeconds(0, 0);

    /// <inheritdoc/>
    public bool Due => _sinceLast.Elapsed >= interval;

    /// <inheritdoc/>
    public void Save(DetectorState state)
    {
        var spent = Spent();
        var values = new Dictionary<string, string>(state.Values)
        {
            [IdentityKey] = identity(),
            [ResumedKey] = Resumed.ToString(CultureInfo.InvariantCulture),
            [FeaturesKey] = (Carried.Features + spent.Features).ToString("r", CultureInfo.InvariantCulture),
            [FitKey] = (Carried.Fit + spent.Fit).ToString("r", CultureInfo.InvariantCulture),
        };
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            SafeTensors.Write(path, state.Tensors, values);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            warn(
                $"no checkpoint could be written: {failure.Message} Free some space; an interruption would lose the training since the "
                    + "last one."
            );
        }
        _sinceLast.Restart();
    }

    /// <inheritdoc/>
    public DetectorState? Load()
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var (tensors, values) = SafeTensors.Read(path);
            if (values.GetValueOrDefault(IdentityKey) != identity())
            {
                foreach (var tensor in tensors.Values)
                {
                    tensor.Dispose();
                }

                warn($"{path} is of other settings, weights or images: it is not used, the training begins again");
                return null;
            }
            Resumed = int.Parse(values[ResumedKey], CultureInfo.InvariantCulture) + 1;
            Carried = new CarriedSeconds(
                double.Parse(values[FeaturesKey], CultureInfo.InvariantCulture),
                double.Parse(values[FitKey], CultureInfo.InvariantCulture)
            );
            return new DetectorState(tensors, values)
            {
                Origin = path,
                WayOut = "the checkpoint is damaged: delete it, and the training begins again",
            };
        }
        catch (Exception damage) when (damage is UserError or KeyNotFoundException or FormatException or OverflowException)
        {
            warn($"a checkpoint is not used, the training begins again: {damage.Message}");
            return null;
        }
    }

    /// <summary>Removes the checkpoint of a finished training.</summary>
    public void Delete() => Delete(path);

    /// <summary>Removes a checkpoint, where there is one, or a folder for it.</summary>
    public static void Delete(string file)
    {
        AtomicFile.Delete(file);
    }
}
