using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace TorchSharp.Utils;

/// <summary>A dictionary that enumerates in the order of insertion, which is the order of a module's parameters.</summary>
public class OrderedDict<TKey, TValue> : IEnumerable<(TKey, TValue)> where TKey : notnull
{
    private readonly List<TKey> keys = [];
    private readonly Dictionary<TKey, TValue> values = [];

    public int Count => keys.Count;

    public TValue this[TKey key]
    {
        get => values[key];
        set
        {
            if (!values.ContainsKey(key)) keys.Add(key);
            values[key] = value;
        }
    }

    public bool ContainsKey(TKey key) => values.ContainsKey(key);

    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => values.TryGetValue(key, out value);

    public void Add(TKey key, TValue value)
    {
        values.Add(key, value);
        keys.Add(key);
    }

    public bool Remove(TKey key) => values.Remove(key) && keys.Remove(key);

    public IEnumerator<(TKey, TValue)> GetEnumerator() => keys.Select(key => (key, values[key])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
