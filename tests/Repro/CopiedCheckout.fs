/// A checkout that was built and then copied with `cp -r` to a path with a space, as users move things about.
module Reproduction.Tests.CopiedCheckout

open System.IO
open Expecto

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private call = AwaitedProcess.call []

[<Tests>]
let tests =
    testCase "a built checkout copied with cp -r runs scripts/repro, by a link too, and says what it waits for"
    <| fun () ->
        if not (File.Exists(Path.Combine(root, "Core.CSharp", "Repro", "bin", "Release", "net10.0", "repro.dll"))) then
            skiptest "this checkout is not built in place"

        let folder = Directory.CreateTempSubdirectory("a copied checkout ").FullName

        try
            for part in [ "Core.CSharp"; "papers" ] do
                Directory.CreateDirectory(Path.Combine(folder, part)) |> ignore
            // What the command is built from, with what was built.
            let parts = [ "scripts"; "Core.CSharp/Repro"; "Core.CSharp/Reproduction"; "papers/mvtec.csv" ]

            let files = [
                for pattern in [ "Directory.*"; ".editorconfig" ] do
                    yield! Directory.GetFiles(root, pattern)
            ]

            for part in parts @ [ for file in files -> nonNull (Path.GetFileName file) ] do
                let ended = call root "cp" [ "-r"; part; Path.Combine(folder, part) ]
                Expect.equal (ended.ExitCode, ended.Error) (0, "") part

            let link = Path.Combine(folder, "link to repro")
            File.CreateSymbolicLink(link, "scripts/repro") |> ignore
            let first = call folder link [ "--help" ]
            Expect.equal first.ExitCode 0 first.Error
            Expect.stringContains first.Output "score" "the verbs"

            for line in first.Error.Split('\n', System.StringSplitOptions.RemoveEmptyEntries) do
                Expect.isTrue (line.StartsWith "repro: " || line.Contains "marked as weak") line

            // The second call finds it built.
            let second = call folder link [ "data"; "list" ]
            Expect.equal (second.ExitCode, second.Error) (0, "") "again"
        finally
            Directory.Delete(folder, true)
