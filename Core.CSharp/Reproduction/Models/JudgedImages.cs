using System.Collections.Concurrent;
using Reproduction.Data;
using Reproduction.Imaging;

namespace Reproduction.Models;

/// <summary>
/// Photographs on their way to a judgement. Each is decoded once: what the network takes and what is drawn are made of the same pixels,
/// and what cannot be read is remembered with its reason.
/// </summary>
internal sealed class JudgedImages
{
    private readonly IReadOnlyList<Sample> _samples;
    private readonly SampleImages _images;
    private readonly ConcurrentDictionary<int, Image> _views = new();
    private readonly ConcurrentDictionary<int, UserError> _unreadable = new();

    /// <param name="samples">The photographs.</param>
    /// <param name="areDrawn">Whether <see cref="View"/> will be asked for.</param>
    public JudgedImages(IReadOnlyList<Sample> samples, bool areDrawn)
    {
        _samples = samples;
        _images = new SampleImages(samples)
        {
            Decoded = areDrawn ? (index, image) => _views[index] = HeatMap.View(image) : null,
            Refused = (index, error) => _unreadable[index] = error,
        };
    }

    /// <summary>All photographs in their order.</summary>
    public ImageBatch All => ImageBatch.All(_images);

    /// <summary>What a photograph is called.</summary>
    public string Name(int index) => _samples[index].Path;

    /// <summary>Why a photograph cannot be read; null where it can, or nobody has asked for it yet.</summary>
    public string? WhyUnreadable(int index) => _unreadable.GetValueOrDefault(index)?.Message;

    /// <summary>A photograph as large as it is drawn.</summary>
    public Image View(int index) => _views.TryGetValue(index, out var view) ? view : HeatMap.View(_samples[index].Load());

    /// <summary>Frees the memory of photographs that are judged.</summary>
    public void Forget(IReadOnlyList<int> indices)
    {
        _images.Forget(indices);
        foreach (var index in indices)
        {
            _views.TryRemove(index, out _);
        }
    }
}
