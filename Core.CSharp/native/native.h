/* The C interface that Core.CSharp/Imaging/NativeCodecs.cs calls.
 * Every function returns 0 on success; otherwise a message in English stands in `error` (error_size bytes, zero-terminated).
 * Nothing here keeps state between calls, so any number of threads may call. */
#ifndef REPRODUCTION_NATIVE_H
#define REPRODUCTION_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

/* How 16-bit samples become 8-bit ones. */
enum { REDUCE_ROUND = 0, REDUCE_NON_ZERO = 1 };

/* Decodes a whole PNG to 8-bit grey (channels 1) or RGB (channels 3) rows without padding; alpha is dropped.
 * `pixels` must hold width * height * channels bytes, as native_png_header says. */
EXPORT int native_png_header(const uint8_t *data, size_t size, int *width, int *height, int *channels, int *bit_depth,
                      char *error, size_t error_size);
EXPORT int native_png_decode(const uint8_t *data, size_t size, int reduction, uint8_t *pixels, char *error, size_t error_size);

/* Encodes 8-bit grey or RGB rows. The bytes lie in memory that native_free frees. Fixed filter and compression settings: the same
 * pixels give the same bytes with the same zlib. */
EXPORT int native_png_encode(const uint8_t *pixels, int width, int height, int channels, uint8_t **data, size_t *size,
                      char *error, size_t error_size);

/* As above for JPEG. CMYK files are converted to RGB. A truncated file is an error although libjpeg could fill it with grey. */
EXPORT int native_jpeg_header(const uint8_t *data, size_t size, int *width, int *height, int *channels, char *error, size_t error_size);
EXPORT int native_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, char *error, size_t error_size);
EXPORT int native_jpeg_encode(const uint8_t *pixels, int width, int height, int channels, int quality, uint8_t **data, size_t *size,
                       char *error, size_t error_size);

EXPORT void native_free(void *memory);

#endif
