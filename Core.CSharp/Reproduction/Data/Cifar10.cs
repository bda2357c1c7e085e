using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// CIFAR-10's binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin, records of one label byte and 32 x 32 red, green and
/// blue planes. A category is a class, as in <see cref="IdxFiles"/>.
/// </summary>
internal static class Cifar10
{
    private const string Name = "cifar10";
    private const int Side = 32;
    private const int Plane = Side * Side;
    private const int Record = 1 + 3 * Plane;
    private static readonly string[] Classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    private static readonly string[] TrainFiles = [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")];

    internal static Dataset? TryOpen(string root)
    {
        string[] candidates = [root, Path.Combine(root, "cifar-10-batches-bin")];
        var folder = candidates.FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, TrainFiles[0])));
        if (folder is null)
        {
            return null;
        }

        var train = new Lazy<Batch[]>(() => [.. TrainFiles.Select(file => Read(Path.Combine(folder, file)))]);
        var test = new Lazy<Batch[]>(() => [Read(Path.Combine(folder, "test_batch.bin"))]);
        return new Dataset(
            Name,
            root,
            Classes,
            name =>
            {
                var normal = Array.IndexOf(Classes, name);
                return new Category(
                    Name,
                    name,
                    [.. Samples(train.Value, "train", normal).Where(sample => sample.Label == 0)],
                    [.. Samples(test.Value, "test", normal)]
                );
            }
        );
    }

    private sealed record Batch(string File, byte[] Data)
    {
        internal int Count => Data.Length / Record;

        internal Image ImageAt(int i)
        {
            var planes = Data.AsSpan(i * Record + 1, 3 * Plane);
            var pixels = new byte[3 * Plane];
            for (var p = 0; p < Plane; p++)
            {
                for (var c = 0; c < 3; c++)
                {
                    pixels[3 * p + c] = planes[c * Plane + p];
                }
            }

            return new Image(Side, Side, 3, pixels);
        }
    }

    private static IEnumerable<Sample> Samples(Batch[] batches, string part, int normal)
    {
        var index = 0;
        foreach (var batch in batches)
        {
            for (var i = 0; i < batch.Count; i++, index++)
            {
                int label = batch.Data[i * Record],
                    at = i;
                yield return new Sample(
                    batch.File,
                    $"{part}/{index:D5}",
                    label == normal ? 0 : 1,
                    label == normal ? "good" : Classes[label],
                    null
                )
                {
                    Pixels = () => batch.ImageAt(at),
                };
            }
        }
    }

    private static Batch Read(string file)
    {
        byte[] data;
        try
        {
            data = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{file}: cannot be read ({e.Message}); unpack CIFAR-10's binary version whole", e);
        }
        if (data.Length == 0 || data.Length % Record != 0)
        {
            throw new UserError(
                $"{file}: {data.Length} bytes are no whole number of {Record}-byte records; download CIFAR-10's binary version again"
            );
        }

        for (var i = 0; i < data.Length; i += Record)
        {
            if (data[i] >= Classes.Length)
            {
                throw new UserError($"{file}: label {data[i]} at byte {i}, expected 0 to 9; download CIFAR-10's binary version again");
            }
        }

        return new Batch(file, data);
    }
}
