using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Reproduction.Formats;

/// <summary>
/// Reads Python pickles without running anything: the opcodes of data (numbers, strings, lists, dictionaries, tuples) are carried out
/// on .NET values; a global or a call is handed to the caller, who knows the few that a state dict needs. Every other opcode is an
/// error by name. None, booleans, integers, floats, strings and bytes become null, bool, <see cref="BigInteger"/> or long, double,
/// string and byte[]; lists and tuples become <see cref="List{T}"/> and object?[]; dictionaries become <see cref="PickleDictionary"/>.
/// </summary>
internal sealed class Pickle
{
    // A state dict of the largest backbone takes about 50,000 opcodes. The limits keep a hostile pickle to some 48 MB of objects.
    private const int LargestCost = 48 << 20;
    private const int OpcodeCost = 96;

    private readonly PickleStream _stream;
    private readonly Func<string, string, object> _resolve;
    private readonly Func<object, object?[], object?> _call;
    private readonly Func<object?[], object> _persistent;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<long, object?> _memo = [];
    private long _cost;

    /// <param name="stream">Positioned at the pickle's first opcode; afterwards behind its STOP.</param>
    /// <param name="resolve">The stand-in for a global (module, name); throws for those outside its list.</param>
    /// <param name="call">The result of calling a resolved global with arguments.</param>
    /// <param name="persistent">The object of a persistent id.</param>
    public Pickle(
        PickleStream stream,
        Func<string, string, object> resolve,
        Func<object, object?[], object?> call,
        Func<object?[], object> persistent
    )
    {
        this._stream = stream;
        this._resolve = resolve;
        this._call = call;
        this._persistent = persistent;
    }

