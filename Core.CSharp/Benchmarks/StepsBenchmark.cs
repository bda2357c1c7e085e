using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Reproduction;
using Reproduction.Backbones;
using TorchSharp;

namespace Benchmarks;

/// <summary>
/// A training step of each paper, channels-last, beside the same step in the plain layout with oneDNN held to AVX, the fastest setting in
/// which the plain layout's gradients are right on every processor. Each way runs in processes of its own, in turns.
/// </summary>
public sealed class StepsBenchmark : IBenchmark
{
    private const int Rounds = 3;
    private const double SecondsARound = 3;

    /// <summary>How far the losses of the first steps may differ: the two ways round differently, and each update magnifies it.</summary>
    private const double Agreement = 1e-2;

    private const string ChannelsLastLayout = "channels-last";
    private const string PlainLayout = "nchw";

    private static readonly string[] Layouts = [ChannelsLastLayout, PlainLayout];

    /// <inheritdoc/>
    public string Name => "steps";

    /// <inheritdoc/>
    public string Description => "a training step of each paper against the same in NCHW at ONEDNN_MAX_CPU_ISA=AVX";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress) => [.. TrainingStep.All.SelectMany(step => Compare(step, progress))];

    /// <summary>The command that a process of its own is started with: one paper, one layout.</summary>
    internal static Command StepCommand()
    {
        var paper = new Option<string>("--paper")
        {
            Required = true,
            Description = "whose training step",
            HelpName = "ID",
        };
        paper.AcceptOnlyFromAmong([.. TrainingStep.All.Select(step => step.Paper)]);
        var layout = new Option<string>("--layout")
        {
            Required = true,
            Description = $"{ChannelsLastLayout}, as it is, or {PlainLayout}",
            HelpName = "LAYOUT",
        };
        layout.AcceptOnlyFromAmong(Layouts);
        var command = new Command("train-step", "Measures the training step of one paper in one layout; 'steps' starts it for each.")
        {
            paper,
            layout,
        };
        command.SetAction(parsed =>
        {
            ChannelsLast.IsOff = parsed.GetValue(layout) == PlainLayout;
            var (seconds, losses) = TrainingStep.All.Single(step => step.Paper == parsed.GetValue(paper)).Measure(SecondsARound);
            parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(new Step(seconds, losses)));
            return 0;
        });
        return command;
    }

    private static IEnumerable<Measurement> Compare(TrainingStep step, TextWriter progress)
    {
        var (ours, plain) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var (our, other) = (Measure(step, ChannelsLastLayout, isa: null), Measure(step, PlainLayout, isa: "AVX"));
            if (our.Losses.Zip(other.Losses).Any(pair => !(Math.Abs(pair.First - pair.Second) <= Agreement * Math.Abs(pair.First))))
            {
                throw new UserError(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{step.Paper}: the first losses are {string.Join(", ", our.Losses)} and {string.Join(", ", other.Losses)}; two "
                            + $"trainings would be compared"
                    )
                );
            }
            ours.Add(our.Seconds);
            plain.Add(other.Seconds);
            progress.WriteLine($"{step.Paper} round {round + 1} of {Rounds}: ours {our.Seconds:F3} s, NCHW at AVX {other.Seconds:F3} s");
        }
        var what = $"training step of {step.Paper}, {step.What}, {torch.get_num_threads()} threads";
        return
        [
            new($"{what}, ours", Gauge.Median(ours), "s"),
            new($"{what}, NCHW at ONEDNN_MAX_CPU_ISA=AVX", Gauge.Median(plain), "s"),
            new($"{what}, ours against NCHW", Gauge.Median(ours.Zip(plain, (our, other) => our / other)), "of its time"),
        ];
    }

    private static Step Measure(TrainingStep step, string layout, string? isa) =>
        JsonSerializer.Deserialize<Step>(
            ChildProcess.Output(
                ["train-step", "--paper", step.Paper, "--layout", layout],
                new Dictionary<string, string?> { ["ONEDNN_MAX_CPU_ISA"] = isa }
            )
        )!;

    private sealed record Step(double Seconds, IReadOnlyList<double> Losses);
}
