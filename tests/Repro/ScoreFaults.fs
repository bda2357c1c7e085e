/// What stops `repro score`: the rows that were written stay whole, and one line tells what is missing.
module Reproduction.Tests.ScoreFaults

open System.IO
open System.Threading
open Expecto
open Reproduction.Imaging
open Reproduction.Surfaces
open Reproduction.Tests.ReproProcess

/// A small model, and more photographs than are judged at once.
let private fitted (sandbox: Sandbox) =
    let model = Path.Combine(sandbox.Root, "product.model")
    let train = Path.Combine(sandbox.Data, "woven", "train", "good")

    use fit =
        start sandbox "" [] [
            "fit"
            "--method"
            "ssae"
            "--variant"
            "objective1+steps=2"
            "--profile"
            "smoke"
            "--train"
            train
            "--out"
            model
        ]

    let ended = fit.Wait()
    Expect.equal ended.ExitCode 0 ended.Error
    let photographs = Path.Combine(sandbox.Root, "photographs")
    Directory.CreateDirectory photographs |> ignore

    for index in 0..39 do
        let struct (photograph, _) = SurfacesDataset.Render("woven", "test", "good", index % 10, 0)
        ImageFile.Write(Path.Combine(photographs, $"{index:d3}.png"), photograph)

    [ "score"; "--model"; model; photographs; "--out"; sandbox.Run ], Path.Combine(sandbox.Run, "scores.csv")

/// The rows below the header; each must be whole, of a picture of its own, in their order.
let private rows table =
    let lines = File.ReadAllLines table
    Expect.equal lines[0] "path,score,threshold,verdict,reason,raw_score" "the header"
    let rows = lines[1..]

    for index, row in Array.indexed rows do
        Expect.stringContains row $"{index:d3}.png," "its picture"
        Expect.equal (row.Split(',').Length) 6 "a whole row"

    rows.Length

[<Tests>]
let tests =
    testSequenced
    <| testList "score faults" [
        testCase "a full disk: the rows so far stay, one line tells it, and with space the same command judges all"
        <| fun () ->
            use sandbox = new Sandbox()
            let arguments, table = fitted sandbox

            withFileSystem sandbox.Run "size=1200k" (fun () ->
                use first = start sandbox "" [] arguments
                let ended = first.Wait()
                Expect.equal ended.ExitCode 1 ended.Error

                for words in [ "cannot be written"; "No space left on device"; "Free some space" ] do
                    Expect.stringContains ended.Error words "the line"

                Expect.isFalse (ended.Error.Contains "   at ") "no stack trace"
                let count = rows table
                Expect.isGreaterThan count 0 "rows"
                Expect.isLessThan count 40 "not all")

            use again = start sandbox "" [] arguments
            let ended = again.Wait()
            Expect.equal ended.ExitCode 0 ended.Error
            Expect.equal (rows table) 40 "with space"

        testCase "SIGTERM: the rows so far and their page stay, and the exit code is 1"
        <| fun () ->
            use sandbox = new Sandbox()
            let arguments, table = fitted sandbox
            use first = start sandbox "" [] arguments

            while not first.HasExited && not (File.Exists table && FileInfo(table).Length > 100L) do
                Thread.Sleep 1

            first.Terminate()
            let ended = first.Wait()
            Expect.equal ended.ExitCode 1 ended.Error
            let count = rows table
            Expect.isGreaterThan count 0 "rows"
            Expect.isLessThan count 40 "it ended before its end"
            Expect.stringContains ended.Error $"stopped by SIGTERM: {count} of 40 pictures are judged, in scores.csv" "the line"
            Expect.stringContains (File.ReadAllText(Path.Combine(sandbox.Run, "index.html"))) $"{count - 1:d3}.png" "the page"

        testCase "killed while it scores: the rows so far are whole"
        <| fun () ->
            use sandbox = new Sandbox()
            let arguments, table = fitted sandbox
            use first = start sandbox "" [] arguments

            while not first.HasExited && not (File.Exists table && FileInfo(table).Length > 100L) do
                Thread.Sleep 1

            first.Kill()
            Expect.equal (first.Wait().ExitCode) killed "killed"
            Expect.isGreaterThan (rows table) 0 "rows"
    ]
