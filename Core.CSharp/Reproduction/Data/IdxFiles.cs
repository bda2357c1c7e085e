using System.Buffers.Binary;
using System.IO.Compression;
using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// MNIST and Fashion-MNIST, the four idx files with or without gzip. A category is a class ("0" to "9"): its training images train, all
/// test images test, and those of the other classes are the anomalies.
/// </summary>
internal static class IdxFiles
{
    private const int ClassCount = 10;

    /// <summary>The first training labels tell the two published data sets apart whatever their folder is called.</summary>
    private static readonly (string Dataset, byte[] Labels)[] FirstLabels =
    [
        ("mnist", [5, 0, 4, 1, 9, 2, 1, 3]),
        ("fashion-mnist", [9, 0, 0, 3, 0, 2, 7, 2]),
    ];

    internal static Dataset? TryOpen(string root)
    {
        if (Find(root, "train-images-idx3-ubyte") is null)
        {
            return null;
        }

        var (labelFile, labels) = Labels(root, "train");
        var dataset = FirstLabels.FirstOrDefault(known => labels.AsSpan().StartsWith(known.Labels)).Dataset ?? Path.GetFileName(root);
        var train = new Lazy<Split>(() => Read(root, "train", "train"));
        var test = new Lazy<Split>(() => Read(root, "t10k", "test"));
        var names = Enumerable.Range(0, ClassCount).Select(label => label.ToString()).ToArray();
        return new Dataset(
            dataset,
            root,
            names,
            name =>
            {
                var label = (byte)Array.IndexOf(names, name);
                var normal = train.Value.Samples(label).Where(sample => sample.Label == 0).ToArray();
                if (normal.Length == 0)
                {
                    throw new UserError($"{labelFile}: no image of class {name}");
                }

                return new Category(dataset, name, normal, [.. test.Value.Samples(label)]);
            }
        );
    }

    private sealed record Split(string File, string Part, byte[] Labels, byte[] Pixels, int Height, int Width)
    {
        internal IEnumerable<Sample> Samples(byte normal) =>
            Labels.Select(
                (label, i) =>
                    new Sample(File, $"{Part}/{i:D5}", label == normal ? 0 : 1, label == normal ? "good" : label.ToString(), null)
                    {
                        Pixels = () => ImageAt(i),
                    }
            );

        private Image ImageAt(int i) => new(Width, Height, 1, Pixels.AsSpan(i * Width * Height, Width * Height).ToArray());
    }

    private static Split Read(string root, string prefix, string part)
    {
        var (labelFile, labels) = Labels(root, prefix);
        var file = Require(root, $"{prefix}-images-idx3-ubyte");
        var (sizes, pixels) = ReadIdx(file, dimensions: 3);
        if (sizes[0] != labels.Length)
        {
            throw new UserError($"{file}: {sizes[0]} images, but {labelFile} has {labels.Length} labels; download both again");
        }

        return new Split(file, part, labels, pixels, sizes[1], sizes[2]);
    }

    private static (string File, byte[] Labels) Labels(string root, string prefix)
    {
        var file = Require(root, $"{prefix}-labels-idx1-ubyte");
        return (file, ReadIdx(file, dimensions: 1).Values);
    }

    private static string? Find(string root, string name) =>
        new[] { $"{name}.gz", name }.Select(file => Path.Combine(root, file)).FirstOrDefault(File.Exists);

    private static string Require(string root, string name) =>
        Find(root, name) ?? throw new UserError($"{Path.Combine(root, name)}.gz: is missing; all four idx files belong in one folder");

    /// <summary>
    /// Reads unsigned bytes in idx format: two zeros, type 8, the number of dimensions, their big-endian sizes, the values.
    /// </summary>
    private static (int[] Sizes, byte[] Values) ReadIdx(string file, int dimensions)
    {
        byte[] data;
        try
        {
            data = File.ReadAllBytes(file);
            if (file.EndsWith(".gz", StringComparison.Ordinal))
            {
                using var unpacked = new MemoryStream();
                using (var gzip = new GZipStream(new MemoryStream(data), CompressionMode.Decompress))
                {
                    gzip.CopyTo(unpacked);
                }

                data = unpacked.ToArray();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UserError($"{file}: cannot be read ({e.Message}); download it again", e);
        }
        var header = 4 + 4 * dimensions;
        if (data.Length < header || BinaryPrimitives.ReadUInt32BigEndian(data) != 0x800 + (uint)dimensions)
        {
            throw new UserError($"{file}: not an idx file of bytes in {dimensions} dimensions; download it again");
        }

        var sizes = Enumerable.Range(0, dimensions).Select(i => BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(4 + 4 * i))).ToArray();
        var expected = sizes.Aggregate(1L, (product, size) => product * size);
        if (expected != data.Length - header)
        {
            throw new UserError(
                $"{file}: {data.Length - header} values where its header announces {expected}; the file is truncated, download it again"
            );
        }

        return (sizes, data[header..]);
    }
}
