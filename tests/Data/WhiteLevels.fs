/// Pictures of cameras of 10 and 12 bits, stored in 16: they are not read as nearly black.
module Reproduction.Tests.WhiteLevels

open System
open System.IO
open System.IO.Compression
open Expecto
open Repro
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Tests.Bench

let private bigEndian (value: uint32) = [| 24; 16; 8; 0 |] |> Array.map (fun shift -> byte (value >>> shift))

let private chunk (name: string) (data: byte[]) =
    let body = Array.append (Text.Encoding.ASCII.GetBytes name) data
    let crc = IO.Hashing.Crc32.HashToUInt32(ReadOnlySpan body)
    Array.concat [ bigEndian (uint32 data.Length); body; bigEndian crc ]

/// A grey PNG of 16 bits.
let private png (width: int) (height: int) (value: int -> int -> int) =
    let packed = new MemoryStream()

    (use zlib = new ZLibStream(packed, CompressionLevel.Fastest, true)

     for y in 0 .. height - 1 do
         zlib.WriteByte 0uy

         for x in 0 .. width - 1 do
             let sample = value x y
             zlib.Write(ReadOnlySpan [| byte (sample >>> 8); byte sample |]))

    Array.concat [
        [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]
        chunk "IHDR" (Array.concat [ bigEndian (uint32 width); bigEndian (uint32 height); [| 16uy; 0uy; 0uy; 0uy; 0uy |] ])
        chunk "IDAT" (packed.ToArray())
        chunk "IEND" [||]
    ]

let private write (path: string) (bytes: byte[]) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllBytes(path, bytes)

/// Values of a ramp with something of each picture in it.
let private ramp bits number x y = ((x + 2 * y + 5 * number) % 64) * ((1 <<< bits) - 1) / 63

let private category at bits =
    for i in 0..9 do
        write (at $"train/good/{i}.png") (png 64 64 (ramp bits i))

    for i in 0..3 do
        write (at $"test/good/{i}.png") (png 64 64 (ramp bits (20 + i)))
        write (at $"test/hole/{i}.png") (png 64 64 (fun x y -> if x / 9 = 3 && y / 9 = 3 then 0 else ramp bits (30 + i) x y))

[<Tests>]
let tests =
    testList "white level" [
        for bits, white in [ 10, 1023; 12, 4095; 14, 16383; 16, 65535 ] do
            testCase $"{bits} bits in 16: white is {white}"
            <| inFolder (fun at ->
                category (fun name -> at ("part/" + name)) bits
                let category = (Datasets.Open(at "part")).Category "part"
                let image = category.Train[0].Load()
                let greatest = Array.max image.Pixels
                Expect.equal greatest 255uy "the brightest pixel is white"
                let expected = byte ((ramp bits 0 40 3 * 255 + white / 2) / white)
                Expect.equal image[40, 3, 0] expected "and a darker one what it should be"
                let warnings = (DataCheck.Run category).Warnings |> String.concat "; "

                if bits = 16 then
                    Expect.stringContains warnings "rounded to 8" "all bits are in use"
                else
                    Expect.stringContains warnings $"{white} is taken for white" "told by data verify"
                    Expect.isNonEmpty (DataCheck.Warnings category) "and by a run")

        testCase "pictures of 8 bits are read as before, and none of them is decoded for it"
        <| inFolder (fun at ->
            let image = Image(8, 8, 1, Array.init 64 byte)
            write (at "part/train/good/0.png") (ImageFile.EncodePng image)
            Expect.equal (ImageFile.GreatestValue(at "part/train/good/0.png")) 0 "no 16 bits"
            let category = (Datasets.Open(at "part")).Category "part"
            Expect.equal (category.Train[0].Load().ToGrey().Pixels) image.Pixels "the same bytes")

        testCase "a fitted model keeps white: the same product is judged alike whatever its file's other pictures are"
        <| inFolder (fun at ->
            category at 12
            let warned = Collections.Generic.List<string>()
            let options = FitOptions(Profile = Profile.Smoke, Warn = Action<string> warned.Add)
            use model = Model.Fit("ssae", Photographs.Good(at "train/good"), options)
            Expect.equal model.Description.White 4095 "white"
            Expect.exists warned (fun line -> line.Contains "4095 is taken for white") "told"
            model.Save(at "model")

            let code, card, _ = repro [ "describe"; at "model" ]
            Expect.equal code 0 "described"
            Expect.stringContains card "white: 4095" "the card"

            use loaded = Model.Load(at "model")
            let scores = [ for judged in loaded.Score(Photographs.In(at "test/good")) -> judged.Score.GetValueOrDefault(nanf) ]
            // Alone a dark picture would have another white.
            write (at "dark/0.png") (png 64 64 (fun x y -> min 1000 (ramp 12 20 x y)))
            let dark = Seq.exactlyOne (loaded.Score(Photographs.In(at "dark")))
            let view = nonNull (dark.DrawPhotograph())
            Expect.equal (Array.max view.Pixels) (byte ((1000 * 255 + 2047) / 4095)) "read with the model's white"
            Expect.all scores Single.IsFinite "scored"

            // What uses more bits than the model knows of is not judged, and says why.
            write (at "bright/0.png") (png 64 64 (fun _ _ -> 5000))
            let bright = Seq.exactlyOne (loaded.Score(Photographs.In(at "bright")))
            Expect.equal bright.Verdict Verdict.Unreadable "not judged"
            Expect.stringContains (nonNull bright.Reason) "above 4095" "why"

            let code, _, error = repro [ "score"; "--model"; at "model"; at "bright"; "--out"; at "out" ]
            Expect.equal code 1 "never success"
            Expect.stringContains error "fit again" "the way out")
    ]
