/// `repro fit` and `repro score` on photographs as they lie in users' folders.
module Reproduction.Tests.OwnPhotographs

open System
open System.IO
open Expecto
open TorchSharp
open Repro
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private copy (source: string) (target: string) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName target)) |> ignore
    File.Copy(source, target, true)

/// A folder of weights with what a Mac's archive leaves, and a model fitted with them.
type private Bench() =
    let sandbox = new Sandbox()
    let at name = Path.Combine(sandbox.Root, name)
    let train = Path.Combine(sandbox.Data, "woven", "train", "good")

    do
        use _scope = torch.NewDisposeScope()
        use backbone = Backbone.Random("resnet18", 1)
        Directory.CreateDirectory(at "weights") |> ignore

        SafeTensors.Write(
            at "weights/resnet18.safetensors",
            readOnlyDict [ for KeyValue(key, value) in backbone.StateDict false -> key, value ]
        )

        for name in [ "._resnet18.safetensors"; "._resnet18.json"; "._x.pth" ] do
            File.WriteAllText(at $"weights/{name}", "no weights")

        File.WriteAllText(Path.Combine(train, "._000.png"), "no picture")

    member _.Item
        with get name = at name

    member _.Train = train
    member _.Test = Path.Combine(sandbox.Data, "woven", "test")
    member _.Category = Path.Combine(sandbox.Data, "woven")

    member _.Fit more =
        repro (
            [
                "fit"
                "--method"
                "hfae"
                "--variant"
                "resnet18"
                "--profile"
                "smoke"
                "--weights"
                at "weights"
                "--out"
                at "model"
            ]
            @ more
        )

    member _.Score (images: string) out more =
        repro ([ "score"; "--model"; at "model"; images; "--weights"; at "weights"; "--out"; at out ] @ more)

    interface IDisposable with
        member _.Dispose() = (sandbox :> IDisposable).Dispose()

let private bench =
    lazy
        (let bench = new Bench()
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> (bench :> IDisposable).Dispose())
         let code, _, error = bench.Fit [ "--train"; bench.Train + "/" ]
         Expect.equal code 0 error
         bench)

