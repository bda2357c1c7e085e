using System.CommandLine;
using System.Globalization;
using Reproduction;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary><c>repro export</c>: a fitted model as an ONNX file.</summary>
internal static class ExportVerb
{
    private const string Description =
        "Write a fitted model as an ONNX file that ONNX Runtime runs without this program: photographs of any size in (uint8 "
        + "[batch, height, width, 3], RGB), score and map out, the threshold in its metadata. It is compared with the model first.";

    public static Command Create()
    {
        var model = RunOptions.Required("--model", "What 'repro fit' wrote.", "MODEL");
        var weights = RunOptions.Weights();
        var output = RunOptions.Required("--out", "The ONNX file.", "FILE.onnx");
        var command = new Command("export", Description) { model, weights, output };
        command.SetAction(parsed =>
        {
            var (source, file, print) = (
                parsed.GetRequiredValue(model),
                parsed.GetRequiredValue(output),
                parsed.InvocationConfiguration.Output
            );
            ModelFile.PrepareFolder(file);
            ProcessorCheck.BeforeConvolutions(Devices.Named("cpu"), parsed.InvocationConfiguration.Error);
            using var fitted = Model.Load(source, parsed.GetValue(weights));
            if (fitted.Engine == "onnx")
            {
                throw new UserError($"--model {source}: is an ONNX file already; give the model that 'repro fit' wrote", exitCode: 2);
            }
            RunOptions.TellWeights(fitted.Description.Weights, print);
            var check = fitted.Export(file);
            print.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"ONNX Runtime judges {check.Pictures} generated pictures as the model does: scores to {check.Score:0.0e+0}, "
                        + $"maps to {check.Map:0.0e+0}"
                )
            );
            if (fitted.Description.Tiles is { } tiles)
            {
                print.WriteLine(
                    $"whoever runs the file cuts photographs into squares of {tiles.Size} pixels that overlap by {tiles.Overlap}, as its "
                        + "metadata says ('repro score' does it)"
                );
            }
            print.WriteLine($"exported: {Path.GetFullPath(file)} ({new FileInfo(file).Length / 1e6:0.0} MB)");
            return 0;
        });
        return command;
    }
}
