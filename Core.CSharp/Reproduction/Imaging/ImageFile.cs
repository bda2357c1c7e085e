using System.Buffers.Binary;

namespace Reproduction.Imaging;

/// <summary>What a file's first bytes say of it, without decoding it.</summary>
/// <param name="Format">"PNG" or "JPEG".</param>
/// <param name="Width">Columns as stored (before an EXIF rotation).</param>
/// <param name="Height">Rows as stored.</param>
/// <param name="Channels">1 (grey) or 3; alpha is not counted.</param>
/// <param name="BitDepth">Bits a sample: 1, 2, 4, 8 or 16. 16-bit samples are rounded to 8 when they are read.</param>
public sealed record ImageHeader(string Format, int Width, int Height, int Channels, int BitDepth);

/// <summary>
/// PNG and JPEG files. Pixels are those of PIL's <c>convert('RGB')</c>: alpha is dropped and not composited, palettes are expanded, colour
/// profiles and gamma are ignored. Two things differ from PIL: 16-bit samples are rounded to the nearest of 256 values (PIL clips or
/// truncates), and a JPEG's EXIF orientation is applied, so that a photograph stands as every viewer (and OpenCV) shows it.
/// </summary>
public static class ImageFile
{
    /// <summary>The greatest width and height that is read or written, in pixels.</summary>
    public const int MaxSide = 16_384;

    private static readonly byte[] PngMagic = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly byte[] JpegMagic = [0xFF, 0xD8, 0xFF];

    /// <summary>True if the name ends in .png, .jpg or .jpeg, in any case.</summary>
    public static bool HasImageName(string path) => FormatOfName(path) is not null;

    /// <summary>Reads an RGB image; a grey file gives its value three times.</summary>
    /// <exception cref="UserError">The file is missing, empty, truncated, damaged, mislabelled, no PNG or JPEG, or larger than <see cref="MaxSide"/>.</exception>
    public static Image Read(string path) => Decode(ReadBytes(path), path).ToRgb();

    /// <summary>
    /// Reads a ground-truth mask: one channel of 0 (normal) and 255 (anomalous). In a PNG every pixel with a non-zero channel is anomalous, at
    /// any bit depth; in a JPEG, whose black is not exactly 0, every pixel of at least half the greatest value.
    /// </summary>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    public static Image ReadMask(string path)
    {
        var data = ReadBytes(path);
        var image = Decode(data, path, NativeCodecs.Reduction.NonZero);
        var least = FormatOfBytes(data) == "JPEG" ? 128 : 1;
        var mask = new byte[image.Width * image.Height];
        for (var i = 0; i < mask.Length; i++)
        {
            foreach (var value in image.Pixels.AsSpan(i * image.Channels, image.Channels))
                if (value >= least)
                    mask[i] = 255;
        }
        return new Image(image.Width, image.Height, 1, mask);
    }

    /// <summary>Decodes a PNG or JPEG that is in memory, to 1 or 3 channels as the data has them.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the data is called in error messages; if it ends in an image's extension, that must be the right one.</param>
    /// <exception cref="UserError">As <see cref="Read"/>.</exception>
    public static Image Decode(ReadOnlySpan<byte> data, string name) => Decode(data, name, NativeCodecs.Reduction.Round);

    /// <summary>The header of a file; its pixels may still turn out to be damaged.</summary>
    /// <exception cref="UserError">The header says that the file cannot be read.</exception>
    public static ImageHeader Inspect(string path)
    {
        var data = ReadBytes(path);
        var header = CheckedHeader(data, path);
        return new ImageHeader(FormatOfBytes(data)!, header.Width, header.Height, header.Channels, header.BitDepth);
    }

    /// <summary>Writes a PNG or, by the name's extension, a JPEG of quality 92 through a temporary file, so that no half a file is ever seen.</summary>
    /// <exception cref="UserError">The extension is neither, the folder cannot be written, or the image is larger than <see cref="MaxSide"/>.</exception>
    public static void Write(string path, Image image)
    {
        var data = FormatOfName(path) switch
        {
            "PNG" => EncodePng(image),
            "JPEG" => EncodeJpeg(image),
            _ => throw new UserError($"{path}: images are written as .png, .jpg or .jpeg; choose one of these names"),
        };
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, data);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            try { File.Delete(temporary); } catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }
            throw new UserError($"{path}: cannot be written ({e.Message})", e);
        }
    }

    /// <summary>The bytes of a PNG file: the same pixels give the same bytes with the same zlib.</summary>
    public static byte[] EncodePng(Image image) => NativeCodecs.EncodePng(image);

    /// <summary>The bytes of a JPEG file; colour is subsampled 4:2:0.</summary>
    /// <param name="quality">1 (worst) to 100.</param>
    public static byte[] EncodeJpeg(Image image, int quality = 92) => NativeCodecs.EncodeJpeg(image, quality);

    private static Image Decode(ReadOnlySpan<byte> data, string name, NativeCodecs.Reduction reduction)
    {
        var header = CheckedHeader(data, name);
        try
        {
            return FormatOfBytes(data) == "PNG"
                ? NativeCodecs.DecodePng(data, header, reduction)
                : ExifOrientation.Apply(NativeCodecs.DecodeJpeg(data, header), ExifOrientation.Read(data));
        }
        catch (NativeCodecs.CodecException e)
        {
            throw Damaged(name, FormatOfBytes(data)!, e);
        }
    }

    private static NativeCodecs.Header CheckedHeader(ReadOnlySpan<byte> data, string name)
    {
        if (data.IsEmpty)
            throw new UserError($"{name}: the file is empty; copy it again or remove it");
        var format = FormatOfBytes(data)
            ?? throw new UserError($"{name}: neither a PNG nor a JPEG (it starts with {Convert.ToHexString(data[..Math.Min(8, data.Length)])}); convert it to one of them");
        if (FormatOfName(name) is { } named && named != format)
            throw new UserError($"{name}: mislabelled, its content is a {format} and its name says {named}; rename it");
        // libpng itself refuses sizes above a million with a message that says less: ask the header's bytes first.
        if (format == "PNG" && data.Length >= 24)
            CheckSize(BinaryPrimitives.ReadUInt32BigEndian(data[16..]), BinaryPrimitives.ReadUInt32BigEndian(data[20..]), name);
        try
        {
            var header = format == "PNG" ? NativeCodecs.PngHeader(data) : NativeCodecs.JpegHeader(data);
            CheckSize(header.Width, header.Height, name);
            return header;
        }
        catch (NativeCodecs.CodecException e)
        {
            throw Damaged(name, format, e);
        }
    }

    private static void CheckSize(long width, long height, string name)
    {
        if (width > MaxSide || height > MaxSide)
            throw new UserError($"{name}: {width} x {height} pixels; at most {MaxSide} a side are read: crop or shrink the image");
        if (width * height * 3 > Array.MaxLength)
            throw new UserError($"{name}: {width} x {height} pixels do not fit into memory: crop or shrink the image");
    }

    private static UserError Damaged(string name, string format, Exception e) =>
        new($"{name}: a damaged or truncated {format} ({e.Message}); copy it again or remove it", e);

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError($"{path}: no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({e.Message})", e);
        }
    }

    private static string? FormatOfBytes(ReadOnlySpan<byte> data) =>
        data.StartsWith(PngMagic) ? "PNG" : data.StartsWith(JpegMagic) ? "JPEG" : null;

    private static string? FormatOfName(string name) => Path.GetExtension(name).ToLowerInvariant() switch
    {
        ".png" => "PNG",
        ".jpg" or ".jpeg" => "JPEG",
        _ => null,
    };
}
