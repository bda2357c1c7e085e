using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Repro.Serving;
using Reproduction.Imaging;
using Reproduction.Methods;
using Reproduction.Models;
using Reproduction.Surfaces;

namespace Benchmarks;

/// <summary>
/// A server under 10,000 requests from 8 clients, one in a hundred a torn picture: every good picture must get the score that the library
/// gives it, every torn one an error, and the memory must not grow.
/// </summary>
public sealed class ServeBenchmark : IBenchmark
{
    private const int Requests = 10_000;
    private const int Clients = 8;
    private const int TornEvery = 100;
    private const int Pictures = 20;

    /// <inheritdoc/>
    public string Name => "serve";

    /// <inheritdoc/>
    public string Description => "10,000 requests to a server from 8 clients, 1 % torn pictures: failures, requests/s, memory";

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Run(TextWriter progress) => RunAsync(progress).GetAwaiter().GetResult();

    private static async Task<IReadOnlyList<Measurement>> RunAsync(TextWriter progress)
    {
        Image Rendered(string split, string defect, int index) => SurfacesDataset.Render("woven", split, defect, index, 0).Photograph;

        var good = Photographs.Of([.. Enumerable.Range(0, 40).Select(i => Rendered("train", "good", i))]);
        // As the command serves it.
        using var model = Model.Fit("hfae", good, new FitOptions { Profile = Profile.Smoke }).WithEngine("auto");
        Image[] images = [.. Enumerable.Range(0, Pictures).Select(i => Rendered("test", i % 2 == 0 ? "good" : "hole", i))];
        byte[][] files = [.. images.Select(image => ImageFile.EncodePng(image))];
        float[] expected = [.. images.Select(image => model.Score(image).Score!.Value)];
        await using var server = new Server(model, new ServerOptions(IPAddress.Loopback, 0, 32_000_000, 200));
        using var client = new HttpClient { BaseAddress = await server.StartAsync() };
        var (wrong, times) = (0, new ConcurrentBag<double>());
        var memory = new List<double>();
        var watch = Stopwatch.StartNew();
        for (var part = 0; part < 10; part++)
        {
            var first = part * Requests / 10;
            await Parallel.ForEachAsync(
                Enumerable.Range(first, Requests / 10),
                new ParallelOptions { MaxDegreeOfParallelism = Clients },
                async (i, _) =>
                {
                    if (!await IsRightAsync(i))
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            );
            memory.Add(Gauge.ResidentMebibytes);
            progress.WriteLine($"{(part + 1) * Requests / 10} requests, {watch.Elapsed.TotalSeconds:F0} s, {memory[^1]:F0} MiB");
        }
        var seconds = watch.Elapsed.TotalSeconds;
        return
        [
            new($"answers that are wrong, of {Requests}", wrong, "answers"),
            new("requests a second", Requests / seconds, "requests/s"),
            new("a request, median", Gauge.Median(times) * 1000, "ms"),
            new("memory after a tenth", memory[0], "MiB"),
            new("memory at the end", memory[^1], "MiB"),
        ];

        async Task<bool> IsRightAsync(int i)
        {
            var isTorn = i % TornEvery == 0;
            var file = files[i % Pictures];
            var request = Stopwatch.StartNew();
            using var content = new ByteArrayContent(isTorn ? file[..(file.Length / 2)] : file);
            using var answer = await client.PostAsync("score", content);
            var text = await answer.Content.ReadAsStringAsync();
            times.Add(request.Elapsed.TotalSeconds);
            using var json = JsonDocument.Parse(text);
            return isTorn
                ? answer.StatusCode == HttpStatusCode.UnprocessableEntity && json.RootElement.TryGetProperty("error", out _)
                : answer.IsSuccessStatusCode && json.RootElement.GetProperty("score").GetSingle() == expected[i % Pictures];
        }
    }
}
