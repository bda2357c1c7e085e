/// Files that are cut, damaged, mislabelled or made to hurt: an error that names the file, or the picture; never a crash, never much
/// memory.
module Reproduction.Tests.ImagingHostile

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.IO.Hashing
open Expecto
open Reproduction
open Reproduction.Imaging

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging")
let private bytesOf (name: string) = File.ReadAllBytes(Path.Combine(golden, name))

/// One of each codec's ways through the pixels.
let private files = [
    "formats/rgb8.png"
    "formats/rgb8-interlaced.png"
    "formats/grey4.png"
    "formats/rgba16.png"
    "formats/rgb16-interlaced.png"
    "formats/palette4-interlaced.png"
    "photo.jpg"
    "photo-grey.jpg"
    "progressive.jpg"
    "formats/420.jpg"
    "formats/cmyk.jpg"
    "formats/rgb.bmp"
    "formats/runs.bmp"
    "formats/palette.bmp"
    "formats/lossless.webp"
    "formats/lossy.webp"
    "formats/alpha-lossy.webp"
    "formats/frames.webp"
    "formats/rgb8-strips-none.tif"
    "formats/rgb16-strips-deflate-predictor.tif"
    "formats/grey16-big-tiles-deflate.tif"
    "formats/planes-tiles.tif"
    "formats/palette8-strips-deflate.tif"
    "formats/lzw.tif"
    "formats/packbits.tif"
    "formats/bigtiff.tif"
    "formats/one-bit.tif"
]

let private sequential = [ "photo.jpg"; "photo-grey.jpg"; "formats/420.jpg"; "formats/cmyk.jpg" ]

/// The picture, or the error's message; any other exception fails the test.
let private decode (name: string) (data: byte[]) =
    try
        Ok(ImageFile.Decode(ReadOnlySpan data, name))
    with :? UserError as e ->
        Error e.Message

let private expectNamed (name: string) (message: string) =
    Expect.isTrue (message.StartsWith $"{name}: ") $"the message names the file: {message}"
    Expect.isFalse (message.Contains '\n') "one line"

/// Decodes and checks that it took at most 100 MB of managed memory, what is given back since included.
let private decodeWithin (name: string) data =
    let before = GC.GetAllocatedBytesForCurrentThread()
    let result = decode name data
    Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 100_000_000L $"bytes allocated for {name}"
    result

let private chunk (name: string) (content: byte[]) =
    let named = Array.append (Text.Encoding.ASCII.GetBytes name) content

    let number (value: uint32) =
        let bytes = Array.zeroCreate<byte> 4 in
        BinaryPrimitives.WriteUInt32BigEndian(Span bytes, value)
        bytes

    Array.concat [ number (uint32 content.Length); named; number (Crc32.HashToUInt32(ReadOnlySpan named)) ]

let private deflated (bytes: byte[]) =
    use memory = new MemoryStream()
    (use stream = new ZLibStream(memory, CompressionLevel.Optimal, true) in stream.Write(bytes, 0, bytes.Length))
    memory.ToArray()

/// A PNG of a width, height, depth and kind (PNG's numbers) with these compressed pixels.
let private png (width: int) (height: int) depth kind (compressed: byte[]) =
    let header = Array.zeroCreate<byte> 13
    BinaryPrimitives.WriteInt32BigEndian(Span(header, 0, 4), width)
    BinaryPrimitives.WriteInt32BigEndian(Span(header, 4, 4), height)
    header[8] <- depth
    header[9] <- kind
    Array.concat [ (bytesOf "rgb.png")[..7]; chunk "IHDR" header; chunk "IDAT" compressed; chunk "IEND" [||] ]

/// The same PNG with checksums that fit whatever was changed in it, as far as its chunks can still be told.
let private withChecksums (data: byte[]) =
    let data = Array.copy data

    let rec from at =
        if at + 12 <= data.Length then
            let length = int64 (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(data, at, 4)))

            if int64 at + 12L + length <= int64 data.Length then
                let crc = Crc32.HashToUInt32(ReadOnlySpan(data, at + 4, int length + 4))
                BinaryPrimitives.WriteUInt32BigEndian(Span(data, at + 8 + int length, 4), crc)
                from (at + 12 + int length)

    from 8
    data

