/// Folders as users have them: what systems and label tools leave there, names in all scripts, and what is counted where.
module Reproduction.Tests.RealFolders

open System
open System.IO
open Expecto
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Repro.Records
open Repro.Sweeps

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "real-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// A picture that is equal to no other of another seed.
let private picture seed =
    let pixels = Array.zeroCreate (16 * 16 * 3)
    Random(seed: int).NextBytes pixels
    Image(16, 16, 3, pixels)

let private bytes folder (path: string) (content: byte[]) =
    let file = Path.Combine(folder, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    File.WriteAllBytes(file, content)

let private write folder path image = bytes folder path (ImageFile.EncodePng image)

let private square side (first, last) =
    let mask = Image(side, side, 1)

    for y in first..last do
        for x in first..last do
            mask[x, y, 0] <- 255uy

    mask

/// 3 to train, 2 good, 2 holes, all different.
let private writeCategory folder =
    for i in 0..2 do
        write folder $"train/good/{i:D3}.png" (picture i)

    for i in 0..1 do
        write folder $"test/good/{i:D3}.png" (picture (10 + i))
        write folder $"test/hole/{i:D3}.png" (picture (20 + i))
        write folder $"ground_truth/hole/{i:D3}_mask.png" (square 16 (4, 7))

let private opened (folder: string) =
    let dataset = Datasets.Open folder
    dataset.Category dataset.CategoryNames[0]

let private ids (category: Category) =
    [
        for s in category.Train do
            s.Id
    ],
    [
        for s in category.Test do
            s.Id, s.Label
    ]

let private refusal action =
    try
        action () |> ignore
        failtest "no error"
    with :? UserError as e ->
        e.Message

let private cell dataset category = Cell(Registry.Find "ssae", "objective1", dataset, category, 0, false, Profile.Quick)

[<Tests>]
let tests =
    testList "real folders" [
        testCase "categories whose names look alike have cells of their own" (fun () ->
            let names =
                [
                    for name in
                        [ "螺丝"; "螺母"; "a b"; "a_b"; "a.b"; "a  b"; "Ä"; "A"; "a+b"; "a~b"; String('x', 70) + "1"; String('x', 70) + "2" ] ->
                        "parts", name
                ]
                @ [ "a.b", "c"; "a", "b.c"; "a", "b_c"; "my parts", "c"; "my_parts", "c" ]

            let found = [ for dataset, category in names -> (cell dataset category).Id ]
            Expect.equal (List.distinct found) found "ids"
            Expect.equal (cell "parts" "螺丝").Id "ssae.objective1.parts.螺丝.seed0.quick" "readable"
            Expect.stringStarts (cell "my parts" "a b").Id "ssae.objective1.my_parts~" "readable, too"

            for id in found do
                Expect.isLessThan (Text.Encoding.UTF8.GetByteCount id) 200 "room for a file's name")

        testCase "the ids of the committed records stay" (fun () ->
            let results = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "results")

            let records = [
                for path in Directory.GetFiles(results, "*.seed*.json", SearchOption.AllDirectories) do
                    if path.Contains "/runs/" then path
            ]

            Expect.isGreaterThan records.Length 100 "records"

            for path in records do
                let record = RunRecord.Read path
                let profile = Enum.Parse<Profile>(record.Profile, true)

                if record.Seed.HasValue then
                    let cell =
                        Cell(
                            Registry.Find record.Paper,
                            record.Variant,
                            record.Dataset,
                            record.Category,
                            record.Seed.Value,
                            false,
                            profile
                        )

                    Expect.equal cell.Id (nonNull (Path.GetFileNameWithoutExtension path)) path
                    Expect.isTrue (cell.IsIn record) path
                    let other = Cell(cell.Method, cell.Variant, cell.Dataset, "other", cell.Repetition, false, profile)
                    Expect.isFalse (other.IsIn record) "another category")

        testCase "a slash behind a folder changes nothing" (fun () ->
            inTemporaryFolder (fun root ->
                let folder = Path.Combine(root, "carpet")
                writeCategory folder

                for path in [ folder; folder + "/"; folder + "//"; Path.Combine(root, ".", "carpet", "") ] do
                    let dataset = Datasets.Open path
                    Expect.equal (dataset.Name, List.ofSeq dataset.CategoryNames) ("mvtec", [ "carpet" ]) path))

        testCase "what systems and archives leave in a folder is no data" (fun () ->
            inTemporaryFolder (fun root ->
                let folder = Path.Combine(root, "carpet")
                writeCategory folder
                let before = ids (opened folder)

                for litter in [ ".ipynb_checkpoints"; "@eaDir"; "__MACOSX"; ".hidden" ] do
                    write folder $"test/{litter}/000.png" (picture 99)
                    write folder $"{litter}/train/good/000.png" (picture 99)
                    write root $"{litter}/train/good/000.png" (picture 99)

                for place in [ "train/good"; "test/good"; "test/hole"; "ground_truth/hole" ] do
                    for name in [ "._000.png"; ".png"; "Thumbs.db"; ".DS_Store" ] do
                        bytes folder $"{place}/{name}" "no picture"B

                Expect.equal (ids (opened folder)) before "the category"
                Expect.equal (List.ofSeq (Datasets.Open root).CategoryNames) [ "carpet" ] "the categories"
                Expect.equal (DataCheck.Run(opened folder).Errors.Count) 0 "errors"))

        testCase "magnetic tile from a Mac's archive" (fun () ->
            inTemporaryFolder (fun folder ->
                for kind in [ "Free"; "Blowhole"; "Break"; "Crack"; "Fray"; "Uneven" ] do
                    for i in 0..4 do
                        bytes folder $"MT_{kind}/Imgs/exp{i}.JPG" (ImageFile.EncodeJpeg(picture i))
                        bytes folder $"MT_{kind}/Imgs/exp{i}.PNG" (ImageFile.EncodePng(square 16 (1, 2)))
                        bytes folder $"MT_{kind}/Imgs/._exp{i}.jpg" "no picture"B

                let category = opened folder
                Expect.equal (category.Train.Count, category.Test.Count) (4, 1 + 25) "images"
                Expect.isTrue category.HasMasks "masks"))

        testCase "one picture as good and as defective is an error of data verify" (fun () ->
            inTemporaryFolder (fun folder ->
                writeCategory folder
                Expect.equal (DataCheck.Run(opened folder).Errors.Count) 0 "before"
                write folder "test/hole/001.png" (picture 10)

                match List.ofSeq (DataCheck.Run(opened folder).Errors) with
                | [ error ] ->
                    for word in [ "test/good/000.png"; "test/hole/001.png"; "cannot be good and defective" ] do
                        Expect.stringContains error word "the error"
                | errors -> failtest $"{errors}"))

        testCase "two pictures that would share one mask are refused by name" (fun () ->
            inTemporaryFolder (fun folder ->
                writeCategory folder
                bytes folder "test/hole/000.jpg" (ImageFile.EncodeJpeg(picture 5))
                let told = refusal (fun () -> opened folder)

                for word in [ "000.jpg"; "000.png"; "000_mask.png" ] do
                    Expect.stringContains told word "the error"

                Directory.Delete(Path.Combine(folder, "ground_truth"), true)
                Expect.equal (opened folder).Test.Count 5 "without masks there is none to share"))

        testCase "masks in any case and format" (fun () ->
            inTemporaryFolder (fun folder ->
                writeCategory folder
                let mask = square 16 (4, 7)
                let gold = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "imaging", "formats")

                for name, content in
                    [
                        "000_mask.PNG", ImageFile.EncodePng mask
                        "000_MASK.png", ImageFile.EncodePng mask
                        "000_mask.jpeg", ImageFile.EncodeJpeg mask
                        "000.JPG", ImageFile.EncodeJpeg mask
                        "000_mask.bmp", File.ReadAllBytes(Path.Combine(gold, "mask.bmp"))
                        "000_Mask.TIF", File.ReadAllBytes(Path.Combine(gold, "mask16.tif"))
                    ] do
                    Directory.Delete(Path.Combine(folder, "ground_truth"), true)
                    bytes folder $"ground_truth/hole/{name}" content
                    write folder "ground_truth/hole/001_mask.png" mask
                    let sample = (opened folder).Test |> Seq.find (fun sample -> sample.Id = "test/hole/000.png")
                    Expect.stringEnds (nonNull sample.MaskPath) name "the mask"
                    Expect.contains (sample.LoadMask(13, 19).Pixels) 255uy name // the size of the files of Python

                File.Move(Path.Combine(folder, "ground_truth/hole/000_Mask.TIF"), Path.Combine(folder, "ground_truth/hole/000_label.png"))
                Expect.stringContains (refusal (fun () -> opened folder)) "such as 000_label.png" "what is there"))

        testCase "data verify warns of grey masks and of inverted ones" (fun () ->
            inTemporaryFolder (fun folder ->
                writeCategory folder
                let warnings () = String.concat "\n" (DataCheck.Run(opened folder).Warnings)
                Expect.equal (warnings ()) "" "sound masks"
                let grey = square 16 (4, 7)
                grey[8, 4, 0] <- 100uy
                write folder "ground_truth/hole/000_mask.png" grey
                Expect.stringContains (warnings ()) "1 of 2 masks have values between normal and anomalous" "grey"
                let inverted = Image(16, 16, 1, [| for value in (square 16 (4, 7)).Pixels -> 255uy - value |])

                for i in 0..1 do
                    write folder $"ground_truth/hole/{i:D3}_mask.png" inverted

                Expect.stringContains (warnings ()) "all 2 masks mark all four corners" "corners"
                Expect.stringContains (warnings ()) "000_mask.png: marks 94 of 100 pixels" "nearly all"))

        testCase "the record counts the regions that resizing loses" (fun () ->
            inTemporaryFolder (fun folder ->
                let mask = square 512 (100, 200)

                for y in 301..302 do
                    for x in 301..302 do
                        mask[x, y, 0] <- 255uy

                write folder "mask.png" mask
                let test = [| Sample("a", "a", 1, "hole", Path.Combine(folder, "mask.png")); Sample("b", "b", 0, "good", null) |]
                let struct (masks, regions) = TestMasks.Read(test, 512, 512)
                Expect.equal (regions.Whole, regions.Lost) (2, 0) "in their own size"
                Expect.equal (masks |> Array.filter ((=) 255uy) |> Array.length) (101 * 101 + 4) "pixels"
                let struct (_, regions) = TestMasks.Read(test, 64, 64)
                Expect.equal (regions.Whole, regions.Lost) (2, 1) "an eighth: pixels 4, 12, ... are taken, 300 and 308 among them"))

        testCase "a fingerprint is kept as long as names, sizes and times stay" (fun () ->
            inTemporaryFolder (fun root ->
                let folder, cache = Path.Combine(root, "carpet"), Path.Combine(root, "cache")
                writeCategory folder
                let file = Path.Combine(folder, "test/good/000.png")
                let first = DataFingerprint.Of(opened folder, cache)
                Expect.equal first (DataFingerprint.Of(opened folder)) "as without a cache"
                Expect.equal (DataFingerprint.Of(opened folder, cache)) first "kept"
                Expect.equal (Directory.GetFiles(cache, "*", SearchOption.AllDirectories).Length) 1 "one file"
                File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays 1)
                Expect.equal (DataFingerprint.Of(opened folder, cache)) first "another time, the same content"
                write folder "test/good/000.png" (picture 77)
                Expect.notEqual (DataFingerprint.Of(opened folder, cache)) first "another picture under the same name"))

        testList "photographs" [
            testCase "a data set's folder is refused" (fun () ->
                inTemporaryFolder (fun root ->
                    let folder = Path.Combine(root, "carpet")
                    writeCategory folder

                    for path in [ folder; root ] do
                        Expect.stringContains (refusal (fun () -> ImageFolder.Samples path)) $"{folder}: holds train" path

                    Expect.equal (ImageFolder.Samples(Path.Combine(folder, "train")).Count) 3 "train"

                    Expect.stringContains
                        (refusal (fun () -> ImageFolder.Good(Path.Combine(folder, "test"))))
                        "holds good beside hole"
                        "test"))

            testCase "pictures are those of the folder as named" (fun () ->
                inTemporaryFolder (fun folder ->
                    let names samples = [ for s: Sample in samples -> s.Id ]
                    write folder "shift1/a.png" (picture 1)
                    write folder "shift2/b.png" (picture 2)
                    write folder "out/c.png" (picture 3)
                    write folder ".trash/d.png" (picture 4)
                    let out = Path.Combine(folder, "out")
                    Directory.CreateSymbolicLink(Path.Combine(folder, "loop"), ".") |> ignore

                    Expect.equal
                        (names (ImageFolder.Samples(folder, false, out + "/")))
                        [ "shift1/a.png"; "shift2/b.png" ]
                        "none at the top"

                    write folder "top.png" (picture 5)
                    Expect.equal (names (ImageFolder.Samples(folder, false, out))) [ "top.png" ] "some at the top"
                    Expect.equal (ImageFolder.LeftOut(folder, false, out)).Count 2 "left out"

                    Expect.equal
                        (names (ImageFolder.Samples(folder, true, out)))
                        [ "shift1/a.png"; "shift2/b.png"; "top.png" ]
                        "when asked for"))

            testCase "a picture is one by its content, too" (fun () ->
                inTemporaryFolder (fun folder ->
                    write folder "a" (picture 1)
                    write folder "b.dat" (picture 2)
                    bytes folder "c.gif" "GIF89a"B
                    bytes folder "notes.txt" "no picture"B
                    bytes folder "._d.png" "no picture"B
                    Expect.equal [ for s in ImageFolder.Samples folder -> s.Id ] [ "a"; "b.dat"; "c.gif" ] "names"))
        ]
    ]
