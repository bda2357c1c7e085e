namespace Reproduction.Imaging;

/// <summary>
/// The first directory of a TIFF, read before LibTiff reads it: LibTiff allocates what a directory's counts ask for, be they gigabytes for
/// a file of a hundred bytes. A directory that passes asks for a small multiple of the file's size.
/// </summary>
internal readonly ref struct TiffDirectory
{
    private const ushort Width = 256;
    private const ushort Height = 257;
    private const ushort StripOffsets = 273;
    private const ushort SamplesPerPixel = 277;
    private const ushort RowsPerStrip = 278;
    private const ushort PlanarConfiguration = 284;
    private const ushort TileWidth = 322;
    private const ushort TileHeight = 323;
    private const ushort TileOffsets = 324;

    /// <summary>Bytes of a value, by the type's number in the file.</summary>
    private static readonly int[] Sizes = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8];

    private readonly ReadOnlySpan<byte> _data;
    private readonly bool _little;
    private readonly bool _big;
    private readonly long _entries;
    private readonly int _count;

    private int EntrySize => _big ? 20 : 12;

    private TiffDirectory(ReadOnlySpan<byte> data)
    {
        _data = data;
        _little = data[0] == (byte)'I';
        _big = Number(2, 2) == 43;
        var directory = _big ? Number(8, 8) : Number(4, 4);
        _count = (int)Math.Min(Number(directory, _big ? 8 : 2), int.MaxValue);
        _entries = directory + (_big ? 8 : 2);
    }

    /// <summary>Refuses a directory that LibTiff could not bear.</summary>
    /// <param name="data">A file that begins with TIFF's signature.</param>
    /// <returns>Width and height in pixels; zeros where it has none.</returns>
    /// <exception cref="CodecException">
    /// The directory, or what it points at, lies outside the file, or the image has more parts than it names.
    /// </exception>
    internal static (long Width, long Height) Check(ReadOnlySpan<byte> data)
    {
        var directory = new TiffDirectory(data);
        directory.CheckEntries();
        var (width, height) = (directory.Value(Width, 0), directory.Value(Height, 0));
        var tiled = directory.Find(TileWidth) >= 0;
        var partWidth = Math.Max(1, tiled ? directory.Value(TileWidth, 0) : width);
        var partHeight = Math.Max(1, tiled ? directory.Value(TileHeight, 0) : directory.Value(RowsPerStrip, height));
        var planes = directory.Value(PlanarConfiguration, 1) == 2 ? directory.Value(SamplesPerPixel, 1) : 1;
        var parts = Math.Ceiling((double)width / partWidth) * Math.Ceiling((double)height / partHeight) * planes;
        return parts <= directory.Count(tiled ? TileOffsets : StripOffsets)
            ? (width, height)
            : throw new CodecException("its directory names fewer parts than the image has");
    }

    private void CheckEntries()
    {
        if (_entries + (long)_count * EntrySize > _data.Length)
        {
            throw Outside();
        }
        for (var i = 0; i < _count; i++)
        {
            var entry = _entries + (long)i * EntrySize;
            var (type, count) = (Number(entry + 2, 2), Number(entry + 4, _big ? 8 : 4));
            var room = _big ? 8 : 4;
            var size = type < Sizes.Length ? Sizes[type] : 1;
            if (count > _data.Length || count * size > room && Number(entry + 4 + room, room) + count * size > _data.Length)
            {
                throw Outside();
            }
        }
    }

    private long Find(ushort tag)
    {
        for (var i = 0; i < _count; i++)
        {
            var entry = _entries + (long)i * EntrySize;
            if (Number(entry, 2) == tag)
            {
                return entry;
            }
        }
        return -1;
    }

    private long Count(ushort tag) => Find(tag) is var entry and >= 0 ? Number(entry + 4, _big ? 8 : 4) : 0;

    /// <summary>The one value of a tag, of 1, 2, 4 or 8 bytes.</summary>
    private long Value(ushort tag, long missing) =>
        Find(tag) is var entry and >= 0 && Number(entry + 2, 2) is var type and > 0 && type < Sizes.Length
            ? Number(entry + (_big ? 12 : 8), Math.Min(Sizes[type], _big ? 8 : 4))
            : missing;

    private long Number(long at, int size)
    {
        if (at < 0 || at + size > _data.Length)
        {
            throw Outside();
        }
        var bytes = _data.Slice((int)at, size);
        var value = 0UL;
        for (var i = 0; i < size; i++)
        {
            value = value << 8 | bytes[_little ? size - 1 - i : i];
        }
        return (long)Math.Min(value, long.MaxValue / 1024);
    }

    private static CodecException Outside() => new("its directory points beyond the file's end");
}
