/// How the code is written, as far as no formatter or analyser of the build holds it.
module Reproduction.Tests.House.Style

open System.IO
open System.Text.RegularExpressions
open Expecto

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private widest = 140

let private sources = [
    for folder in [ "Core.CSharp"; "Analysis.FSharp"; "tests"; "scripts" ] do
        for path in Directory.EnumerateFiles(Path.Combine(root, folder), "*", SearchOption.AllDirectories) do
            if Regex.IsMatch(path, @"\.(cs|fs|fsx)$") && not (Regex.IsMatch(path, @"[/\\](bin|obj)[/\\]")) then path
]

/// The numbers of the lines that are wider; texts are no exception.
let private wide (text: string) = [
    for number, line in Seq.indexed (text.Split '\n') do
        if line.Length > widest then number + 1
]

[<Tests>]
let tests =
    testList "house" [
        testCase $"no line of a source is wider than {widest}"
        <| fun () ->
            Expect.isGreaterThan sources.Length 450 "sources"

            Expect.equal
                [
                    for path in sources do
                        for number in wide (File.ReadAllText path) do
                            $"{Path.GetRelativePath(root, path)}:{number}"
                ]
                []
                "wide lines"
    ]