let private mutated (random: Random) (data: byte[]) =
    let data = Array.copy data
    // Half of the changes go to the first bytes, where headers are.
    for _ in 1 .. random.Next(1, 9) do
        data[random.Next(if random.Next 2 = 0 then min 64 data.Length else data.Length)] <- byte (random.Next 256)

    data

let private expectRefused part name data =
    match decodeWithin name data with
    | Ok _ -> failtest $"{name} was read without an error"
    | Error message ->
        expectNamed name message
        Expect.stringContains message part "the message"

[<Tests>]
let tests =
    testList "imaging: hostile files" [
        testTheory "a file that ends early is an error or the whole picture" files (fun file ->
            let data = bytesOf file

            let whole =
                match decode file data with
                | Ok image -> image.Pixels
                | Error message -> failtest message
            // A run-length BMP may leave out its end-of-image mark; nothing else has a byte too many.
            let needed = if file.EndsWith "runs.bmp" then data.Length - 2 else data.Length

            for length in
                Seq.append (seq { 0 .. max 1 (data.Length / 500) .. data.Length - 9 }) (seq { data.Length - 8 .. data.Length - 1 }) do
                match decode file data[.. length - 1] with
                | Error message -> expectNamed file message
                | Ok image ->
                    Expect.isGreaterThanOrEqual length needed $"{length} of {data.Length} bytes were taken for a picture"
                    Expect.equal image.Pixels whole "pixels")

        testTheory "random damage is an error or a picture" files (fun file ->
            let random = Random 16
            let data = bytesOf file

            for _ in 1..200 do
                let damaged = mutated random data

                for damaged in [ damaged; if file.EndsWith ".png" then withChecksums damaged ] do
                    match decodeWithin file damaged with
                    | Error message -> expectNamed file message
                    | Ok image -> Expect.equal image.Pixels.Length (image.Width * image.Height * image.Channels) "pixels")

        testTheory "any changed byte of a PNG is an error" [ "formats/rgb8.png"; "formats/rgba16.png"; "formats/palette4.png" ] (fun file ->
            let data = bytesOf file

            for i in 0 .. data.Length - 1 do
                let damaged = Array.copy data
                damaged[i] <- damaged[i] ^^^ 0x10uy

                match decode file damaged with
                | Error message -> expectNamed file message
                | Ok _ -> failtest $"byte {i} was changed and nothing said")

        testTheory "a cut JPEG to which an end was added is an error" sequential (fun file ->
            let data = bytesOf file

            for percent in [ 80; 90; 95 ] do
                expectRefused "truncated" file (Array.append data[.. data.Length * percent / 100] [| 0xFFuy; 0xD9uy |]))

        testCase "a file of every format is read by its content, whatever its name says" (fun () ->
            for file in [ "rgb.png"; "photo.jpg"; "formats/rgb.bmp"; "formats/lossy.webp"; "formats/lzw.tif" ] do
                let expected = ImageFile.Decode(ReadOnlySpan(bytesOf file), file).Pixels

                for extension in [ ".png"; ".jpg"; ".jpeg"; ".bmp"; ".webp"; ".tif"; ".tiff" ] do
                    let actual = ImageFile.Decode(ReadOnlySpan(bytesOf file), $"file{extension}").Pixels
                    Expect.isTrue (actual.AsSpan().SequenceEqual expected) $"{file} as {extension}")

        testCase "kinds that are not read say so and give the way out" (fun () ->
            let words = "of a kind that is not read (MINISBLACK, 1 x 32 bits IEEEFP, NONE); save it as a PNG"
            expectRefused words "float.tif" (bytesOf "formats/float.tif")
            expectRefused "of a kind that is not read" "jpeg.tif" (bytesOf "formats/jpeg.tif")
            let jpeg = bytesOf "photo.jpg"
            let frame = Array.findIndex (fun i -> jpeg[i] = 0xFFuy && jpeg[i + 1] = 0xC0uy) [| 0 .. jpeg.Length - 2 |]
            expectRefused "a JPEG of a rare kind" "lossless.jpg" (Array.mapi (fun i b -> if i = frame + 1 then 0xC3uy else b) jpeg))

        testCase "a colour beyond the palette is an error, not another colour" (fun () ->
            expectRefused "not in the palette" "p.png" (bytesOf "formats/index-beyond-palette.png"))

        testCase "a row's filter that does not exist, missing rows and a wrong inner checksum are errors" (fun () ->
            for depth in [ 8uy; 16uy ] do
                let row filter = Array.append [| filter |] (Array.create (4 * int depth / 8) 100uy)
                let rows = Array.concat [ for _ in 1..4 -> row 0uy ]
                let unknown = Array.concat [ row 0uy; row 0uy; row 9uy; row 0uy ]
                Expect.isOk (decode "sound.png" (png 4 4 depth 0uy (deflated rows))) "sound"
                expectRefused "damaged" "filter.png" (png 4 4 depth 0uy (deflated unknown))
                expectRefused "damaged" "rows.png" (png 4 5 depth 0uy (deflated rows))
                let compressed = deflated rows
                compressed[compressed.Length - 1] <- compressed[compressed.Length - 1] ^^^ 1uy
                expectRefused "damaged" "adler.png" (png 4 4 depth 0uy compressed))

        testCase "what inflates to a thousand times its size is not inflated" (fun () ->
            let bomb = deflated (Array.zeroCreate 50_000_000)

            for depth in [ 8uy; 16uy ] do
                Expect.isOk (decodeWithin "small.png" (png 4 4 depth 0uy bomb)) "a small picture before it"

            expectRefused "too little data" "wide.png" (png 16_000 16_000 16uy 2uy (deflated [| 0uy |])))

        testCase "a file that promises more pixels than it can hold is refused before they are allocated" (fun () ->
            let change (at: int) (value: uint16) (bigEndian: bool) (data: byte[]) =
                let data = Array.copy data
                let place = Span(data, at, 2)

                if bigEndian then
                    BinaryPrimitives.WriteUInt16BigEndian(place, value)
                else
                    BinaryPrimitives.WriteUInt16LittleEndian(place, value)

                data

            let jpeg = bytesOf "photo.jpg"
            let frame = Array.find (fun i -> jpeg[i] = 0xFFuy && jpeg[i + 1] = 0xC0uy) [| 0 .. jpeg.Length - 2 |]
            expectRefused "too little data" "a.jpg" (jpeg |> change (frame + 5) 16_000us true |> change (frame + 7) 16_000us true)
            expectRefused "too little data" "a.bmp" (bytesOf "formats/rgb.bmp" |> change 18 16_000us false |> change 22 16_000us false)

            expectRefused
                "fewer parts"
                "a.tif"
                (let tiff = bytesOf "formats/rgb8-strips-none.tif"
                 let entry = Array.find (fun i -> tiff[i] = 1uy && tiff[i + 1] = 1uy && tiff[i + 2] < 5uy) [| 8 .. tiff.Length - 12 |]
                 change (entry + 8) 16_000us false tiff))

        testCase "a TIFF whose counts ask for gigabytes is refused" (fun () ->
            let tiff = bytesOf "formats/one-bit.tif"
            let directory = BinaryPrimitives.ReadInt32LittleEndian(ReadOnlySpan(tiff, 4, 4))

            for i in 0 .. int tiff[directory] - 1 do
                let damaged = Array.copy tiff
                BinaryPrimitives.WriteInt32LittleEndian(Span(damaged, directory + 2 + 12 * i + 4, 4), Int32.MaxValue)
                expectRefused "points beyond the file's end" "a.tif" damaged)

        testSequenced
        <| testCase "LibTiff prints nothing" (fun () ->
            let error = Console.Error
            use written = new StringWriter()
            Console.SetError written

            try
                let tiff = bytesOf "formats/lzw.tif"
                tiff[200] <- tiff[200] ^^^ 0xFFuy
                decode "a.tif" tiff |> ignore
                decode "a.tif" tiff[.. tiff.Length - 20] |> ignore
            finally
                Console.SetError error

            Expect.equal (written.ToString()) "" "standard error")
    ]
