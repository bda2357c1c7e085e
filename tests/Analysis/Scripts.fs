/// What scripts/*.fsx do when they are run bare, with --write, and where there is nothing to show: they never destroy.
module Reproduction.Tests.Scripts

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Reproduction.Analysis

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private writeCell run paper variant metrics =
    let cell = $"{paper}.{variant}.mvtec.bottle.seed0.paper"
    Directory.CreateDirectory(Path.Combine(run, "runs")) |> ignore

    File.WriteAllText(
        Path.Combine(run, "runs", cell + ".json"),
        $$"""{"schema":1,"cell":"{{cell}}","paper":"{{paper}}","variant":"{{variant}}","dataset":"mvtec","category":"bottle","seed":0,
"profile":"paper","settings":{},"metrics":{{{metrics}}},"counts":{"train":10,"test_good":3,"test_anomalous":4},
"finished":"2026-01-01T00:00:00Z"}"""
    )

/// A folder of its own with a committed table in it, gone afterwards.
let private inFolder (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("reproduction-scripts-").FullName

    try
        test folder
    finally
        Directory.Delete(folder, true)

let private quietly action =
    let out, error = Console.Out, Console.Error
    use said = new StringWriter()
    Console.SetOut said
    Console.SetError said

    try
        let code: int = action ()
        code, said.ToString()
    finally
        Console.SetOut out
        Console.SetError error

let private script name arguments : Script = { Root = root; Name = name; Arguments = arguments }

/// Each of the scripts' commands with the table that it writes, and what gives it something to show.
let private commands: (string * string * (Script -> int) * (string -> unit)) list = [
    "ablate",
    "ablate.md",
    StudyCommands.ablate "A title" "dfr" [ "one"; "two" ] [ "image_auroc" ],
    (fun run -> writeCell run "dfr" "one" "\"image_auroc\":0.9")
    "by-category",
    "by-category.md",
    StudyCommands.ablateCategories "A title" "dfr" [ "one" ] [ "image_auroc" ],
    (fun run -> writeCell run "dfr" "one" "\"image_auroc\":0.9")
    "levels",
    "levels.md",
    StudyCommands.ablateLevels "A title" "dfr" [ "one" ],
    (fun run -> writeCell run "dfr" "one" "\"image_auroc\":0.9,\"image_auroc.level_1\":0.8")
    "calibrate",
    "calibrate.md",
    StudyCommands.calibrate "A title" "dfr" [ "one" ],
    (fun run -> writeCell run "dfr" "one" "\"achieved_fpr.level_1.sigma1\":0.9,\"achieved_tpr.level_1.sigma1\":0.9")
    "toy",
    "toy-distribution.md",
    StudyCommands.toyDistribution,
    (fun run ->
        Directory.CreateDirectory(Path.Combine(run, "toy")) |> ignore
        File.Copy(Path.Combine(root, "results", "favae", "toy", "scores.csv"), Path.Combine(run, "toy", "scores.csv")))
    "orthogonality",
    "orthogonality.md",
    StudyCommands.orthogonality,
    (fun run ->
        for name in [ Orthogonality.measurements; Orthogonality.moments ] do
            File.Copy(Path.Combine(root, "results", "ssae", name), Path.Combine(run, name)))
]

let private tests' = [
    for name, table, command, fill in commands do
        testCase $"{name}: nothing to show is exit code 1 and leaves the table that was there"
        <| fun () ->
            inFolder (fun run ->
                Directory.CreateDirectory(Path.Combine(run, "runs")) |> ignore
                let path = Path.Combine(run, table)
                File.WriteAllText(path, "committed")
                let code, said = quietly (fun () -> command (script name [ "--out"; run; "--write" ]))
                Expect.equal code 1 said
                Expect.equal (File.ReadAllText path) "committed" "untouched")

        testCase $"{name}: bare it prints and writes nothing, --write writes, --help tells"
        <| fun () ->
            inFolder (fun run ->
                fill run
                let before = Directory.GetFiles(run, "*", SearchOption.AllDirectories)
                let code, said = quietly (fun () -> command (script name [ "--out"; run ]))
                Expect.equal code 0 said
                Expect.isGreaterThan said.Length 40 "a table is printed"
                Expect.equal (Directory.GetFiles(run, "*", SearchOption.AllDirectories)) before "nothing is written"
                let code, said = quietly (fun () -> command (script name [ "--out"; run; "--write" ]))
                Expect.equal code 0 said
                Expect.isTrue (File.Exists(Path.Combine(run, table))) "written"
                let code, said = quietly (fun () -> command (script name [ "--help" ]))
                Expect.equal code 0 said
                Expect.stringContains said "--write" "says how it is written")
]

[<Tests>]
let tests =
    testSequenced
    <| testList "scripts" [
        yield! tests'

        testCase "every script in scripts/ goes through these commands, or writes with --write or --data only"
        <| fun () ->
            // scale.fsx makes the tables of papers/SCALE.md new between their marks; it has no table that could come out empty.
            for path in Directory.EnumerateFiles(Path.Combine(root, "scripts"), "*.fsx") |> Seq.filter (_.EndsWith("scale.fsx") >> not) do
                let text = File.ReadAllText path
                let writes = Regex.IsMatch(text, @"File\.(Write|Append)|StreamWriter")
                Expect.isTrue (not writes || Regex.IsMatch(text, "\"(--write|data|--data)\"|measures")) $"{path} writes when it is asked to"
    ]
