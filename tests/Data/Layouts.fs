/// Data sets in the form in which they are published, made by the tests: BTAD, MVTec LOCO, KolektorSDD, KolektorSDD2, VisA, anomalib's
/// Folder.
module Reproduction.Tests.Layouts

open System.IO
open Expecto
open Reproduction
open Reproduction.Data
open Reproduction.Imaging

let private inFolder test =
    let folder = Directory.CreateTempSubdirectory "layouts-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private write (root: string) (path: string) (image: Image) =
    let file = Path.Combine(root, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    ImageFile.Write(file, image)

/// A BMP of 24 bits, rows from the bottom, as the data sets' cameras wrote them.
let private writeBmp (root: string) (path: string) (image: Image) =
    let file = Path.Combine(root, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    let rgb = image.ToRgb()
    let stride = (3 * rgb.Width + 3) / 4 * 4
    use writer = new BinaryWriter(File.Create file)
    writer.Write "BM"B

    for value in
        [
            54 + stride * rgb.Height
            0
            54
            40
            rgb.Width
            rgb.Height
            1 ||| (24 <<< 16)
            0
            stride * rgb.Height
            2835
            2835
            0
            0
        ] do
        writer.Write value

    for y in rgb.Height - 1 .. -1 .. 0 do
        let row = Array.zeroCreate<byte> stride

        for x in 0 .. rgb.Width - 1 do
            for channel in 0..2 do
                row[3 * x + channel] <- rgb[x, y, 2 - channel]

        writer.Write row

/// Each picture is another one.
let private picture (number: int) = Image(8, 6, 3, Array.init 144 (fun i -> byte (i + 7 * number)))

/// One row of a mask marked with a value.
let private mask (row: int) (value: byte) =
    let image = Image(8, 6, 1)

    for x in 0..7 do
        image[x, row, 0] <- value

    image

let private marked (sample: Sample) =
    let mask = sample.LoadMask(6, 8)
    [ for row in 0..5 -> mask[0, row, 0] ] |> List.indexed |> List.filter (fun (_, value) -> value = 255uy) |> List.map fst

let private ids samples = [ for (sample: Sample) in samples -> sample.Id ]
let private only (dataset: Dataset) = dataset.Category(Seq.exactlyOne dataset.CategoryNames)

let private refusal action =
    try
        action () |> ignore
        failtest "no error"
    with :? UserError as error ->
        error.Message

[<Tests>]
let tests =
    testList "published layouts" [
        testCase "BTAD: good parts are ok, defects ko, masks BMP or PNG" (fun () ->
            inFolder (fun root ->
                for product, extension, write in [ "01", "bmp", writeBmp; "02", "png", write ] do
                    write root $"{product}/train/ok/0000.{extension}" (picture 0)
                    write root $"{product}/test/ok/0001.{extension}" (picture 1)
                    write root $"{product}/test/ko/0002.{extension}" (picture 2)
                    write root $"{product}/ground_truth/ko/0002.{extension}" (mask 3 255uy)

                let dataset = Datasets.Open root
                Expect.equal dataset.Name "btad" "the name"
                Expect.sequenceEqual dataset.CategoryNames [ "01"; "02" ] "the products"
                let category = dataset.Category "02"
                Expect.equal (ids category.Train) [ "train/ok/0000.png" ] "train"
                Expect.equal [ for sample in category.Test -> sample.Label, sample.Defect ] [ 1, "ko"; 0, "good" ] "labels"
                Expect.equal (marked category.Test[0]) [ 3 ] "the mask"

                let alone = Datasets.Open(Path.Combine(root, "01"))
                Expect.equal alone.Name "btad" "a product alone"
                Expect.equal (only alone).Test.Count 2 "its pictures"))

        testCase "MVTec LOCO: the masks of an image count together; validation is not used" (fun () ->
            inFolder (fun root ->
                write root "pushpins/train/good/000.png" (picture 0)
                write root "pushpins/validation/good/000.png" (picture 1)
                write root "pushpins/test/good/000.png" (picture 2)
                write root "pushpins/test/logical_anomalies/000.png" (picture 3)
                write root "pushpins/test/structural_anomalies/000.png" (picture 4)
                // Each defect has a file and its kind's value.
                write root "pushpins/ground_truth/logical_anomalies/000/000.png" (mask 1 255uy)
                write root "pushpins/ground_truth/logical_anomalies/000/001.png" (mask 4 251uy)
                write root "pushpins/ground_truth/structural_anomalies/000/000.png" (mask 2 246uy)

                let dataset = Datasets.Open root
                Expect.equal dataset.Name "mvtec-loco" "the name"
                let category = only dataset
                Expect.equal category.Train.Count 1 "train"

                Expect.equal
                    [ for sample in category.Test -> sample.Defect ]
                    [ "good"; "logical_anomalies"; "structural_anomalies" ]
                    "kinds"

                Expect.equal (marked category.Test[1]) [ 1; 4 ] "both masks"
                Expect.equal (marked category.Test[2]) [ 2 ] "one mask"
                Expect.isEmpty (DataCheck.Run category).Errors "verify finds no error"

                let before = DataFingerprint.Of category
                write root "pushpins/ground_truth/logical_anomalies/000/001.png" (mask 5 251uy)
                Expect.notEqual (DataFingerprint.Of category) before "every mask is in the fingerprint"

                DataImport.Write(category, Path.Combine(root, "imported")) |> ignore
                let imported = (Datasets.Open(Path.Combine(root, "imported"))).Category "pushpins"
                Expect.equal (marked imported.Test[1]) [ 1; 5 ] "imported as one mask"

                write root "pushpins/ground_truth/logical_anomalies/000/001.png" (Image(4, 4, 1))
                Expect.stringContains (refusal (fun () -> category.Test[1].LoadMask(6, 8))) "4 x 4" "masks of two sizes"))

        testCase "KolektorSDD: items with parts, labels as BMP; 80% of the good parts train" (fun () ->
            inFolder (fun root ->
                for item in 1..3 do
                    for part in 0..3 do
                        write root $"kos{item:D2}/Part{part}.jpg" (picture (item + 4 * part))
                        let isDefective = item = 2 && part = 1
                        writeBmp root $"kos{item:D2}/Part{part}_label.bmp" (if isDefective then mask 2 255uy else Image(8, 6, 1))

                let dataset = Datasets.Open root
                Expect.equal dataset.Name "kolektor-sdd" "the name"
                let category = only dataset
                Expect.equal category.Train.Count 8 "80% of 11"
                Expect.equal category.Test.Count 4 "the others and the defect"
                Expect.allEqual [ for sample in category.Train -> sample.Label ] 0 "only good ones train"
                let defect = category.Test |> Seq.filter (fun sample -> sample.Label = 1) |> Seq.exactlyOne
                Expect.equal defect.Id "test/defect/kos02-Part1.jpg" "the defect"
                Expect.equal (marked defect) [ 2 ] "its mask"
                let all = ids category.Train @ ids category.Test
                Expect.equal (List.distinct all).Length 12 "ids are unique"
                let other = only (Datasets.Open(root, 1))
                Expect.notEqual (ids other.Train) (ids category.Train) "the seed chooses"))

        testCase "KolektorSDD2: images and _GT side by side; defects of the training part are left out" (fun () ->
            inFolder (fun root ->
                for split, number, row in [ "train", 10301, None; "train", 10302, Some 1; "test", 20000, None; "test", 20001, Some 4 ] do
                    write root $"{split}/{number}.png" (picture number)
                    let truth = row |> Option.map (fun row -> mask row 255uy) |> Option.defaultValue (Image(8, 6, 1))
                    write root $"{split}/{number}_GT.png" truth

                let dataset = Datasets.Open root
                Expect.equal dataset.Name "kolektor-sdd2" "the name"
                let category = only dataset
                Expect.equal (ids category.Train) [ "train/good/10301.png" ] "train"
                Expect.equal (ids category.Test) [ "test/good/20000.png"; "test/defect/20001.png" ] "test"
                Expect.equal (marked category.Test[1]) [ 4 ] "the mask"

                File.Delete(Path.Combine(root, "test/20000_GT.png"))
                let message = refusal (fun () -> only (Datasets.Open root))
                Expect.stringContains message "20000_GT" "a missing mask is named"))

        testCase "VisA: the split of split_csv/1cls.csv, masks of classes" (fun () ->
            inFolder (fun root ->
                write root "candle/Data/Images/Normal/0000.JPG" (picture 0)
                write root "candle/Data/Images/Normal/0001.JPG" (picture 1)
                write root "candle/Data/Images/Anomaly/000.JPG" (picture 2)
                write root "candle/Data/Masks/Anomaly/000.png" (mask 5 2uy)
                write root "pcb1/Data/Images/Normal/0000.JPG" (picture 3)
                let table = Path.Combine(root, "split_csv/1cls.csv")
                Directory.CreateDirectory(Path.Combine(root, "split_csv")) |> ignore

                let rows = [
                    "object,split,label,image,mask"
                    "candle,train,normal,candle/Data/Images/Normal/0000.JPG,"
                    "candle,test,normal,candle/Data/Images/Normal/0001.JPG,"
                    "candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png"
                    "pcb1,train,normal,pcb1/Data/Images/Normal/0000.JPG,"
                ]

                File.WriteAllLines(table, rows)
                let dataset = Datasets.Open root
                Expect.equal dataset.Name "visa" "the name"
                Expect.sequenceEqual dataset.CategoryNames [ "candle"; "pcb1" ] "categories"
                let category = dataset.Category "candle"
                Expect.equal (ids category.Train) [ "train/good/0000.JPG" ] "train"
                Expect.equal (ids category.Test) [ "test/good/0001.JPG"; "test/anomaly/000.JPG" ] "test"
                Expect.equal (marked category.Test[1]) [ 5 ] "a class counts as a defect"

                File.WriteAllLines(table, rows @ [ "candle,test,broken,x.JPG," ])
                Expect.stringContains (refusal (fun () -> Datasets.Open root)) "line 6" "a broken line is named"
                File.WriteAllLines(table, rows @ [ "candle,test,normal,x.JPG," ])
                Expect.stringContains (refusal (fun () -> (Datasets.Open root).Category "candle")) "x.JPG" "a missing file is named"))

        testCase "anomalib's Folder: good beside kinds of defects, masks for some" (fun () ->
            inFolder (fun root ->
                let at = Path.Combine(root, "hazelnut_toy")

                for i in 0..9 do
                    write at $"good/{i:D2}.jpg" (picture i)

                write at "crack/00.jpg" (picture 20)
                write at "colour/00.jpg" (picture 21)
                write at "mask/crack/00.png" (mask 1 255uy)
                let dataset = Datasets.Open at
                Expect.equal dataset.Name "hazelnut_toy" "the name"
                let category = only dataset
                Expect.equal (category.Train.Count, category.Test.Count) (8, 4) "80% of the good train"
                let kinds = [ for sample in category.Test -> sample.Defect, sample.HasMask ]
                Expect.equal kinds [ "good", true; "good", true; "colour", false; "crack", true ] "kinds and masks"
                Expect.isFalse category.HasMasks "without all masks there are no pixel metrics"
                Expect.equal (marked category.Test[3]) [ 1 ] "the mask"

                File.Delete(Path.Combine(at, "mask/crack/00.png"))
                write at "mask/crack/01.png" (mask 1 255uy)
                Expect.stringContains (refusal (fun () -> only (Datasets.Open at))) "has no mask among" "a mask of another name"

                let plain = Path.Combine(root, "plain")
                write plain "good/00.jpg" (picture 0)
                Expect.stringContains (refusal (fun () -> Datasets.Open plain)) "no data set" "good alone is no test"))
    ]
