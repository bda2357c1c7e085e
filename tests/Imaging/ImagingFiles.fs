/// PNG and JPEG files against PIL's pixels (tests/golden/imaging/make.py), and files that must be refused.
module Reproduction.Tests.ImagingFiles

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction
open Reproduction.Imaging

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging")
let private input name = Path.Combine(golden, name)

let private expected name =
    let bytes = File.ReadAllBytes(input (name + ".bin"))
    Image(BitConverter.ToInt32(bytes, 0), BitConverter.ToInt32(bytes, 4), BitConverter.ToInt32(bytes, 8), bytes[12..])

let private size (image: Image) = image.Width, image.Height, image.Channels

let private expectWithin tolerance (expected: Image) (actual: Image) =
    Expect.equal (size actual) (size expected) "width, height, channels"
    let worst = Array.map2 (fun (a: byte) (b: byte) -> abs (int a - int b)) actual.Pixels expected.Pixels |> Array.max
    Expect.isLessThanOrEqual worst tolerance "greatest difference in 1/255"

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "imaging-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private refused (path: string) (part: string) =
    let error =
        try
            ImageFile.Read path |> ignore
            failtest $"{path} was read without an error"
        with :? UserError as e ->
            e.Message

    Expect.stringContains error path "the message names the file"
    Expect.stringContains error part "the message says what is wrong"
    Expect.isLessThan (error.Split('\n').Length) 3 "one or two lines"

let private generatedImage =
    gen {
        let! width = Gen.choose (1, 40)
        let! height = Gen.choose (1, 40)
        let! channels = Gen.elements [ 1; 3 ]
        let! seed = Gen.choose (0, Int32.MaxValue)
        let pixels = Array.zeroCreate (width * height * channels)
        Random(seed).NextBytes pixels
        return Image(width, height, channels, pixels)
    }

[<Tests>]
let tests =
    testList "imaging: files" [
        testTheory "a PNG decodes to PIL's RGB" [ "rgba"; "grey"; "grey-alpha"; "one-bit"; "palette"; "rgb16"; "grey16" ] (fun name ->
            expectWithin 0 (expected name) (ImageFile.Read(input (name + ".png"))))

        testTheory "a JPEG decodes to PIL's RGB" [ "photo"; "progressive"; "photo-444"; "photo-grey"; "cmyk" ] (fun name ->
            expectWithin 1 (expected name) (ImageFile.Read(input (name + ".jpg"))))

        testTheory "a JPEG's EXIF orientation is applied" [ 1..8 ] (fun orientation ->
            expectWithin 1 (expected $"orientation-{orientation}") (ImageFile.Read(input $"orientation-{orientation}.jpg")))

        testCase "grey is PIL's luma" (fun () -> expectWithin 0 (expected "luma") ((ImageFile.Read(input "rgb.png")).ToGrey()))

        testTheory "a mask of class indices counts all, another from half of its range" [ "mask1"; "mask16" ] (fun name ->
            expectWithin 0 (expected name) (ImageFile.ReadMask(input (name + ".png"))))

        testCase "a header tells the stored bit depth" (fun () ->
            Expect.equal (ImageFile.Inspect(input "rgb16.png")) (ImageHeader("PNG", 24, 16, 3, 16)) "rgb16.png"
            Expect.equal (ImageFile.Inspect(input "one-bit.png")) (ImageHeader("PNG", 24, 16, 1, 1)) "one-bit.png"
            Expect.equal (ImageFile.Inspect(input "photo.jpg")) (ImageHeader("JPEG", 24, 16, 3, 8)) "photo.jpg")

        testProperty "a written PNG is read back exactly"
        <| Prop.forAll (Arb.fromGen generatedImage) (fun image ->
            let back = ImageFile.Decode(ReadOnlySpan(ImageFile.EncodePng image), "memory")
            size back = size image && back.Pixels = image.Pixels)

        testCase "a written JPEG is close to what was written" (fun () ->
            let image = ImageFile.Read(input "large.png")
            let smooth = Resizer.Resize(Resizer.Resize(image, 12, 8, Resampling.BilinearAntialias), 96, 64, Resampling.Bilinear)
            expectWithin 24 smooth (ImageFile.Decode(ReadOnlySpan(ImageFile.EncodeJpeg smooth), "memory")))

        testCase "a file is written whole under its name, PNG or JPEG" (fun () ->
            inTemporaryFolder (fun folder ->
                let image = ImageFile.Read(input "rgb.png")

                for name in [ "a.png"; "b.JPG" ] do
                    let path = Path.Combine(folder, name)
                    ImageFile.Write(path, image)
                    Expect.equal (size (ImageFile.Read path)) (size image) name

                Expect.equal (Directory.GetFiles(folder).Length) 2 "no temporary file is left"))

        testCase "broken files are refused by name" (fun () ->
            inTemporaryFolder (fun folder ->
                let write (name: string) (bytes: byte[]) =
                    let path = Path.Combine(folder, name)
                    File.WriteAllBytes(path, bytes)
                    path

                let png = File.ReadAllBytes(input "rgb.png")
                let jpeg = File.ReadAllBytes(input "photo.jpg")
                refused (Path.Combine(folder, "none.png")) "no such file"
                refused (write "empty.png" [||]) "empty"
                refused (write "text.jpg" "not an image"B) "not a PNG, JPEG, BMP, WebP or TIFF picture"
                refused (write "short.jpg" jpeg[.. jpeg.Length / 2]) "truncated"
                refused (write "header.jpg" jpeg[..30]) "truncated"

                for length in [ 8; 20; 40; png.Length / 2; png.Length - 13 ] do
                    refused (write $"short{length}.png" png[.. length - 1]) "truncated"

                let damaged = Array.copy png
                damaged[png.Length / 2] <- damaged[png.Length / 2] ^^^ 0xFFuy
                refused (write "damaged.png" damaged) "damaged"))

        testCase "a file is read by its content, whatever its name says" (fun () ->
            inTemporaryFolder (fun folder ->
                for source, names in [ "photo.jpg", [ "jpeg.png"; "jpeg"; "jpeg.tif" ]; "rgb.png", [ "png.jpeg"; "png.dat"; "png.bmp" ] ] do
                    for name in names do
                        let path = Path.Combine(folder, name)
                        File.Copy(input source, path)
                        expectWithin 0 (ImageFile.Read(input source)) (ImageFile.Read path)))

        testCase "a 20,000-pixel-wide file is refused before it is decoded" (fun () ->
            inTemporaryFolder (fun folder ->
                let path = Path.Combine(folder, "panorama.png")
                File.WriteAllBytes(path, ImageFile.EncodePng(Image(20_000, 2, 3)))
                refused path "20000 x 2 pixels"
                let jpeg = Path.Combine(folder, "panorama.jpg")
                File.WriteAllBytes(jpeg, ImageFile.EncodeJpeg(Image(20_000, 2, 3)))
                refused jpeg "20000 x 2 pixels"))
    ]
