/// Data sets on disk: what is recognised, how it is listed, and what is refused by name.
module Reproduction.Tests.DataSets

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open Expecto
open FsCheck
open FsCheck.FSharp
open Reproduction
open Reproduction.Data
open Reproduction.Imaging

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "data-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private nameOf (path: string) = FileInfo(path).Name

let private write (folder: string) (path: string) (image: Image) =
    let file = Path.Combine(folder, path)
    FileInfo(file).Directory |> Option.ofObj |> Option.iter _.Create()
    ImageFile.Write(file, image)

let private writeBytes folder name (bytes: byte[]) = File.WriteAllBytes(Path.Combine(folder, name), bytes)

/// A category in MVTec layout: 3 train, 2 good, 2 scratched; masks are twice as large as their images.
let private writeCategory folder maskName =
    let image = Image(8, 6, 3)

    for i in 0..2 do
        write folder $"train/good/{i:D3}.png" image

    for i in 0..1 do
        write folder $"test/good/{i:D3}.png" image

    for i in 0..1 do
        write folder $"test/scratch/{i:D3}.jpg" image
        let mask = Image(16, 12, 1)

        for x in 4..11 do
            mask[x, 6 + i, 0] <- 255uy

        write folder (maskName i) mask

let private suffixed i = $"ground_truth/scratch/{i:D3}_mask.png"
let private sameStem i = $"ground_truth/scratch/{i:D3}.png"

let private refusal action =
    try
        action () |> ignore
        failtest "no error"
    with :? UserError as e ->
        e.Message

let private idx (sizes: int list) (values: byte[]) =
    use packed = new MemoryStream()

    (use gzip = new GZipStream(packed, CompressionLevel.Fastest)

     let header = [|
         yield! [| 0uy; 0uy; 8uy; byte sizes.Length |]
         for size in sizes do
             yield! Array.rev (BitConverter.GetBytes size)
     |]

     gzip.Write(header, 0, header.Length)
     gzip.Write(values, 0, values.Length))

    packed.ToArray()

let private writeIdx folder (labels: byte[]) =
    for prefix in [ "train"; "t10k" ] do
        writeBytes folder $"{prefix}-labels-idx1-ubyte.gz" (idx [ labels.Length ] labels)
        let pixels = labels |> Array.collect (fun label -> Array.create 6 (label * 10uy))
        writeBytes folder $"{prefix}-images-idx3-ubyte.gz" (idx [ labels.Length; 2; 3 ] pixels)

let private writeMagneticTile folder free =
    let image = Image(5, 4, 1)

    for kind, count in [ "Free", free; "Blowhole", 2; "Break", 1; "Crack", 1; "Fray", 1; "Uneven", 1 ] do
        for i in 1..count do
            write folder $"MT_{kind}/Imgs/exp{i}.jpg" image
            write folder $"MT_{kind}/Imgs/exp{i}.png" image

let private ids (samples: IReadOnlyList<Sample>) = [ for s in samples -> s.Id ]

