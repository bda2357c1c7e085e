/// Ground-truth masks as label tools, cameras and data sets write them: what counts as anomalous.
module Reproduction.Tests.ImagingMasks

open System
open System.IO
open System.IO.Compression
open System.IO.Hashing
open System.Text
open Expecto
open Reproduction.Imaging

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "masks-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private bigEndian (value: uint32) = Array.rev (BitConverter.GetBytes value)

let private chunk (name: string) (content: byte[]) =
    let named = Array.append (Encoding.ASCII.GetBytes name) content
    Array.concat [ bigEndian (uint32 content.Length); named; bigEndian (Crc32.HashToUInt32(ReadOnlySpan named)) ]

/// A PNG of rows of packed bytes; kinds are numbered as in its header: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
let private png bits (kind: byte) width (palette: byte list) (rows: byte list list) =
    use packed = new MemoryStream()

    (use zlib = new ZLibStream(packed, CompressionLevel.Fastest)

     for row in rows do
         zlib.Write(ReadOnlySpan(Array.ofList (0uy :: row))))

    Array.concat [
        [| 0x89uy |]
        "PNG\r\n"B
        [| 0x1Auy; 0x0Auy |]
        chunk "IHDR" (Array.concat [ bigEndian (uint32 width); bigEndian (uint32 rows.Length); [| bits; kind; 0uy; 0uy; 0uy |] ])
        if not palette.IsEmpty then chunk "PLTE" (Array.ofList palette)
        chunk "IDAT" (packed.ToArray())
        chunk "IEND" [||]
    ]

let private read (bytes: byte[]) =
    inTemporaryFolder (fun folder ->
        let path = Path.Combine(folder, "mask.png")
        File.WriteAllBytes(path, bytes)
        let struct (mask, hasBetween) = ImageFile.InspectMask path
        Expect.equal (ImageFile.ReadMask path).Pixels mask.Pixels "as it is read elsewhere"
        [ for value in mask.Pixels -> value = 255uy ], hasBetween)

let private grey (values: byte list) = png 8uy 0uy values.Length [] [ values ]

let private deep (values: int list) =
    png 16uy 0uy values.Length [] [
        [
            for v in values do
                byte (v >>> 8)
                byte v
        ]
    ]

let private white, private black, private red = [ 255uy; 255uy; 255uy ], [ 0uy; 0uy; 0uy ], [ 255uy; 0uy; 0uy ]
let private indexed palette (indices: byte list) = png 8uy 3uy indices.Length (List.concat palette) [ indices ]

let private rgba (pixels: (byte list * byte) list) =
    png 8uy 6uy pixels.Length [] [ pixels |> List.collect (fun (color, alpha) -> color @ [ alpha ]) ]

/// What the file is, its bytes, what is anomalous, whether values between are told.
let private files: (string * byte[] * bool list * bool) list = [
    "black and white", grey [ 0uy; 255uy; 255uy ], [ false; true; true ], false
    "grey borders of a region", grey [ 0uy; 1uy; 127uy; 128uy; 254uy; 255uy ], [ false; false; false; true; true; true ], true
    "class indices", grey [ 0uy; 1uy; 2uy; 7uy ], [ false; true; true; true ], false
    "no defect at all", grey [ 0uy; 0uy ], [ false; false ], false
    "one bit a pixel", png 1uy 0uy 4 [] [ [ 0b0110_0000uy ] ], [ false; true; true; false ], false
    "class indices of four bits", png 4uy 0uy 4 [] [ [ 0x01uy; 0x20uy ] ], [ false; true; true; false ], false
    "grey of four bits", png 4uy 0uy 4 [] [ [ 0x07uy; 0x8Fuy ] ], [ false; false; true; true ], true
    "16 bits", deep [ 0; 32767; 32768; 65535 ], [ false; false; true; true ], true
    "8 bits in 16", deep [ 0; 255; 127 ], [ false; true; false ], true
    "12 bits in 16", deep [ 0; 4095; 0 ], [ false; true; false ], false
    "class indices of 16 bits", deep [ 0; 1; 3 ], [ false; true; true ], false
    "red on black", png 8uy 2uy 2 [] [ black @ red ], [ false; true ], false
    "white with the label in alpha", rgba [ white, 0uy; white, 255uy; white, 0uy ], [ false; true; false ], false
    "black with the label in alpha", rgba [ black, 0uy; black, 255uy ], [ false; true ], false
    "white with nothing in alpha", rgba [ white, 0uy; white, 0uy ], [ false; false ], false
    "white on black, opaque", rgba [ black, 255uy; white, 255uy ], [ false; true ], false
    "white on black, transparent where normal", rgba [ black, 0uy; white, 255uy ], [ false; true ], false
    "grey with the label in alpha", png 8uy 4uy 3 [] [ [ 255uy; 0uy; 255uy; 255uy; 255uy; 0uy ] ], [ false; true; false ], false
    "a palette with a white background", indexed [ white; red ] [ 0uy; 1uy; 0uy ], [ false; true; false ], false
    "a palette with a white background and no defect", indexed [ white; red ] [ 0uy; 0uy ], [ false; false ], false
    "a palette with a black background", indexed [ red; black; white ] [ 0uy; 1uy; 2uy ], [ true; false; true ], false
    "a palette of black and white", indexed [ white; black ] [ 0uy; 1uy ], [ true; false ], false
]

[<Tests>]
let tests =
    testList "imaging: masks" [
        for name, bytes, anomalous, between in files do
            testCase $"a mask of {name}" (fun () -> Expect.equal (read bytes) (anomalous, between) name)

        testCase "the regions of magnetic tile are those of its white pixels" (fun () ->
            let folder = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "shared", "data", "magnetic-tile")
            if not (Directory.Exists folder) then skiptest $"{folder} is not here"
            let category = (Reproduction.Data.Datasets.Open folder).Category "magnetic-tile"

            let counts = [
                for sample in category.Test do
                    if sample.Label = 1 then
                        use regions =
                            Reproduction.Metrics.ConnectedComponents.Label(ReadOnlySpan (sample.LoadMask(256, 256)).Pixels, 256, 256)

                        sample.Defect, regions.Regions.Count
            ]

            Expect.equal (counts |> Seq.sumBy snd) 460 "in all"
            Expect.equal (counts |> Seq.filter (fst >> (=) "break") |> Seq.sumBy snd) 126 "Break")

        testCase "a JPEG mask under a PNG's name is cut at half of the greatest value" (fun () ->
            inTemporaryFolder (fun folder ->
                let path = Path.Combine(folder, "mask.png")
                let picture = Image(16, 16, 1)

                for y in 0..15 do
                    for x in 8..15 do
                        picture[x, y, 0] <- 255uy

                File.WriteAllBytes(path, ImageFile.EncodeJpeg(picture, 30))
                let mask = ImageFile.ReadMask path
                Expect.equal (mask.Pixels |> Array.filter ((=) 255uy) |> Array.length) 128 "anomalous pixels"))
    ]
