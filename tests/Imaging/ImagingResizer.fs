/// Resizing against PIL and OpenCV (tests/golden/imaging/make.py), and what must hold for any image.
module Reproduction.Tests.ImagingResizer

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction.Imaging

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging")

let private expected name =
    let bytes = File.ReadAllBytes(Path.Combine(golden, name + ".bin"))
    Image(BitConverter.ToInt32(bytes, 0), BitConverter.ToInt32(bytes, 4), BitConverter.ToInt32(bytes, 8), bytes[12..])

let private source = lazy ImageFile.Read(Path.Combine(golden, "source.png"))

let private worst (a: Image) (b: Image) = Array.map2 (fun (x: byte) (y: byte) -> abs (int x - int y)) a.Pixels b.Pixels |> Array.max

let private kinds = [ Resampling.Nearest; Resampling.Bilinear; Resampling.BilinearAntialias ]

let private sizes =
    gen {
        let! width = Gen.choose (1, 50)
        let! height = Gen.choose (1, 50)
        return width, height
    }

[<Tests>]
let tests =
    testList "imaging: resizing" [
        for kind in kinds do
            for width, height in [ 32, 32; 17, 90; 100, 20; 61, 20; 122, 94; 7, 5; 1, 1 ] do
                testCase $"{kind} to {width} x {height} is the original's" (fun () ->
                    let tolerance = if kind = Resampling.Nearest then 0 else 1
                    let actual = Resizer.Resize(source.Value, width, height, kind)
                    Expect.isLessThanOrEqual (worst actual (expected $"resize-{kind}-{width}x{height}")) tolerance "difference in 1/255")

        testCase "an exactly halved image is OpenCV's" (fun () ->
            let even = ImageFile.Read(Path.Combine(golden, "even.png"))

            Expect.isLessThanOrEqual
                (worst (Resizer.Resize(even, 30, 24, Resampling.Bilinear)) (expected "halved"))
                1
                "difference in 1/255")

        testProperty "a constant image stays constant at any size"
        <| Prop.forAll (Arb.fromGen (Gen.zip (Gen.zip sizes sizes) (Gen.choose (0, 255)))) (fun (((w, h), (w2, h2)), value) ->
            let flat = Image(w, h, 3, Array.create (w * h * 3) (byte value))
            kinds |> List.forall (fun kind -> Resizer.Resize(flat, w2, h2, kind).Pixels |> Array.forall (fun p -> int p = value)))

        testProperty "nearest invents no value, so that a mask stays a mask"
        <| Prop.forAll (Arb.fromGen (Gen.zip (Gen.zip sizes sizes) (Gen.choose (0, 1000)))) (fun (((w, h), (w2, h2)), seed) ->
            let random = Random seed
            let mask = Image(w, h, 1, Array.init (w * h) (fun _ -> if random.Next 3 = 0 then 255uy else 0uy))
            Resizer.Resize(mask, w2, h2, Resampling.Nearest).Pixels |> Array.forall (fun p -> p = 0uy || p = 255uy))

        testCase "antialiasing keeps the mean where plain bilinear samples" (fun () ->
            let stripes = Image(256, 4, 1, Array.init 1024 (fun i -> if i % 8 = 0 then 255uy else 0uy))
            let mean (image: Image) = image.Pixels |> Array.averageBy float
            let shrunk kind = mean (Resizer.Resize(stripes, 32, 4, kind))
            Expect.floatClose { absolute = 1.0; relative = 0.0 } (shrunk Resampling.BilinearAntialias) (mean stripes) "antialiased mean"
            Expect.isGreaterThan (abs (shrunk Resampling.Bilinear - mean stripes)) 10.0 "sampled mean")

        testCase "many threads get the same result" (fun () ->
            let reference = Resizer.Resize(source.Value, 40, 30, Resampling.BilinearAntialias).Pixels
            let all = Array.Parallel.init 64 (fun _ -> Resizer.Resize(source.Value, 40, 30, Resampling.BilinearAntialias).Pixels)
            Expect.isTrue (all |> Array.forall ((=) reference)) "equal")
    ]
