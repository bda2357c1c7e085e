using System.Globalization;
using System.Text;
using Reproduction.Models;

namespace Repro.Serving;

/// <summary>What a server has done, in Prometheus' text format (version 0.0.4). Threads may share it.</summary>
internal sealed class ServerMetrics
{
    /// <summary>Upper bounds of the histogram of times, in seconds.</summary>
    private static readonly double[] Bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, long> _requests = [];
    private readonly SortedDictionary<Verdict, long> _verdicts = new()
    {
        [Verdict.Good] = 0,
        [Verdict.Defective] = 0,
        [Verdict.Unreadable] = 0,
    };
    private readonly long[] _times = new long[Bounds.Length + 1];
    private double _seconds;
    private long _count;

    /// <summary>A request to score was answered.</summary>
    /// <param name="status">HTTP's code.</param>
    public void Answered(int status)
    {
        lock (_lock)
        {
            _requests[status] = _requests.GetValueOrDefault(status) + 1;
        }
    }

    /// <summary>A picture was judged, or could not be.</summary>
    /// <param name="elapsed">From its bytes to its verdict, waiting included.</param>
    public void Judged(Verdict verdict, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        var bucket = Array.FindIndex(Bounds, bound => seconds <= bound);
        lock (_lock)
        {
            _verdicts[verdict]++;
            _times[bucket < 0 ? Bounds.Length : bucket]++;
            _seconds += seconds;
            _count++;
        }
    }

    /// <summary>The text that Prometheus fetches.</summary>
    /// <param name="model">What judges.</param>
    public string Text(ModelFile model)
    {
        var text = new StringBuilder();
        lock (_lock)
        {
            Head("repro_model_info", "gauge", "The model that judges.");
            Line($"repro_model_info{{method=\"{Escaped(model.Method)}\",variant=\"{Escaped(model.Variant)}\"}} 1");
            Head("repro_requests_total", "counter", "Requests to score, by the code of the answer.");
            foreach (var (status, count) in _requests)
            {
                Line($"repro_requests_total{{code=\"{status}\"}} {count}");
            }
            Head("repro_pictures_total", "counter", "Pictures, by verdict.");
            foreach (var (verdict, count) in _verdicts)
            {
                Line($"repro_pictures_total{{verdict=\"{verdict.ToString().ToLowerInvariant()}\"}} {count}");
            }
            Head("repro_picture_seconds", "histogram", "From a picture's bytes to its verdict, waiting included.");
            var below = 0L;
            foreach (var (bound, count) in Bounds.Zip(_times))
            {
                Line($"repro_picture_seconds_bucket{{le=\"{bound}\"}} {below += count}");
            }
            Line($"repro_picture_seconds_bucket{{le=\"+Inf\"}} {_count}");
            Line($"repro_picture_seconds_sum {_seconds:r}");
            Line($"repro_picture_seconds_count {_count}");
        }
        Head("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
        Line($"process_resident_memory_bytes {Environment.WorkingSet}");
        return text.ToString();

        void Head(string name, string type, string help) => Line($"# HELP {name} {help}\n# TYPE {name} {type}");

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string Escaped(string value) =>
        value
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
