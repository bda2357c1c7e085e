using System.Net;
using System.Net.Http.Headers;

namespace Reproduction.Backbones;

/// <summary>
/// Downloads a published weights file. Bytes gather in <c>FILE.part</c>; a broken download goes on from there, now or at the next
/// call; only when the sha256 agrees is the file put in place.
/// </summary>
public sealed class WeightsDownload
{
    private const int BufferSize = 1 << 16;

    // The largest published file, VGG-19, has 0.55 GB.
    private const long LargestFile = 2L << 30;

    private readonly TimeSpan _stall;
    private readonly int _attempts;

    /// <param name="stall">For how long a connection may stay silent before it counts as broken; null: a minute.</param>
    /// <param name="attempts">How often a broken download is taken up again in one call.</param>
    public WeightsDownload(TimeSpan? stall = null, int attempts = 5)
    {
        this._stall = stall ?? TimeSpan.FromMinutes(1);
        this._attempts = attempts;
    }

    /// <summary>Downloads a file into a folder, which is made when missing.</summary>
    /// <param name="weights">What to fetch and what its sha256 begins with.</param>
    /// <param name="folder">Where to put it.</param>
    /// <param name="progress">Told the bytes that are there and the bytes that there will be (null: the server does not say).</param>
    /// <param name="cancellation">Stops; what has come stays for the next call.</param>
    /// <returns>The path of the verified file.</returns>
    /// <exception cref="UserError">The server cannot be reached or gives up, or the content is not what was published; with what to do by
    /// hand.</exception>
    public async Task<string> FetchAsync(
        PublishedWeights weights,
        string folder,
        Action<long, long?>? progress = null,
        CancellationToken cancellation = default
    )
    {
        Directory.CreateDirectory(folder);
        var target = Path.Combine(folder, weights.FileName);
        if (File.Exists(target))
        {
            var present = WeightsFile.Hash(target);
            return present.StartsWith(weights.Sha256, StringComparison.Ordinal)
                ? target
                : throw new UserError(
                    $"{target}: is there already with the sha256 {present[..16]}..., but {weights.Url} has {weights.Sha256}...; move "
                        + "it away and fetch again"
                );
        }
        var part = target + ".part";
        await GatherAsync(weights, target, part, progress, cancellation).ConfigureAwait(false);
        var hash = WeightsFile.Hash(part);
        if (!hash.StartsWith(weights.Sha256, StringComparison.Ordinal))
        {
            var length = new FileInfo(part).Length;
            File.Delete(part);
            throw new UserError(
                $"{weights.Url}: gave {length} bytes with the sha256 {hash[..16]}..., not {weights.Sha256}...; nothing was kept, try "
                    + "again or get the file elsewhere"
            );
        }
        File.Move(part, target);
        return target;
    }

    private async Task GatherAsync(
        PublishedWeights weights,
        string target,
        string part,
        Action<long, long?>? progress,
        CancellationToken cancellation
    )
    {
        using var handler = new SocketsHttpHandler { ConnectTimeout = _stall };
        using var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        Exception? last = null;
        for (var attempt = 0; attempt < _attempts; attempt++)
        {
            try
            {
                await ReceiveAsync(client, weights.Url, part, progress, cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception exception)
                when (exception is IOException or HttpRequestException
                    || (exception is OperationCanceledException && !cancellation.IsCancellationRequested)
                )
            {
                last = exception;
            }
        }
        var there = File.Exists(part) ? new FileInfo(part).Length : 0;
        throw new UserError(
            $"{weights.Url}: cannot be fetched ({Reason(last)}; {there} bytes are in {part}). Run again to go on, or download it on "
                + "another machine\n"
                + $"and put it at {target}; its sha256 begins with {weights.Sha256}",
            last
        );
    }

    private async Task ReceiveAsync(HttpClient client, Uri url, string part, Action<long, long?>? progress, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(_stall);
        var there = File.Exists(part) ? new FileInfo(part).Length : 0;
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (there > 0)
        {
            request.Headers.Range = new RangeHeaderValue(there, null);
        }
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (there > 0 && response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // Nothing follows what is there: either it is complete, which its sha256 tells, or it is no part of this file.
            return;
        }
        response.EnsureSuccessStatusCode();
        // A server may ignore the range and send everything; from any other place than the one asked for, nothing can be used.
        var resumes = response.StatusCode == HttpStatusCode.PartialContent;
        if (resumes && response.Content.Headers.ContentRange?.From != there)
        {
            File.Delete(part);
            throw new IOException("the server sent another part than the one asked for");
        }
        await using var file = new FileStream(part, resumes ? FileMode.Append : FileMode.Create, FileAccess.Write);
        var total = file.Length + response.Content.Headers.ContentLength;
        await using var body = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        var buffer = new byte[BufferSize];
        while (true)
        {
            silence.CancelAfter(_stall);
            var count = await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
            if (count == 0)
            {
                break;
            }
            await file.WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
            if (file.Length > LargestFile)
            {
                throw new UserError($"{url}: sent more than {LargestFile} bytes, more than any weights file; stopped");
            }
            progress?.Invoke(file.Length, total);
        }
        if (total is not null && file.Length != total)
        {
            throw new IOException($"the connection ended after {file.Length} of {total} bytes");
        }
    }

    private static string Reason(Exception? exception) =>
        exception switch
        {
            OperationCanceledException => "the server stayed silent",
            _ => exception?.Message.Split('\n')[0] ?? "no attempt was made",
        };
}
