using System.Buffers.Binary;

namespace Reproduction.Formats;

/// <summary>
/// Darknet's <c>.weights</c>: a version header, then for each convolution in the order of the network's configuration its batch norm
/// (bias, scale, mean, variance) or its bias, and its kernel, all float32. The file names nothing, so the network is the one of
/// <see cref="DarknetPlan"/>: the whole of YOLOv3, or its first layers (<c>darknet53.conv.74</c>, <c>darknet53.weights</c>).
/// </summary>
internal static class DarknetWeights
{
    private const int SmallestHeader = 16;

    // darknet53.weights ends in the ImageNet classifier: a 1x1 convolution from 1024 to 1000 channels with a bias.
    private const long Classifier = 1024 * 1000 + 1000;

    public static bool Recognises(ReadOnlySpan<byte> start) =>
        start.Length >= SmallestHeader
        && BinaryPrimitives.ReadInt32LittleEndian(start) == 0
        && BinaryPrimitives.ReadInt32LittleEndian(start[4..]) is 1 or 2
        && BinaryPrimitives.ReadInt32LittleEndian(start[8..]) is >= 0 and < 100;

    public static List<TensorEntry> Read(CheckpointFile file)
    {
        // The count of images seen in training is 64 bits wide since version 0.2.
        var minor = BinaryPrimitives.ReadInt32LittleEndian(file.Read(4, sizeof(int), "the version"));
        long position = 3 * sizeof(int) + (minor >= 2 ? sizeof(long) : sizeof(int));
        var entries = new List<TensorEntry>();
        void Add(string name, params long[] shape)
        {
            entries.Add(new TensorEntry(file, name, ElementType.Float32, shape, null, position));
            position += entries[^1].ByteCount;
        }

        foreach (var layer in DarknetPlan.Convolutions)
        {
            if (
                position == file.Length
                || (layer.Index > DarknetPlan.LastOfDarknet53 && file.Length - position == Classifier * sizeof(float))
            )
            {
                return entries;
            }
            file.CheckRange(position, layer.ParameterCount * sizeof(float), $"layer {layer.Index} of YOLOv3");
            var prefix = DarknetPlan.Prefix(layer.Index);
            if (layer.BatchNorm)
            {
                Add($"{prefix}.bn.bias", layer.Out);
                Add($"{prefix}.bn.weight", layer.Out);
                Add($"{prefix}.bn.running_mean", layer.Out);
                Add($"{prefix}.bn.running_var", layer.Out);
            }
            else
            {
                Add($"{prefix}.conv.bias", layer.Out);
            }
            Add($"{prefix}.conv.weight", layer.Out, layer.In, layer.Kernel, layer.Kernel);
        }
        return position == file.Length
            ? entries
            : throw file.Broken(
                $"goes on for {file.Length - position} bytes after the last layer of YOLOv3; no other darknet network is known"
            );
    }
}
