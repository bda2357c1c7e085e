namespace Reproduction.Imaging;

/// <summary>How the bytes of a pixel lie in a buffer, as cameras and other libraries hand it over.</summary>
public enum PixelOrder
{
    /// <summary>One byte, grey.</summary>
    Grey,

    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Blue, green, red: OpenCV's <c>Mat</c> of three channels.</summary>
    Bgr,

    /// <summary>Red, green, blue, alpha, which is dropped.</summary>
    Rgba,

    /// <summary>Blue, green, red, alpha, which is dropped: Skia's and Windows' bitmaps.</summary>
    Bgra,
}
