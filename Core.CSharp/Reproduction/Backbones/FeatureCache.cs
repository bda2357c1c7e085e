using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Reproduction.Data;
using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>
/// Features of frozen networks on disk: one file a (network, layers, image, size, pooling), found again by every method, variant, fold
/// and process. The folder may be deleted at any time and shared by several processes; it is kept under a limit, oldest use first.
/// </summary>
/// <param name="folder">Where the files lie; created when needed.</param>
/// <param name="limitBytes">The size that <see cref="Trim"/> brings the folder under.</param>
public sealed class FeatureCache(string folder, long limitBytes) : IFeatures
{
    private const int ForwardBatch = 8;

    /// <summary>Pooled features are small and are asked for once a variant and fold: they stay in memory too.</summary>
    private readonly ConcurrentDictionary<(string Key, string Image), float[][]> _pooled = new();

    private readonly Stopwatch _elapsed = new();
    private bool _writable = true;

    /// <summary>Told once a cell when features cannot be kept: they are computed again the next time.</summary>
    public Action<string> Warn { get; set; } = _ => { };

    /// <summary>Stops the computing of features after the images at hand.</summary>
    public CancellationToken Cancellation { get; set; } = CancellationToken.None;

    /// <summary>Where the files lie.</summary>
    public string Folder => folder;

    /// <summary>Time spent so far in computing and reading features.</summary>
    public TimeSpan Elapsed => _elapsed.Elapsed;

    /// <summary>
    /// The cache that the environment asks for: <c>REPRO_CACHE</c> or the user's cache folder; <c>REPRO_CACHE_GB</c> (20) gigabytes.
    /// </summary>
    public static FeatureCache FromEnvironment()
    {
        var text = Environment.GetEnvironmentVariable("REPRO_CACHE_GB");
        var gigabytes =
            string.IsNullOrEmpty(text) ? 20
            : double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value > 0 ? value
            : throw new UserError($"REPRO_CACHE_GB is '{text}'; it is the cache's limit in gigabytes, a number above 0");
        return new FeatureCache(DefaultFolder, (long)(gigabytes * 1e9));
    }

    /// <summary><c>REPRO_CACHE</c>, or <c>reproduction/features</c> in the user's cache folder.</summary>
    public static string DefaultFolder =>
        Environment.GetEnvironmentVariable("REPRO_CACHE") is { Length: > 0 } chosen ? chosen : Path.Combine(UserFolder, "features");

    /// <summary><c>reproduction</c> in the user's cache folder.</summary>
    internal static string UserFolder
    {
        get
        {
            var caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg
                ? xdg
                : Path.Combine(Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home ? home : Path.GetTempPath(), ".cache");
            return Path.Combine(caches, "reproduction");
        }
    }

    /// <inheritdoc/>
    public Tensor[] Get(ImageBatch batch, Backbone backbone, IReadOnlyList<string> layers, ImageSize size, Pooling pooling = Pooling.None)
    {
        _elapsed.Start();
        try
        {
            var key = Key(backbone, layers, size, pooling);
            return pooling == Pooling.Average ? GetPooled(batch, key, backbone, layers, size) : GetMaps(batch, key, backbone, layers, size);
        }
        finally
        {
            _elapsed.Stop();
        }
    }

