using System.Runtime.InteropServices;

namespace Reproduction.Imaging;

/// <summary>The codecs of <c>libreproduction_native.so</c> (native/native.h): bytes to pixels and back, for PNG and JPEG.</summary>
internal static unsafe partial class NativeCodecs
{
    private const string Library = "reproduction_native";
    private const int ErrorSize = 256;

    /// <summary>A codec refused the data; the message is libpng's or libjpeg's own.</summary>
    internal sealed class CodecException(string message) : Exception(message);

    /// <summary>How a 16-bit PNG becomes 8 bits: to the nearest value, or 255 wherever it is not zero (masks).</summary>
    internal enum Reduction { Round = 0, NonZero = 1 }

    internal readonly record struct Header(int Width, int Height, int Channels, int BitDepth);

    internal static Header PngHeader(ReadOnlySpan<byte> data)
    {
        var error = stackalloc byte[ErrorSize];
        fixed (byte* bytes = data)
        {
            Check(native_png_header(bytes, (nuint)data.Length, out var width, out var height, out var channels, out var depth, error, ErrorSize), error);
            return new Header(width, height, channels, depth);
        }
    }

    internal static Header JpegHeader(ReadOnlySpan<byte> data)
    {
        var error = stackalloc byte[ErrorSize];
        fixed (byte* bytes = data)
        {
            Check(native_jpeg_header(bytes, (nuint)data.Length, out var width, out var height, out var channels, error, ErrorSize), error);
            return new Header(width, height, channels, 8);
        }
    }

    internal static Image DecodePng(ReadOnlySpan<byte> data, Header header, Reduction reduction)
    {
        var image = new Image(header.Width, header.Height, header.Channels);
        var error = stackalloc byte[ErrorSize];
        fixed (byte* bytes = data)
        fixed (byte* pixels = image.Pixels)
            Check(native_png_decode(bytes, (nuint)data.Length, (int)reduction, pixels, error, ErrorSize), error);
        return image;
    }

    internal static Image DecodeJpeg(ReadOnlySpan<byte> data, Header header)
    {
        var image = new Image(header.Width, header.Height, header.Channels);
        var error = stackalloc byte[ErrorSize];
        fixed (byte* bytes = data)
        fixed (byte* pixels = image.Pixels)
            Check(native_jpeg_decode(bytes, (nuint)data.Length, pixels, error, ErrorSize), error);
        return image;
    }

    internal static byte[] EncodePng(Image image)
    {
        var error = stackalloc byte[ErrorSize];
        fixed (byte* pixels = image.Pixels)
        {
            Check(native_png_encode(pixels, image.Width, image.Height, image.Channels, out var data, out var size, error, ErrorSize), error);
            return Take(data, size);
        }
    }

    internal static byte[] EncodeJpeg(Image image, int quality)
    {
        var error = stackalloc byte[ErrorSize];
        fixed (byte* pixels = image.Pixels)
        {
            Check(native_jpeg_encode(pixels, image.Width, image.Height, image.Channels, quality, out var data, out var size, error, ErrorSize), error);
            return Take(data, size);
        }
    }

    private static byte[] Take(byte* data, nuint size)
    {
        var bytes = new ReadOnlySpan<byte>(data, checked((int)size)).ToArray();
        native_free(data);
        return bytes;
    }

    private static void Check(int status, byte* error)
    {
        if (status != 0)
            throw new CodecException(Marshal.PtrToStringUTF8((nint)error) ?? "unknown error");
    }

    [LibraryImport(Library)]
    private static partial int native_png_header(byte* data, nuint size, out int width, out int height, out int channels, out int bitDepth, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial int native_png_decode(byte* data, nuint size, int reduction, byte* pixels, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial int native_png_encode(byte* pixels, int width, int height, int channels, out byte* data, out nuint size, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial int native_jpeg_header(byte* data, nuint size, out int width, out int height, out int channels, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial int native_jpeg_decode(byte* data, nuint size, byte* pixels, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial int native_jpeg_encode(byte* pixels, int width, int height, int channels, int quality, out byte* data, out nuint size, byte* error, nuint errorSize);

    [LibraryImport(Library)]
    private static partial void native_free(void* memory);
}
