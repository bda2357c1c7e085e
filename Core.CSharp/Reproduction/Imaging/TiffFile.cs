using BitMiracle.LibTiff.Classic;

namespace Reproduction.Imaging;

/// <summary>
/// TIFF through LibTiff: the first page, of grey (either way round), RGB or palette, in strips or tiles, stored plainly or with LZW,
/// deflate or PackBits. Further samples (alpha) are dropped.
/// </summary>
internal sealed class TiffFile : IDisposable
{
    /// <summary>More than any of the compressions reaches: LZW's longest code stands for 4,094 bytes and takes one and a half.</summary>
    private const long GreatestCompression = 4096;

    private const int MostSamples = 8;

    /// <summary>Tiles may be larger than a small image, up to this side.</summary>
    private const int GreatestIdleTile = 1024;

    private int _white = ushort.MaxValue;
    private readonly Tiff _tiff;
    private readonly Source _source;
    private readonly Photometric _photometric;
    private readonly int _samples;
    private readonly bool _separate;

    private TiffFile(Tiff tiff, Source source)
    {
        (_tiff, _source) = (tiff, source);
        (Width, Height) = (Number(TiffTag.IMAGEWIDTH), Number(TiffTag.IMAGELENGTH));
        (BitDepth, _samples) = (Number(TiffTag.BITSPERSAMPLE), Number(TiffTag.SAMPLESPERPIXEL));
        _photometric = (Photometric)Number(TiffTag.PHOTOMETRIC, -1);
        _separate = _samples > 1 && (PlanarConfig)Number(TiffTag.PLANARCONFIG) == PlanarConfig.SEPARATE;
        Orientation = Number(TiffTag.ORIENTATION) is var value and >= 1 and <= 8 ? value : ExifOrientation.Upright;
    }

    internal int Width { get; }

    internal int Height { get; }

    /// <summary>Channels of the image that is read: 1 or 3.</summary>
    internal int Channels => _photometric is Photometric.MINISBLACK or Photometric.MINISWHITE ? 1 : 3;

    /// <summary>Bits a sample, or an index into the palette.</summary>
    internal int BitDepth { get; }

    /// <summary>1 to 8, as <see cref="ExifOrientation"/> numbers them.</summary>
    internal int Orientation { get; }

    /// <summary>The header of the first page.</summary>
    /// <param name="data">A file whose <see cref="TiffDirectory"/> is sound.</param>
    /// <exception cref="CodecException">LibTiff refuses it, or it is of a kind that is not read.</exception>
    internal static TiffFile Open(ReadOnlySpan<byte> data)
    {
        var source = new Source(data.ToArray());
        return Guard(
            source,
            () =>
            {
                Messages.Listen();
                var tiff = Tiff.ClientOpen("memory", "r", source, new TiffStream()) ?? throw source.Refused("its directory cannot be read");
                var file = new TiffFile(tiff, source);
                file.CheckKind();
                return file;
            }
        );
    }

    /// <summary>The pixels; samples of 16 bits are rounded to 8.</summary>
    /// <param name="white">The 16-bit value that becomes 255.</param>
    /// <exception cref="CodecException">The data are damaged or hold less than the image.</exception>
    internal Image Read(int white = ushort.MaxValue) =>
        Guard(
            _source,
            () =>
            {
                _white = white;
                var image = new Image(Width, Height, Channels);
                var palette = _photometric == Photometric.PALETTE ? ReadPalette() : null;
                ReadParts((row, sample, pixel, plane) => Place(row, sample, image, pixel * Channels, plane, palette));
                return image;
            }
        );

