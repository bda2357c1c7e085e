namespace Reproduction.Imaging;

/// <summary>What a file's first bytes say of it, without decoding it.</summary>
/// <param name="Format">"PNG", "JPEG", "BMP", "WebP" or "TIFF".</param>
/// <param name="Width">Columns as stored (before an EXIF rotation).</param>
/// <param name="Height">Rows as stored.</param>
/// <param name="Channels">1 (grey) or 3; alpha is not counted.</param>
/// <param name="BitDepth">Bits a sample: 1, 2, 4, 8 or 16. 16-bit samples are rounded to 8 when they are read.</param>
public sealed record ImageHeader(string Format, int Width, int Height, int Channels, int BitDepth);

/// <summary>
/// Files of pictures: PNG, JPEG, BMP, WebP and TIFF are read, PNG and JPEG written. The content says which it is, whatever the
/// name says. Pixels are those of PIL's <c>convert('RGB')</c>: alpha is dropped and not composited, palettes are expanded,
/// colour profiles and gamma are ignored, of several pages or frames the first is read. Two things differ from PIL: 16-bit samples are
/// rounded to the nearest of 256 values (PIL clips or truncates), and the orientation in a file's EXIF or TIFF tag is applied, so that a
/// photograph stands as every viewer (and OpenCV) shows it.
/// </summary>
public static class ImageFile
{
    /// <summary>The greatest width and height that is read, in pixels.</summary>
    public const int MaxSide = 16_384;

    /// <summary>Told of each picture that is decoded, by its name; null, as everywhere but in tests, watches nothing.</summary>
    internal static Action<string>? Watched { get; set; }

    /// <summary>True if the name ends in .png, .jpg, .jpeg, .bmp, .webp, .tif or .tiff, in any case.</summary>
    public static bool HasImageName(string path) => ImageFormats.OfName(path) is not null;

    /// <summary>
    /// True if a file's first bytes are those of a picture that is read; false for other files and for those that cannot be opened.
    /// </summary>
    internal static bool HasImageContent(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[32];
            return ImageFormats.OfBytes(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]) is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Reads an RGB image; a grey file gives its value three times.</summary>
    /// <param name="path">The file.</param>
    /// <param name="white">The value of 16-bit samples that becomes 255: cameras of 10 or 12 bits write 16 and use the lower ones
    /// (<see cref="GreatestValue"/>).</param>
    /// <exception cref="UserError">
    /// The file is missing, empty, truncated, damaged, of no known format, larger than <see cref="MaxSide"/>, or has a value above white.
    /// </exception>
    public static Image Read(string path, int white = ushort.MaxValue) => Decode(ReadBytes(path), path, white).ToRgb();

    /// <summary>The greatest value of a picture with 16-bit samples; 0 for a picture with others, of which only the header is
    /// read.</summary>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    public static int GreatestValue(string path)
    {
        if (!MayHave16Bits(path))
        {
            return 0;
        }
        var data = ReadBytes(path);
        var format = CheckedFormat(data, path);
        try
        {
            return CheckedHeader(data, format, path).BitDepth == 16 ? Stored(data, format).Samples.GreatestColor() : 0;
        }
        catch (CodecException e)
        {
            throw Refused(path, format, e);
        }
    }

    /// <summary>Whether a file is a PNG of 16 bits or a TIFF, by its first bytes.</summary>
    private static bool MayHave16Bits(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[25];
            var format =
                stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length ? null : ImageFormats.OfBytes(start);
            return format == ImageFormats.Tiff || (format == ImageFormats.Png && start[24] == 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // Whoever reads it says why it cannot be read.
        }
    }

    /// <summary>
    /// Reads a ground-truth mask: one channel of 0 (normal) and 255 (anomalous), by the rule of <see cref="MaskSamples"/>.
    /// </summary>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    public static Image ReadMask(string path) => InspectMask(path).Mask;

