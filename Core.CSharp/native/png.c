#include "native.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpng reports an error by calling back and expects not to be returned to: the callback writes the message and jumps. */
struct failure {
    char *text;
    size_t size;
};

static void on_error(png_structp png, png_const_charp message) {
    struct failure *failure = png_get_error_ptr(png);
    snprintf(failure->text, failure->size, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

struct source {
    const uint8_t *data;
    size_t size, position;
};

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    struct source *source = png_get_io_ptr(png);
    if (count > source->size - source->position)
        png_error(png, "the file ends too early (truncated)");
    memcpy(out, source->data + source->position, count);
    source->position += count;
}

struct sink {
    uint8_t *data;
    size_t size, capacity;
};

static void write_bytes(png_structp png, png_bytep data, size_t count) {
    struct sink *sink = png_get_io_ptr(png);
    if (sink->size + count > sink->capacity) {
        size_t capacity = (sink->size + count) * 2;
        uint8_t *grown = realloc(sink->data, capacity);
        if (!grown)
            png_error(png, "out of memory");
        sink->data = grown;
        sink->capacity = capacity;
    }
    memcpy(sink->data + sink->size, data, count);
    sink->size += count;
}

static void flush_nothing(png_structp png) { (void)png; }

/* Two readers share the opening; what happens between the header and the end differs. */
static png_structp open_reader(struct failure *failure, struct source *source, png_infop *info) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, failure, on_error, on_warning);
    if (!png)
        return NULL;
    *info = png_create_info_struct(png);
    if (!*info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return NULL;
    }
    png_set_read_fn(png, source, read_bytes);
    return png;
}

static int out_of_memory(char *error, size_t error_size) {
    snprintf(error, error_size, "out of memory");
    return 1;
}

int native_png_header(const uint8_t *data, size_t size, int *width, int *height, int *channels, int *bit_depth,
               char *error, size_t error_size) {
    struct failure failure = {error, error_size};
    struct source source = {data, size, 0};
    png_infop info = NULL;
    png_structp png = open_reader(&failure, &source, &info);
    if (!png)
        return out_of_memory(error, error_size);
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return 1;
    }
    png_read_info(png, info);
    *width = (int)png_get_image_width(png, info);
    *height = (int)png_get_image_height(png, info);
    *channels = png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR ? 3 : 1;
    *bit_depth = png_get_bit_depth(png, info);
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
}

/* In place: big-endian 16-bit samples to 8-bit ones. */
static void reduce(uint8_t *row, size_t samples, int reduction) {
    for (size_t i = 0; i < samples; i++) {
        unsigned value = (unsigned)row[2 * i] << 8 | row[2 * i + 1];
        row[i] = reduction == REDUCE_NON_ZERO ? (value ? 255 : 0) : (uint8_t)((value + 128) / 257);
    }
}

int native_png_decode(const uint8_t *data, size_t size, int reduction, uint8_t *pixels, char *error, size_t error_size) {
    struct failure failure = {error, error_size};
    struct source source = {data, size, 0};
    png_infop info = NULL;
    png_structp png = open_reader(&failure, &source, &info);
    if (!png)
        return out_of_memory(error, error_size);
    uint8_t *volatile wide = NULL;
    png_bytep *volatile rows = NULL;
    if (setjmp(png_jmpbuf(png))) {
        free(wide);
        free(rows);
        png_destroy_read_struct(&png, &info, NULL);
        return 1;
    }
    png_read_info(png, info);
    int color = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (color == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);

    size_t height = png_get_image_height(png, info), stride = png_get_rowbytes(png, info);
    uint8_t *target = pixels;
    if (depth == 16) {
        wide = malloc(height * stride);
        if (!wide)
            png_error(png, "out of memory");
        target = wide;
    }
    rows = malloc(height * sizeof *rows);
    if (!rows)
        png_error(png, "out of memory");
    for (size_t y = 0; y < height; y++)
        rows[y] = target + y * stride;
    png_read_image(png, rows);
    png_read_end(png, NULL);
    if (depth == 16)
        for (size_t y = 0; y < height; y++) {
            reduce(rows[y], stride / 2, reduction);
            memcpy(pixels + y * (stride / 2), rows[y], stride / 2);
        }
    free(wide);
    free(rows);
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
}

int native_png_encode(const uint8_t *pixels, int width, int height, int channels, uint8_t **data, size_t *size,
               char *error, size_t error_size) {
    struct failure failure = {error, error_size};
    struct sink sink = {NULL, 0, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
    if (!png)
        return out_of_memory(error, error_size);
    png_infop info = png_create_info_struct(png);
    if (!info || setjmp(png_jmpbuf(png))) {
        free(sink.data);
        png_destroy_write_struct(&png, &info);
        return info ? 1 : out_of_memory(error, error_size);
    }
    png_set_write_fn(png, &sink, write_bytes, flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    /* Spelt out, not left to the libraries' defaults, so that files can be compared byte for byte. */
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB | PNG_FILTER_UP);
    png_set_compression_level(png, 4);
    png_set_compression_mem_level(png, 8);
    png_set_compression_strategy(png, 1);
    png_set_compression_window_bits(png, 15);
    png_write_info(png, info);
    for (int y = 0; y < height; y++)
        png_write_row(png, pixels + (size_t)y * (size_t)width * (size_t)channels);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *data = sink.data;
    *size = sink.size;
    return 0;
}

void native_free(void *memory) { free(memory); }
