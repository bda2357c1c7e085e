namespace Reproduction.Formats;

/// <summary>The kinds of layers in YOLOv3's configuration.</summary>
internal enum DarknetKind
{
    Convolution,

    /// <summary>Adds the output three layers above.</summary>
    Shortcut,

    /// <summary>Concatenates the outputs of earlier layers.</summary>
    Route,

    /// <summary>Nearest-neighbour upsampling by 2.</summary>
    Upsample,

    /// <summary>The logistic function on a detection scale's centres, objectness and classes.</summary>
    Detection,
}

/// <summary>One layer of YOLOv3, numbered as in its configuration file.</summary>
/// <param name="Index">0..106.</param>
/// <param name="Kind">What it computes.</param>
/// <param name="In">Input channels.</param>
/// <param name="Out">Output channels.</param>
/// <param name="Kernel">Kernel size of a convolution.</param>
/// <param name="Stride">Stride of a convolution.</param>
/// <param name="BatchNorm">Whether batch norm and the leaky ReLU follow a convolution; without, it has a bias and is linear.</param>
/// <param name="From">The layers that a shortcut or a route takes besides or instead of the one before it.</param>
internal sealed record DarknetLayer(int Index, DarknetKind Kind, long In, long Out, long Kernel, long Stride, bool BatchNorm, int[] From)
{
    /// <summary>Floats of a convolution in a <c>.weights</c> file.</summary>
    public long ParameterCount => In * Out * Kernel * Kernel + (BatchNorm ? 4 : 1) * Out;
}

/// <summary>
/// YOLOv3 (Redmon and Farhadi, 2018): Darknet-53 without its classifier in layers 0..74, then the detection layers, whose scales come out
/// at 82, 94 and 106 (stride 32, 16 and 8; their linear inputs at 81, 93 and 105).
/// </summary>
internal static class DarknetPlan
{
    /// <summary>The last shortcut of the classification network.</summary>
    public const int LastOfDarknet53 = 74;

    /// <summary>Three anchors a scale, each with 4 coordinates, objectness and 80 classes.</summary>
    public const int Anchors = 3;

    /// <summary>Values of one anchor.</summary>
    public const int AnchorValues = 85;

    public static IReadOnlyList<DarknetLayer> Layers { get; } = Build();

    public static IEnumerable<DarknetLayer> Convolutions => Layers.Where(layer => layer.Kind == DarknetKind.Convolution);

    /// <summary>The common start of the tensor names of a layer.</summary>
    public static string Prefix(int index) => $"layers.{index}";

    private static List<DarknetLayer> Build()
    {
        var layers = new List<DarknetLayer>();
        void Convolution(long width, long kernel, long stride = 1) =>
            layers.Add(new(layers.Count, DarknetKind.Convolution, layers.Count == 0 ? 3 : layers[^1].Out, width, kernel, stride, true, []));
        void Shortcut() =>
            layers.Add(new(layers.Count, DarknetKind.Shortcut, layers[^1].Out, layers[^1].Out, 1, 1, false, [layers.Count - 3]));
        void Route(params int[] from)
        {
            var width = from.Sum(index => layers[index].Out);
            layers.Add(new(layers.Count, DarknetKind.Route, width, width, 1, 1, false, from));
        }

        void Scale(long width)
        {
            for (var pair = 0; pair < 3; pair++)
            {
                Convolution(width, 1);
                Convolution(2 * width, 3);
            }
            layers.Add(new(layers.Count, DarknetKind.Convolution, 2 * width, Anchors * AnchorValues, 1, 1, false, []));
            layers.Add(new(layers.Count, DarknetKind.Detection, Anchors * AnchorValues, Anchors * AnchorValues, 1, 1, false, []));
        }

        void Merge(long width, int with)
        {
            Route(layers.Count - 4);
            Convolution(width, 1);
            layers.Add(new(layers.Count, DarknetKind.Upsample, width, width, 1, 1, false, []));
            Route(layers.Count - 1, with);
        }

        Convolution(32, 3);
        foreach (var (width, blocks) in new (long, int)[] { (64, 1), (128, 2), (256, 8), (512, 8), (1024, 4) })
        {
            Convolution(width, 3, stride: 2);
            for (var block = 0; block < blocks; block++)
            {
                Convolution(width / 2, 1);
                Convolution(width, 3);
                Shortcut();
            }
        }
        Scale(512);
        Merge(256, with: 61);
        Scale(256);
        Merge(128, with: 36);
        Scale(128);
        return layers;
    }
}
