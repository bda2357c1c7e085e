using System.Globalization;
using Reproduction.Backbones;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Methods;

/// <summary>
/// The loop around a gradient step that all trained methods share: learning-rate schedule, watch for divergence, progress,
/// cancellation, and checkpoints from which an interrupted training continues with the result of an undisturbed one.
/// </summary>
public static class Training
{
    /// <summary>A loss this many times above the first one counts as exploded.</summary>
    private const double ExplosionFactor = 1e3;

    /// <summary>Takes gradient steps until <paramref name="steps"/> are done, from the checkpoint's step where there is one.</summary>
    /// <param name="context">Progress, cancellation, checkpoints.</param>
    /// <param name="model">What is trained; its state dict goes into the checkpoints.</param>
    /// <param name="optimizer">Over the parameters of <paramref name="model"/>.</param>
    /// <param name="steps">Gradient steps in all.</param>
    /// <param name="loss"> The scalar loss of a step (0-based). Called inside a dispose scope. Its random numbers must depend on the step
    /// alone (<see cref="FitContext.Shuffle"/>, <see cref="FitContext.Generator"/>) or come from libtorch's default generator, whose state
    /// is kept. </param>
    /// <param name="learningRate">Learning rate of a step; null leaves the optimizer's.</param>
    /// <param name="stop">Asked after each step (step, loss); true ends the training early.</param>
    /// <returns>Mean loss of the last tenth of the steps, and the number of steps done in all.</returns>
    /// <exception cref="DivergenceException">The loss became NaN or exploded.</exception>
    /// <exception cref="OperationCanceledException">The run is to stop; a checkpoint has been written.</exception>
    /// <exception cref="UserError">libtorch's gradients are wrong on this processor (<see cref="ConvolutionVerdict"/>).</exception>
    public static (double Loss, long Steps) Run(
        FitContext context,
        nn.Module model,
        OptimizerHelper optimizer,
        long steps,
        Func<long, Tensor> loss,
        Func<long, double>? learningRate = null,
        Func<long, double, bool>? stop = null
    )
    {
        if (model.parameters().FirstOrDefault() is { } parameter)
        {
            ConvolutionVerdicts.Require(parameter.device);
        }
        if (steps < 1)
        {
            throw new UserError(
                "the training has no step: there are fewer images in all its epochs than in a batch; take more epochs or a smaller batch"
            );
        }
        var first = double.NaN;
        var lastGood = double.NaN;
        var tail = new Queue<double>();
        var tailLength = (int)Math.Clamp(steps / 10, 1, 1000);
        var done = Resume(context, model, optimizer, tail, ref first);

        while (done < steps)
        {
            if (context.Cancellation.IsCancellationRequested)
            {
                Save(context.Checkpoints, model, optimizer, tail, done, first);
                context.Cancellation.ThrowIfCancellationRequested();
            }
            using (torch.NewDisposeScope())
            {
                if (learningRate is not null)
                {
                    foreach (var group in optimizer.ParamGroups)
                    {
                        group.LearningRate = learningRate(done);
                    }
                }
                optimizer.zero_grad();
                var value = loss(done);
                value.backward();
                var number = value.to(ScalarType.Float64).item<double>();
                if (double.IsNaN(first))
                {
                    first = number;
                }

                if (!double.IsFinite(number) || number - first > ExplosionFactor * (Math.Abs(first) + 1))
                {
                    throw new DivergenceException(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"training diverged at step {done + 1} of {steps}: loss {number:g6}; the last good loss was {lastGood:g6}, "
                                + $"the first {first:g6}"
                        )
                    );
                }
                optimizer.step();
                lastGood = number;
                tail.Enqueue(number);
                if (tail.Count > tailLength)
                {
                    tail.Dequeue();
                }

                done++;
                context.Progress(done, steps, string.Create(CultureInfo.InvariantCulture, $"loss {number:g4}"));
                if (stop?.Invoke(done - 1, number) == true)
                {
                    break;
                }
            }
            if (context.Checkpoints is { Due: true } checkpoints && done < steps)
            {
                Save(checkpoints, model, optimizer, tail, done, first);
            }
        }
        CheckNorms(model);
        return (tail.Count > 0 ? tail.Average() : lastGood, done);
    }

    /// <summary>
    /// A batch norm that sees a single value a channel has a variance of 0/0. TorchSharp does not look, the loss goes on, and every score
    /// of the model would be NaN.
    /// </summary>
    private static void CheckNorms(nn.Module model)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var (name, value) in model.state_dict())
        {
            if (name.EndsWith("running_var", StringComparison.Ordinal) && !value.isfinite().all().item<bool>())
            {
                throw new UserError(
                    $"a batch of one image whose feature map has one position cannot be normalised ({name} is no number); take a "
                        + "larger batch_size or image_size"
                );
            }
        }
    }

    private static void Save(
        ICheckpoints? checkpoints,
        nn.Module model,
        OptimizerHelper optimizer,
        IReadOnlyCollection<double> tail,
        long done,
        double first
    )
    {
        if (checkpoints is null)
        {
            return;
        }

        using var scope = torch.NewDisposeScope();
        var tensors = model.state_dict().Prefixed("model.").ToDictionary();
        foreach (var (name, value) in OptimizerTensors.Save(optimizer))
        {
            tensors[name] = value;
        }

        tensors["random"] = torch.random.get_rng_state();
        tensors["losses"] = torch.tensor(tail.ToArray());
        checkpoints.Save(
            new DetectorState(
                tensors,
                new Dictionary<string, string>
                {
                    ["step"] = done.ToString(CultureInfo.InvariantCulture),
                    ["first_loss"] = first.ToString("r", CultureInfo.InvariantCulture),
                }
            )
        );
    }

    private static long Resume(FitContext context, nn.Module model, OptimizerHelper optimizer, Queue<double> tail, ref double first)
    {
        using var scope = torch.NewDisposeScope();
        if (context.Checkpoints?.Load() is not { } state)
        {
            return 0;
        }
        // A loss that is not finite is this training's own affair: the next step tells of it.
        state.Under("model.").LoadInto(model, finite: false);
        OptimizerTensors.Load(optimizer, state);
        RandomState.Restore(state, "random");
        var done = state.Whole("step", 0);
        var losses = state.Tensor("losses", ScalarType.Float64, [done > 0 ? DetectorState.Any : 0]);
        foreach (var loss in losses.data<double>().ToArray())
        {
            tail.Enqueue(loss);
        }

        first = state.Number("first_loss", finite: false);
        return done;
    }
}