[<Tests>]
let tests =
    testSequenced
    <| testList "own photographs" [
        testCase "a category's folder is no folder of good photographs"
        <| fun () ->
            let bench = bench.Value
            let code, _, error = bench.Fit [ "--train"; bench.Category ]
            Expect.equal code 2 error
            Expect.stringContains error "holds train" "the message"
            let code, _, error = bench.Fit [ "--train"; bench.Test ]
            Expect.equal code 2 error
            Expect.stringContains error "holds good beside hole" "the message"

        testCase "pictures that were trained on are not held out"
        <| fun () ->
            let bench = bench.Value
            copy (Path.Combine(bench.Train, "003.png")) bench["held/other-name.png"]
            copy (Path.Combine(bench.Test, "good", "000.png")) bench["held/000.png"]
            let code, _, error = bench.Fit [ "--train"; bench.Train; "--good"; bench["held"] ]
            Expect.equal code 2 error

            for word in [ "1 of the 2 pictures of --good are in --train"; "other-name.png"; "003.png" ] do
                Expect.stringContains error word "the message"

        testCase "a good picture is judged, with exit code 0, whatever its name says it is"
        <| fun () ->
            let bench = bench.Value
            Directory.CreateDirectory bench["sound"] |> ignore
            let photograph = ImageFile.Read(Path.Combine(bench.Train, "000.png"))
            File.WriteAllBytes(bench["sound/jpeg.png"], ImageFile.EncodeJpeg photograph)
            File.WriteAllBytes(bench["sound/none"], ImageFile.EncodePng photograph)
            let code, output, error = bench.Score bench["sound"] "sound-scored" []
            Expect.equal code 0 error
            Expect.stringContains output "2 images" "the count"

        testCase "a picture that cannot be read is a row, and the others are judged"
        <| fun () ->
            let bench = bench.Value
            let folder = bench["mixed"]
            let sound = Path.Combine(bench.Train, "000.png")
            // The longest name that a file system takes, twice alike but for its end.
            let long = [ for last in "ab" -> String('x', 220) + string last + ".png" ]

            for name in "a.png" :: "z.png" :: long do
                copy sound (Path.Combine(folder, name))

            File.WriteAllBytes(Path.Combine(folder, "torn.png"), File.ReadAllBytes(sound)[..500])
            File.WriteAllText(Path.Combine(folder, "photo.gif"), "GIF89a and more")
            File.WriteAllText(Path.Combine(folder, "._a.png"), "no picture")
            File.WriteAllText(Path.Combine(folder, "notes.txt"), "no picture")
            copy sound (Path.Combine(folder, "below", "b.png"))
            let code, output, error = bench.Score folder "mixed/scored" [ "--fail-on-defect" ]
            Expect.equal code 1 error
            Expect.stringContains output "4 images" "judged"

            for word in
                [
                    "torn.png: a damaged or truncated PNG"
                    "photo.gif: not a PNG"
                    "2 of 6 pictures were not judged"
                    "1 pictures in folders below were not judged"
                ] do
                Expect.stringContains error word "the message"

            let rows = File.ReadAllLines(bench["mixed/scored/scores.csv"])
            Expect.equal rows[0] "path,score,threshold,verdict,reason,raw_score" "columns"
            Expect.equal rows.Length 7 "rows"
            let row (name: string) = rows |> Array.find (fun row -> row.StartsWith(Path.Combine(folder, name) + ","))

            for name in [ "torn.png"; "photo.gif" ] do
                Expect.stringContains (row name) ",unreadable," name
                Expect.stringStarts (row name) $"{Path.Combine(folder, name)},," "no score"

            Expect.isFalse ((row "a.png").Contains "unreadable") "a sound one"
            Expect.equal (Directory.GetFiles(bench["mixed/scored"], "*.jpg").Length) 4 "heat maps"
            // Its own heat maps are no photographs the next time, nor with --recursive.
            let code, output, error = bench.Score folder "mixed/scored" [ "--recursive" ]
            Expect.equal code 1 error
            Expect.stringContains output "5 images" "with the one below"

        testCase "heat maps beside the photographs are refused"
        <| fun () ->
            let bench = bench.Value
            let code, _, error = bench.Score bench["held"] "held/" []
            Expect.equal code 2 error
            Expect.stringContains error "would be taken for photographs" "the message"

        testCase "other images or another category's record are not taken for done"
        <| fun () ->
            let bench = bench.Value
            let folder = bench["again"]

            for file in Directory.GetFiles(bench.Category, "*.png", SearchOption.AllDirectories) do
                if not (file.Contains "._") then copy file (Path.Combine(folder, "woven", Path.GetRelativePath(bench.Category, file)))

            let run () =
                repro [
                    "run"
                    "--paper"
                    "favae"
                    "--variant"
                    "vanilla+width=0.0625+images_per_epoch=16+batch_size=8"
                    "--data"
                    folder + "/"
                    "--profile"
                    "smoke"
                    "--out"
                    bench["again-run"]
                ]

            let first = run ()
            let code, output, error = run ()
            Expect.equal code 0 $"{first} {error}"
            Expect.stringContains output "done before" "nothing changed"
            Expect.isFalse (error.Contains "not the same") error
            ImageFile.Write(Path.Combine(folder, "woven", "test", "good", "000.png"), Image(64, 64, 3))
            let _, output, error = run ()
            Expect.stringContains output "done before" "as with other settings"
            Expect.stringContains error "the images, labels or masks are not the same" "told"
            let record = Directory.GetFiles(bench["again-run/runs"], "*.json")[0]
            File.WriteAllText(record, File.ReadAllText(record).Replace("\"category\": \"woven\"", "\"category\": \"knitted\""))
            let _, output, _ = run ()
            Expect.isFalse (output.Contains "done before") output
            Expect.stringContains (File.ReadAllText record) "\"category\": \"woven\"" "run anew"
    ]
