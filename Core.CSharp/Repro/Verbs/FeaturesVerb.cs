using System.CommandLine;
using Reproduction;
using Reproduction.Backbones;
using Reproduction.Formats;
using Reproduction.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Verbs;

/// <summary><c>repro features</c>: a backbone's feature maps of one image or array, as a file.</summary>
internal static class FeaturesVerb
{
    /// <summary>The verb with its options.</summary>
    public static Command Create()
    {
        var backbone = RunOptions.Required("--backbone", "the network, e.g. resnet18, vgg19, efficientnet-b4", "B");
        var weights = new Option<string?>("--weights")
        {
            Description = $"its weights file: .safetensors, .pth, .pt, .weights or .onnx; {PackagedWeights.Name}'s comes with the program",
            HelpName = "FILE",
        };
        var layers = new Option<string?>("--layers")
        {
            Description = "layers, separated by commas; without it, all that the file has",
            HelpName = "L,...",
        };
        var image = new Option<string?>("--image")
        {
            Description = $"an image ({ImageFormats.Names}); the weights' own preprocessing is applied",
            HelpName = "FILE",
        };
        var size = new Option<int?>("--size")
        {
            Description = "resizes the image to N x N (bilinear, antialiased)",
            HelpName = "N",
        }.AtLeast(1);
        var input = new Option<string?>("--input") { Description = "a float32 .npy array [N,3,H,W], fed as it is", HelpName = "X.npy" };
        var output = RunOptions.Required("--out", "the feature maps, float32 [N,C,H,W] by layer", "F.safetensors");
        var command = new Command("features", "Writes a backbone's feature maps of an image or an array.")
        {
            backbone,
            weights,
            layers,
            image,
            size,
            input,
            output,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(image) is null == result.GetValue(input) is null)
            {
                result.AddError("give one of --image FILE and --input X.npy");
            }
            else if (result.GetResult(size) is not null && result.GetValue(input) is not null)
            {
                result.AddError("--size goes with --image; --input is fed as it is");
            }
        });
        command.SetAction(parsed =>
        {
            ProcessorCheck.BeforeConvolutions(Devices.Named("cpu"), parsed.InvocationConfiguration.Error);
            Extract(
                parsed.GetValue(weights),
                parsed.GetRequiredValue(backbone),
                parsed.GetValue(layers)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                parsed.GetValue(image),
                parsed.GetValue(size),
                parsed.GetValue(input),
                parsed.GetRequiredValue(output)
            );
            return 0;
        });
        return command;
    }

    private static void Extract(string? weights, string name, string[]? layers, string? image, int? size, string? input, string output)
    {
        using var scope = torch.NewDisposeScope();
        using var backbone = weights is not null
            ? Backbone.Load(weights, name)
            : Backbone.Load(
                PackagedWeights.TryFind(name)
                    ?? throw new UserError(
                        $"the weights of {Architecture.Get(name).Name} do not come with the program; give their file with --weights",
                        exitCode: 2
                    )
            );
        layers = (layers is null or [] ? backbone.LayerNames : layers).Distinct().ToArray();
        var features = image is not null
            ? backbone.Forward(ReadImage(image, size), layers)
            : backbone.ForwardRaw(ReadArray(input!), layers);
        CheckFinite(layers, features, image ?? input!);
        var folder = Path.GetDirectoryName(Path.GetFullPath(output))!;
        if (!Directory.Exists(folder))
        {
            throw new UserError($"{output}: the folder {folder} does not exist; make it first");
        }
        SafeTensors.Write(
            output,
            layers.Zip(features).ToDictionary(pair => pair.First, pair => pair.Second),
            new Dictionary<string, string>
            {
                ["backbone"] = backbone.Name,
                ["architecture"] = backbone.Architecture,
                ["weights_sha256"] = backbone.WeightsSha256,
                ["layers"] = string.Join(",", layers),
            }
        );
    }

    private static Tensor ReadImage(string path, int? size)
    {
        var image = ImageFile.Read(path);
        if (size is { } side)
        {
            image = Resizer.Resize(image, side, side, Resampling.BilinearAntialias);
        }
        return torch.tensor(image.Pixels, [1, image.Height, image.Width, 3]).permute(0, 3, 1, 2).to(ScalarType.Float32) / 255f;
    }

    private static Tensor ReadArray(string path)
    {
        var array = Npy.Read<float>(path);
        if (array.Shape is not [_, 3, _, _] || array.Shape.Contains(0))
        {
            throw new UserError($"{path}: has the shape [{string.Join(",", array.Shape)}]; give float32 [N,3,H,W], none of them 0");
        }
        var wrong = Array.FindIndex(array.Values, value => !float.IsFinite(value));
        return wrong < 0
            ? torch.tensor(array.Values, Array.ConvertAll(array.Shape, length => (long)length))
            : throw new UserError($"{path}: value number {wrong} is {array.Values[wrong]}; every value must be finite");
    }

    /// <summary>Values far beyond those of pictures overflow in a deep network; what follows would be NaN.</summary>
    private static void CheckFinite(IReadOnlyList<string> layers, IReadOnlyList<Tensor> features, string source)
    {
        foreach (var (layer, map) in layers.Zip(features))
        {
            if (!map.isfinite().all().item<bool>())
            {
                throw new UserError(
                    $"{source}: its features at {layer} are not finite; give values of the size that the network was trained on"
                );
            }
        }
    }
}