    /// <summary>The samples as they are stored, alpha among them where the planes are not apart; of a palette its colours.</summary>
    /// <returns>Samples a pixel, the greatest value that one can have, and <c>[H, W, samples]</c>.</returns>
    /// <exception cref="CodecException">As <see cref="Read"/>.</exception>
    internal (int Samples, int Greatest, ushort[] Values) ReadStored() =>
        Guard(
            _source,
            () =>
            {
                if (_photometric == Photometric.PALETTE)
                {
                    return (3, byte.MaxValue, [.. Read().Pixels.Select(value => (ushort)value)]);
                }
                var (kept, greatest) = (_separate ? Channels : _samples, (1 << BitDepth) - 1);
                var values = new ushort[(long)Width * Height * kept];
                var inverted = _photometric == Photometric.MINISWHITE;
                ReadParts(
                    (row, sample, pixel, plane) =>
                    {
                        for (var c = 0; c < (_separate ? 1 : kept); c++)
                        {
                            var value = Stored(row, sample + c);
                            values[pixel * kept + plane + c] = inverted && c == 0 ? (ushort)(greatest - value) : value;
                        }
                    }
                );
                return (kept, greatest, values);
            }
        );

    /// <summary>Takes a pixel whose first sample in the row is the given one; with separate planes only the plane's sample.</summary>
    private delegate void Placing(ReadOnlySpan<byte> row, int sample, int pixel, int plane);

    private void ReadParts(Placing place)
    {
        var stored = (long)Width * Height * _samples * BitDepth / 8;
        if (stored > _source.Length * GreatestCompression)
        {
            throw new CodecException("there is too little data for so many pixels");
        }
        var (width, height) = _tiff.IsTiled()
            ? (Number(TiffTag.TILEWIDTH), Number(TiffTag.TILELENGTH))
            : (Width, (int)Math.Min((uint)Number(TiffTag.ROWSPERSTRIP, -1), (uint)Height));
        if (width < 1 || height < 1 || width > Math.Max(Width, GreatestIdleTile) || height > Math.Max(Height, GreatestIdleTile))
        {
            throw new CodecException($"parts of {width} x {height} pixels cannot be");
        }
        ReadParts(width, height, place);
    }

    private void ReadParts(int width, int height, Placing place)
    {
        var samples = _separate ? 1 : _samples;
        var rowLength = ((long)width * samples * BitDepth + 7) / 8;
        var part = new byte[checked((int)(rowLength * height))];
        var (across, down) = ((Width + width - 1) / width, (Height + height - 1) / height);
        for (var index = 0; index < across * down * (_separate ? Channels : 1); index++)
        {
            var (plane, position) = (index / (across * down), index % (across * down));
            var (left, top) = (position % across * width, position / across * height);
            var rows = Math.Min(height, Height - top);
            var needed = (int)(rowLength * (_tiff.IsTiled() ? height : rows));
            var read = _tiff.IsTiled() ? _tiff.ReadEncodedTile(index, part, 0, needed) : _tiff.ReadEncodedStrip(index, part, 0, needed);
            if (read < needed || _source.Error is not null)
            {
                throw _source.Refused("it holds less than the whole image");
            }
            for (var y = 0; y < rows; y++)
            {
                var row = part.AsSpan((int)(rowLength * y), (int)rowLength);
                for (var x = 0; x < Math.Min(width, Width - left); x++)
                {
                    place(row, x * samples, (top + y) * Width + left + x, plane);
                }
            }
        }
    }

    /// <summary>Puts the pixel whose first sample is the given one into the image; with separate planes only the plane's channel.</summary>
    private void Place(ReadOnlySpan<byte> row, int sample, Image image, int target, int plane, byte[][]? palette)
    {
        if (palette is not null)
        {
            var index = Samples.Packed(row, sample, BitDepth);
            for (var c = 0; c < 3; c++)
            {
                image.Pixels[target + c] = palette[c][index];
            }
        }
        else if (_separate)
        {
            image.Pixels[target + plane] = Sample(row, sample);
        }
        else
        {
            for (var c = 0; c < image.Channels; c++)
            {
                image.Pixels[target + c] = Sample(row, sample + c);
            }
        }
    }

    private ushort Stored(ReadOnlySpan<byte> row, int index) =>
        BitDepth == 16 ? BitConverter.ToUInt16(row[(2 * index)..]) : (ushort)Samples.Packed(row, index, BitDepth);

