/// Samples and their augmented versions as batches of tensors.
module Reproduction.Tests.DataImages

open System.IO
open Expecto
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Papers.Gaussian
open TorchSharp

let private inTemporaryFolder test =
    let folder = Directory.CreateTempSubdirectory "images-"

    try
        test folder.FullName
    finally
        folder.Delete true

let private sample (path: string) = Sample(path, FileInfo(path).Name, 0, "good", null)

/// Images of 6 x 4 pixels in which every value tells the image, the position and the channel.
let private samples folder count = [|
    for i in 0 .. count - 1 ->
        let path = Path.Combine(folder, $"{i}.png")
        ImageFile.Write(path, Image(6, 4, 3, Array.init 72 (fun p -> byte (p + 10 * i))))
        sample path
|]

let private values (tensor: torch.Tensor) = tensor.contiguous().data<float32>().ToArray()
let private own = ImageSize(4, 6, Resampling.Nearest)

[<Tests>]
let tests =
    testSequenced
    <| testList "data: images" [
        testCase "a batch is [N,3,H,W] in 0..1, in the order of the indices" (fun () ->
            inTemporaryFolder (fun folder ->
                let images = SampleImages(samples folder 5)
                use batch = images.Pixels([| 3; 0 |], own, torch.CPU)
                Expect.sequenceEqual batch.shape [ 2L; 3L; 4L; 6L ] "shape"

                let expected = [|
                    for i in [ 3; 0 ] do
                        for c in 0..2 do
                            for p in 0..23 -> float32 (3 * p + c + 10 * i) / 255f
                |]

                Array.iter2 (fun a e -> Expect.floatClose Accuracy.high (float a) (float e) "value") (values batch) expected))

        testCase "images are resized, once read they are not read again" (fun () ->
            inTemporaryFolder (fun folder ->
                let all = samples folder 4
                let images = SampleImages all
                let size = ImageSize(3, 2, Resampling.BilinearAntialias)
                use first = images.Pixels([| 0; 1; 2; 3 |], size, torch.CPU)
                let firstValues = values first
                let expected = Resizer.Resize(all[2].Load(), 2, 3, Resampling.BilinearAntialias)

                Expect.floatClose
                    Accuracy.high
                    (float firstValues[((2 * 3 + 1) * 3 + 2) * 2])
                    (float expected[0, 2, 1] / 255.0)
                    "one value"

                for s in all do
                    File.Delete s.Path

                use again = images.Pixels([| 0; 1; 2; 3 |], size, torch.CPU)
                Expect.equal (values again) (values first) "from memory"))

        testCase "a broken image is named, also where it was read ahead" (fun () ->
            inTemporaryFolder (fun folder ->
                let all = samples folder 6
                File.WriteAllBytes(all[4].Path, [| 0uy |])
                let images = SampleImages all
                (images.Pixels([| 0; 1; 2 |], own, torch.CPU)).Dispose()

                let message =
                    try
                        (images.Pixels([| 3; 4; 5 |], own, torch.CPU)).Dispose()
                        ""
                    with :? UserError as e ->
                        e.Message

                Expect.stringContains message all[4].Path "message"))

        testCase "content ids are equal for equal files only" (fun () ->
            inTemporaryFolder (fun folder ->
                let all = samples folder 2
                let copy = Path.Combine(folder, "copy.png")
                File.Copy(all[0].Path, copy)
                let images = SampleImages(Array.append all [| sample copy |])
                Expect.equal (images.ContentId 2) (images.ContentId 0) "a copy"
                Expect.notEqual (images.ContentId 1) (images.ContentId 0) "another image"))

        testCase "augmented epochs differ from one another and repeat themselves" (fun () ->
            inTemporaryFolder (fun folder ->
                let all = samples folder 3
                let epochs = 24
                let augmented = AugmentedImages(SampleImages all, AugmentationRules.For "bottle", epochs)
                Expect.equal augmented.Count (3 * epochs) "count"
                let size = ImageSize.Square(16, Resampling.Bilinear)
                let image index = using (augmented.Pixels([| index |], size, torch.CPU)) values
                use batch = augmented.Pixels([| 0 .. 3 * epochs - 1 |], size, torch.CPU)
                let whole = values batch |> Array.chunkBySize (3 * 16 * 16)

                for index in [ 1; 10; 71 ] do
                    Expect.equal whole[index] (image index) "alone or in a batch"

                let versions = [ for epoch in 0 .. epochs - 1 -> whole[3 * epoch] ] |> List.distinct
                Expect.isGreaterThan versions.Length 3 "versions of image 0"
                let ids = [ for i in 0 .. augmented.Count - 1 -> augmented.ContentId i ]
                Expect.equal (List.distinct ids).Length ids.Length "every version has its own id"))
    ]
