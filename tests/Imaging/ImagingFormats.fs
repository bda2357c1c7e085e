/// Every format, depth and layout of a picture against the pixels of PIL and numpy (tests/golden/imaging/formats.py), and what is written.
module Reproduction.Tests.ImagingFormats

open System
open System.IO
open System.Security.Cryptography
open Expecto
open Reproduction
open Reproduction.Imaging

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging", "formats")
let private input name = Path.Combine(golden, name)

/// File, width, height, SHA-256 of the pixels: masks are those of ReadMask, all others those of Read.
let private masks, private pictures =
    File.ReadAllLines(input "pixels.csv")[1..]
    |> Array.map (fun line -> let cells = line.Split ',' in cells[0], (int cells[1], int cells[2], cells[3]))
    |> Array.partition (fun (file, _) -> file.StartsWith "mask")

let private found (image: Image) = image.Width, image.Height, Convert.ToHexStringLower(SHA256.HashData image.Pixels)

let private rounded =
    Directory.GetFiles(golden, "*.bin")
    |> Array.map (fun path -> nonNull (Path.GetFileNameWithoutExtension path))
    |> Array.sort

let private expected name =
    let bytes = File.ReadAllBytes(input (name + ".bin"))
    (BitConverter.ToInt32(bytes, 0), BitConverter.ToInt32(bytes, 4)), bytes[12..]

/// The chunks of a PNG: name and content.
let private chunks (png: byte[]) =
    let number at = int (Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(png, at, 4)))

    let rec from at = [
        if at < png.Length then
            yield Text.Encoding.ASCII.GetString(png, at + 4, 4), png[at + 8 .. at + 7 + number at]
            yield! from (at + 12 + number at)
    ]

    from 8

/// The segments of a JPEG before its pixels: marker and content.
let private segments (jpeg: byte[]) =
    let rec from at = [
        let length = int jpeg[at + 2] * 256 + int jpeg[at + 3]
        yield jpeg[at + 1], jpeg[at + 4 .. at + 1 + length]
        if jpeg[at + 1] <> 0xDAuy then yield! from (at + 2 + length)
    ]

    from 2

let private gradient channels = Image(40, 24, channels, Array.init (40 * 24 * channels) (fun i -> byte (i * 7 / channels)))