    /// <summary>
    /// Deletes the files that were used least recently until the folder is under its limit, and temporary files of dead processes.
    /// </summary>
    public void Trim()
    {
        _writable = true; // there may be space again
        var root = new DirectoryInfo(folder);
        if (!root.Exists)
        {
            return;
        }

        var files = root.EnumerateFiles("*", SearchOption.AllDirectories).ToList();
        var total = files.Sum(file => file.Length);
        foreach (var file in files.OrderBy(file => file.LastWriteTimeUtc))
        {
            var abandoned =
                file.Name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)
                && file.LastWriteTimeUtc < DateTime.UtcNow.AddHours(-1);
            if (total <= limitBytes && !abandoned)
            {
                continue;
            }

            try
            {
                total -= file.Length;
                file.Delete();
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // another process was faster, or it is another user's
            }
        }
    }

    private Tensor[] GetPooled(ImageBatch batch, string key, Backbone backbone, IReadOnlyList<string> layers, ImageSize size)
    {
        var ids = batch.Indices.Select(batch.Images.ContentId).ToArray();
        var missing = Enumerable
            .Range(0, ids.Length)
            .Where(i => !_pooled.ContainsKey((key, ids[i])) && !ReadPooled(key, ids[i], layers))
            .ToArray();
        Compute(
            batch,
            missing,
            backbone,
            layers,
            size,
            (position, features) =>
            {
                var means = features.Select(map => map.mean([1L, 2L])).ToArray();
                _pooled[(key, ids[position])] = [.. means.Select(mean => mean.cpu().data<float>().ToArray())];
                Write(key, ids[position], layers, means);
            }
        );
        return
        [
            .. Enumerable
                .Range(0, layers.Count)
                .Select(layer =>
                {
                    var rows = ids.Select(id => _pooled[(key, id)][layer]).ToArray();
                    using var stacked = torch.tensor(rows.SelectMany(row => row).ToArray(), [rows.Length, rows[0].Length]);
                    return stacked.to(backbone.Device, copy: true).DetachFromDisposeScope();
                }),
        ];
    }

    private bool ReadPooled(string key, string image, IReadOnlyList<string> layers)
    {
        using var scope = torch.NewDisposeScope();
        if (TryRead(key, image, layers) is not { } tensors)
        {
            return false;
        }

        _pooled[(key, image)] = [.. tensors.Select(tensor => tensor.data<float>().ToArray())];
        return true;
    }

    private Tensor[] GetMaps(ImageBatch batch, string key, Backbone backbone, IReadOnlyList<string> layers, ImageSize size)
    {
        using var scope = torch.NewDisposeScope();
        var ids = batch.Indices.Select(batch.Images.ContentId).ToArray();
        var maps = new Tensor[]?[ids.Length];
        Parallel.For(
            0,
            ids.Length,
            i =>
            {
                using var reading = torch.NewDisposeScope();
                maps[i] = TryRead(key, ids[i], layers)?.Select(tensor => tensor.DetachFromDisposeScope()).ToArray();
            }
        );
        try
        {
            var missing = Enumerable.Range(0, ids.Length).Where(i => maps[i] is null).ToArray();
            Compute(
                batch,
                missing,
                backbone,
                layers,
                size,
                (position, features) =>
                {
                    Write(key, ids[position], layers, features);
                    maps[position] = [.. features.Select(map => map.cpu().clone().DetachFromDisposeScope())];
                }
            );
            return
            [
                .. Enumerable
                    .Range(0, layers.Count)
                    .Select(layer => torch.stack(maps.Select(map => map![layer]).ToArray()).to(backbone.Device).DetachFromDisposeScope()),
            ];
        }
        finally
        {
            foreach (var map in maps.SelectMany(map => map ?? []))
            {
                map.Dispose();
            }
        }
    }

    /// <summary>
    /// Runs the network over the images at <paramref name="positions"/> of the batch and hands over each image's maps <c>[C,H,W]</c>.
    /// libtorch chooses its kernels by the batch's size, and they differ in the last bits: every forward pass takes the same number of
    /// images, so that an image's features do not depend on which others were in the cache already.
    /// </summary>
    private void Compute(
        ImageBatch batch,
        int[] positions,
        Backbone backbone,
        IReadOnlyList<string> layers,
        ImageSize size,
        Action<int, Tensor[]> take
    )
    {
        foreach (var chunk in positions.Chunk(ForwardBatch))
        {
            Cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var noGradient = torch.no_grad();
            var full = chunk.Concat(Enumerable.Repeat(chunk[^1], ForwardBatch - chunk.Length));
            using var pixels = batch.Images.Pixels([.. full.Select(position => batch.Indices[position])], size, backbone.Device);
            var features = backbone.Forward(pixels, layers);
            for (var i = 0; i < chunk.Length; i++)
            {
                using var each = torch.NewDisposeScope();
                take(chunk[i], [.. features.Select(map => map[i])]);
            }
        }
    }

    private Tensor[]? TryRead(string key, string image, IReadOnlyList<string> layers)
    {
        var path = PathOf(key, image);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var tensors = SafeTensors.Read(path).Tensors;
            Touch(path);
            return [.. layers.Select(layer => tensors[layer])];
        }
        catch (Exception failure) when (failure is UserError or IOException or KeyNotFoundException or UnauthorizedAccessException)
        {
            return null; // a damaged or just deleted entry is computed again
        }
    }

    /// <summary>Marks an entry as used; an entry of a read-only cache serves without the mark.</summary>
    private static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException) { }
    }

    private void Write(string key, string image, IReadOnlyList<string> layers, IReadOnlyList<Tensor> tensors)
    {
        var entries = new Dictionary<string, Tensor>();
        for (var i = 0; i < layers.Count; i++)
        {
            entries[layers[i]] = tensors[i];
        }

        if (!_writable)
        {
            return;
        }

        var path = PathOf(key, image);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            SafeTensors.Write(path, entries);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _writable = false;
            Warn($"features are not kept: {failure.Message} Free some space, or choose another folder with REPRO_CACHE.");
        }
    }

    private string PathOf(string key, string image) => Path.Combine(folder, key, image[..2], image + ".safetensors");

    private static string Key(Backbone backbone, IReadOnlyList<string> layers, ImageSize size, Pooling pooling) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(
                    $"{torch.__version__}|{backbone.Fingerprint}|{string.Join(',', layers)}|{size}|{pooling}|{ForwardBatch}"
                )
            )
        )[..24];
}
