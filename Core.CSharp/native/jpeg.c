#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

static int fail(tjhandle handle, char *error, size_t error_size) {
    snprintf(error, error_size, "%s", tjGetErrorStr2(handle));
    if (handle)
        tjDestroy(handle);
    return 1;
}

int native_jpeg_header(const uint8_t *data, size_t size, int *width, int *height, int *channels, char *error, size_t error_size) {
    tjhandle handle = tjInitDecompress();
    int subsampling, color;
    if (!handle || tjDecompressHeader3(handle, data, size, width, height, &subsampling, &color) != 0)
        return fail(handle, error, error_size);
    tjDestroy(handle);
    /* A file that ends before its frame header is not an error to TurboJPEG: it leaves the sizes at 0. */
    if (*width < 1 || *height < 1) {
        snprintf(error, error_size, "the file ends before the image begins");
        return 1;
    }
    *channels = color == TJCS_GRAY ? 1 : 3;
    return 0;
}

/* Adobe writes CMYK inverted (255 is no ink), which makes the conversion a plain product; PIL does the same. */
static void cmyk_to_rgb(const uint8_t *cmyk, size_t count, uint8_t *rgb) {
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((cmyk[4 * i + c] * cmyk[4 * i + 3] + 127) / 255);
}

int native_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, char *error, size_t error_size) {
    tjhandle handle = tjInitDecompress();
    int width, height, subsampling, color;
    if (!handle || tjDecompressHeader3(handle, data, size, &width, &height, &subsampling, &color) != 0)
        return fail(handle, error, error_size);
    int cmyk = color == TJCS_CMYK || color == TJCS_YCCK;
    uint8_t *target = cmyk ? malloc((size_t)width * (size_t)height * 4) : pixels;
    if (!target) {
        tjDestroy(handle);
        snprintf(error, error_size, "out of memory");
        return 1;
    }
    int format = cmyk ? TJPF_CMYK : color == TJCS_GRAY ? TJPF_GRAY : TJPF_RGB;
    int status = tjDecompress2(handle, data, size, target, width, 0, height, format, TJFLAG_ACCURATEDCT);
    /* A warning leaves a whole image, except the one that says that data ran out. */
    if (status != 0 && tjGetErrorCode(handle) == TJERR_WARNING && !strstr(tjGetErrorStr2(handle), "remature end"))
        status = 0;
    if (status == 0 && cmyk)
        cmyk_to_rgb(target, (size_t)width * (size_t)height, pixels);
    if (cmyk)
        free(target);
    if (status != 0)
        return fail(handle, error, error_size);
    tjDestroy(handle);
    return 0;
}

int native_jpeg_encode(const uint8_t *pixels, int width, int height, int channels, int quality, uint8_t **data, size_t *size,
                char *error, size_t error_size) {
    tjhandle handle = tjInitCompress();
    unsigned char *encoded = NULL;
    unsigned long length = 0;
    if (!handle || tjCompress2(handle, pixels, width, 0, height, channels == 3 ? TJPF_RGB : TJPF_GRAY, &encoded, &length,
                               channels == 3 ? TJSAMP_420 : TJSAMP_GRAY, quality, TJFLAG_ACCURATEDCT) != 0) {
        tjFree(encoded);
        return fail(handle, error, error_size);
    }
    tjDestroy(handle);
    *data = malloc(length);
    if (*data) {
        memcpy(*data, encoded, length);
        *size = length;
    }
    tjFree(encoded);
    if (*data)
        return 0;
    snprintf(error, error_size, "out of memory");
    return 1;
}
