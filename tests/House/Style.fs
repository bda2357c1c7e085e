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

/// The numbers of the lines that are wider and not text: a line inside a string over several lines, or one that is a string alone, is as
/// wide as its text.
let private wide (text: string) =
    let mutable inText = false

    [
        for number, line in Seq.indexed (text.Split '\n') do
            let began = inText
            let quotes = Regex.Matches(line, "\"\"\"").Count
            if quotes % 2 = 1 then inText <- not inText
            let isText = began || inText || Regex.IsMatch(line.Trim(), @"^(\+ )?\$*""") || line.TrimEnd().EndsWith @"\"
            if line.Length > widest && not isText then number + 1
    ]

[<Tests>]
let tests =
    testList "house" [
        testCase $"no line of code is wider than {widest}"
        <| fun () ->
            Expect.equal
                [
                    for path in sources do
                        for number in wide (File.ReadAllText path) do
                            $"{Path.GetRelativePath(root, path)}:{number}"
                ]
                []
                "wide lines"

        testCase "the width is measured outside texts only"
        <| fun () ->
            let long = String.replicate 150 "x"
            Expect.equal (wide $"let a = {long}") [ 1 ] "code"
            Expect.equal (wide $"a\n    \"{long}\"\n") [] "a string alone"
            Expect.equal (wide $"let a =\n    \"\"\"<a>\n{long}\n\"\"\"\nlet b = {long}") [ 5 ] "behind a text"
    ]