    private byte Sample(ReadOnlySpan<byte> row, int index)
    {
        var inverted = _photometric == Photometric.MINISWHITE;
        var value = Stored(row, index);
        if (BitDepth == 16)
        {
            // Where black is the greatest value all 16 bits are in use.
            return inverted ? Samples.Reduce((ushort)(ushort.MaxValue - value), ushort.MaxValue) : Samples.Reduce(value, _white);
        }
        var sample = (byte)(value * byte.MaxValue / ((1 << BitDepth) - 1));
        return inverted ? (byte)(byte.MaxValue - sample) : sample;
    }

    /// <summary>Red, green and blue of each index. Colours have 16 bits; in a palette without any above 255 they are of 8.</summary>
    private byte[][] ReadPalette()
    {
        var colors = _tiff.GetField(TiffTag.COLORMAP) is [var red, var green, var blue]
            ? new[] { red.ToUShortArray(), green.ToUShortArray(), blue.ToUShortArray() }
            : throw new CodecException("it has no palette");
        var shift = colors.Any(channel => channel.Any(value => value > byte.MaxValue)) ? 8 : 0;
        return [.. colors.Select(channel => channel.Select(value => (byte)(value >> shift)).ToArray())];
    }

    private void CheckKind()
    {
        if (Width < 1 || Height < 1 || BitDepth < 1 || _samples < 1)
        {
            throw new CodecException("its header describes no possible image");
        }
        var compression = (Compression)Number(TiffTag.COMPRESSION);
        var format = (SampleFormat)Number(TiffTag.SAMPLEFORMAT);
        var depths = _photometric switch
        {
            Photometric.MINISBLACK or Photometric.MINISWHITE => BitDepth is 1 or 2 or 4 or 8 or 16,
            Photometric.RGB => BitDepth is 8 or 16 && _samples >= 3,
            Photometric.PALETTE => BitDepth is 1 or 2 or 4 or 8 && _samples == 1,
            _ => false,
        };
        var compressions =
            compression is Compression.NONE or Compression.LZW or Compression.DEFLATE or Compression.ADOBE_DEFLATE or Compression.PACKBITS;
        if (!depths || !compressions || format is not (SampleFormat.UINT or SampleFormat.VOID) || _samples > MostSamples)
        {
            throw new CodecException(
                $"a TIFF of a kind that is not read ({_photometric}, {_samples} x {BitDepth} bits {format}, {compression})",
                damaged: false
            );
        }
    }

    private int Number(TiffTag tag, int missing = 0) => _tiff.GetFieldDefaulted(tag) is [var value, ..] ? value.ToInt() : missing;

    /// <summary>What LibTiff does with bad data is not foreseeable: most it reports, at some it stumbles.</summary>
    private static T Guard<T>(Source source, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is not CodecException)
        {
            throw source.Refused("its content cannot be decoded", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _tiff.Dispose();

    /// <summary>The file, and the first error that LibTiff reported of it; in LibTiff's words, which are for developers.</summary>
    private sealed class Source(byte[] data) : MemoryStream(data, writable: false)
    {
        internal string? Error { get; set; }

        internal CodecException Refused(string why, Exception? inner = null) =>
            new(why, inner: Error is null ? inner : new InvalidDataException($"LibTiff: {Error}", inner));
    }

    /// <summary>LibTiff has one handler a process, which prints: what concerns our files is kept instead, the rest passed on.</summary>
    private sealed class Messages : TiffErrorHandler
    {
        private static readonly Lazy<TiffErrorHandler?> Former = new(() => Tiff.SetErrorHandler(new Messages()));

        internal static void Listen() => _ = Former.Value;

        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (tif?.Clientdata() is Source source)
            {
                source.Error ??= string.Format(format, args);
            }
            else
            {
                Former.Value?.ErrorHandler(tif, method, format, args);
            }
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (clientData is not Source)
            {
                Former.Value?.ErrorHandlerExt(tif, clientData, method, format, args);
            }
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (tif?.Clientdata() is not Source)
            {
                Former.Value?.WarningHandler(tif, method, format, args);
            }
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (clientData is not Source)
            {
                Former.Value?.WarningHandlerExt(tif, clientData, method, format, args);
            }
        }
    }
}
