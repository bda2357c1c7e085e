/// Augmentations against OpenCV (tests/golden/imaging/make.py), and the rules by which `gaussian` chooses among them.
module Reproduction.Tests.ImagingAugmentation

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction
open Reproduction.Imaging
open Reproduction.Papers.Gaussian
open Reproduction.Surfaces

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging")

let private expected name =
    let bytes = File.ReadAllBytes(Path.Combine(golden, name + ".bin"))
    Image(BitConverter.ToInt32(bytes, 0), BitConverter.ToInt32(bytes, 4), BitConverter.ToInt32(bytes, 8), bytes[12..])

let private read name = lazy ImageFile.Read(Path.Combine(golden, name))
let private source = read "source.png"
let private even = read "even.png"
let private large = read "large.png"

let private expectWithin tolerance name (actual: Image) =
    let expected: Image = expected name
    Expect.equal (actual.Width, actual.Height, actual.Channels) (expected.Width, expected.Height, expected.Channels) "size"
    let differences = Array.map2 (fun (a: byte) (b: byte) -> abs (int a - int b)) actual.Pixels expected.Pixels
    Expect.isLessThanOrEqual (Array.max differences) tolerance "greatest difference in 1/255"

let private channel c (image: Image) =
    Image(image.Width, image.Height, 1, Array.init (image.Width * image.Height) (fun i -> image.Pixels[3 * i + c]))

let private seeds = Gen.choose (0, Int32.MaxValue) |> Gen.map uint64 |> Arb.fromGen