[<Tests>]
let tests =
    testList "data" [
        testList "MVTec layout" [
            testTheory "a folder of categories or one category, masks with and without suffix" [ false; true ] (fun hasSuffix ->
                inTemporaryFolder (fun root ->
                    let folder = Path.Combine(root, "bottle")
                    writeCategory folder (if hasSuffix then suffixed else sameStem)

                    for opened in [ Datasets.Open root; Datasets.Open folder ] do
                        Expect.equal opened.Name "mvtec" "named by its category"
                        let category = opened.Category "bottle"
                        Expect.equal (ids category.Train) [ "train/good/000.png"; "train/good/001.png"; "train/good/002.png" ] "train"

                        Expect.equal
                            (ids category.Test)
                            [ "test/good/000.png"; "test/good/001.png"; "test/scratch/000.jpg"; "test/scratch/001.jpg" ]
                            "test"

                        Expect.equal
                            [ for s in category.Test -> s.Label, s.Defect ]
                            [ 0, "good"; 0, "good"; 1, "scratch"; 1, "scratch" ]
                            "labels"

                        Expect.isTrue category.HasMasks "masks"))

            testCase "a mask comes in the size that is asked for" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeCategory folder suffixed
                    let test = (Datasets.Open folder).Category(nameOf folder).Test
                    let mask = test[2].LoadMask(6, 8)
                    Expect.equal (mask.Height, mask.Width, mask.Channels) (6, 8, 1) "size"
                    Expect.equal (mask.Pixels |> Array.countBy id |> Array.sort) [| 0uy, 48 |] "row 6 of 12 lies between the rows sampled"
                    let other = test[3].LoadMask(6, 8)

                    Expect.equal
                        [ for x in 0..7 -> other[x, 3, 0] ]
                        [ 0uy; 0uy; 255uy; 255uy; 255uy; 255uy; 0uy; 0uy ]
                        "row 7 of 12 is row 3 of 6"

                    Expect.isTrue (test[0].LoadMask(6, 8).Pixels |> Array.forall ((=) 0uy)) "a good image's mask is empty"))

            testCase "unknown names make the folder's name the data set's" (fun () ->
                inTemporaryFolder (fun root ->
                    for name in [ "bottle"; "our-part" ] do
                        writeCategory (Path.Combine(root, name)) suffixed

                    let opened = Datasets.Open root
                    Expect.equal opened.Name (nameOf root) "name"
                    Expect.sequenceEqual opened.CategoryNames [ "bottle"; "our-part" ] "categories"
                    Expect.stringContains (refusal (fun () -> opened.Category "cable")) "no category 'cable'" "unknown category"))

            testCase "BMP, WebP and TIFF images and masks are found" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeCategory folder suffixed
                    let formats = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging", "formats")
                    let add source target = File.Copy(Path.Combine(formats, source), Path.Combine(folder, target))
                    add "rgb.bmp" "train/good/a.BMP"
                    add "lossless.webp" "train/good/b.webp"

                    for i, image, mask in
                        [ 7, "lossy.webp", "mask16.tif"; 8, "rgb.bmp", "mask.bmp"; 9, "alpha.tif", "mask-lossless.webp" ] do
                        add image $"test/scratch/00{i}{Path.GetExtension image}"
                        add mask $"ground_truth/scratch/00{i}_mask{Path.GetExtension mask}"

                    let category = (Datasets.Open folder).Category(nameOf folder)

                    Expect.equal
                        [ for s in category.Train -> s.Id ]
                        [ for name in [ "000.png"; "001.png"; "002.png"; "a.BMP"; "b.webp" ] -> $"train/good/{name}" ]
                        "train"

                    let found = [
                        for s in category.Test do
                            if s.Id.CompareTo "test/scratch/002" > 0 then s
                    ]

                    Expect.equal [ for s in found -> s.Id[13..] ] [ "007.webp"; "008.bmp"; "009.tif" ] "test"

                    for s in found do
                        let count = if s.Id.EndsWith "webp" then 1 else 2 // 1, 255 and, in the TIFF of 16 bits beside the WebP, 65535

                        Expect.equal
                            (s.LoadMask(13, 19).Pixels |> Array.filter ((=) 255uy) |> Array.length)
                            count
                            $"anomalous pixels of {s.Id}"

                        Expect.isGreaterThan (s.Load()).Width 0 s.Id))

            testCase "without a ground_truth folder there are image labels only" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeCategory folder suffixed
                    Directory.Delete(Path.Combine(folder, "ground_truth"), true)
                    let category = (Datasets.Open folder).Category(nameOf folder)
                    Expect.isFalse category.HasMasks "no masks"
                    Expect.stringContains (refusal (fun () -> category.Test[2].LoadMask(6, 8))) category.Test[2].Path "the image is named"))

            testCase "a missing mask, an empty train folder, an unreadable image are named" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeCategory folder suffixed
                    let name = nameOf folder
                    let broken = Path.Combine(folder, "test", "good", "000.png")
                    File.WriteAllBytes(broken, [| 1uy |])
                    let sample = (Datasets.Open folder).Category(name).Test[0]
                    Expect.stringContains (refusal sample.Load) broken "unreadable image"
                    let mask = Path.Combine(folder, suffixed 1)
                    File.Delete mask
                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category name)) mask "missing mask"
                    let train = Path.Combine(folder, "train", "good")

                    for file in Directory.GetFiles train do
                        File.Delete file

                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category name)) train "empty train folder"))

            testCase "a folder without a data set, or none, is named" (fun () ->
                inTemporaryFolder (fun folder ->
                    Expect.stringContains (refusal (fun () -> Datasets.Open folder)) folder "nothing in it"
                    let none = Path.Combine(folder, "none")
                    Expect.stringContains (refusal (fun () -> Datasets.Open none)) $"{none}: no such folder" "missing"))
        ]

        testList "magnetic tile" [
            testCase "80% of the free images train, chosen by the seed; the others and all defects test" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeMagneticTile folder 25
                    let category seed = (Datasets.Open(folder, seed)).Category "magnetic-tile"
                    let first = category 0
                    Expect.equal (first.Train.Count, first.Test.Count) (20, 5 + 6) "counts"

                    let names (samples: IReadOnlyList<Sample>) =
                        [
                            for s in samples do
                                if s.Label = 0 then nameOf s.Path
                        ]
                        |> Set.ofList

                    Expect.equal (names first.Train + names first.Test).Count 25 "no free image is in both"
                    Expect.equal (ids (category 0).Train) (ids first.Train) "same seed"
                    Expect.notEqual (ids (category 1).Train) (ids first.Train) "other seed"
                    Expect.isTrue first.HasMasks "masks"

                    Expect.equal
                        [
                            for s in first.Test do
                                if s.Label = 1 then s.Defect
                        ]
                        [ "blowhole"; "blowhole"; "break"; "crack"; "fray"; "uneven" ]
                        "defects"))

            testCase "the published data set has its published counts" (fun () ->
                let folder = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "shared", "data", "magnetic-tile")
                if not (Directory.Exists folder) then skiptest $"{folder} is not here"
                let category = (Datasets.Open folder).Category "magnetic-tile"
                Expect.equal (category.Train.Count, category.Test.Count) (761, 191 + 115 + 85 + 57 + 32 + 103) "counts")
        ]

        testList "MNIST family" [
            testCase "one class against the rest, pixels by index" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeIdx folder [| 5uy; 0uy; 4uy; 1uy; 9uy; 2uy; 1uy; 3uy; 1uy; 6uy; 7uy; 8uy |]
                    let opened = Datasets.Open folder
                    Expect.equal opened.Name "mnist" "the first labels are MNIST's"
                    let category = opened.Category "1"
                    Expect.equal (ids category.Train) [ "train/00003"; "train/00006"; "train/00008" ] "train"
                    Expect.equal [ for s in category.Test -> s.Label ] [ 1; 1; 1; 0; 1; 1; 0; 1; 0; 1; 1; 1 ] "labels"
                    let image = category.Test[4].Load()
                    Expect.equal (image.Height, image.Width, image.Channels) (2, 3, 3) "size"
                    Expect.isTrue (image.Pixels |> Array.forall ((=) 90uy)) "pixels of the 9"
                    Expect.isFalse category.HasMasks "no masks"))

            testCase "Debian's Fashion-MNIST" (fun () ->
                let folder = "/usr/share/datasets/fashion-mnist"
                if not (Directory.Exists folder) then skiptest $"{folder} is not here"
                let opened = Datasets.Open folder
                Expect.equal opened.Name "fashion-mnist" "name"
                let category = opened.Category "3"
                Expect.equal (category.Train.Count, category.Test.Count, category.Test |> Seq.sumBy _.Label) (6000, 10000, 9000) "counts")

            testCase "a truncated or missing file is named" (fun () ->
                inTemporaryFolder (fun folder ->
                    writeIdx folder [| 0uy .. 9uy |]
                    let images = Path.Combine(folder, "t10k-images-idx3-ubyte.gz")
                    File.WriteAllBytes(images, idx [ 10; 2; 3 ] (Array.zeroCreate 59))
                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category "0")) images "too few values"
                    File.WriteAllBytes(images, [| 1uy .. 40uy |])
                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category "0")) images "not gzip"
                    File.Delete images
                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category "0")) images "missing"))
        ]

        testList "CIFAR-10" [
            testCase "planes become pixels, classes become categories" (fun () ->
                inTemporaryFolder (fun folder ->
                    let record label =
                        Array.concat [ [| byte label |]; Array.create 1024 10uy; Array.create 1024 20uy; Array.create 1024 30uy ]

                    for i in 1..5 do
                        writeBytes folder $"data_batch_{i}.bin" (Array.append (record i) (record 9))

                    writeBytes folder "test_batch.bin" (Array.concat [ record 9; record 0; record 8 ])
                    let category = (Datasets.Open folder).Category "truck"
                    Expect.equal (category.Dataset, category.Train.Count) ("cifar10", 5) "train"

                    Expect.equal
                        [ for s in category.Test -> s.Id, s.Label, s.Defect ]
                        [ "test/00000", 0, "good"; "test/00001", 1, "airplane"; "test/00002", 1, "ship" ]
                        "test"

                    Expect.equal (category.Test[0].Load().Pixels[0..5]) [| 10uy; 20uy; 30uy; 10uy; 20uy; 30uy |] "RGB"
                    let test = Path.Combine(folder, "test_batch.bin")
                    File.WriteAllBytes(test, Array.zeroCreate 3072)
                    Expect.stringContains (refusal (fun () -> (Datasets.Open folder).Category "truck")) test "half a record"))
        ]

        testList "folds" [
            testProperty "every index is in exactly one fold, sizes differ by at most one, the seed decides"
            <| Prop.forAll
                (Arb.fromGen (Gen.zip (Gen.choose (2, 9)) (Gen.zip (Gen.choose (9, 300)) (Gen.choose (0, 1000)))))
                (fun (k, (n, seed)) ->
                    let folds = Folds.Split(n, k, seed)
                    let sizes = folds |> Array.map _.Length

                    (Array.concat folds |> Array.sort) = [| 0 .. n - 1 |]
                    && sizes = [| for i in 0 .. k - 1 -> n / k + (if i < n % k then 1 else 0) |]
                    && folds = Folds.Split(n, k, seed))

            testCase "what remains leaves the fold out" (fun () ->
                let folds = Folds.Split(10, 5, 3)
                let remaining = Folds.Remaining([| 0..9 |], folds, 2)
                Expect.equal (Set.ofArray remaining) (Set.ofList [ 0..9 ] - Set.ofArray folds[2]) "complement"
                Expect.equal (Array.sort remaining) remaining "in order")

            testProperty
                "stratified folds hold every index once and as much of each label as can be"
                (fun (labels: bool list) (seed: int) ->
                    let labels = [|
                        yield! labels
                        for _ in 1..3 do
                            true
                            false
                    |]

                    let folds = Folds.Stratified(labels, 3, seed)
                    Expect.sequenceEqual (folds |> Seq.concat |> Seq.sort) [ 0 .. labels.Length - 1 ] "each once"

                    for label in [ true; false ] do
                        let counts = folds |> Array.map (Seq.filter (fun index -> labels[index] = label) >> Seq.length)
                        Expect.isLessThanOrEqual (Array.max counts - Array.min counts) 1 $"{label}"

                    let sizes = folds |> Array.map Array.length
                    Expect.isLessThanOrEqual (Array.max sizes - Array.min sizes) 1 "sizes")
            testCase "fewer items of a label than folds is refused" (fun () ->
                Expect.stringContains
                    (refusal (fun () -> Folds.Stratified([| true; false; false |], 2, 0)))
                    "1 images of label True"
                    "message")
            testCase "more folds than items is refused" (fun () ->
                Expect.stringContains (refusal (fun () -> Folds.Split(3, 5, 0))) "3 images" "message")
        ]

        testList "random numbers" [
            testCase "SplitMix64 gives the reference sequence" (fun () ->
                let random = SplitMix64 1234567UL

                Expect.equal
                    [ for _ in 1..3 -> random.NextBits() ]
                    [ 6457827717110365317UL; 3203168211198807973UL; 9817491932198370423UL ]
                    "published test vector")

            testCase "parts of one seed are unrelated" (fun () ->
                let draw part = (SplitMix64.For(7UL, part)).NextBits()
                Expect.equal (draw "a") (draw "a") "repeatable"
                Expect.equal (List.distinct [ for i in 0..99 -> draw (string i) ]).Length 100 "distinct")
        ]
    ]
