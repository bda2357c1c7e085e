/// What the project is built of: the packages that were asked for, one platform's native libraries, no native code of our own.
module Reproduction.Tests.House.Packages

open System
open System.IO
open System.Text.Json
open Expecto
open Reproduction.Tests

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private output = AwaitedProcess.succeeds [] root

/// The names of the packages that a project references, as its file evaluates.
let private references project (properties: string list) =
    let json = output "dotnet" ([ "msbuild"; project; "-getItem:PackageReference" ] @ [ for each in properties -> "-p:" + each ])

    use document = JsonDocument.Parse json

    [
        for item in document.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray() ->
            item.GetProperty("Identity").GetString() |> string
    ]

[<Tests>]
let tests =
    testList "packages" [
        testCase "-p:Torch=cuda takes TorchSharp-cuda-linux, the package that the users named, and no CPU library"
        <| fun () ->
            let packages = references "Core.CSharp/Repro" [ "Torch=cuda" ]
            Expect.contains packages "TorchSharp-cuda-linux" "the package"
            Expect.isEmpty (packages |> List.filter _.StartsWith("libtorch-cpu")) "no CPU library"

        testCase "without a choice an executable takes one platform's CPU library"
        <| fun () ->
            let natives = references "Core.CSharp/Repro" [] |> List.filter _.StartsWith("libtorch")
            Expect.hasLength natives 1 $"%A{natives}"

        testCase "the library references TorchSharp and no libtorch: whoever uses it chooses"
        <| fun () ->
            let packages = references "Core.CSharp/Reproduction" []
            Expect.contains packages "TorchSharp" "TorchSharp"
            Expect.isEmpty (packages |> List.filter (fun name -> name.StartsWith "libtorch" || name.StartsWith "TorchSharp-")) "libtorch"

        testCase "no native code and no stand-in is in the repository"
        <| fun () ->
            if not (Directory.Exists(Path.Combine(root, ".git")) || File.Exists(Path.Combine(root, ".git"))) then
                skiptest "this is no git checkout"

            let files = (output "git" [ "ls-files" ]).Split('\n', StringSplitOptions.RemoveEmptyEntries)

            Expect.equal
                [
                    for file in files do
                        if
                            file.Contains "stand-ins"
                            || file.Contains "CMakeLists"
                            || List.contains (Path.GetExtension file) [ ".c"; ".cpp"; ".h"; ".so"; ".dll" ]
                        then
                            file
                ]
                []
                "files"

        testCase "the command's output folder stays under 600 MB"
        <| fun () ->
            let folder = Path.Combine(root, "Core.CSharp", "Repro", "bin", "Release", "net10.0")
            let size = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) |> Seq.sumBy (fun file -> FileInfo(file).Length)
            Expect.isLessThan size 600_000_000L "bytes"
    ]