[<Tests>]
let tests =
    testList "imaging: augmentation" [
        testCase "mean of 3 x 3 is OpenCV's" (fun () -> expectWithin 1 "augment-blur" (Filters.Blur3 source.Value))
        testCase "median of 3 x 3 is OpenCV's" (fun () -> expectWithin 0 "augment-median" (Filters.Median3 source.Value))

        testCase "motion blur along a line is OpenCV's filter2D" (fun () ->
            let kernel = Array2D.zeroCreate 5 5
            // cv2.line from (0, 1) to (4, 3)
            for x, y in [ 0, 1; 1, 1; 2, 2; 3, 2; 4, 3 ] do
                kernel[y, x] <- 0.2f

            let other = Array2D.copy kernel

            for x, y, value in [ 1, 1, 0.0f; 1, 2, 0.2f ] do
                other[y, x] <- value

            let worst k =
                Array.map2
                    (fun (a: byte) (b: byte) -> abs (int a - int b))
                    (Filters.Correlate(source.Value, k)).Pixels
                    (expected "augment-motion").Pixels
                |> Array.max

            Expect.isLessThanOrEqual (min (worst kernel) (worst other)) 1 "one of the two ways to round the line")

        testCase "sharpening is imgaug's" (fun () ->
            expectWithin 1 "augment-sharpen" (Filters.Correlate(source.Value, Augmentation.SharpenKernel(0.4, 0.8))))

        testCase "embossing is imgaug's" (fun () ->
            expectWithin 1 "augment-emboss" (Filters.Correlate(source.Value, Augmentation.EmbossKernel(0.3, 0.5))))

        testCase "CLAHE of one channel is OpenCV's" (fun () ->
            expectWithin 0 "augment-clahe-grey" (Clahe.Equalise(channel 0 large.Value, 2.0, 8)))

        testCase "8-bit L*a*b* is OpenCV's, there and back" (fun () ->
            expectWithin 0 "lab" (CieLab.FromRgb even.Value)
            expectWithin 0 "lab-back" (CieLab.ToRgb(expected "lab")))

        testCase "CLAHE of an RGB image changes the lightness and keeps the colour" (fun () ->
            let before = CieLab.FromRgb large.Value
            let after = CieLab.FromRgb(ColorSpaces.ClaheLightness(large.Value, 2.0, 8))

            let meanChange c =
                Array.map2 (fun (a: byte) (b: byte) -> abs (float a - float b)) (channel c before).Pixels (channel c after).Pixels
                |> Array.average

            Expect.isGreaterThan (meanChange 0) 10.0 "lightness"
            Expect.isLessThan (meanChange 1) 3.0 "a"
            Expect.isLessThan (meanChange 2) 3.0 "b")

        testCase "hue and value shifts are OpenCV's" (fun () ->
            expectWithin 1 "augment-hue-value" (ColorSpaces.ShiftHsv(source.Value, 7, 0, -9)))

        testCase "shift, scale and rotation are OpenCV's" (fun () ->
            expectWithin 0 "augment-affine" (Geometry.ShiftScaleRotate(source.Value, 12.0, 1.05, 0.04, -0.03)))

        testCase "no movement moves nothing, four quarter turns and two flips neither" (fun () ->
            let pixels = source.Value.Pixels
            Expect.equal (Geometry.ShiftScaleRotate(source.Value, 0.0, 1.0, 0.0, 0.0)).Pixels pixels "shift"
            Expect.equal (Geometry.Rotate90(Geometry.Rotate90(source.Value, 1), 3)).Pixels pixels "turns"
            Expect.equal (Geometry.FlipHorizontally(Geometry.FlipHorizontally source.Value)).Pixels pixels "flips"
            let turned = Geometry.Rotate90(source.Value, 1)

            Expect.equal
                turned[0, 0, 0]
                source.Value[source.Value.Width - 1, 0, 0]
                "counter-clockwise brings the upper right corner to the upper left")

        testCase "noise has the deviation that is asked for" (fun () ->
            let grey = Image(100, 100, 3, Array.create 30000 128uy)

            for perChannel in [ false; true ] do
                let noise = (Augmentation.Noisy(grey, 6.0, perChannel, SplitMix64 1UL)).Pixels |> Array.map (fun p -> float p - 128.0)
                Expect.floatClose { absolute = 0.2; relative = 0.0 } (sqrt (Array.averageBy (fun x -> x * x) noise)) 6.0 "deviation"
                let shared = noise |> Array.chunkBySize 3 |> Array.forall (fun rgb -> rgb[0] = rgb[1] && rgb[1] = rgb[2])
                Expect.equal shared (not perChannel) "channels")

        testProperty "a motion kernel is a line that sums to 1"
        <| Prop.forAll seeds (fun seed ->
            let kernel = Augmentation.MotionKernel(SplitMix64 seed) |> Seq.cast<float32> |> Array.ofSeq
            let used = kernel |> Array.filter (fun w -> w > 0f)
            abs (Array.sum kernel - 1f) < 1e-5f && used.Length >= 2 && used.Length <= 7)

        testProperty "the same seed gives the same image"
        <| Prop.forAll seeds (fun seed ->
            let augment () = Augmentation.Apply(even.Value, AugmentationRules.For "bottle", SplitMix64 seed)
            augment().Pixels = augment().Pixels)

        testCase "half of the images stay as they are" (fun () ->
            let changed =
                [ 0UL .. 399UL ]
                |> List.filter (fun seed ->
                    not (obj.ReferenceEquals(Augmentation.Apply(even.Value, AugmentationRules.For "bottle", SplitMix64 seed), even.Value)))

            Expect.isTrue (changed.Length > 130 && changed.Length < 215) $"{changed.Length} of 400 changed")

        testCase "a category that must not be flipped is not" (fun () ->
            // A picture whose left half is black: no allowed change of a pill brings its bright half to the left, except turns by 180
            // degrees.
            let picture = Image(32, 32, 3, Array.init 3072 (fun i -> if i / 3 % 32 < 16 then 0uy else 200uy))
            let pill = AugmentationRules.For "pill"
            let withFlip flip = AugmentationRules(flip, false, pill.Rotate45, pill.BackgroundEdge, pill.Noise)

            let mirrored rules =
                [ 0UL .. 299UL ]
                |> List.exists (fun seed ->
                    let image = Augmentation.Apply(picture, rules, SplitMix64 seed)
                    image[4, 16, 0] > image[27, 16, 0])

            Expect.isFalse (mirrored (withFlip pill.Flip)) "pill"
            Expect.isTrue (mirrored (withFlip true)) "if it were allowed")

        testCase "the rules of the public code" (fun () ->
            let rules = AugmentationRules.For

            Expect.equal
                [ for c in [ "pill"; "screw"; "capsule"; "metal_nut"; "bottle" ] -> (rules c).Flip ]
                [ false; false; false; false; true ]
                "flip"

            Expect.equal [ for c in [ "transistor"; "cable" ] -> (rules c).Rotate90 ] [ false; true ] "quarter turns"

            Expect.equal
                [ for c in [ "carpet"; "hazelnut"; "leather"; "tile"; "wood" ] -> (rules c).Rotate45 ]
                [ true; true; true; true; false ]
                "45 degrees"

            Expect.equal [ for c in [ "grid"; "tile" ] -> (rules c).BackgroundEdge ] [ false; true ] "movement")
    ]
