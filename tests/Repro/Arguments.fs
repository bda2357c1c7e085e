/// What the command line makes of words that users write: taken for what they are, or refused in one line with the way out.
module Reproduction.Tests.Arguments

open System.IO
open Expecto
open Repro
open Repro.Records
open Reproduction
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Tests.Bench

/// Exit code and standard error.
let private run (arguments: string list) =
    let code, _, error = repro arguments
    code, error

let private picture (folder: string) (path: string) (grey: int) =
    let file = Path.Combine(folder, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    let image = Image(16, 16, 1)
    image[3, 4, 0] <- byte grey
    File.WriteAllBytes(file, ImageFile.EncodePng image)

let private category folder good kind =
    for i in 0..2 do
        picture folder $"train/good/{i}.png" (10 + i)

    picture folder $"test/{good}/0.png" 50
    picture folder $"test/{kind}/0.png" 200

[<Tests>]
let tests =
    testList "arguments" [
        testCase "a picture called @x.png is no file of further arguments"
        <| inFolder (fun at ->
            let folder = at ""
            picture folder "@x.png" 9
            let code, error = run [ "score"; "--model"; Path.Combine(folder, "none"); $"@{folder}/x.png"; "--out"; folder ]
            Expect.equal code 1 error
            Expect.isFalse (error.Contains "Response") error)

        testCase "a word with two dashes is no photograph"
        <| fun () ->
            let code, error = run [ "score"; "--model"; "m"; "a.png"; "--frobnicate"; "--out"; "o" ]
            Expect.equal code 2 error
            Expect.stringContains error "'--frobnicate' is no option of score" "named"

        for text in [ "0,05"; "1%"; "1e999"; "a" ] do
            testCase $"--fpr {text} is refused, not read as another number"
            <| fun () ->
                let code, error = run [ "fit"; "--method"; "ssae"; "--train"; "nowhere"; "--out"; "m"; "--fpr"; text ]
                Expect.equal code 2 error
                Expect.stringContains error $"--fpr '{text}'" "what was written"
                Expect.stringContains error "--fpr 0.05" "how to write it"

        testCase "a category may have a comma in its name, and a list commas between its names"
        <| inFolder (fun at ->
            let folder = at ""

            for name in [ "a,b"; "a"; "c" ] do
                category (Path.Combine(folder, name)) "good" "hole"

            let listed (words: string list) =
                let arguments = [
                    yield! [ "run"; "--paper"; "ssae"; "--profile"; "smoke"; "--list"; "--out"; folder; "--data"; folder; "--category" ]
                    yield! words
                ]

                let code, output, error = repro arguments
                Expect.equal code 0 error
                output.TrimEnd().Split('\n').Length

            Expect.equal (listed [ "a,b" ]) 1 "one with a comma"
            Expect.equal (listed [ "a,c" ]) 2 "two"
            Expect.equal (listed [ "a,b"; "c" ]) 2 "one and another")

        testCase "a setting's list has commas, and the list of variants has some between its names"
        <| inFolder (fun at ->
            let folder = at ""
            category (Path.Combine(folder, "a")) "good" "hole"

            let arguments = [
                yield! [ "run"; "--paper"; "ssae"; "--profile"; "smoke"; "--list"; "--out"; folder; "--data"; folder ]
                yield! [ "--variant"; "objective1+growing=[0.5,1],objective4+steps=2" ]
            ]

            let code, output, error = repro arguments
            Expect.equal code 0 error
            Expect.equal (output.TrimEnd().Split('\n').Length) 2 output)

        testCase "a picture whose name is not UTF-8 is told as that"
        <| fun () ->
            let message =
                try
                    ImageFile.Read "scratch-\uFFFD.png" |> ignore
                    ""
                with :? UserError as error ->
                    error.Message

            Expect.stringContains message "not UTF-8" "what is wrong and the way out"

        testCase "test/Good is good, and test/OK is refused instead of counted as defects"
        <| inFolder (fun at ->
            let folder = at ""
            category folder "Good" "hole"
            let dataset = Datasets.Open folder
            let labels (c: Category) = [ for sample in c.Test -> sample.Label, sample.Defect ] |> List.sort
            Expect.equal (labels (dataset.Category dataset.CategoryNames[0])) [ 0, "good"; 1, "hole" ] "labels"
            Directory.Move(Path.Combine(folder, "test", "Good"), Path.Combine(folder, "test", "OK"))

            let refusal =
                Expect.throwsT<UserError>(fun () ->
                    let dataset = Datasets.Open folder
                    dataset.Category dataset.CategoryNames[0] |> ignore)

            ignore refusal)

        testCase "run tells the warnings of data verify once, in one block"
        <| inFolder (fun at ->
            let folder = at ""
            category folder "good" "hole"
            let mask = Image(16, 16, 1)
            // Grey: neither a class's index nor white.
            for i, value in [ 0, 60uy; 1, 100uy; 2, 140uy; 3, 180uy; 4, 220uy ] do
                mask[i, 0, 0] <- value

            let truth = Path.Combine(folder, "ground_truth", "hole")
            Directory.CreateDirectory truth |> ignore
            File.WriteAllBytes(Path.Combine(truth, "0_mask.png"), ImageFile.EncodePng mask)
            let warnings = DataCheck.Warnings(let data = Datasets.Open folder in data.Category data.CategoryNames[0])
            Expect.isNonEmpty warnings "of the mask"

            let code, error =
                run [
                    yield! [ "run"; "--paper"; "ssae"; "--profile"; "smoke"; "--data"; folder; "--out"; Path.Combine(folder, "out") ]
                    yield! [ "--variant"; "objective1+width=0.0625+image_size=16,objective1+width=0.0625+image_size=16+steps=3" ]
                ]

            let block = error.Split('\n') |> Array.filter _.Contains("repro data verify")
            Expect.hasLength block 1 $"{code} {error}"

            for warning in warnings do
                Expect.stringContains error warning "each warning")

        testCase "a carriage return in a name is quoted in a CSV"
        <| fun () -> Expect.equal (Csv.Field "a\rb") "\"a\rb\"" "quoted"

        testCase "weights of a network that is a part of another module are read under its prefix"
        <| inFolder (fun at ->
            let folder = at ""
            use _scope = TorchSharp.torch.NewDisposeScope()
            use plain = Backbone.Random("resnet18", 3)
            let input = TorchSharp.torch.rand ([| 1L; 3L; 32L; 32L |])
            let expected = plain.ForwardRaw(input, [| "layer1" |])[0]

            for prefix in [ ""; "model."; "backbone."; "model.backbone." ] do
                let path = Path.Combine(folder, $"weights{prefix}safetensors")

                let tensors =
                    dict [
                        for entry in plain.StateDict false do
                            yield prefix + entry.Key, entry.Value

                        if prefix <> "" then yield "head.weight", TorchSharp.torch.zeros (3L, 512L)
                    ]

                SafeTensors.Write(path, System.Collections.Generic.Dictionary tensors)
                use loaded = Backbone.Load(path, "resnet18")
                let found = loaded.ForwardRaw(input, [| "layer1" |])[0]
                Expect.equal ((found - expected).abs().max().item<float32>()) 0.0f $"under '{prefix}'")
    ]
