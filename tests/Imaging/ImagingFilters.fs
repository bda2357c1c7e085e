/// The augmentation's filters at many sizes: against OpenCV (tests/golden/imaging/filters.py), and against their literal definitions.
module Reproduction.Tests.ImagingFilters

open System
open System.IO
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction
open Reproduction.Imaging
open Reproduction.Papers.Gaussian

/// Records of filters.bin as (operation, size, image).
let private records =
    lazy
        (use reader = new BinaryReader(File.OpenRead(Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging", "filters.bin")))

         [
             while reader.BaseStream.Position < reader.BaseStream.Length do
                 let name = Encoding.ASCII.GetString(reader.ReadBytes(reader.ReadInt32()))
                 let width, height, channels = reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32()
                 let operation, size = let parts = name.Split ' ' in parts[0], parts[1]
                 operation, size, Image(width, height, channels, reader.ReadBytes(width * height * channels))
         ])

let private motion = Array2D.zeroCreate 5 5

for x, y in [ 0, 1; 1, 1; 2, 2; 3, 2; 4, 3 ] do
    motion[y, x] <- 0.2f

let private sharpen = Augmentation.SharpenKernel(0.4, 0.8)
let private emboss = Augmentation.EmbossKernel(0.3, 0.5)
let private mean = Array2D.create 3 3 (1.0f / 9.0f)

let private claheOf (image: Image) = if image.Channels = 1 then Clahe.Equalise(image, 2.0, 8) else ColorSpaces.ClaheLightness(image, 2.0, 8)

/// Every operation with the greatest difference from OpenCV in 1/255, measured: where it is 0, a difference of 1 is a change.
let private operations: (string * int * (Image -> Image)) list = [
    "median", 0, Filters.Median3
    "mean", 0, Filters.Blur3
    "motion", 0, (fun image -> Filters.Correlate(image, motion))
    "sharpen", 0, (fun image -> Filters.Correlate(image, sharpen))
    "emboss", 1, (fun image -> Filters.Correlate(image, emboss))
    "clahe", 0, claheOf
    "brightness", 0, (fun image -> Augmentation.BrightnessContrast(image, 0.13, -0.17))
    "flip", 0, Geometry.FlipHorizontally
    "turn1", 0, (fun image -> Geometry.Rotate90(image, 1))
    "turn2", 0, (fun image -> Geometry.Rotate90(image, 2))
    "turn3", 0, (fun image -> Geometry.Rotate90(image, 3))
    "warp", 0, (fun image -> Geometry.ShiftScaleRotate(image, 12.0, 1.05, 0.04, -0.03))
    "warp-back", 0, (fun image -> Geometry.ShiftScaleRotate(image, -43.3, 0.951, -0.047, 0.013))
    "resize-small", 1, (fun image -> Resizer.Resize(image, 6, 7, Resampling.Bilinear))
    "resize-large", 1, (fun image -> Resizer.Resize(image, 35, 21, Resampling.Bilinear))
    "hsv", 1, (fun image -> ColorSpaces.ShiftHsv(image, 7, 5, -9))
    "hsv-back", 1, (fun image -> ColorSpaces.ShiftHsv(image, -10, -30, 20))
    "lab", 0, CieLab.FromRgb
    "lab-back", 0, CieLab.ToRgb
]

let private worst (a: Image) (b: Image) =
    Expect.equal (a.Width, a.Height, a.Channels) (b.Width, b.Height, b.Channels) "size"
    Array.map2 (fun (x: byte) (y: byte) -> abs (int x - int y)) a.Pixels b.Pixels |> Array.max

/// Images of random bytes, of 1 to 80 pixels a side, so narrower and wider than a processor's vectors.
let private images channels =
    gen {
        let! width = Gen.choose (1, 80)
        let! height = Gen.choose (1, 40)
        let! channels = Gen.elements channels
        let! seed = Gen.choose (0, Int32.MaxValue)
        let! contrast = Gen.elements [ 256; 40; 2 ]
        let random = Random seed
        let value _ = byte (random.Next contrast * 255 / (contrast - 1))
        return Image(width, height, channels, Array.init (width * height * channels) value)
    }

let private onImages channels parameters property =
    Prop.forAll (Arb.fromGen (Gen.zip (images channels) parameters)) (fun (image, parameters) -> property parameters image)

let private literal name channels parameters (fast: 'p -> Image -> Image) (slow: 'p -> Image -> Image) =
    testProperty $"{name} is its literal definition"
    <| onImages channels parameters (fun parameters image -> worst (fast parameters image) (slow parameters image) = 0)

let private both = [ 1; 3 ]

let private kernels =
    gen {
        let! side = Gen.elements [ 1; 3; 5; 7 ]
        let weight = Gen.choose (-300, 500) |> Gen.map (fun w -> float32 w / 997.0f)
        return! Gen.array2DOfDim side side (Gen.frequency [ 2, Gen.constant 0.0f; 3, weight ])
    }

let private movements =
    gen {
        let! degrees = Gen.choose (-450, 450)
        let! scale = Gen.choose (95, 110)
        let! shiftX = Gen.choose (-5, 5)
        let! shiftY = Gen.choose (-5, 5)
        return float degrees / 10.0, float scale / 100.0, float shiftX / 100.0, float shiftY / 100.0
    }

[<Tests>]
let tests =
    testList "imaging: filters" [
        for operation, tolerance, apply in operations do
            testCase $"{operation} is OpenCV's at every size" (fun () ->
                let named wanted = [
                    for name, size, image in records.Value do
                        if name = wanted then size, image
                ]

                let images = Map.ofList (named "input")
                let goldens = named operation
                Expect.isGreaterThanOrEqual goldens.Length 15 "sizes"

                for size, golden in goldens do
                    Expect.isLessThanOrEqual (worst (apply images[size]) golden) tolerance $"difference in 1/255 at {size}")

        literal "the median" both (Gen.constant ()) (fun () -> Filters.Median3) (fun () -> LiteralFilters.median3)
        literal "the mean" both (Gen.constant ()) (fun () -> Filters.Blur3) (fun () -> LiteralFilters.correlate mean)
        literal "a correlation" both kernels (fun kernel image -> Filters.Correlate(image, kernel)) LiteralFilters.correlate
        literal
            "CLAHE"
            [ 1 ]
            (Gen.zip (Gen.elements [ 1.0; 1.37; 2.0; 40.0 ]) (Gen.elements [ 8; 3 ]))
            (fun (limit, tiles) image -> Clahe.Equalise(image, limit, tiles))
            (fun (limit, tiles) -> LiteralFilters.clahe limit tiles)
        literal
            "a shift of HSV"
            [ 3 ]
            (Gen.three (Gen.choose (-200, 200)))
            (fun (h, s, v) image -> ColorSpaces.ShiftHsv(image, h, s, v))
            (fun (h, s, v) -> LiteralFilters.shiftHsv h s v)
        literal "a flip" both (Gen.constant ()) (fun () -> Geometry.FlipHorizontally) (fun () -> LiteralFilters.flip)
        literal "a turn" both (Gen.choose (0, 4)) (fun quarters image -> Geometry.Rotate90(image, quarters)) (fun quarters image ->
            Seq.fold (fun turned _ -> LiteralFilters.turn turned) image (seq { 1..quarters }))
        literal
            "a movement"
            both
            movements
            (fun (degrees, scale, x, y) image -> Geometry.ShiftScaleRotate(image, degrees, scale, x, y))
            (fun (degrees, scale, x, y) -> LiteralFilters.shiftScaleRotate degrees scale x y)
        literal
            "bilinear resizing"
            both
            (Gen.zip (Gen.choose (1, 90)) (Gen.choose (1, 60)))
            (fun (width, height) image -> Resizer.Resize(image, width, height, Resampling.Bilinear))
            (fun (width, height) -> LiteralFilters.bilinear width height)

        testProperty "noise is a normal variate a value or a pixel"
        <| onImages both (Gen.elements [ false; true ]) (fun perChannel image ->
            let fast = Augmentation.Noisy(image, 5.0, perChannel, SplitMix64 7UL)
            let slow = LiteralFilters.noisy (SplitMix64 7UL) 5.0 perChannel image
            // A sum that is a half to seven digits may be rounded either way.
            let different = Array.map2 (<>) fast.Pixels slow.Pixels |> Array.filter id |> Array.length
            worst fast slow <= 1 && different * 1000 <= fast.Pixels.Length)

        testProperty "many normal variates are as many single ones"
        <| Prop.forAll (Gen.choose (0, 700) |> Arb.fromGen) (fun count ->
            let one, many = SplitMix64 5UL, SplitMix64 5UL
            let variates: float[] = Array.zeroCreate count
            many.NextNormals(Span variates)

            variates |> Array.forall (fun variate -> abs (variate - LiteralFilters.normal one) < 1e-12)
            && many.NextBits() = one.NextBits())

        testCase "CLAHE takes one channel only" (fun () ->
            Expect.throwsT<ArgumentException> (fun () -> Clahe.Equalise(Image(8, 8, 3), 2.0, 8) |> ignore) "RGB")
    ]
