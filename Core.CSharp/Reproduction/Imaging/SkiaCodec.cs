using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace Reproduction.Imaging;

/// <summary>
/// Skia's codecs: bytes to pixels as they are stored (no colour profile or gamma is applied, alpha is dropped without being multiplied in)
/// and back.
/// </summary>
internal static unsafe class SkiaCodec
{
    private const int ZLibLevel = 4;

    /// <summary>Width, height and channels (1 or 3), without decoding.</summary>
    /// <exception cref="CodecException">Skia refuses the header.</exception>
    internal static (int Width, int Height, int Channels) Header(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            using var memory = SKData.Create((nint)bytes, data.Length);
            using var stream = new SKMemoryStream(memory);
            using var codec = Open(stream);
            return (codec.Info.Width, codec.Info.Height, IsGrey(codec) ? 1 : 3);
        }
    }

    /// <summary>The whole image.</summary>
    /// <exception cref="CodecException">Skia refuses the data, or they hold less than the image.</exception>
    internal static Image Decode(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            using var memory = SKData.Create((nint)bytes, data.Length);
            using var stream = new SKMemoryStream(memory);
            using var codec = Open(stream);
            // Without a colour space in the target Skia converts none; "unpremultiplied" leaves colours as they are beside their alpha.
            return IsGrey(codec)
                ? DecodeGrey(codec, new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Gray8, SKAlphaType.Opaque))
                : DecodeColor(codec, new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, AlphaOf(codec)));
        }
    }

    /// <summary>The whole image with its alpha, as <c>[H, W, 4]</c> bytes of red, green, blue and alpha.</summary>
    /// <exception cref="CodecException">As <see cref="Decode"/>.</exception>
    internal static (int Width, int Height, byte[] Rgba) DecodeWithAlpha(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            using var memory = SKData.Create((nint)bytes, data.Length);
            using var stream = new SKMemoryStream(memory);
            using var codec = Open(stream);
            var target = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, AlphaOf(codec));
            var pixels = new byte[target.BytesSize64];
            fixed (byte* first = pixels)
            {
                Check(codec.GetPixels(target, (nint)first));
            }
            return (target.Width, target.Height, pixels);
        }
    }

    private static SKCodec Open(SKStream stream) => SKCodec.Create(stream, out var result) ?? throw Refused(result);

    private static bool IsGrey(SKCodec codec) => codec.Info.ColorType == SKColorType.Gray8;

    private static SKAlphaType AlphaOf(SKCodec codec) =>
        codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul;

    private static Image DecodeGrey(SKCodec codec, SKImageInfo target)
    {
        var pixels = new byte[target.BytesSize64];
        fixed (byte* first = pixels)
        {
            Check(codec.GetPixels(target, (nint)first));
        }
        return new Image(target.Width, target.Height, 1, pixels);
    }

    private static Image DecodeColor(SKCodec codec, SKImageInfo target)
    {
        var count = target.BytesSize64;
        var wide = (byte*)NativeMemory.Alloc((nuint)count);
        try
        {
            Check(codec.GetPixels(target, (nint)wide));
            var image = new Image(target.Width, target.Height, 3);
            DropAlpha(new ReadOnlySpan<byte>(wide, (int)count), image.Pixels);
            return image;
        }
        finally
        {
            NativeMemory.Free(wide);
        }
    }

    private static void DropAlpha(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        var colors = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
        var (from, to) = (0, 0);
        // Four pixels at a time; the four bytes too many that are written are overwritten by the next pixels.
        for (; to + Vector128<byte>.Count <= rgb.Length; from += 16, to += 12)
        {
            Vector128.Shuffle(Vector128.Create(rgba.Slice(from, 16)), colors).CopyTo(rgb[to..]);
        }
        for (; to < rgb.Length; from += 4, to += 3)
        {
            rgba.Slice(from, 3).CopyTo(rgb[to..]);
        }
    }

    /// <summary>The bytes of a PNG: fixed filters and compression, so that the same pixels give the same bytes.</summary>
    internal static byte[] EncodePng(Image image)
    {
        var options = new SKPngEncoderOptions(SKPngEncoderFilterFlags.Sub | SKPngEncoderFilterFlags.Up, ZLibLevel);
        return Encode(image, pixmap => pixmap.Encode(options));
    }

    /// <summary>The bytes of a JPEG; colour is subsampled 4:2:0.</summary>
    /// <param name="quality">1 (worst) to 100.</param>
    internal static byte[] EncodeJpeg(Image image, int quality)
    {
        var options = new SKJpegEncoderOptions(quality, SKJpegEncoderDownsample.Downsample420, SKJpegEncoderAlphaOption.Ignore);
        return Encode(image, pixmap => pixmap.Encode(options));
    }

    private static byte[] Encode(Image image, Func<SKPixmap, SKData?> encode)
    {
        var grey = image.Channels == 1;
        var info = new SKImageInfo(image.Width, image.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque);
        fixed (byte* first = grey ? image.Pixels : WithAlpha(image.Pixels))
        {
            using var pixmap = new SKPixmap(info, (nint)first);
            using var data =
                encode(pixmap) ?? throw new InvalidOperationException($"Skia cannot encode an image of {image.Width} x {image.Height}");
            return data.ToArray();
        }
    }

    private static byte[] WithAlpha(byte[] rgb)
    {
        var rgba = new byte[rgb.LongLength / 3 * 4];
        for (var (from, to) = (0, 0); from < rgb.Length; from += 3, to += 4)
        {
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (rgb[from], rgb[from + 1], rgb[from + 2], byte.MaxValue);
        }
        return rgba;
    }

    private static void Check(SKCodecResult result)
    {
        if (result != SKCodecResult.Success)
        {
            throw Refused(result);
        }
    }

    private static CodecException Refused(SKCodecResult result) =>
        result switch
        {
            SKCodecResult.IncompleteInput => new CodecException("it holds less than the whole image"),
            SKCodecResult.Unimplemented or SKCodecResult.InvalidConversion => new CodecException(
                "a kind of picture that Skia does not decode",
                damaged: false
            ),
            _ => new CodecException("its content cannot be decoded"),
        };
}
