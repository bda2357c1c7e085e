namespace Reproduction.Imaging;

/// <summary>The formats of pictures, by their first bytes and by their names.</summary>
internal static class ImageFormats
{
    /// <summary>All of them, for messages.</summary>
    internal const string Names = "PNG, JPEG, BMP, WebP or TIFF";

    internal const string Png = "PNG";
    internal const string Jpeg = "JPEG";
    internal const string Bmp = "BMP";
    internal const string Webp = "WebP";
    internal const string Tiff = "TIFF";

    private static readonly byte[] PngMagic = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly byte[] JpegMagic = [0xFF, 0xD8, 0xFF];

    /// <summary>Both orders of bytes, TIFF and its variant for files above 4 GiB.</summary>
    private static readonly byte[][] TiffMagics =
    [
        [(byte)'I', (byte)'I', 42, 0],
        [(byte)'M', (byte)'M', 0, 42],
        [(byte)'I', (byte)'I', 43, 0],
        [(byte)'M', (byte)'M', 0, 43],
    ];

    /// <summary>The extensions by which a file is taken for a picture.</summary>
    internal static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"];

    /// <summary>The format of a file with this content; null if it is none of them.</summary>
    internal static string? OfBytes(ReadOnlySpan<byte> data)
    {
        if (data.StartsWith(PngMagic))
        {
            return Png;
        }
        if (data.StartsWith(JpegMagic))
        {
            return Jpeg;
        }
        if (BmpFile.Begins(data))
        {
            return Bmp;
        }
        if (data.Length >= 12 && data.StartsWith("RIFF"u8) && data[8..12].SequenceEqual("WEBP"u8))
        {
            return Webp;
        }
        foreach (var magic in TiffMagics)
        {
            if (data.StartsWith(magic))
            {
                return Tiff;
            }
        }
        return null;
    }

    /// <summary>The format that a file's extension promises, in any case; null for other extensions.</summary>
    internal static string? OfName(string name) =>
        Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".png" => Png,
            ".jpg" or ".jpeg" => Jpeg,
            ".bmp" => Bmp,
            ".webp" => Webp,
            ".tif" or ".tiff" => Tiff,
            _ => null,
        };
}