[<Tests>]
let tests =
    testList "imaging: formats" [
        testTheory "a file that stores pixels exactly" pictures (fun (file, pixels) ->
            Expect.equal (found (ImageFile.Read(input file))) pixels file)

        testTheory "a file that stores pixels roughly" rounded (fun file ->
            let image = ImageFile.Read(input file)
            let size, pixels = expected file
            Expect.equal (image.Width, image.Height) size "width, height"
            let worst = Array.map2 (fun (a: byte) (b: byte) -> abs (int a - int b)) image.Pixels pixels |> Array.max
            Expect.isLessThanOrEqual worst 1 "greatest difference in 1/255")

        testTheory "a mask's values of at least half of its range are anomalous" masks (fun (file, pixels) ->
            let mask = ImageFile.ReadMask(input file)
            Expect.equal mask.Channels 1 "channels"
            Expect.equal (found (mask.ToRgb())) pixels file)

        testCase "a lossy mask is cut at half of the greatest value" (fun () ->
            let mask = ImageFile.ReadMask(input "mask-lossy.webp")
            Expect.equal (Set.ofArray mask.Pixels) (set [ 0uy; 255uy ]) "values"
            Expect.equal (mask[6, 4, 0], mask[0, 12, 0]) (255uy, 0uy) "inside and far outside")

        testCase "all formats, depths and orders are among the files" (fun () ->
            let count part = pictures |> Array.filter (fun (file, _) -> file.Contains(part: string)) |> Array.length

            let parts = [
                "16.png"
                "16-interlaced"
                "palette1"
                "trns"
                ".bmp"
                ".webp"
                "-tiles-"
                "lzw"
                "deflate-predictor"
                "big-strips"
                "white16"
            ]

            for part in parts do
                Expect.isGreaterThan (count part) 0 part

            for extension in [ "png"; "webp"; "tif" ] do
                for orientation in 1..8 do
                    Expect.equal (count $"orientation{orientation}.{extension}") 1 extension)

        testTheory
            "a header is told without the pixels"
            [
                "rgb16-tiles-deflate.tif", ImageHeader("TIFF", 45, 37, 3, 16)
                "white16-strips-none.tif", ImageHeader("TIFF", 45, 37, 1, 16)
                "one-bit.tif", ImageHeader("TIFF", 45, 37, 1, 1)
                "palette2-interlaced.png", ImageHeader("PNG", 19, 13, 3, 2)
                "grey-alpha16.png", ImageHeader("PNG", 19, 13, 1, 16)
                "orientation6.png", ImageHeader("PNG", 14, 9, 3, 8)
                "grey-progressive.jpg", ImageHeader("JPEG", 56, 40, 1, 8)
                "ycck.jpg", ImageHeader("JPEG", 56, 40, 3, 8)
                "rgb.bmp", ImageHeader("BMP", 19, 13, 3, 8)
                "lossy.webp", ImageHeader("WebP", 19, 13, 3, 8)
            ]
            (fun (file, header) -> Expect.equal (ImageFile.Inspect(input file)) header file)

        testCase "names of pictures" (fun () ->
            for name in [ "a.png"; "a.JPG"; "a.jpeg"; "a.bmp"; "a.WebP"; "a.tif"; "a.TIFF" ] do
                Expect.isTrue (ImageFile.HasImageName name) name

            for name in [ "a.txt"; "png"; "a.png.tmp"; "a.gif" ] do
                Expect.isFalse (ImageFile.HasImageName name) name)

        testCase "a PNG is written as 8-bit grey or RGB, without a colour profile or gamma" (fun () ->
            for channels, color in [ 1, 0uy; 3, 2uy ] do
                let written = chunks (ImageFile.EncodePng(gradient channels))
                Expect.equal (List.map fst written |> List.distinct) [ "IHDR"; "sBIT"; "IDAT"; "IEND" ] "chunks"
                Expect.equal (snd written.Head) [| 0uy; 0uy; 0uy; 40uy; 0uy; 0uy; 0uy; 24uy; 8uy; color; 0uy; 0uy; 0uy |] "header")

        testCase "a JPEG is written as grey or 4:2:0 of quality 92" (fun () ->
            let grey, color = [| 8; 0; 24; 0; 40; 1; 1; 0x11; 0 |], [| 8; 0; 24; 0; 40; 3; 1; 0x22; 0; 2; 0x11; 1; 3; 0x11; 1 |]

            for channels, frame in [ 1, grey; 3, color ] do
                let written = segments (ImageFile.EncodeJpeg(gradient channels))
                Expect.equal (List.find (fst >> (=) 0xC0uy) written |> snd |> Array.map int) frame "frame: bits, height, width, components"
                // 16 is the first step of the standard's table; quality 92 takes 16 per cent of it.
                Expect.equal (List.find (fst >> (=) 0xDBuy) written |> snd |> Array.item 1) 3uy "first quantiser step")

        testCase "the same pixels give the same bytes" (fun () ->
            for channels in [ 1; 3 ] do
                let image = gradient channels
                Expect.equal (ImageFile.EncodePng(image.Copy())) (ImageFile.EncodePng image) "PNG"
                Expect.equal (ImageFile.EncodeJpeg(image.Copy())) (ImageFile.EncodeJpeg image) "JPEG")

        testCase "other formats are read only" (fun () ->
            for extension in [ "bmp"; "webp"; "tif" ] do
                let path = Path.Combine(Path.GetTempPath(), $"picture-{Guid.NewGuid():N}.{extension}")

                let message =
                    try
                        ImageFile.Write(path, gradient 3)
                        ""
                    with :? UserError as e ->
                        e.Message

                Expect.stringContains message $"{path}: images are written as .png, .jpg or .jpeg" extension
                Expect.isFalse (File.Exists path) extension)
    ]
