/// The papers' sheets.
module Reproduction.Tests.Sheets

open System.IO
open System.Text.RegularExpressions
open Expecto

let private papersFolder = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "papers"))

[<Tests>]
let tests =
    testList "sheets" [
        testCase "every link of the sheets leads to a file, and to the member that it names"
        <| fun () ->
            for sheet in Directory.GetFiles(papersFolder, "README.md", SearchOption.AllDirectories) do
                for link in Regex.Matches(File.ReadAllText sheet, @"\[`?([^\]`]+)`?\]\(([^)]+)\)") do
                    let label, target = link.Groups[1].Value, link.Groups[2].Value
                    let path = Path.GetFullPath(Path.Combine(sheet, "..", target))
                    Expect.isTrue (File.Exists path || Directory.Exists path) $"{sheet} links to {target}"

                    if path.EndsWith ".cs" && label <> (FileInfo path).Name then
                        let code = File.ReadAllText path

                        for name in label.Split '.' do
                            Expect.isTrue
                                (Regex.IsMatch(code, $@"\b{Regex.Escape name}\b"))
                                $"{sheet} names {label}, which {target} does not have"
    ]
