/// Surfaces: reproducible to the byte, with masks that tell exactly where a defect changed the picture.
module Reproduction.Tests.DataSurfaces

open System
open System.IO
open System.Security.Cryptography
open Expecto
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Papers.Ssae
open Reproduction.Surfaces

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "surfaces-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private sha256 (bytes: byte[]) = Convert.ToHexStringLower(SHA256.HashData bytes)

let private render category split defect index seed =
    let struct (photograph, mask) = SurfacesDataset.Render(category, split, defect, index, seed)
    photograph, Option.ofObj mask

/// SHA-256 of the pixels of the first training image of each category with seed 7, so that a change of the generator (or a machine that
/// computes otherwise) is noticed; with a deliberate change SurfacesDataset.Version goes up and these are replaced.
let private goldens =
    dict [
        "woven", "59c406aab1e975d1378a615b0fb4ff48a0a9937fe3ab65cc94eeaae168f0c0fb"
        "wood_grain", "0a146aabbfc4b4f4c06e1266e8e39fd4fe1bb85cde810a19ebcb220c2e96d2ef"
        "tiles", "a26fe14126085d7888c175e9439647801e24136b68a701227afa94ce0feddd91"
        "hide", "20500efaf5156c6253e592814e94cbc2d837367b3350d08742be32f669fea437"
        "brushed_metal", "f21e33c2381a01d3facdcd284279a8f51ef376290c13995f7cdb7d549fd08d7a"
        "mesh", "820e4f4f550acc63a017257a98c698405a7e962b591a3b47b2eeb595c2b46a6d"
        "hex_nut", "76c319592ce60bda8f49b0f0ca2a266b75dcb6f28924b8fb5c8da74ee543a9e5"
        "gear", "4722683486cd5b53ef8699062a8c0254c5eb0b9bd55397c9b2a126d1f3d924b0"
        "tablet", "e2d073811345d8a255c2c3d2a8607151df6859c91bac51454768795b30ba944a"
        "connector", "8c8bd71746359ac46de6834a89b181aa2a809d056b401a21655ec1d8f16ba927"
    ]

/// The same of the first test image with the category's first defect that is laid on.
let private defectGoldens =
    dict [
        "woven", "8964f075276218e435ca4fbdc920e26154bcfae3c76300336007301b20a9e077"
        "wood_grain", "26afe9eb6327923e63801146c205e0174d7a3e3ed787d80fc67b7d921f1aa302"
        "tiles", "be6c7c7bc839f3afb6751428586756ca799c9f93e54fa099abbfceada2e4acf8"
        "hide", "102ca23ef4b9dd66278a70b9da455819743cafd6b917bec5317bed907cc7ac4d"
        "brushed_metal", "7015a6384225b831c8df8a503eb9afd7028222d6b9fa4256495f850572c65558"
        "mesh", "c3ac3364fdec8ceab1fb4428f8248209812e461ad1efd918dc1d2f440c125f31"
        "hex_nut", "8a22a8efb2233c8e2ad5eb51accb19a86123dfb6949c84123c79466b78c1d5a4"
        "gear", "a274fa0e1e3e2a57e13aeecad3c8e2c14abf4638618337d3f61a62a4cd48129c"
        "tablet", "da42637bb1da27c9a82baadf9e25727f671a368fee9b99729428107ff82ef33e"
        "connector", "396bf1eb5aa6a481a35f11d723ad877e2e481fb177bb7b6e88c84f9a81c456de"
    ]

/// A small Surfaces that several tests read, and none changes.
let private small =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "surfaces-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         SurfacesDataset.Write(folder, 7, SurfacesCounts(2, 1, 1))
         Datasets.Open folder)

/// A copy of its tablets that a test may damage.
let private tablets folder =
    DataImport.Write(small.Value.Category "tablet", folder) |> ignore
    fun () -> (Datasets.Open folder).Category "tablet"

