/// The augmentation's filters word by word from their definitions, one pixel at a time: slow, and plain enough to be believed.
module Reproduction.Tests.LiteralFilters

open System
open Reproduction.Imaging

/// An image whose value at (x, y, channel) is a function's.
let build width height channels value =
    Image(
        width,
        height,
        channels,
        Array.init (width * height * channels) (fun i -> value (i / channels % width) (i / channels / width) (i % channels))
    )

let private like (image: Image) value = build image.Width image.Height image.Channels value

let private toByte (value: float) = byte (Math.Clamp(Math.Round value, 0.0, 255.0))

/// An index beyond the border, mirrored back without repeating the edge.
let rec private mirrored length index =
    if length = 1 then 0
    elif index < 0 then mirrored length -index
    elif index >= length then mirrored length (2 * (length - 1) - index)
    else index

let private repeated length index = Math.Clamp(index, 0, length - 1)

let private at border (image: Image) x y channel = image[border image.Width x, border image.Height y, channel]

let median3 image =
    like image (fun x y c ->
        (Array.sort [|
            for v in -1 .. 1 do
                for u in -1 .. 1 -> at repeated image (x + u) (y + v) c
        |])[4])

let correlate (kernel: float32[,]) image =
    let radius = kernel.GetLength 0 / 2

    like image (fun x y c ->
        let mutable sum = 0.0f

        for v in -radius .. radius do
            for u in -radius .. radius do
                sum <- sum + kernel[v + radius, u + radius] * float32 (at mirrored image (x + u) (y + v) c)

        toByte (float sum))

/// OpenCV's CLAHE on a copy of the image that is mirrored onwards to whole tiles.
let clahe clipLimit tiles (grey: Image) =
    let onwards side = if grey.Width % tiles = 0 && grey.Height % tiles = 0 then side else side + tiles - side % tiles
    let width, height = onwards grey.Width, onwards grey.Height
    let whole = build width height 1 (fun x y _ -> at mirrored grey x y 0)
    let tileWidth, tileHeight = width / tiles, height / tiles
    let area = tileWidth * tileHeight

    let table column row =
        let histogram = Array.zeroCreate 256

        for y in row * tileHeight .. (row + 1) * tileHeight - 1 do
            for x in column * tileWidth .. (column + 1) * tileWidth - 1 do
                histogram[int whole[x, y, 0]] <- histogram[int whole[x, y, 0]] + 1

        let limit = max 1 (int (clipLimit * float area / 256.0))
        let clipped = histogram |> Array.sumBy (fun count -> max 0 (count - limit))
        let rest = clipped % 256
        let extra i = if rest > 0 && i % max 1 (256 / rest) = 0 && i / max 1 (256 / rest) < rest then 1 else 0
        let heights = histogram |> Array.mapi (fun i count -> min count limit + clipped / 256 + extra i)
        Array.scan (+) 0 heights |> Array.tail |> Array.map (fun sum -> toByte (float (float32 sum * (255.0f / float32 area))))

    let tables = Array2D.init tiles tiles table

    let between position size =
        let inTiles = float32 position * (1.0f / float32 size) - 0.5f
        let first = int (floor inTiles)
        max first 0, min (first + 1) (tiles - 1), inTiles - float32 first

    like grey (fun x y _ ->
        let left, right, across = between x tileWidth
        let top, bottom, down = between y tileHeight
        let value column row = float32 tables[column, row].[int grey[x, y, 0]]
        let along row = value left row * (1.0f - across) + value right row * across
        toByte (float (along top * (1.0f - down) + along bottom * down)))

