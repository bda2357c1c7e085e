/// scripts/slurm/submit.sh with stand-ins for Slurm's commands, and, where it is asked for, with a real Slurm.
module Reproduction.Tests.Slurm

open System
open System.IO
open Expecto

/// The environment variable that asks for the run against a real Slurm: minutes, root and Debian's packages.
let private realVariable = "REPRO_TEST_SLURM"

let private scripts = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "scripts", "slurm"))

/// Exit code, standard output and standard error of a script.
let private call environment script arguments =
    let ended = AwaitedProcess.call environment scripts (Path.Combine(scripts, script)) arguments
    ended.ExitCode, ended.Output, ended.Error

/// Commands of the names that Slurm's have: a cluster whose arrays have at most seven tasks, `queue` as what squeue prints, and an sbatch
/// that keeps its arguments, one a line, as sbatch.1, sbatch.2, ...
let private fakeSlurm folder queue =
    let command (name: string) (text: string) =
        let path = Path.Combine(folder, name)
        File.WriteAllText(path, "#!/bin/sh\n" + text)
        File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute)

    Directory.CreateDirectory folder |> ignore
    command "scontrol" "echo 'MaxArraySize            = 8'\n"
    command "squeue" $"printf '%%s' '{queue}'\n"

    command
        "sbatch"
        $"n=$(($(ls '{folder}' | grep -c '^sbatch\\.') + 1))\nprintf '%%s\\n' \"$@\" >'{folder}'/sbatch.$n\necho $((100 + n))\n"

    [ "PATH", Some $"""{folder}:{Environment.GetEnvironmentVariable "PATH"}""" ]

/// A data set of two empty categories (a list of cells reads no image) in a folder with a space in its name.
let private inFolder test =
    let folder = Directory.CreateTempSubdirectory("slurm ").FullName

    try
        for category in [ "cable"; "screw" ] do
            for part in [ "train/good"; "test/good" ] do
                Directory.CreateDirectory(Path.Combine(folder, "the data", category, part)) |> ignore

        test folder
    finally
        Directory.Delete(folder, true)

let private runOptions folder = [
    "--paper"
    "ssae"
    "--data"
    Path.Combine(folder, "the data")
    "--seed"
    "0,1,2,3,4"
    "--profile"
    "smoke"
    "--out"
    Path.Combine(folder, "the run")
]

let private lines path = File.ReadAllLines path |> Array.toList

let private folderOfSubmission (arguments: string list) =
    (arguments |> List.find (fun argument -> argument.StartsWith("--chdir=", StringComparison.Ordinal))).Substring 8

