/// A checkout that was built and then copied with `cp -r` to a path with a space, as users move things about.
module Reproduction.Tests.CopiedCheckout

open System.Diagnostics
open System.IO
open Expecto

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private call folder program (arguments: string list) =
    let start =
        ProcessStartInfo(program, arguments, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true)

    use running = nonNull (Process.Start start)
    let errors = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()
    running.ExitCode, output, errors.Result

[<Tests>]
let tests =
    testCase "a built checkout copied with cp -r runs scripts/repro, by a link too, and says what it waits for"
    <| fun () ->
        if not (File.Exists(Path.Combine(root, "Core.CSharp", "Repro", "bin", "Release", "net10.0", "repro.dll"))) then
            skiptest "this checkout is not built in place"

        let folder = Directory.CreateTempSubdirectory("a copied checkout ").FullName

        try
            Directory.CreateDirectory(Path.Combine(folder, "Core.CSharp")) |> ignore
            // What the command is built from, with what was built.
            let parts = [ "scripts"; "Core.CSharp/Repro"; "Core.CSharp/Reproduction" ]

            let files = [
                for pattern in [ "Directory.*"; ".editorconfig" ] do
                    yield! Directory.GetFiles(root, pattern)
            ]

            for part in parts @ [ for file in files -> nonNull (Path.GetFileName file) ] do
                let code, _, error = call root "cp" [ "-r"; part; Path.Combine(folder, part) ]
                Expect.equal (code, error) (0, "") part

            let link = Path.Combine(folder, "link to repro")
            File.CreateSymbolicLink(link, "scripts/repro") |> ignore
            let code, output, error = call folder link [ "--help" ]
            Expect.equal code 0 error
            Expect.stringContains output "score" "the verbs"

            for line in error.Split('\n', System.StringSplitOptions.RemoveEmptyEntries) do
                Expect.isTrue (line.StartsWith "repro: " || line.Contains "marked as weak") line

            // The second call finds it built.
            let code, _, error = call folder link [ "data"; "list" ]
            Expect.equal (code, error) (0, "") "again"
        finally
            Directory.Delete(folder, true)