[<Tests>]
let tests =
    testSequenced
    <| testList "data: surfaces" [
        testCase "it is six textures and four objects, and opens as a data set with masks" (fun () ->
            Expect.equal (SurfaceKind.Textures.Count, SurfaceKind.Objects.Count) (6, 4) "categories"
            let opened = small.Value
            Expect.equal opened.Name "surfaces" "name"
            Expect.equal (Set.ofSeq opened.CategoryNames) (Set.ofSeq SurfacesDataset.CategoryNames) "categories"

            let kinds = [
                for name in opened.CategoryNames do
                    let category = opened.Category name
                    Expect.isTrue category.HasMasks name
                    Expect.equal (category.Train.Count, category.Test |> Seq.filter (fun s -> s.Label = 0) |> Seq.length) (2, 1) name
                    Expect.isEmpty (DataCheck.Run category).Errors name
                    Expect.isEmpty (DataCheck.Run category).Warnings name

                    for sample in category.Test do
                        if sample.Label = 1 then sample.Defect
            ]

            Expect.equal (List.distinct kinds).Length 8 "kinds of defects")

        testCase "the same seed gives the same bytes, another seed others" (fun () ->
            let bytes seed = ImageFile.EncodePng(fst (render "gear" "test" "missing_part" 3 seed))
            Expect.equal (sha256 (bytes 5)) (sha256 (bytes 5)) "same seed"
            Expect.notEqual (sha256 (bytes 6)) (sha256 (bytes 5)) "other seed")

        testCase "its pixels are those of every other machine" (fun () ->
            let actual = [ for name in SurfacesDataset.CategoryNames -> name, sha256 (fst (render name "train" "good" 0 7)).Pixels ]
            Expect.equal actual [ for name in SurfacesDataset.CategoryNames -> name, goldens[name] ] "SHA-256 of the pixels")

        testCase "the defects of this version are those of every other machine" (fun () ->
            let actual = [
                for name in SurfacesDataset.CategoryNames ->
                    let kind = Seq.append SurfaceKind.Textures SurfaceKind.Objects |> Seq.find (fun kind -> kind.Name = name)
                    let defect = kind.Defects |> Seq.find (fun d -> d <> DefectKind.MissingPart && d <> DefectKind.Misprint)
                    name, sha256 (fst (render name "test" ((string defect).ToLowerInvariant()) 0 7)).Pixels
            ]

            Expect.equal actual [ for name in SurfacesDataset.CategoryNames -> name, defectGoldens[name] ] "SHA-256 of the pixels")

        testCase "a folder of another version is refused, and one of this version is known" (fun () ->
            inTemporaryFolder (fun folder ->
                tablets folder |> ignore
                let record = Path.Combine(folder, SurfacesDataset.RecordName)
                Expect.isFalse (SurfacesDataset.IsWritten(folder, 7, SurfacesCounts(2, 1, 1))) "no record"

                for text in [ """{"dataset":"surfaces","version":1,"seed":7}"""; "{}"; "[1]"; "no JSON" ] do
                    File.WriteAllText(record, text)

                    let message =
                        try
                            Datasets.Open folder |> ignore
                            failtest $"{text} is taken"
                        with :? UserError as e ->
                            e.Message

                    Expect.stringContains message record "names the file"
                    Expect.stringContains message "repro data surfaces" "the way out"

                let written = small.Value.Root
                Expect.isTrue (SurfacesDataset.IsWritten(written, 7, SurfacesCounts(2, 1, 1))) "this seed and these counts"
                Expect.isFalse (SurfacesDataset.IsWritten(written, 8, SurfacesCounts(2, 1, 1))) "another seed"
                Expect.isFalse (SurfacesDataset.IsWritten(written, 7, SurfacesCounts(2, 1, 2))) "other counts"))

        testCase "a defect changes the photograph inside its mask and hardly outside" (fun () ->
            for kind in Seq.append SurfaceKind.Textures SurfaceKind.Objects do
                let sound = Scene()
                kind.Paint.Invoke(sound, SplitMix64 3UL, Fault(Nullable(), SplitMix64 4UL))
                let photograph (scene: Scene) = Camera.Draw(SplitMix64 5UL).Photograph(scene, SplitMix64 6UL)
                let before = photograph sound

                for defect in kind.Defects do
                    if defect <> DefectKind.MissingPart && defect <> DefectKind.Misprint then
                        let defective = sound.Copy()
                        Defects.Apply(defective, defect, (let struct (_, most) = kind.Strength in most), SplitMix64 8UL)
                        let mask = defective.Difference sound
                        let after = photograph defective
                        // Blur and the slope of the relief reach two pixels.
                        let near x y =
                            Seq.exists
                                id
                                (seq {
                                    for v in max 0 (y - 2) .. min 255 (y + 2) do
                                        for u in max 0 (x - 2) .. min 255 (x + 2) -> mask[u, v, 0] <> 0uy
                                })

                        let changes = [|
                            for i in 0 .. 256 * 256 - 1 ->
                                Seq.max (seq { for c in 0..2 -> abs (int before.Pixels[3 * i + c] - int after.Pixels[3 * i + c]) })
                        |]

                        let outside = [|
                            for i in 0 .. 256 * 256 - 1 do
                                if changes[i] > 12 && not (near (i % 256) (i / 256)) then i
                        |]

                        let inside = [|
                            for i in 0 .. 256 * 256 - 1 do
                                if mask.Pixels[i] <> 0uy then float changes[i]
                        |]

                        Expect.isEmpty outside $"{kind.Name} {defect}: pixels changed outside"

                        Expect.isGreaterThan
                            (Array.average inside)
                            8.0
                            $"{kind.Name} {defect}: mean change of {inside.Length} pixels inside")

        testCase "every kind of image can be made, and only defective ones have a mask" (fun () ->
            for kind in Seq.append SurfaceKind.Textures SurfaceKind.Objects do
                for defect in kind.Defects do
                    let name = if defect = DefectKind.MissingPart then "missing_part" else (string defect).ToLowerInvariant()
                    let image, mask = render kind.Name "test" name 0 7
                    Expect.equal (image.Width, image.Height, image.Channels) (256, 256, 3) "size"
                    let inside = mask.Value.Pixels |> Array.filter (fun m -> m <> 0uy) |> Array.length
                    Expect.isTrue (inside >= 25 && inside < 256 * 256 / 4) $"{kind.Name} {name}: {inside} pixels"

                Expect.isNone (snd (render kind.Name "test" "good" 0 7)) kind.Name)

        testCase "training images of a category differ from one another" (fun () ->
            for name in SurfacesDataset.CategoryNames do
                let difference =
                    Array.map2
                        (fun (a: byte) (b: byte) -> abs (float a - float b))
                        (fst (render name "train" "good" 0 7)).Pixels
                        (fst (render name "train" "good" 1 7)).Pixels

                Expect.isGreaterThan (Array.average difference) 3.0 name)

        testCase "import writes what it read" (fun () ->
            inTemporaryFolder (fun folder ->
                let source = small.Value.Category "tablet"
                Expect.equal (DataImport.Write(source, folder)) (source.Train.Count + source.Test.Count) "images"
                let copy = (Datasets.Open folder).Category "tablet"

                for original, copied in Seq.zip (Seq.append source.Train source.Test) (Seq.append copy.Train copy.Test) do
                    Expect.equal (copied.Id, copied.Label, copied.Defect) (original.Id, original.Label, original.Defect) "sample"
                    Expect.equal (copied.Load()).Pixels (original.Load()).Pixels "pixels"
                    Expect.equal (copied.LoadMask(256, 256)).Pixels (original.LoadMask(256, 256)).Pixels "mask"))

        testCase "a picture that is in train and in test, and a mask that marks nothing, are found" (fun () ->
            inTemporaryFolder (fun folder ->
                let reopen = tablets folder
                let tablet part = Path.Combine(folder, "tablet", part)
                File.Copy(tablet "train/good/000.png", tablet "test/good/000.png", true)
                ImageFile.Write(tablet "ground_truth/stain/000_mask.png", Image(256, 256, 1))
                let findings = DataCheck.Run(reopen ())
                Expect.equal findings.Errors.Count 1 "errors"
                Expect.stringContains findings.Errors[0] "train/good/000.png" "the twin"
                Expect.equal findings.Warnings.Count 1 "warnings"
                Expect.stringContains findings.Warnings[0] (tablet "ground_truth/stain/000_mask.png") "the mask"))
    ]