[<Tests>]
let tests =
    testSequenced
    <| testList "slurm" [
        testCase "what is missing is one array within the cluster's limit; what has a record or is queued stays out"
        <| fun () ->
            inFolder (fun folder ->
                let slurm = Path.Combine(folder, "first")

                let code, output, errors =
                    call (fakeSlurm slurm "") "submit.sh" ([ "--cpus"; "2"; "--" ] @ runOptions folder @ [ "--device"; "cuda" ])

                Expect.equal (code, errors) (0, "") "the first submission"
                Expect.stringContains output "10 cells: 0 with a record, 0 in the queue, 10 to run in 7 tasks" "its summary"
                let array, report = lines (Path.Combine(slurm, "sbatch.1")), lines (Path.Combine(slurm, "sbatch.2"))
                let submission = folderOfSubmission array

                let options = [ "--array=1-7"; "--requeue"; "--signal=B:TERM@120"; "--time=0:15:00"; "--cpus-per-task=2"; "--gres=gpu:1" ]

                for option in options do
                    Expect.contains array option "the array's options"

                Expect.contains report "--dependency=afterany:101" "the report waits for the array"
                let given = lines (Path.Combine(submission, "arguments"))
                Expect.contains given (Path.Combine(folder, "the data")) "the tasks' arguments"

                Expect.equal
                    (given |> List.skip (given.Length - 2))
                    [ "--device"; "cuda" ]
                    "the device, though this machine need not have it"

                let tasks = lines (Path.Combine(submission, "tasks")) |> List.map (fun line -> line.Split ' ' |> Array.toList)
                let cells = lines (Path.Combine(submission, "cells"))
                Expect.equal (List.concat tasks) cells "each cell is in one task, in the order of the list"
                Expect.equal (tasks |> List.map List.length |> List.sort) [ 1; 1; 1; 1; 2; 2; 2 ] "the tasks' sizes"

                // The first two tasks are done, the third and the last are still in the queue.
                let records = Directory.CreateDirectory(Path.Combine(folder, "the run", "runs")).FullName
                let finished = List.concat tasks[0..1]

                for cell in finished do
                    File.WriteAllText(Path.Combine(records, cell + ".json"), "{}")

                let slurm = Path.Combine(folder, "second")
                let queue = $"3 {submission}\n7 {submission}\nN/A {submission}\n3 /another/slurm/run\n"
                let code, output, errors = call (fakeSlurm slurm queue) "submit.sh" ("--" :: runOptions folder)
                Expect.equal (code, errors) (0, "") "the second submission"
                let left = List.concat tasks[3..5]

                Expect.stringContains
                    output
                    (let queued = 10 - finished.Length - left.Length
                     $"10 cells: {finished.Length} with a record, {queued} in the queue, {left.Length} to run in {left.Length} tasks")
                    "its summary"

                Expect.equal
                    (lines (Path.Combine(folderOfSubmission (lines (Path.Combine(slurm, "sbatch.1"))), "tasks")))
                    left
                    "the cells of the second submission")

        testCase "when every cell has a record, only the report is submitted; --force submits all of them again"
        <| fun () ->
            inFolder (fun folder ->
                let records = Directory.CreateDirectory(Path.Combine(folder, "the run", "runs")).FullName
                let slurm = fakeSlurm (Path.Combine(folder, "slurm")) ""

                for category in [ "cable"; "screw" ] do
                    for seed in 0..4 do
                        File.WriteAllText(Path.Combine(records, $"ssae.objective1.mvtec.{category}.seed{seed}.smoke.json"), "{}")

                let dry options =
                    call slurm "submit.sh" ([ "--dry-run"; "--max-tasks"; "3"; "--concurrent"; "2"; "--" ] @ runOptions folder @ options)

                let _, output, _ = dry []
                Expect.stringContains output "10 with a record, 0 in the queue, 0 to run in 0 tasks" "the summary"
                Expect.isFalse (output.Contains "--array") "no array"
                Expect.stringContains output "report.sh" "a report"
                let _, output, _ = dry [ "--force" ]
                Expect.stringContains output "10 to run in 3 tasks" "the summary under --force"
                Expect.stringContains output "--array=1-3%2" "the array"
                Expect.isFalse (Directory.Exists(Path.Combine(folder, "the run", "slurm"))) "a dry run writes nothing")

        testCase "wrong arguments are named, and those of repro run by repro run"
        <| fun () ->
            inFolder (fun folder ->
                for arguments, words in
                    [
                        [], "after --"
                        [ "--dry-run" ], "after --"
                        [ "--queue"; "x"; "--"; "--out"; "x" ], "unknown option '--queue'"
                        [ "--cpus"; "two"; "--"; "--out"; "x" ], "--cpus 'two'"
                        [ "--"; "--paper"; "ssae" ], "--out is missing"
                        "--" :: runOptions folder @ [ "--list" ], "--list does not go with submit.sh"
                        "--" :: runOptions folder @ [ "--category"; "bolt" ], "has no category 'bolt'"
                    ] do
                    let code, _, errors = call [] "submit.sh" arguments
                    Expect.equal code 2 (String.concat " " arguments)
                    Expect.stringContains errors words (String.concat " " arguments))

        testCase "a real Slurm ends an array complete though tasks are killed, requeued and warned"
        <| fun () ->
            if isNull (Environment.GetEnvironmentVariable realVariable) then
                skiptest $"it takes minutes, root and Debian's Slurm; {realVariable}=1 runs it, as does tests/cluster/test-cluster.sh"

            let code, output, errors = call [] (Path.Combine(__SOURCE_DIRECTORY__, "..", "cluster", "test-cluster.sh")) []
            Expect.equal code 0 (output + errors)
    ]
