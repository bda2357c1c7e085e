/// The order of the rooms: a folder uses those below it and none above.
module Reproduction.Tests.House.Floors

open System.IO
open System.Text.RegularExpressions
open Expecto

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// From the ground up. The one place that knows the order.
let private floors = [
    "Core.CSharp/Reproduction",
    "Reproduction",
    [ "Formats"; "Imaging"; "Surfaces"; "Data"; "Metrics"; "Backbones"; "Methods"; "Baselines"; "Papers"; "Models" ]
    "Core.CSharp/Repro", "Repro", [ "Records"; "Pictures"; "Sweeps"; "Studies"; "Serving"; "Verbs" ]
]

let private sources folder =
    Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
    |> Seq.filter (fun path -> not (Regex.IsMatch(path, @"[/\\](bin|obj|msbuild)[/\\]")))

/// The namespaces that a source names, by `using` or in full.
let private named (text: string) = [ for found in Regex.Matches(text, @"\b(Reproduction|Repro)(\.[A-Z]\w*)+") -> found.Value ]

let private firstOf (prefix: string) (name: string) =
    let rest = name.Substring(prefix.Length + 1)
    rest.Split('.')[0]

[<Tests>]
let tests =
    testList "house" [
        for folder, prefix, order in floors do
            testCase $"no folder of {prefix} uses one above it"
            <| fun () ->
                let offences = [
                    for path in sources (Path.Combine(root, folder)) do
                        let relative = Path.GetRelativePath(Path.Combine(root, folder), path).Replace('\\', '/')
                        let floor = if relative.Contains '/' then List.tryFindIndex ((=) (relative.Split('/')[0])) order else Some -1

                        for name in named (File.ReadAllText path) do
                            if name.StartsWith(prefix + ".") then
                                match floor, List.tryFindIndex ((=) (firstOf prefix name)) order with
                                | None, _ -> $"{relative}: lies in a folder that the list of floors does not know"
                                // What everyone stands on knows no room, but for the command's own start, which opens the verbs.
                                | Some -1, Some _ when prefix = "Repro" -> ()
                                | Some own, Some other when other > own -> $"{relative}: {name}"
                                | _ -> ()
                ]

                Expect.equal (List.distinct offences) [] "uses of a folder above"

        testCase "no method is known by name outside its folder"
        <| fun () ->
            Expect.equal
                [
                    for path in sources (Path.Combine(root, "Core.CSharp/Reproduction")) do
                        if not (Regex.IsMatch(path, @"[/\\](Papers|Baselines)[/\\]")) then
                            for line in File.ReadLines path do
                                if not (line.TrimStart().StartsWith "//") then
                                    for text in Regex.Matches(line, "\"(?:[^\"\\\\]|\\\\.)*\"") do
                                        for method in Reproduction.Papers.Registry.Methods do
                                            if Regex.IsMatch(text.Value, $@"(?<![\w-]){method.Id}(?![\w-])") then
                                                $"{Path.GetRelativePath(root, path)}: {text.Value}"
                ]
                []
                "texts"

        testCase "the library does not know the command"
        <| fun () ->
            Expect.equal
                [
                    for path in sources (Path.Combine(root, "Core.CSharp/Reproduction")) do
                        if Regex.IsMatch(File.ReadAllText path, @"^using Repro[.;]", RegexOptions.Multiline) then path
                ]
                []
                "sources"

        for floor in [ "Papers"; "Baselines" ] do
            testCase $"no folder of {floor} uses another"
            <| fun () ->
                let folders = DirectoryInfo(Path.Combine(root, "Core.CSharp/Reproduction", floor)).GetDirectories() |> List.ofArray

                Expect.equal
                    [
                        for folder in folders do
                            for path in sources folder.FullName do
                                for other in folders do
                                    if
                                        other.Name <> folder.Name && (File.ReadAllText path).Contains $"Reproduction.{floor}.{other.Name}"
                                    then
                                        $"{path}: {other.Name}"
                    ]
                    []
                    "uses"

        testCase "the library writes to no console"
        <| fun () ->
            Expect.equal
                [
                    for path in sources (Path.Combine(root, "Core.CSharp/Reproduction")) do
                        if Regex.IsMatch(File.ReadAllText path, @"\bConsole\.") then path
                ]
                []
                "sources"
    ]