    /// <summary>Reads one pickle to its STOP.</summary>
    /// <exception cref="UserError">It is truncated or damaged, or uses an opcode or a global that no state dict needs.</exception>
    public object? Load()
    {
        while (true)
        {
            var opcode = _stream.ReadByte();
            Charge(OpcodeCost);
            switch ((char)opcode)
            {
                case '.':
                    return Pop();
                case '\x80':
                    Protocol(_stream.ReadByte());
                    break;
                case '\x95':
                    _stream.ReadInt64();
                    break;
                case '(':
                    _marks.Push(_stack.Count);
                    break;
                case '0':
                    Pop();
                    break;
                case '1':
                    PopMark();
                    break;
                case 'N':
                    _stack.Add(null);
                    break;
                case '\x88':
                    _stack.Add(true);
                    break;
                case '\x89':
                    _stack.Add(false);
                    break;
                case 'J':
                    _stack.Add((long)_stream.ReadInt32());
                    break;
                case 'K':
                    _stack.Add((long)_stream.ReadByte());
                    break;
                case 'M':
                    _stack.Add((long)_stream.ReadUInt16());
                    break;
                case '\x8a':
                    _stack.Add(LongInteger(_stream.ReadByte()));
                    break;
                case 'G':
                    _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(_stream.ReadBytes(8)));
                    break;
                case 'X':
                    _stack.Add(Text(_stream.ReadUInt32()));
                    break;
                case '\x8c':
                    _stack.Add(Text(_stream.ReadByte()));
                    break;
                case 'U':
                    _stack.Add(Text(_stream.ReadByte()));
                    break;
                case 'T':
                    _stack.Add(Text(_stream.ReadUInt32()));
                    break;
                case 'B':
                    _stack.Add(Bytes(_stream.ReadUInt32()));
                    break;
                case 'C':
                    _stack.Add(Bytes(_stream.ReadByte()));
                    break;
                case ']':
                    _stack.Add(new List<object?>());
                    break;
                case 'a':
                    AppendOne();
                    break;
                case 'e':
                    Append(PopMark());
                    break;
                case 'l':
                    _stack.Add(new List<object?>(PopMark()));
                    break;
                case ')':
                    _stack.Add(Array.Empty<object?>());
                    break;
                case 't':
                    _stack.Add(PopMark());
                    break;
                case '\x85':
                    _stack.Add(PopMany(1));
                    break;
                case '\x86':
                    _stack.Add(PopMany(2));
                    break;
                case '\x87':
                    _stack.Add(PopMany(3));
                    break;
                case '}':
                    _stack.Add(new PickleDictionary());
                    break;
                case 's':
                    SetItems(PopMany(2));
                    break;
                case 'u':
                    SetItems(PopMark());
                    break;
                case 'd':
                    NewDictionary(PopMark());
                    break;
                case 'q':
                    _memo[_stream.ReadByte()] = Top();
                    break;
                case 'r':
                    _memo[_stream.ReadUInt32()] = Top();
                    break;
                case '\x94':
                    _memo[_memo.Count] = Top();
                    break;
                case 'h':
                    Recall(_stream.ReadByte());
                    break;
                case 'j':
                    Recall(_stream.ReadUInt32());
                    break;
                case 'c':
                    _stack.Add(_resolve(_stream.ReadLine(), _stream.ReadLine()));
                    break;
                case '\x93':
                    StackGlobal();
                    break;
                case 'R':
                    Reduce();
                    break;
                case 'b':
                    Build();
                    break;
                case 'Q':
                    _stack.Add(_persistent(Pop() as object?[] ?? throw _stream.Broken("its pickle has a persistent id that is no tuple")));
                    break;
                default:
                    throw _stream.Broken($"its pickle uses the opcode {OpcodeName(opcode)}, which no state dict needs");
            }
        }
    }

    private void Charge(long amount)
    {
        _cost += amount;
        if (_cost > LargestCost)
        {
            throw _stream.Broken("its pickle holds more objects than any state dict");
        }
    }

    private void Protocol(int version)
    {
        if (version is < 2 or > 5)
        {
            throw _stream.Broken($"its pickle has protocol {version}; torch.save writes 2");
        }
    }

    private object? Top() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    // What lies below the last mark belongs to an unfinished tuple, list or dictionary.
    private int Floor => _marks.Count > 0 ? _marks.Peek() : 0;

    private object? Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw Underflow();
        }
        var values = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopMark()
    {
        if (_marks.Count == 0)
        {
            throw Underflow();
        }
        var start = _marks.Peek();
        var values = PopMany(_stack.Count - start);
        _marks.Pop();
        return values;
    }

    private UserError Underflow() => _stream.Broken("its pickle takes more from its stack than is there");

    private object LongInteger(int length)
    {
        var value = new BigInteger(_stream.ReadBytes(length));
        return value >= long.MinValue && value <= long.MaxValue ? (long)value : value;
    }

    private byte[] Bytes(long length)
    {
        Charge(2 * length);
        return _stream.ReadBytes(length);
    }

    private string Text(long length) => Encoding.UTF8.GetString(Bytes(length));

    private void AppendOne()
    {
        var value = Pop();
        Append([value]);
    }

    private void Append(object?[] values)
    {
        var list = Top() as List<object?> ?? throw _stream.Broken("its pickle appends to something that is no list");
        list.AddRange(values);
    }

    private void NewDictionary(object?[] items)
    {
        _stack.Add(new PickleDictionary());
        SetItems(items);
    }

    private void SetItems(object?[] items)
    {
        var dictionary = Top() as PickleDictionary ?? throw _stream.Broken("its pickle sets an item of something that is no dictionary");
        if (items.Length % 2 != 0)
        {
            throw _stream.Broken("its pickle sets a key without a value");
        }
        for (var index = 0; index < items.Length; index += 2)
        {
            if (items[index] is not (string or long or bool or double))
            {
                throw _stream.Broken("its pickle has a dictionary key that is neither a string nor a number");
            }
            if (!dictionary.Items.TryAdd(items[index]!, items[index + 1]))
            {
                throw _stream.Broken($"names {items[index]} twice");
            }
        }
    }

    private void Recall(long key) =>
        _stack.Add(
            _memo.TryGetValue(key, out var value)
                ? value
                : throw _stream.Broken($"its pickle recalls object {key}, which it has not stored")
        );

    private void StackGlobal()
    {
        var pair = PopMany(2);
        _stack.Add(
            pair is [string module, string name]
                ? _resolve(module, name)
                : throw _stream.Broken("its pickle names a global by something that is no string")
        );
    }

    private void Reduce()
    {
        var pair = PopMany(2);
        if (pair is not [{ } function, object?[] arguments])
        {
            throw _stream.Broken("its pickle calls something without a tuple of arguments");
        }
        _stack.Add(_call(function, arguments));
    }

    // Python's OrderedDict of a state dict carries its _metadata as an attribute: nothing that a feature extractor needs.
    private void Build()
    {
        var state = Pop();
        if (Top() is not PickleDictionary || state is not PickleDictionary)
        {
            throw _stream.Broken("its pickle sets the state of an object that is no dictionary");
        }
    }

    private static string OpcodeName(byte opcode) =>
        (char)opcode switch
        {
            'i' => "INST",
            'o' => "OBJ",
            '\x81' => "NEWOBJ",
            '\x92' => "NEWOBJ_EX",
            '\x82' or '\x83' or '\x84' => "EXT",
            'P' => "PERSID",
            'I' => "INT",
            'L' => "LONG",
            'F' => "FLOAT",
            'S' => "STRING",
            'V' => "UNICODE",
            'p' => "PUT",
            'g' => "GET",
            '2' => "DUP",
            '\x8b' => "LONG4",
            '\x8d' => "BINUNICODE8",
            '\x8e' => "BINBYTES8",
            '\x8f' => "EMPTY_SET",
            '\x90' => "ADDITEMS",
            '\x91' => "FROZENSET",
            '\x96' => "BYTEARRAY8",
            '\x97' => "NEXT_BUFFER",
            '\x98' => "READONLY_BUFFER",
            _ => $"0x{opcode:x2}",
        };
}

/// <summary>A Python dict or OrderedDict, in insertion order.</summary>
internal sealed class PickleDictionary
{
    public OrderedDictionary<object, object?> Items { get; } = [];
}