/// RGB -> 8-bit HSV -> shifted -> RGB; the way back is exact arithmetic, rounded once.
let shiftHsv hue saturation value (image: Image) =
    let shift (rgb: int[]) =
        let v, least = Array.max rgb, Array.min rgb
        let range = v - least
        let rounded scale by amount = if amount = 0 then 0 else (amount * int (Math.Round(float scale * 4096.0 / float by)) + 2048) >>> 12

        let sextants =
            if v = rgb[0] then rgb[1] - rgb[2]
            elif v = rgb[1] then rgb[2] - rgb[0] + 2 * range
            else rgb[0] - rgb[1] + 4 * range

        let h = ((rounded 30 range sextants + hue) % 180 + 360) % 180
        let s = Math.Clamp(rounded 255 v range + saturation, 0, 255)
        let v = Math.Clamp(v + value, 0, 255)
        let p, q, t = 255 * 30 - s * 30, 255 * 30 - s * (h % 30), 255 * 30 - s * (30 - h % 30)
        let full = 255 * 30

        match h / 30 with
        | 0 -> [| full; t; p |]
        | 1 -> [| q; full; p |]
        | 2 -> [| p; full; t |]
        | 3 -> [| p; q; full |]
        | 4 -> [| t; p; full |]
        | _ -> [| full; p; q |]
        |> Array.map (fun share -> toByte (float (v * share) / 7650.0))

    like image (fun x y c -> (shift [| for c in 0..2 -> int image[x, y, c] |])[c])

let flip (image: Image) = like image (fun x y c -> image[image.Width - 1 - x, y, c])

/// Counter-clockwise by 90 degrees.
let turn (image: Image) = build image.Height image.Width image.Channels (fun x y c -> image[image.Width - 1 - y, x, c])

/// The bilinear value at a position in 1/32 of a pixel: the position is the inverse map's, its products rounded to 1/1024 one by one.
let shiftScaleRotate degrees scale shiftX shiftY (image: Image) =
    let angle = degrees * (Math.PI / 180.0)
    let a, b = scale * cos angle, scale * sin angle
    let centerX, centerY = float image.Width / 2.0, float image.Height / 2.0
    let moveX = (1.0 - a) * centerX - b * centerY + shiftX * float image.Width
    let moveY = b * centerX + (1.0 - a) * centerY + shiftY * float image.Height
    let inverse = 1.0 / (a * a + b * b)
    let a, b = a * inverse, b * inverse
    let fixedPoint (value: float) = int (Math.Round(1024.0 * value))

    like image (fun x y c ->
        let u = (fixedPoint (a * float x) + fixedPoint (-b * float y + (-a * moveX + b * moveY)) + 16) >>> 5
        let v = (fixedPoint (b * float x) + fixedPoint (a * float y + (-b * moveX - a * moveY)) + 16) >>> 5
        let pixel dx dy = int (at mirrored image ((u >>> 5) + dx) ((v >>> 5) + dy) c)
        let along dy = pixel 0 dy * (32 - (u &&& 31)) + pixel 1 dy * (u &&& 31)
        byte ((along 0 * (32 - (v &&& 31)) + along 1 * (v &&& 31) + 512) >>> 10))

/// The two by two nearest pixels by weights of 11 bits a side.
let bilinear width height (image: Image) =
    let source from target i =
        let position = float32 ((float i + 0.5) * (float from / float target) - 0.5)
        let first = int (floor position)

        if first < 0 then 0, 0, 0
        elif first >= from - 1 then from - 1, from - 1, 0
        else first, first + 1, int (Math.Round(float ((position - float32 first) * 2048.0f)))

    build width height image.Channels (fun x y c ->
        let left, right, across = source image.Width width x
        let top, bottom, down = source image.Height height y
        let along row = int image[left, row, c] * (2048 - across) + int image[right, row, c] * across
        byte ((along top * (2048 - down) + along bottom * down + (1 <<< 21)) >>> 22))

/// A standard normal variate of two uniform ones (Box-Muller).
let normal (random: Reproduction.SplitMix64) =
    let radius = sqrt (-2.0 * log (1.0 - random.NextDouble()))
    radius * cos (2.0 * Math.PI * random.NextDouble())

/// Every value plus a normal variate times a deviation: one variate a value, or one a pixel.
let noisy (random: Reproduction.SplitMix64) (deviation: float) perChannel (image: Image) =
    let drawn = Array.init (if perChannel then image.Pixels.Length else image.Width * image.Height) (fun _ -> normal random)
    let shared = if perChannel then 1 else image.Channels
    let pixels = image.Pixels |> Array.mapi (fun i value -> toByte (float value + deviation * drawn[i / shared]))
    Image(image.Width, image.Height, image.Channels, pixels)
