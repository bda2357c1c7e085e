/// Pixels as cameras and other libraries hand them over.
module Reproduction.Tests.Pixels

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open FsCheck
open FsCheck.FSharp
open SkiaSharp
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench

/// A buffer of an image in an order, with a gap behind each row.
let private buffer (image: Image) order gap =
    let channels =
        match order with
        | PixelOrder.Grey -> [ 0 ]
        | PixelOrder.Rgb -> [ 0; 1; 2 ]
        | PixelOrder.Bgr -> [ 2; 1; 0 ]
        | PixelOrder.Rgba -> [ 0; 1; 2; -1 ]
        | _ -> [ 2; 1; 0; -1 ]

    [|
        for y in 0 .. image.Height - 1 do
            for x in 0 .. image.Width - 1 do
                for channel in channels do
                    if channel < 0 then 77uy else image[x, y, channel]

            // Nothing follows the last row of a region in a larger image.
            if y < image.Height - 1 then yield! Array.create gap 99uy
    |],
    image.Width * channels.Length + gap

let private random (width: int) (height: int) channels (seed: int) =
    let pixels = Array.zeroCreate<byte>(width * height * channels)
    (Random seed).NextBytes pixels
    Image(width, height, channels, pixels)

let private model =
    lazy
        (let good = Photographs.Of [| for i in 0..7 -> cloth "train" "good" i |]

         let model = Model.Fit("ssae", good, FitOptions(Profile = Profile.Smoke))
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> model.Dispose())
         model)

[<Tests>]
let tests =
    testList "pixels" [
        testProperty "every order and stride gives the image"
        <| Prop.forAll (Arb.fromGen (Gen.zip3 (Gen.choose (1, 20)) (Gen.choose (1, 20)) (Gen.choose (0, 9)))) (fun (width, height, gap) ->
            for order in Enum.GetValues<PixelOrder>() do
                let image = random width height (if order = PixelOrder.Grey then 1 else 3) (width + 31 * height)
                let bytes, stride = buffer image order gap
                Expect.equal (Image.FromPixels(bytes, width, height, order, stride)).Pixels image.Pixels $"{order}"

                if gap = 0 then
                    Expect.equal (Image.FromPixels(bytes, width, height, order)).Pixels image.Pixels $"{order}, no stride given")

        testCase "a buffer that is too short, or a stride less than a row, is refused"
        <| fun () ->
            let refuse work = Expect.throwsT<ArgumentException> (fun () -> work () |> ignore) "refused"
            refuse (fun () -> Image.FromPixels(ReadOnlySpan(Array.zeroCreate<byte> 29), 5, 2, PixelOrder.Bgr))
            refuse (fun () -> Image.FromPixels(ReadOnlySpan(Array.zeroCreate<byte> 100), 5, 2, PixelOrder.Bgr, 14))
            refuse (fun () -> Image.FromPixels(ReadOnlySpan(Array.zeroCreate<byte> 100), 0, 2, PixelOrder.Grey))

        testCase "a camera's buffer and Skia's bitmap are judged as the file is"
        <| fun () ->
            let picture = cloth "test" "hole" 1
            let file = Path.Combine(Path.GetTempPath(), $"pixels-{Guid.NewGuid():N}.png")
            ImageFile.Write(file, picture)

            try
                let expected = (Seq.exactlyOne (model.Value.Score(Photographs.In file))).Score
                let bytes, stride = buffer picture PixelOrder.Bgr 13
                let judged = model.Value.Score(bytes, picture.Width, picture.Height, PixelOrder.Bgr, stride)
                Expect.equal judged.Score expected "BGR with a stride"
                use bitmap = SKBitmap.Decode file
                Expect.equal (model.Value.Score bitmap).Score expected "a bitmap"
                use other = bitmap.Copy SKColorType.RgbaF16
                Expect.equal (model.Value.Score other).Score expected "a bitmap of another colour type"
            finally
                File.Delete file

        testCase "one instance serves many threads, each with its own scores"
        <| fun () ->
            let pictures = [| for i in 0..3 -> cloth "test" "hole" i |]

            let expected = pictures |> Array.map (fun picture -> model.Value.Score(picture).Score)
            let found = Array.init 40 id |> Array.Parallel.map (fun i -> model.Value.Score(pictures[i % 4]).Score)
            Expect.sequenceEqual found [ for i in 0..39 -> expected[i % 4] ] "each picture's own"
    ]