    /// <summary>
    /// As <see cref="ReadMask"/>, and whether the file has values between normal and anomalous, which the rule had to decide on.
    /// </summary>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    internal static (Image Mask, bool HasBetween) InspectMask(string path)
    {
        var data = ReadBytes(path);
        var format = CheckedFormat(data, path);
        try
        {
            CheckedHeader(data, format, path);
            var (samples, orientation) = Stored(data, format);
            var mask = new Image(samples.Width, samples.Height, 1, samples.Mark(out var hasBetween));
            return (ExifOrientation.Apply(mask, orientation), hasBetween);
        }
        catch (CodecException e)
        {
            throw Refused(path, format, e);
        }
    }

    /// <summary>Decodes a file that is in memory, to 1 or 3 channels as the data has them.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the data is called in error messages.</param>
    /// <param name="white">As of <see cref="Read"/>.</param>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    public static Image Decode(ReadOnlySpan<byte> data, string name, int white = ushort.MaxValue)
    {
        var format = CheckedFormat(data, name);
        try
        {
            CheckedHeader(data, format, name);
            Watched?.Invoke(name);
            var (image, orientation) = format switch
            {
                ImageFormats.Png => DecodePng(data, white),
                ImageFormats.Jpeg => DecodeJpeg(data),
                ImageFormats.Webp => (SkiaCodec.Decode(data), WebpFile.Read(data).Orientation),
                ImageFormats.Tiff => DecodeTiff(data, white),
                _ => (SkiaCodec.Decode(data), ExifOrientation.Upright),
            };
            return ExifOrientation.Apply(image, orientation);
        }
        catch (CodecException e)
        {
            throw Refused(name, format, e);
        }
    }

    /// <summary>The header of a file; its pixels may still turn out to be damaged.</summary>
    /// <exception cref="UserError">The header says that the file cannot be read.</exception>
    public static ImageHeader Inspect(string path)
    {
        var data = ReadBytes(path);
        var format = CheckedFormat(data, path);
        try
        {
            return CheckedHeader(data, format, path);
        }
        catch (CodecException e)
        {
            throw Refused(path, format, e);
        }
    }

    /// <summary>
    /// Writes a PNG or, by the name's extension, a JPEG of quality 92 through a temporary file, so that no half a file is ever seen.
    /// </summary>
    /// <exception cref="UserError">The extension is neither, or the folder cannot be written.</exception>
    public static void Write(string path, Image image)
    {
        var data = ImageFormats.OfName(path) switch
        {
            ImageFormats.Png => EncodePng(image),
            ImageFormats.Jpeg => EncodeJpeg(image),
            _ => throw new UserError($"{path}: images are written as .png, .jpg or .jpeg; choose one of these names"),
        };
        try
        {
            AtomicFile.Replace(path, stream => stream.Write(data));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be written ({e.Message})", e);
        }
    }

    /// <summary>The bytes of a PNG file: the same pixels give the same bytes with the same version of Skia.</summary>
    public static byte[] EncodePng(Image image) => SkiaCodec.EncodePng(image);

    /// <summary>The bytes of a JPEG file; colour is subsampled 4:2:0.</summary>
    /// <param name="quality">1 (worst) to 100.</param>
    public static byte[] EncodeJpeg(Image image, int quality = 92) => SkiaCodec.EncodeJpeg(image, quality);

    private static (Image Image, int Orientation) DecodePng(ReadOnlySpan<byte> data, int white)
    {
        var png = PngFile.ReadHeader(data);
        png.ReadChunks(data);
        return (PngReader.Reads(png) ? PngReader.Read(png, white) : SkiaCodec.Decode(data), png.Orientation);
    }

    private static (Image Image, int Orientation) DecodeJpeg(ReadOnlySpan<byte> data)
    {
        var jpeg = JpegFile.ReadHeader(data);
        return (SkiaCodec.Decode(jpeg.WithoutEnd(data)), jpeg.Orientation);
    }

    private static (Image Image, int Orientation) DecodeTiff(ReadOnlySpan<byte> data, int white)
    {
        using var tiff = TiffFile.Open(data);
        return (tiff.Read(white), tiff.Orientation);
    }

