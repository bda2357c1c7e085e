using System.Buffers.Binary;
using System.Text;

namespace Reproduction.Formats;

/// <summary>A typed run of elements that tensors of a state dict point into.</summary>
/// <param name="Type">Of its elements.</param>
/// <param name="Key">Its name in the file.</param>
/// <param name="Count">In elements.</param>
/// <param name="ViewOffset">In elements, where the storage is a part of the one that the file holds under <paramref name="Key"/>.</param>
internal sealed record StorageReference(ElementType Type, string Key, long Count, long ViewOffset);

/// <summary>A tensor of a state dict's pickle: a strided view of a storage. Offset and strides are in elements.</summary>
internal sealed record TensorReference(StorageReference Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>The globals of a state dict's pickle and what stands in for them; what both forms of <c>torch.save</c> share.</summary>
internal static class StateDict
{
    private enum Function
    {
        OrderedDictionary,
        RebuildTensor,
        RebuildTensorV2,
        RebuildParameter,
        Size,
    }

    // Trainers save a state dict within a dictionary of other things, at most a few levels deep.
    private static readonly string[] Wrappers = ["state_dict", "model_state_dict", "model"];
    private const int DeepestWrapper = 4;
    private const string DataParallelPrefix = "module.";

    public static Pickle Reader(PickleStream stream, Func<object?[], object> persistent) =>
        new(
            stream,
            (module, name) => Resolve(stream, module, name),
            (function, arguments) => Call(stream, function, arguments),
            persistent
        );

    /// <summary>The tensors of an unpickled state dict, found under its wrappers.</summary>
    /// <param name="file">For errors.</param>
    /// <param name="root">What the pickle holds.</param>
    /// <param name="place">The byte offset in the file and the length in bytes of a whole storage of the file.</param>
    public static List<TensorEntry> Tensors(CheckpointFile file, object? root, Func<StorageReference, (long Offset, long Length)> place)
    {
        var dictionary = root as PickleDictionary ?? throw file.Broken("holds no state dict, but a single object");
        for (var depth = 0; depth < DeepestWrapper && Inner(dictionary) is { } inner; depth++)
        {
            dictionary = inner;
        }
        var named = dictionary.Items.Where(item => item.Key is string && item.Value is TensorReference).ToList();
        if (named.Count == 0)
        {
            throw file.Broken($"holds no tensors; its entries are {string.Join(", ", dictionary.Items.Keys.Take(5))}");
        }
        var prefix = named.All(item => ((string)item.Key).StartsWith(DataParallelPrefix, StringComparison.Ordinal))
            ? DataParallelPrefix.Length
            : 0;
        return [.. named.Select(item => Entry(file, ((string)item.Key)[prefix..], (TensorReference)item.Value!, place))];
    }

    private static PickleDictionary? Inner(PickleDictionary dictionary) =>
        Wrappers
            .Select(wrapper => dictionary.Items.TryGetValue(wrapper, out var inner) ? inner as PickleDictionary : null)
            .FirstOrDefault(inner => inner is not null);

    private static TensorEntry Entry(
        CheckpointFile file,
        string name,
        TensorReference tensor,
        Func<StorageReference, (long Offset, long Length)> place
    )
    {
        var storage = tensor.Storage;
        var size = storage.Type.Size();
        var (offset, length) = place(storage);
        Int128 elements = 1;
        Int128 last = tensor.Offset;
        for (var dimension = 0; dimension < tensor.Shape.Length; dimension++)
        {
            elements = Int128.Min(elements * tensor.Shape[dimension], long.MaxValue);
            last += (Int128)(tensor.Shape[dimension] - 1) * tensor.Strides[dimension];
            last = Int128.Min(last, long.MaxValue);
        }
        if (elements > 0 && (last >= storage.Count || elements > storage.Count))
        {
            throw file.Broken(
                $"{name} of shape [{string.Join(", ", tensor.Shape)}] "
                    + $"{(last >= storage.Count ? "reaches beyond" : "repeats elements of")} its storage of {storage.Count} elements"
            );
        }
        if (storage.ViewOffset + (Int128)storage.Count > length / size)
        {
            throw file.Broken($"is truncated: the storage of {name} claims {storage.Count} elements, {length / size} are there");
        }
        return new TensorEntry(
            file,
            name,
            storage.Type,
            tensor.Shape,
            tensor.Strides,
            offset + (storage.ViewOffset + tensor.Offset) * size
        );
    }

    private static object Resolve(PickleStream stream, string module, string name) =>
        (module, name) switch
        {
            ("collections", "OrderedDict") => Function.OrderedDictionary,
            ("torch._utils", "_rebuild_tensor") => Function.RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Function.RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") => Function.RebuildParameter,
            ("torch", "Size") => Function.Size,
            ("torch", _) when ElementTypes.TryParseStorage(name, out var type) => type,
            _ => throw stream.Broken(
                $"its pickle asks for {module}.{name}, which is not on the list of what a state dict needs, and nothing of a file is run"
            ),
        };

    private static object? Call(PickleStream stream, object function, object?[] arguments) =>
        (function, arguments) switch
        {
            (Function.OrderedDictionary, []) => new PickleDictionary(),
            (Function.OrderedDictionary, [List<object?> pairs]) => FromPairs(stream, pairs),
            (Function.RebuildTensor, [StorageReference storage, long offset, object?[] shape, object?[] strides]) => Tensor(
                stream,
                storage,
                offset,
                shape,
                strides
            ),
            (Function.RebuildTensorV2, [StorageReference storage, long offset, object?[] shape, object?[] strides, ..]) => Tensor(
                stream,
                storage,
                offset,
                shape,
                strides
            ),
            (Function.RebuildParameter, [TensorReference tensor, ..]) => tensor,
            (Function.Size, [object?[] lengths]) => lengths,
            _ => throw stream.Broken($"its pickle calls {function} with arguments that do not belong to it"),
        };

    // Python 2 pickled an OrderedDict as a list of [key, value] lists.
    private static PickleDictionary FromPairs(PickleStream stream, List<object?> pairs)
    {
        var dictionary = new PickleDictionary();
        foreach (var pair in pairs)
        {
            if (pair is not List<object?> { Count: 2 } list || list[0] is not string key)
            {
                throw stream.Broken("its pickle makes an OrderedDict of something other than pairs");
            }
            if (!dictionary.Items.TryAdd(key, list[1]))
            {
                throw stream.Broken($"names {key} twice");
            }
        }
        return dictionary;
    }

    private static TensorReference Tensor(PickleStream stream, StorageReference storage, long offset, object?[] shape, object?[] strides)
    {
        var lengths = Numbers(stream, shape);
        var steps = Numbers(stream, strides);
        return offset >= 0 && lengths.Length == steps.Length
            ? new TensorReference(storage, offset, lengths, steps)
            : throw stream.Broken($"its pickle has a tensor of offset {offset} with {lengths.Length} lengths and {steps.Length} strides");
    }

    private static long[] Numbers(PickleStream stream, object?[] values) =>
        [
            .. values.Select(value =>
                value is long number and >= 0
                    ? number
                    : throw stream.Broken("its pickle has a length or a stride that is no natural number")
            ),
        ];
}

/// <summary>The zip form of <c>torch.save</c>: <c>NAME/data.pkl</c> and one record <c>NAME/data/KEY</c> a storage.</summary>
internal static class TorchZip
{
    private const string PickleName = "/data.pkl";

    public static bool Recognises(ReadOnlySpan<byte> start) => StoredZip.Recognises(start);

    public static List<TensorEntry> Read(CheckpointFile file)
    {
        var records = StoredZip.Read(file);
        var pickleName =
            records.Keys.FirstOrDefault(name => name.EndsWith(PickleName, StringComparison.Ordinal))
            ?? throw file.Broken("is a zip archive without data.pkl: no file of torch.save");
        var folder = pickleName[..^PickleName.Length];
        if (records.ContainsKey($"{folder}/constants.pkl"))
        {
            throw file.Broken("is a TorchScript archive; save the module's state_dict() with torch.save instead");
        }
        if (
            records.TryGetValue($"{folder}/byteorder", out var order)
            && Encoding.ASCII.GetString(file.Read(order.Offset, Math.Min(order.Length, 16), "byteorder")) is not "little" and var name
        )
        {
            throw file.Broken($"was saved with byte order '{name}'; only little-endian files are read");
        }
        var (offset, length) = records[pickleName];
        var root = StateDict.Reader(new PickleStream(file, offset, length), id => Storage(file, id)).Load();
        return StateDict.Tensors(
            file,
            root,
            storage =>
                records.TryGetValue($"{folder}/data/{storage.Key}", out var record)
                    ? record
                    : throw file.Broken($"lacks the storage {storage.Key}")
        );
    }

    private static StorageReference Storage(CheckpointFile file, object?[] id) =>
        id is ["storage", ElementType type, string key, string, long and >= 0 and var count]
            ? new StorageReference(type, key, count, 0)
            : throw file.Broken("its pickle refers to something that is no storage");
}

/// <summary>
/// The form that <c>torch.save</c> had before PyTorch 1.6, and torchvision's VGG files still have: five pickles (magic number,
/// protocol, system information, state dict, storage keys), then for each key the element count and the elements.
/// </summary>
internal static class TorchLegacy
{
    private static readonly byte[] Magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    private const long ProtocolVersion = 1001;

    // PROTO 2, LONG1 of ten bytes.
    public static bool Recognises(ReadOnlySpan<byte> start) =>
        start.Length >= 14 && start[0] == 0x80 && start[2] == 0x8a && start[3] == Magic.Length && start[4..14].SequenceEqual(Magic);

    public static List<TensorEntry> Read(CheckpointFile file)
    {
        var stream = new PickleStream(file, 0, file.Length);
        var storages = new Dictionary<string, StorageReference>();
        object? Next() => StateDict.Reader(stream, id => Storage(file, id, storages)).Load();

        Next();
        if (Next() is not ProtocolVersion)
        {
            throw file.Broken($"was not saved with protocol {ProtocolVersion} of torch.save");
        }
        if (Next() is not PickleDictionary system || (system.Items.TryGetValue("little_endian", out var little) && little is not true))
        {
            throw file.Broken("was saved on a big-endian machine; only little-endian files are read");
        }
        var root = Next();
        if (Next() is not List<object?> keys)
        {
            throw file.Broken("has no list of its storages");
        }
        var places = new Dictionary<string, (long Offset, long Length)>();
        var position = stream.Position;
        foreach (var key in keys)
        {
            if (key is not string name || !storages.TryGetValue(name, out var storage) || places.ContainsKey(name))
            {
                throw file.Broken($"lists the storage {key} twice, or no tensor uses it");
            }
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Read(position, sizeof(long), $"the length of the storage {name}"));
            position += sizeof(long);
            if (count < 0 || count > file.Length / storage.Type.Size())
            {
                throw file.Broken($"is truncated: the storage {name} claims {count} elements");
            }
            var length = count * storage.Type.Size();
            file.CheckRange(position, length, $"the storage {name}");
            places[name] = (position, length);
            position += length;
        }
        return StateDict.Tensors(
            file,
            root,
            storage => places.TryGetValue(storage.Key, out var place) ? place : throw file.Broken($"lacks the storage {storage.Key}")
        );
    }

    private static StorageReference Storage(CheckpointFile file, object?[] id, Dictionary<string, StorageReference> storages)
    {
        if (id is not ["storage", ElementType type, string key, string, long and >= 0 and var count, var view])
        {
            throw file.Broken("its pickle refers to something that is no storage");
        }
        var whole = new StorageReference(type, key, count, 0);
        if (storages.TryGetValue(key, out var known) && known.Type != type)
        {
            throw file.Broken($"uses the storage {key} as {known.Type} and as {type}");
        }
        storages.TryAdd(key, whole);
        return view switch
        {
            null => whole,
            object?[] and [string, long and >= 0 and var offset, long and >= 0 and var size] => whole with
            {
                Count = size,
                ViewOffset = offset,
            },
            _ => throw file.Broken($"has a damaged view of the storage {key}"),
        };
    }
}
