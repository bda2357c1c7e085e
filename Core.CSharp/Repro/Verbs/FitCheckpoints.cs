using Repro.Sweeps;
using Reproduction;
using Reproduction.Methods;

namespace Repro.Verbs;

/// <summary>Where an interrupted fit is kept: a file beside the model for each of its trainings, until the model is written.</summary>
/// <param name="model">The model's file.</param>
/// <param name="warn">Told when a checkpoint cannot be written or read, or is of another fit; the training goes on without it.</param>
internal sealed class FitCheckpoints(string model, Action<string> warn)
{
    private readonly TimeSpan _interval = Checkpoints.IntervalFromEnvironment();
    private readonly List<string> _paths = [];

    /// <summary>The checkpoint of a stage.</summary>
    /// <param name="stage">Its name.</param>
    /// <param name="identity">What the training is of.</param>
    public ICheckpoints Of(string stage, Func<string> identity)
    {
        var path = $"{model}.checkpoint-{_paths.Count + 1}";
        _paths.Add(path);
        return new Checkpoints(path, () => $"{stage} {identity()}", _interval, warn);
    }

    /// <summary>Removes them: the model is written.</summary>
    public void Delete()
    {
        foreach (var path in _paths)
        {
            AtomicFile.Delete(path);
        }
    }
}