    private static (MaskSamples Samples, int Orientation) Stored(ReadOnlySpan<byte> data, string format)
    {
        switch (format)
        {
            case ImageFormats.Png:
                var png = PngFile.ReadHeader(data);
                png.ReadChunks(data);
                return (MaskSamples.Of(png), png.Orientation);
            case ImageFormats.Tiff:
                using (var tiff = TiffFile.Open(data))
                {
                    var (samples, greatest, values) = tiff.ReadStored();
                    return (new MaskSamples(tiff.Width, tiff.Height, samples, greatest, values), tiff.Orientation);
                }
            case ImageFormats.Jpeg:
                var jpeg = JpegFile.ReadHeader(data);
                return (MaskSamples.Of(SkiaCodec.DecodeWithAlpha(jpeg.WithoutEnd(data)), lossy: true), jpeg.Orientation);
            case ImageFormats.Webp:
                var webp = WebpFile.Read(data);
                return (MaskSamples.Of(SkiaCodec.DecodeWithAlpha(data), lossy: !webp.Lossless), webp.Orientation);
            default:
                return (MaskSamples.Of(SkiaCodec.DecodeWithAlpha(data), lossy: false), ExifOrientation.Upright);
        }
    }

    private static string CheckedFormat(ReadOnlySpan<byte> data, string name)
    {
        if (data.IsEmpty)
        {
            throw new UserError($"{name}: the file is empty; copy it again or remove it");
        }
        var start = Convert.ToHexString(data[..Math.Min(8, data.Length)]);
        return ImageFormats.OfBytes(data)
            ?? throw new UserError($"{name}: not a {ImageFormats.Names} picture (it starts with {start}); convert it to one of them");
    }

    private static ImageHeader CheckedHeader(ReadOnlySpan<byte> data, string format, string name)
    {
        // What is too large is told as such even where the header is no possible one, and before a library allocates for it.
        var (width, height) = format switch
        {
            ImageFormats.Png => PngFile.Size(data),
            ImageFormats.Tiff => TiffDirectory.Check(data),
            _ => (0, 0),
        };
        CheckSize(width, height, name);
        var header = Header(data, format);
        CheckSize(header.Width, header.Height, name);
        return header;
    }

    private static ImageHeader Header(ReadOnlySpan<byte> data, string format)
    {
        switch (format)
        {
            case ImageFormats.Png:
                var png = PngFile.ReadHeader(data);
                return new ImageHeader(format, png.Width, png.Height, png.Channels, png.BitDepth);
            case ImageFormats.Jpeg:
                var jpeg = JpegFile.ReadHeader(data);
                return new ImageHeader(format, jpeg.Width, jpeg.Height, jpeg.Components == 1 ? 1 : 3, jpeg.BitDepth);
            case ImageFormats.Tiff:
                using (var tiff = TiffFile.Open(data))
                {
                    return new ImageHeader(format, tiff.Width, tiff.Height, tiff.Channels, tiff.BitDepth);
                }
            case ImageFormats.Webp:
                WebpFile.Read(data);
                break;
            default:
                BmpFile.CheckLength(data);
                break;
        }
        var (width, height, channels) = SkiaCodec.Header(data);
        return new ImageHeader(format, width, height, channels, 8);
    }

    private static void CheckSize(long width, long height, string name)
    {
        if (width > MaxSide || height > MaxSide)
        {
            throw new UserError($"{name}: {width} x {height} pixels; at most {MaxSide} a side are read: crop or shrink the image");
        }
    }

    private static UserError Refused(string name, string format, CodecException e) =>
        e.WayOut is { } way ? new UserError($"{name}: {e.Message}; {way}", e)
        : e.Damaged ? new UserError($"{name}: a damaged or truncated {format} ({e.Message}); copy it again or remove it", e)
        : new UserError($"{name}: {e.Message}; save it as a PNG or an ordinary {format}", e);

    private static byte[] ReadBytes(string path)
    {
        try
        {
            FileOperations.Tell(FileOperation.Read, path);
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError(
                path.Contains('\uFFFD')
                    ? $"{path}: its name is not UTF-8, so that it cannot be opened; give it another name (mv, or convmv for many)"
                    : $"{path}: no such file",
                e
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({e.Message})", e);
        }
    }
}
